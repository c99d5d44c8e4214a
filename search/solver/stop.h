#ifndef HALFTONE_SEARCH_SOLVER_STOP_H_
#define HALFTONE_SEARCH_SOLVER_STOP_H_

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/cancellation.h"

namespace halftone {

// When a search has to end with what it has. Remembers that it said so. Not thread-safe.
class Stop {
 public:
  Stop(Cancellation cancellation, absl::Time deadline)
      : cancellation_(std::move(cancellation)), deadline_(deadline) {}

  bool operator()() {
    if (!stopped_) stopped_ = absl::Now() >= deadline_ || !cancellation_.Check().ok();
    return stopped_;
  }
  bool stopped() const { return stopped_; }
  absl::Time deadline() const { return deadline_; }
  const Cancellation& cancellation() const { return cancellation_; }

 private:
  Cancellation cancellation_;
  absl::Time deadline_;
  bool stopped_ = false;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_STOP_H_
