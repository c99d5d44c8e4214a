#include "client/stop_solve.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace halftone {
namespace {

constexpr absl::Duration kRetryAfter = absl::Milliseconds(50);

}  // namespace

// The handler of Ctrl-C must not wait for the server: a second one would wait too.
StopSolveOnInterrupt::StopSolveOnInterrupt(Connection& connection, std::string solve_id)
    : connection_(connection),
      solve_id_(std::move(solve_id)),
      thread_([this] { Run(); }),
      on_interrupt_(std::make_unique<OnInterrupt>([this] {
        if (!interrupted_.HasBeenNotified()) interrupted_.Notify();
      })) {}

StopSolveOnInterrupt::~StopSolveOnInterrupt() {
  on_interrupt_.reset();
  ended_.Notify();
  if (!interrupted_.HasBeenNotified()) interrupted_.Notify();
  thread_.join();
}

void StopSolveOnInterrupt::Run() {
  interrupted_.WaitForNotification();
  while (!ended_.HasBeenNotified()) {
    const absl::Status stopped = connection_.StopSolve(solve_id_);
    if (stopped.ok()) return;
    // The call is on its way to the server, or its answer is on its way back.
    if (!absl::IsNotFound(stopped)) return connection_.Interrupt();
    ended_.WaitForNotificationWithTimeout(kRetryAfter);
  }
}

}  // namespace halftone
