#ifndef HALFTONE_SEARCH_STAGE_RUNNER_H_
#define HALFTONE_SEARCH_STAGE_RUNNER_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "search/pipeline.h"

namespace halftone {

// Runs stages, or takes their outputs from the store, and tells the observer. Borrows all it is
// given. One thread at a time.
class StageRunner {
 public:
  StageRunner(ArtifactStore& store, const PipelineObserver& observer,
              const Cancellation& cancellation)
      : store_(store), observer_(observer), cancellation_(cancellation) {}

  using Compute = std::function<absl::StatusOr<std::string>(const Progress& progress)>;
  using Accept = std::function<bool(const std::string& output)>;

  // The output of `stage`: the stored one if there is one that `accept` (absent: always) takes,
  // else what `compute` makes, which is stored. Errors name the stage.
  absl::StatusOr<std::string> Run(Stage stage, const std::string& key, const Compute& compute,
                                  const Accept& accept = nullptr);

 private:
  absl::StatusOr<std::string> RunUnnamed(Stage stage, const std::string& key,
                                         const Compute& compute, const Accept& accept);
  Progress MakeProgress(Stage stage) const;

  ArtifactStore& store_;
  const PipelineObserver& observer_;
  const Cancellation& cancellation_;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_STAGE_RUNNER_H_
