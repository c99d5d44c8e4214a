#include "search/stage_inputs.h"

#include <utility>

#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "nn/data/inputs_identity.h"
#include "nn/data/resolve_inputs.h"
#include "search/stage_outputs.h"
#include "search/stored_model.h"

namespace halftone {

StageInputs::StageInputs(ArtifactStore& store, std::string model, std::string calibration_data,
                         int64_t samples, InputBinding binding, AskedHeads heads)
    : store_(store),
      model_(std::move(model)),
      calibration_data_(std::move(calibration_data)),
      samples_(samples),
      binding_(std::move(binding)),
      heads_(std::move(heads)) {}

absl::Status StageInputs::Import() {
  if (resolved_.has_value()) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(imported_, ImportStoredModel(model_, [this](const std::string& sha256) {
                        return store_.LoadBlob(sha256);
                      }));
  const Dataset* data = nullptr;
  if (!IsResolved(*imported_)) {
    HT_ASSIGN_OR_RETURN(data, CalibrationData());
  }
  HT_ASSIGN_OR_RETURN(resolved_, ResolveInputs(*imported_, binding_, data));
  return absl::OkStatus();
}

absl::StatusOr<std::string> StageInputs::Identity(const std::string& key) {
  absl::StatusOr<std::string> known = store_.LoadStage(Stage::kImport, key);
  if (known.ok()) return known;
  HT_RETURN_IF_ERROR(Import());
  const std::string identity = InputsIdentity(*imported_, *resolved_);
  HT_RETURN_IF_ERROR(store_.StoreStage(Stage::kImport, key, identity));
  return identity;
}

absl::StatusOr<const PreparedNetwork*> StageInputs::Network() {
  if (!network_.has_value()) {
    HT_RETURN_IF_ERROR(Import());
    HT_ASSIGN_OR_RETURN(PreparedNetwork network, PrepareNetwork(*resolved_, heads_));
    if (NeedsScales(network)) {
      HT_ASSIGN_OR_RETURN(const Dataset* data, CalibrationData());
      HT_RETURN_IF_ERROR(MeasureScales(*data, Cancellation(), network));
    }
    network_ = std::move(network);
  }
  return &*network_;
}

absl::StatusOr<Dataset> StageInputs::LoadDataset(const std::string& sha256) {
  HT_ASSIGN_OR_RETURN(const std::string bytes, store_.LoadBlob(sha256));
  return Dataset::FromNpz(bytes);
}

absl::StatusOr<const Dataset*> StageInputs::CalibrationData() {
  if (!data_.has_value()) {
    HT_ASSIGN_OR_RETURN(data_, LoadDataset(calibration_data_));
    if (samples_ > 0) data_ = data_->Take(samples_);
  }
  return &*data_;
}

absl::StatusOr<const CalibrationSamples*> StageInputs::MeasuredSamples(
    const QuantizationOptions& options, const Progress& progress) {
  if (!measured_.has_value()) {
    HT_ASSIGN_OR_RETURN(const auto* network, Network());
    HT_ASSIGN_OR_RETURN(const auto* data, CalibrationData());
    HT_ASSIGN_OR_RETURN(measured_, ChooseCalibrationSamples(*network, *data, options, progress));
  }
  return &*measured_;
}

void StageInputs::LetGo() {
  imported_.reset();
  resolved_.reset();
  network_.reset();
  data_.reset();
  measured_.reset();
  calibration_.reset();
}

PipelineObserver LettingGoOf(StageInputs* inputs, PipelineObserver observer) {
  observer.waiting.began = [inputs, began = std::move(observer.waiting.began)] {
    inputs->LetGo();
    if (began) began();
  };
  return observer;
}

absl::StatusOr<const Calibration*> StageInputs::Quantizers(absl::string_view calibrate_output) {
  if (!calibration_.has_value()) {
    HT_ASSIGN_OR_RETURN(const nlohmann::json document,
                        ParseStored(calibrate_output, "calibration"));
    HT_ASSIGN_OR_RETURN(calibration_, CalibrationFromJson(document));
  }
  return &*calibration_;
}

}  // namespace halftone
