#ifndef HALFTONE_SERVER_JOBS_COMPUTE_GATE_H_
#define HALFTONE_SERVER_JOBS_COMPUTE_GATE_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/cancellation.h"

namespace halftone {

// Lets one in at a time, in the order in which they came: so that a measurement is not disturbed by
// another computation, for one. Who waits needs no thread for it. Outlives all passes. Thread-safe.
class ComputeGate {
 public:
  static constexpr size_t kMaxWaiting = 256;

  // Held while it lives; the next one is let in by the thread that destroys it.
  class Pass {
   public:
    ~Pass() { gate_->Leave(); }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    friend ComputeGate;
    explicit Pass(ComputeGate* gate) : gate_(gate) {}
    ComputeGate* gate_;
  };
  // Called once, without a lock, by whichever thread makes it so; must be short and not throw.
  using Entered = std::function<void(absl::StatusOr<std::unique_ptr<Pass>>)>;

  explicit ComputeGate(size_t max_waiting = kMaxWaiting) : max_waiting_(max_waiting) {}

  // Calls `entered` with a pass when it is its turn, maybe at once. CANCELLED or DEADLINE_EXCEEDED
  // if `cancellation` says so by then or WithdrawCancelled is called before, RESOURCE_EXHAUSTED,
  // at once, when too many wait.
  void Enter(const Cancellation& cancellation, Entered entered);
  // The same for a thread of the caller's, which waits, however many others do; CANCELLED or
  // DEADLINE_EXCEEDED within 50 ms of `cancellation`.
  absl::StatusOr<std::unique_ptr<Pass>> Enter(const Cancellation& cancellation);

  // Tells those that wait and whose cancellation says so. A cancellation is a mere flag: whoever
  // sets one of somebody who may wait here calls this next.
  void WithdrawCancelled();
  // Whether who comes now would wait.
  bool IsBusy() const;

 private:
  struct Waiter {
    Cancellation cancellation;
    Entered entered;
  };

  void Queue(const Cancellation& cancellation, size_t max_waiting, Entered entered);
  void LetIn();
  void Leave();

  const size_t max_waiting_;
  mutable absl::Mutex mutex_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  bool letting_in_ ABSL_GUARDED_BY(mutex_) = false;  // some thread is in LetIn
  std::deque<Waiter> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_COMPUTE_GATE_H_
