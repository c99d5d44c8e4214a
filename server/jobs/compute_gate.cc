#include "server/jobs/compute_gate.h"

#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

namespace halftone {

void ComputeGate::Enter(const Cancellation& cancellation, Entered entered) {
  Queue(cancellation, max_waiting_, std::move(entered));
}

absl::StatusOr<std::unique_ptr<ComputeGate::Pass>> ComputeGate::Enter(
    const Cancellation& cancellation) {
  absl::StatusOr<std::unique_ptr<Pass>> result;
  absl::Notification answered;
  Queue(cancellation, std::numeric_limits<size_t>::max(),
        [&](absl::StatusOr<std::unique_ptr<Pass>> pass) {
          result = std::move(pass);
          answered.Notify();
        });
  while (!answered.WaitForNotificationWithTimeout(absl::Milliseconds(50))) {
    if (!cancellation.Check().ok()) WithdrawCancelled();
  }
  return result;
}

void ComputeGate::Queue(const Cancellation& cancellation, size_t max_waiting, Entered entered) {
  absl::Status refused;
  {
    absl::MutexLock lock(&mutex_);
    // Under the lock: who is cancelled from here on is found by WithdrawCancelled.
    refused = cancellation.Check();
    if (refused.ok() && waiting_.size() >= max_waiting) {
      refused = absl::ResourceExhaustedError(
          absl::StrCat(waiting_.size(), " calls are waiting for their turn: try again later"));
    }
    if (refused.ok()) waiting_.push_back({cancellation, std::move(entered)});
  }
  // NOLINTNEXTLINE(bugprone-use-after-move): who is refused was not moved into the queue.
  if (!refused.ok()) return entered(refused);
  LetIn();
}

// A loop where a pass that is given back at once would make a recursion as deep as the queue.
void ComputeGate::LetIn() {
  bool first = true;
  while (true) {
    Waiter next;
    {
      absl::MutexLock lock(&mutex_);
      if (std::exchange(first, false)) {
        if (letting_in_) return;
        letting_in_ = true;
      }
      if (busy_ || waiting_.empty()) {
        letting_in_ = false;
        return;
      }
      busy_ = true;
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    std::unique_ptr<Pass> pass(new Pass(this));
    const absl::Status status = next.cancellation.Check();
    if (status.ok()) {
      next.entered(std::move(pass));
    } else {
      next.entered(status);
    }
  }
}

void ComputeGate::Leave() {
  {
    absl::MutexLock lock(&mutex_);
    busy_ = false;
  }
  LetIn();
}

void ComputeGate::WithdrawCancelled() {
  std::vector<Waiter> withdrawn;
  {
    absl::MutexLock lock(&mutex_);
    std::deque<Waiter> left;
    for (Waiter& waiter : waiting_) {
      if (waiter.cancellation.Check().ok()) {
        left.push_back(std::move(waiter));
      } else {
        withdrawn.push_back(std::move(waiter));
      }
    }
    waiting_ = std::move(left);
  }
  for (const Waiter& waiter : withdrawn) waiter.entered(waiter.cancellation.Check());
}

bool ComputeGate::IsBusy() const {
  absl::MutexLock lock(&mutex_);
  return busy_ || !waiting_.empty();
}

}  // namespace halftone
