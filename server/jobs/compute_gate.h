#ifndef HALFTONE_SERVER_JOBS_COMPUTE_GATE_H_
#define HALFTONE_SERVER_JOBS_COMPUTE_GATE_H_

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/cancellation.h"
#include "base/status_macros.h"

namespace halftone {

// Lets one heavy computation run at a time, so that a measurement is not disturbed by another.
// Thread-safe.
class ComputeGate {
 public:
  // Held while it lives.
  class Pass {
   public:
    explicit Pass(ComputeGate* gate) : gate_(gate) {}
    ~Pass() {
      absl::MutexLock lock(&gate_->mutex_);
      gate_->busy_ = false;
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    ComputeGate* gate_;
  };

  // Waits for its turn; CANCELLED or DEADLINE_EXCEEDED within 50 ms of `cancellation`.
  absl::StatusOr<std::unique_ptr<Pass>> Enter(const Cancellation& cancellation) {
    absl::MutexLock lock(&mutex_);
    const auto is_free = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !busy_; };
    while (!mutex_.AwaitWithTimeout(absl::Condition(&is_free), absl::Milliseconds(50))) {
      HT_RETURN_IF_ERROR(cancellation.Check());
    }
    busy_ = true;
    return std::make_unique<Pass>(this);
  }

 private:
  absl::Mutex mutex_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_COMPUTE_GATE_H_
