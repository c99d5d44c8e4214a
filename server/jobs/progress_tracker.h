#ifndef HALFTONE_SERVER_JOBS_PROGRESS_TRACKER_H_
#define HALFTONE_SERVER_JOBS_PROGRESS_TRACKER_H_

#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "search/pipeline.h"
#include "server/jobs/job_record.h"

namespace halftone {

// Turns the course of a pipeline's stages into a fraction of the whole and an estimate of the time
// left. Each stage has a typical share of the work, that of a search unless planned otherwise; the
// estimate is the work left times the time that a share has taken in this run. Stages that were
// reused count as done but not as speed. Not thread-safe.
class ProgressTracker {
 public:
  ProgressTracker();

  void StagesPlanned(absl::Span<const PlannedStage> plan);
  void StageStarted(Stage stage, bool reused, absl::Time now);
  void StageProgressed(double fraction);
  void StageFinished();
  // How far the job is at that time.
  JobProgress At(absl::Time now) const;

 private:
  double ShareOf(Stage stage) const;
  double ShareBefore(Stage stage) const;

  std::vector<PlannedStage> plan_;
  std::optional<Stage> stage_;
  bool reused_ = false;
  double stage_fraction_ = 0;
  double computed_share_ = 0;  // of the stages before that were really run
  std::optional<absl::Time> first_computed_;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_PROGRESS_TRACKER_H_
