#ifndef HALFTONE_SERVER_JOBS_TRUSTED_TIME_H_
#define HALFTONE_SERVER_JOBS_TRUSTED_TIME_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/clock.h"

namespace halftone {

// The time of day for who removes what is old: a clock that somebody has set on by mistake must not
// make all that there is old at once. Thread-safe.
class TrustedTime {
 public:
  // A time of day that has run ahead of the steady clock by more than kLeap is believed once it has
  // been so for kPatience.
  static constexpr absl::Duration kLeap = absl::Hours(1);
  static constexpr absl::Duration kPatience = absl::Hours(24);

  // Borrowed.
  explicit TrustedTime(const Clock* clock);

  // The time of day, or what it would be had it not leapt; the log tells of a leap once.
  absl::Time Now();

 private:
  const Clock* const clock_;
  absl::Mutex mutex_;
  // When time of day and steady clock were last believed to agree.
  absl::Time time_ ABSL_GUARDED_BY(mutex_);
  absl::Duration steady_ ABSL_GUARDED_BY(mutex_);
  // By the steady clock, since when the time of day is ahead; infinite: it is not.
  absl::Duration ahead_since_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteDuration();
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_TRUSTED_TIME_H_
