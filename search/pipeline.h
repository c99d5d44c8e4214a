#ifndef HALFTONE_SEARCH_PIPELINE_H_
#define HALFTONE_SEARCH_PIPELINE_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/progress.h"
#include "base/waiting.h"
#include "profilers/cost_profiler.h"
#include "search/artifact_store.h"
#include "search/result.h"
#include "search/search_spec.h"

namespace halftone {

// A stage and the share of the whole time that it typically takes.
struct PlannedStage {
  Stage stage;
  double share;
};

// Told of the pipeline's course; called on the pipeline's thread.
struct PipelineObserver {
  // Before the first stage, where the course is another than that of a search: the stages in the
  // order in which they will run. The shares sum to 1.
  std::function<void(absl::Span<const PlannedStage> plan)> stages_planned;
  std::function<void(Stage stage, bool reused)> stage_started;
  std::function<void(Stage stage, double fraction, absl::string_view detail)> stage_progress;
  std::function<void(Stage stage)> stage_finished;
  // Something for people to read once, e.g. an estimate of the time.
  std::function<void(absl::string_view text)> note;
  // An artifact is there before the end, stored already: what it is, in words for people.
  std::function<void(const std::string& file, const std::string& sha256, absl::string_view text)>
      artifact_ready;
  // Lets others compute meanwhile: `ended` returns when it is this one's turn again, or it is
  // cancelled.
  WaitingObserver waiting;
  // Before a stage that is computed: whether others want to, so that it is to be `waiting` first.
  std::function<bool()> is_to_wait;
};

// Runs a search from import to export. Every stage's output is stored under a hash of all that it
// depends on, and is reused when that is found: a restarted job repeats no finished stage, and the
// same model with another budget goes straight to solving. Costs that were measured while the
// machine was busy serve only the job that measured them, which `job` names: "" is none.
// Thread-safe.
absl::StatusOr<SearchResult> RunSearch(const SearchSpec& spec, ArtifactStore& store,
                                       const ProfilerRegistry& profilers,
                                       const PipelineObserver& observer,
                                       const Cancellation& cancellation,
                                       absl::string_view job = "");

}  // namespace halftone

#endif  // HALFTONE_SEARCH_PIPELINE_H_
