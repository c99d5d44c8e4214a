#include "client/interrupt.h"

#include <csignal>
#include <cstdlib>
#include <thread>
#include <utility>

#include "absl/base/const_init.h"
#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/exit_code.h"

namespace halftone {
namespace {

ABSL_CONST_INIT absl::Mutex mutex(absl::kConstInit);
std::function<void()>* handler ABSL_GUARDED_BY(mutex) = nullptr;
bool interrupted ABSL_GUARDED_BY(mutex) = false;

// Some programs (`timeout`) signal a process both by its id and through its group.
constexpr absl::Duration kSameInterrupt = absl::Milliseconds(500);

void Listen(sigset_t signals) {
  absl::Time interrupt_time;
  while (true) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    absl::MutexLock lock(&mutex);
    if (handler == nullptr) std::_Exit(static_cast<int>(ExitCode::kCancelled));
    if (interrupted) {
      if (absl::Now() - interrupt_time < kSameInterrupt) continue;
      std::_Exit(static_cast<int>(ExitCode::kCancelled));
    }
    interrupted = true;
    interrupt_time = absl::Now();
    (*handler)();
  }
}

}  // namespace

void TakeInterrupts() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread(Listen, signals).detach();
}

OnInterrupt::OnInterrupt(std::function<void()> on_interrupt) {
  absl::MutexLock lock(&mutex);
  handler = new std::function<void()>(std::move(on_interrupt));
}

OnInterrupt::~OnInterrupt() {
  absl::MutexLock lock(&mutex);
  delete handler;
  handler = nullptr;
}

bool WasInterrupted() {
  absl::MutexLock lock(&mutex);
  return interrupted;
}

}  // namespace halftone
