#include "server/jobs/progress_tracker.h"

#include <algorithm>
#include <array>

namespace halftone {
namespace {

// Typical shares of a search's time, in the order of Stage; they sum to 1.
constexpr std::array<double, 7> kShares = {0.01, 0.10, 0.44, 0.25, 0.02, 0.15, 0.03};
// Before this share of the work is done, an estimate would be noise.
constexpr double kShareForEstimate = 0.02;

double ShareOf(Stage stage) { return kShares[static_cast<size_t>(stage)]; }

double ShareBefore(Stage stage) {
  double share = 0;
  for (size_t i = 0; i < static_cast<size_t>(stage); ++i) share += kShares[i];
  return share;
}

}  // namespace

void ProgressTracker::StageStarted(Stage stage, bool reused, absl::Time now) {
  stage_ = stage;
  reused_ = reused;
  stage_fraction_ = 0;
  if (!reused && !first_computed_.has_value()) first_computed_ = now;
}

void ProgressTracker::StageProgressed(double fraction) {
  stage_fraction_ = std::clamp(fraction, stage_fraction_, 1.0);
}

void ProgressTracker::StageFinished() {
  if (!stage_.has_value()) return;
  if (!reused_) computed_share_ += ShareOf(*stage_);
  stage_fraction_ = 1;
  reused_ = true;  // its share is counted now
}

JobProgress ProgressTracker::At(absl::Time now) const {
  JobProgress progress;
  if (!stage_.has_value()) return progress;
  progress.stage = stage_;
  progress.stage_fraction = stage_fraction_;
  progress.fraction = ShareBefore(*stage_) + ShareOf(*stage_) * stage_fraction_;
  const double computed = computed_share_ + (reused_ ? 0 : ShareOf(*stage_) * stage_fraction_);
  if (first_computed_.has_value() && computed >= kShareForEstimate) {
    const double seconds = absl::ToDoubleSeconds(now - *first_computed_);
    progress.eta_seconds = std::max(0.0, seconds / computed * (1 - progress.fraction));
  }
  return progress;
}

}  // namespace halftone
