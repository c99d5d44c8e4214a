#ifndef HALFTONE_SERVER_JOBS_COLLECTION_SCHEDULE_H_
#define HALFTONE_SERVER_JOBS_COLLECTION_SCHEDULE_H_

#include "absl/time/time.h"
#include "base/clock.h"
#include "server/jobs/collector.h"

namespace halftone {

// Has a collector work now and then: at the first tick, and at the first one that comes `interval`
// or more after the last work, by the steady clock. What fails is logged, and tried again an
// interval later. Not thread-safe.
class CollectionSchedule {
 public:
  // Borrows both.
  CollectionSchedule(Collector* collector, const Clock* clock, absl::Duration interval)
      : collector_(collector), clock_(clock), interval_(interval) {}

  void Tick();

 private:
  Collector* const collector_;
  const Clock* const clock_;
  const absl::Duration interval_;
  absl::Duration due_ = -absl::InfiniteDuration();
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_COLLECTION_SCHEDULE_H_
