#ifndef HALFTONE_SEARCH_STAGE_INPUTS_H_
#define HALFTONE_SEARCH_STAGE_INPUTS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nn/data/dataset.h"
#include "nn/data/resolve_inputs.h"
#include "search/pipeline.h"
#include "search/sensitivity/data_checks.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// What the stages of a job read, loaded when the first stage that is not reused asks for it, and
// kept. What it returns lives as long as it does, unless it is let go of. Not thread-safe.
class StageInputs {
 public:
  // `model`, `calibration_data`: sha256 of blobs of the store, which must outlive this; `samples`
  // of the data are taken, 0: all. What the model leaves open is resolved with binding and data;
  // `heads` says as what outputs count.
  StageInputs(ArtifactStore& store, std::string model, std::string calibration_data,
              int64_t samples, InputBinding binding, AskedHeads heads);

  absl::StatusOr<const PreparedNetwork*> Network();
  // InputsIdentity of the model: stored under `key`, a stage output of kImport.
  absl::StatusOr<std::string> Identity(const std::string& key);
  absl::StatusOr<const Dataset*> CalibrationData();
  // Those of it that ranges and losses are of.
  absl::StatusOr<const CalibrationSamples*> MeasuredSamples(const QuantizationOptions& options,
                                                            const Progress& progress);
  // From the output of the stage kCalibrate, which is the same at every call.
  absl::StatusOr<const Calibration*> Quantizers(absl::string_view calibrate_output);
  // Not kept.
  absl::StatusOr<Dataset> LoadDataset(const std::string& sha256);
  // What it returned is gone; it is loaded again when it is asked for.
  void LetGo();

 private:
  absl::Status Import();

  ArtifactStore& store_;
  const std::string model_, calibration_data_;
  const int64_t samples_;
  const InputBinding binding_;
  const AskedHeads heads_;
  std::optional<Graph> imported_, resolved_;
  std::optional<PreparedNetwork> network_;
  std::optional<Dataset> data_;
  std::optional<CalibrationSamples> measured_;
  std::optional<Calibration> calibration_;
};

// `observer`, but the inputs are let go of when it waits: others may compute meanwhile, and need
// the memory. Borrows the inputs.
PipelineObserver LettingGoOf(StageInputs* inputs, PipelineObserver observer);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_STAGE_INPUTS_H_
