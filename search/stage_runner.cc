#include "search/stage_runner.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {

Progress StageRunner::MakeProgress(Stage stage) const {
  Progress progress;
  progress.cancellation = cancellation_;
  if (!observer_.stage_progress) return progress;
  // Rounding in nested parts must not show as a step back.
  auto reached = std::make_shared<double>(0);
  progress.report = [this, stage, reached](double fraction, absl::string_view detail) {
    *reached = std::clamp(fraction, *reached, 1.0);
    observer_.stage_progress(stage, *reached, detail);
  };
  return progress;
}

absl::StatusOr<std::string> StageRunner::RunUnnamed(Stage stage, const std::string& key,
                                                    const Compute& compute, const Accept& accept) {
  HT_RETURN_IF_ERROR(cancellation_.Check());
  absl::StatusOr<std::string> stored = store_.LoadStage(stage, key);
  if (!stored.ok() && !absl::IsNotFound(stored.status())) return stored.status();
  const bool reused = stored.ok() && (accept == nullptr || accept(*stored));
  if (!reused && observer_.is_to_wait && observer_.is_to_wait()) {
    Awaited(observer_.waiting, [] { return true; });
    HT_RETURN_IF_ERROR(cancellation_.Check());
  }
  if (observer_.stage_started) observer_.stage_started(stage, reused);
  if (!reused) {
    stored = compute(MakeProgress(stage));
    if (!stored.ok()) return stored.status();
    HT_RETURN_IF_ERROR(store_.StoreStage(stage, key, *stored));
  }
  if (observer_.stage_finished) observer_.stage_finished(stage);
  return stored;
}

absl::StatusOr<std::string> StageRunner::Run(Stage stage, const std::string& key,
                                             const Compute& compute, const Accept& accept) {
  absl::StatusOr<std::string> output = RunUnnamed(stage, key, compute, accept);
  if (!output.ok()) return Annotate(output.status(), absl::StrCat("stage ", StageName(stage)));
  return output;
}

}  // namespace halftone
