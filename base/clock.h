#ifndef HALFTONE_BASE_CLOCK_H_
#define HALFTONE_BASE_CLOCK_H_

#include <chrono>
#include <compare>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace halftone {

// Where time comes from, so that tests can turn it by hand. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // The time of day: it may jump, both ways.
  virtual absl::Time Now() const = 0;
  // Time since some moment before this process began: it never goes back and never jumps.
  virtual absl::Duration Steady() const = 0;
};

class RealClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
  absl::Duration Steady() const override {
    return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
  }
};

// A moment by a clock that only goes forward, at an even pace, from some beginning of its own:
// only moments of one clock can be compared. A plain value.
class SteadyTime {
 public:
  // The clock's beginning.
  constexpr SteadyTime() = default;
  static constexpr SteadyTime InfiniteFuture() { return SteadyTime(absl::InfiniteDuration()); }
  static constexpr SteadyTime FromBeginning(absl::Duration duration) {
    return SteadyTime(duration);
  }

  constexpr absl::Duration since_beginning() const { return since_beginning_; }

  friend SteadyTime operator+(SteadyTime time, absl::Duration duration) {
    return SteadyTime(time.since_beginning_ + duration);
  }
  friend SteadyTime operator-(SteadyTime time, absl::Duration duration) {
    return SteadyTime(time.since_beginning_ - duration);
  }
  friend absl::Duration operator-(SteadyTime a, SteadyTime b) {
    return a.since_beginning_ - b.since_beginning_;
  }
  friend bool operator==(SteadyTime a, SteadyTime b) {
    return a.since_beginning_ == b.since_beginning_;
  }
  friend std::strong_ordering operator<=>(SteadyTime a, SteadyTime b) {
    if (a.since_beginning_ < b.since_beginning_) return std::strong_ordering::less;
    return a == b ? std::strong_ordering::equal : std::strong_ordering::greater;
  }

 private:
  explicit constexpr SteadyTime(absl::Duration duration) : since_beginning_(duration) {}

  absl::Duration since_beginning_;
};

// What deadlines and durations are measured by: nobody sets it, unlike the time of day. Tests hand
// in a FakeSteadyClock (fake_clock.h). Thread-safe.
class SteadyClock {
 public:
  virtual ~SteadyClock() = default;
  virtual SteadyTime Now() const = 0;
  // The machine's, which lives as long as the process.
  static const SteadyClock& Real();
};

}  // namespace halftone

#endif  // HALFTONE_BASE_CLOCK_H_
