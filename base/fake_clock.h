#ifndef HALFTONE_BASE_FAKE_CLOCK_H_
#define HALFTONE_BASE_FAKE_CLOCK_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/clock.h"

namespace halftone {

// Of tests: goes on by `tick` each time that it is asked, and when it is advanced. Thread-safe.
class FakeSteadyClock final : public SteadyClock {
 public:
  explicit FakeSteadyClock(absl::Duration tick = absl::ZeroDuration()) : tick_(tick) {}

  SteadyTime Now() const override {
    absl::MutexLock lock(&mutex_);
    now_ = now_ + tick_;
    return now_;
  }
  void Advance(absl::Duration duration) {
    absl::MutexLock lock(&mutex_);
    now_ = now_ + duration;
  }

 private:
  const absl::Duration tick_;
  mutable absl::Mutex mutex_;
  mutable SteadyTime now_ ABSL_GUARDED_BY(mutex_);
};

// Stands still until it is advanced. Thread-safe.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(absl::Time now = absl::FromUnixSeconds(1'700'000'000)) : now_(now) {}

  absl::Time Now() const override {
    absl::MutexLock lock(&mutex_);
    return now_;
  }
  absl::Duration Steady() const override {
    absl::MutexLock lock(&mutex_);
    return steady_;
  }

  // Lets time pass.
  void Advance(absl::Duration duration) {
    absl::MutexLock lock(&mutex_);
    now_ += duration;
    steady_ += duration;
  }
  // Sets the time of day on (or back) while no time passes.
  void Jump(absl::Duration duration) {
    absl::MutexLock lock(&mutex_);
    now_ += duration;
  }

 private:
  mutable absl::Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_);
  absl::Duration steady_ ABSL_GUARDED_BY(mutex_) = absl::Hours(1);
};

}  // namespace halftone

#endif  // HALFTONE_BASE_FAKE_CLOCK_H_
