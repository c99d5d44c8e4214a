#include "server/jobs/trusted_time.h"

#include <string>

#include "spdlog/spdlog.h"

namespace halftone {

TrustedTime::TrustedTime(const Clock* clock)
    : clock_(clock), time_(clock->Now()), steady_(clock->Steady()) {}

absl::Time TrustedTime::Now() {
  absl::MutexLock lock(&mutex_);
  const absl::Time now = clock_->Now();
  const absl::Duration steady = clock_->Steady();
  const absl::Time expected = time_ + (steady - steady_);
  const bool is_ahead = now - expected > kLeap;
  if (is_ahead && ahead_since_ == absl::InfiniteDuration()) {
    ahead_since_ = steady;
    spdlog::warn(
        "the time of day leapt ahead by {}: what that makes old is kept until it has been so for "
        "{}",
        absl::FormatDuration(absl::Trunc(now - expected, absl::Minutes(1))),
        absl::FormatDuration(kPatience));
  }
  if (is_ahead && steady - ahead_since_ < kPatience) return expected;
  ahead_since_ = absl::InfiniteDuration();
  time_ = now;
  steady_ = steady;
  return now;
}

}  // namespace halftone
