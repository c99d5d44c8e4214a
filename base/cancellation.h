#ifndef HALFTONE_BASE_CANCELLATION_H_
#define HALFTONE_BASE_CANCELLATION_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"

namespace halftone {

// A shared flag by which one thread asks another to stop, with an optional deadline.
// Copies refer to the same flag. Deadlines are by a steady clock, which setting the time of day
// does not move, and which whoever is asked to stop measures its own limits by. Thread-safe. Long
// computations call Check() at least every 100 ms and pass its error on.
class Cancellation {
 public:
  Cancellation() : Cancellation(SteadyClock::Real()) {}
  // The clock must outlive all copies.
  explicit Cancellation(const SteadyClock& clock) : state_(std::make_shared<State>(clock)) {}

  void Cancel() { state_->cancelled.store(true, std::memory_order_relaxed); }
  void SetDeadline(SteadyTime deadline) {
    state_->deadline_ns.store(absl::ToInt64Nanoseconds(deadline.since_beginning()),
                              std::memory_order_relaxed);
  }

  const SteadyClock& clock() const { return state_->clock; }

  bool IsCancelled() const { return state_->cancelled.load(std::memory_order_relaxed); }

  // OK, CANCELLED once Cancel() was called, or DEADLINE_EXCEEDED.
  absl::Status Check() const {
    if (IsCancelled()) return absl::CancelledError("cancelled");
    const int64_t deadline_ns = state_->deadline_ns.load(std::memory_order_relaxed);
    if (deadline_ns != kNone &&
        absl::ToInt64Nanoseconds(clock().Now().since_beginning()) > deadline_ns) {
      return absl::DeadlineExceededError("deadline exceeded");
    }
    return absl::OkStatus();
  }

 private:
  static constexpr int64_t kNone = INT64_MAX;
  struct State {
    explicit State(const SteadyClock& of) : clock(of) {}

    const SteadyClock& clock;
    std::atomic<bool> cancelled{false};
    std::atomic<int64_t> deadline_ns{kNone};
  };
  std::shared_ptr<State> state_;
};

}  // namespace halftone

#endif  // HALFTONE_BASE_CANCELLATION_H_
