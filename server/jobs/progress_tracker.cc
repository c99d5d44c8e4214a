#include "server/jobs/progress_tracker.h"

#include <algorithm>
#include <iterator>

namespace halftone {
namespace {

// Of a search.
constexpr PlannedStage kSearchPlan[] = {{Stage::kImport, 0.01},   {Stage::kCalibrate, 0.10},
                                        {Stage::kProfile, 0.25},  {Stage::kSensitivity, 0.44},
                                        {Stage::kSolve, 0.02},    {Stage::kRefine, 0.10},
                                        {Stage::kValidate, 0.05}, {Stage::kExport, 0.03}};
// Before this share of the work is done, an estimate would be noise.
constexpr double kShareForEstimate = 0.02;

}  // namespace

ProgressTracker::ProgressTracker() : plan_(std::begin(kSearchPlan), std::end(kSearchPlan)) {}

void ProgressTracker::StagesPlanned(absl::Span<const PlannedStage> plan) {
  plan_.assign(plan.begin(), plan.end());
}

double ProgressTracker::ShareOf(Stage stage) const {
  for (const PlannedStage& planned : plan_) {
    if (planned.stage == stage) return planned.share;
  }
  return 0;
}

double ProgressTracker::ShareBefore(Stage stage) const {
  double share = 0;
  for (const PlannedStage& planned : plan_) {
    if (planned.stage == stage) break;
    share += planned.share;
  }
  return share;
}

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
