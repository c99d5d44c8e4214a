#include "search/crosscheck/estimators.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/json_fields.h"
#include "base/json_members.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "search/sensitivity/memory_estimate.h"

namespace halftone {
namespace {

constexpr char kMatrix[] = "fisher-matrix";

bool PredictsDivergence(SensitivityMethod method) {
  switch (method) {
    case SensitivityMethod::kFisher:
    case SensitivityMethod::kFisherCorrected:
    case SensitivityMethod::kHessianForm:
    case SensitivityMethod::kOutput:
      return true;
    default:
      return false;
  }
}

// Whether an error says that the method is not for this network or these data.
bool DoesNotApply(const absl::Status& status) {
  return absl::IsUnimplemented(status) || absl::IsInvalidArgument(status) ||
         absl::IsResourceExhausted(status);
}

SensitivityOptions OptionsOf(const Estimator& estimator, SensitivityOptions options) {
  options.method = estimator.method;
  options.interactions = estimator.interactions;
  return options;
}

absl::StatusOr<std::vector<double>> PredictAll(
    const SensitivityResult& result,
    absl::Span<const std::map<std::string, Precision>> assignments) {
  std::vector<double> predicted;
  for (const std::map<std::string, Precision>& assignment : assignments) {
    HT_ASSIGN_OR_RETURN(const double loss, PredictLoss(result, assignment));
    predicted.push_back(loss);
  }
  return predicted;
}

constexpr auto kPredictionMembers = std::tuple(
    JsonMember("name", &Prediction::name), JsonMember("predicted", &Prediction::predicted),
    JsonMember("samples", &Prediction::samples), JsonMember("seconds", &Prediction::seconds),
    JsonMember("error", &Prediction::error));

}  // namespace

absl::StatusOr<Estimator> FindEstimator(absl::string_view name) {
  if (name == kMatrix) return Estimator{kMatrix, SensitivityMethod::kFisher, true, true};
  const absl::StatusOr<SensitivityMethod> method = ParseSensitivityMethod(name);
  if (!method.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("estimator: ", method.status().message(), ", ", kMatrix));
  }
  return Estimator{std::string(name), *method, *method == SensitivityMethod::kFisherCorrected,
                   PredictsDivergence(*method)};
}

std::vector<std::string> DefaultEstimators() {
  return {"fisher-corrected", "fisher", kMatrix, "output", "hawq-v2"};
}

absl::StatusOr<Prediction> Predict(const Estimator& estimator, const PreparedNetwork& network,
                                   const Dataset& data, const Calibration& calibration,
                                   const std::vector<Precision>& precisions,
                                   const SensitivityOptions& options,
                                   absl::Span<const std::map<std::string, Precision>> assignments,
                                   const Progress& progress) {
  Prediction prediction;
  prediction.name = estimator.name;
  const SteadyClock& clock = progress.cancellation.clock();
  const SteadyTime begin = clock.Now();
  const absl::StatusOr<SensitivityResult> result = MeasureSensitivity(
      network, data, calibration, precisions, OptionsOf(estimator, options), progress);
  if (result.ok()) {
    prediction.samples = result->samples;
    HT_ASSIGN_OR_RETURN(prediction.predicted, PredictAll(*result, assignments));
  } else if (DoesNotApply(result.status())) {
    prediction.error = std::string(result.status().message());
  } else {
    return Annotate(result.status(), absl::StrCat("estimator ", estimator.name));
  }
  prediction.seconds = absl::ToDoubleSeconds(clock.Now() - begin);
  return prediction;
}

absl::StatusOr<std::set<std::string>> FindTooLarge(const std::vector<std::string>& estimators,
                                                   const PreparedNetwork& network,
                                                   const Dataset& data,
                                                   const std::vector<Precision>& precisions,
                                                   const SensitivityOptions& options) {
  std::set<std::string> too_large;
  absl::Status first;
  for (const std::string& name : estimators) {
    HT_ASSIGN_OR_RETURN(const Estimator estimator, FindEstimator(name));
    const absl::Status fits =
        CheckSensitivityMemory(network, data, precisions, OptionsOf(estimator, options));
    if (!absl::IsResourceExhausted(fits)) continue;
    if (too_large.empty()) first = Annotate(fits, name);
    too_large.insert(name);
  }
  if (too_large.size() == estimators.size()) return first;
  return too_large;
}

nlohmann::json PredictionToJson(const Prediction& prediction) {
  return MembersToJson(kPredictionMembers, prediction);
}

absl::StatusOr<Prediction> PredictionFromJson(const nlohmann::json& json) {
  Prediction prediction;
  JsonFields fields(json, "prediction");
  fields.Require("name");
  ReadMembers(kPredictionMembers, fields, &prediction);
  HT_RETURN_IF_ERROR(fields.status());
  return prediction;
}

}  // namespace halftone
