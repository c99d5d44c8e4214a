#ifndef HALFTONE_BASE_FAKE_CLOCK_H_
#define HALFTONE_BASE_FAKE_CLOCK_H_

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
  mutable SteadyTime now_;
};

}  // namespace halftone

#endif  // HALFTONE_BASE_FAKE_CLOCK_H_
