#include "search/crosscheck/crosscheck.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/memory_budget.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "search/crosscheck/crosscheck_report.h"
#include "search/crosscheck/measure_assignments.h"
#include "search/stage_inputs.h"
#include "search/stage_keys.h"
#include "search/stage_outputs.h"
#include "search/stage_runner.h"

namespace halftone {
namespace {

using nlohmann::json;

// In the order in which they run, with their typical shares of the time.
constexpr PlannedStage kPlan[] = {{Stage::kImport, 0.01},
                                  {Stage::kCalibrate, 0.04},
                                  {Stage::kValidate, 0.45},
                                  {Stage::kSensitivity, 0.49},
                                  {Stage::kExport, 0.01}};
// A share of the wanted assignments under which the reader is warned.
constexpr double kFew = 0.9;

CrosscheckSpec WithDefaults(CrosscheckSpec spec) {
  if (spec.precisions.empty()) spec.precisions = CrosscheckPrecisions();
  if (spec.estimators.empty()) spec.estimators = DefaultEstimators();
  return spec;
}

// The search whose calibration is that of the crosscheck: they share it.
SearchSpec SearchOf(const CrosscheckSpec& spec) {
  SearchSpec search;
  search.model = spec.model;
  search.calibration = spec.calibration;
  search.quantization = spec.quantization;
  search.sensitivity = spec.sensitivity;
  search.inputs = spec.inputs;
  search.heads = spec.heads;
  search.inputs_identity = spec.inputs_identity;
  return search;
}

// One run, stage by stage. The network and the data are loaded when a stage that is not reused
// needs them.
class CrosscheckRun {
 public:
  CrosscheckRun(const CrosscheckSpec& spec, ArtifactStore& store, NetworkRunner* runner,
                const PipelineObserver& observer, const Cancellation& cancellation)
      : spec_(WithDefaults(spec)),
        store_(store),
        runner_(runner),
        inputs_(store, spec_.model, spec_.calibration, spec_.sensitivity.samples, spec_.inputs,
                spec_.heads),
        observer_(LettingGoOf(&inputs_, observer)),
        stages_(store, observer_, cancellation) {}

  absl::StatusOr<CrosscheckResult> Run() {
    HT_RETURN_IF_ERROR(CheckCrosscheckSpec(spec_));
    if (observer_.stages_planned) observer_.stages_planned(kPlan);
    HT_RETURN_IF_ERROR(Import());
    HT_RETURN_IF_ERROR(CalibrateRanges());
    HT_RETURN_IF_ERROR(FindWhatFits());
    HT_RETURN_IF_ERROR(Measure());
    HT_RETURN_IF_ERROR(PredictAll());
    return Export();
  }

 private:
  std::string Network() const { return NetworkIdentity(SearchOf(spec_)); }

  absl::Status Import() {
    absl::StatusOr<std::string> identity = inputs_.Identity(InputsKey(SearchOf(spec_)));
    HT_RETURN_IF_ERROR(
        Annotate(identity.status(), absl::StrCat("stage ", StageName(Stage::kImport))));
    spec_.inputs_identity = *std::move(identity);
    HT_ASSIGN_OR_RETURN(model_name_,
                        stages_.Run(Stage::kImport, HashOf({"crosscheck/import/1", Network()}),
                                    [&](const Progress&) -> absl::StatusOr<std::string> {
                                      HT_ASSIGN_OR_RETURN(const auto* network, inputs_.Network());
                                      return network->graph.name;
                                    }));
    return absl::OkStatus();
  }

  absl::Status CalibrateRanges() {
    HT_ASSIGN_OR_RETURN(
        calibrate_output_,
        stages_.Run(Stage::kCalibrate, CalibrateKey(SearchOf(spec_), spec_.precisions),
                    [&](const Progress& progress) -> absl::StatusOr<std::string> {
                      HT_ASSIGN_OR_RETURN(const auto* network, inputs_.Network());
                      HT_ASSIGN_OR_RETURN(
                          const auto* samples,
                          inputs_.MeasuredSamples(spec_.quantization, progress.Part(0, 0.1)));
                      HT_ASSIGN_OR_RETURN(Calibration calibration,
                                          Calibrate(*network, samples->data, spec_.precisions,
                                                    spec_.quantization, progress.Part(0.1, 1)));
                      calibration.warnings.insert(calibration.warnings.end(),
                                                  samples->warnings.begin(),
                                                  samples->warnings.end());
                      return CalibrationToJson(calibration).dump();
                    }));
    return absl::OkStatus();
  }

  // Before anything is measured: RESOURCE_EXHAUSTED where no estimator fits into the memory. What
  // was found is kept, so that a run that reuses all loads nothing.
  absl::Status FindWhatFits() {
    const std::string key = FitsKey();
    const absl::StatusOr<std::string> stored = store_.LoadStage(Stage::kImport, key);
    if (stored.ok()) {
      HT_ASSIGN_OR_RETURN(const json names, ParseStored(*stored, "list of estimators"));
      too_large_ = names.get<std::set<std::string>>();
      return absl::OkStatus();
    }
    if (!absl::IsNotFound(stored.status())) return stored.status();
    HT_ASSIGN_OR_RETURN(const auto* network, inputs_.Network());
    HT_ASSIGN_OR_RETURN(const auto* data, inputs_.CalibrationData());
    HT_ASSIGN_OR_RETURN(too_large_, FindTooLarge(spec_.estimators, *network, *data,
                                                 spec_.precisions, spec_.sensitivity));
    return store_.StoreStage(Stage::kImport, key, json(too_large_).dump());
  }

  std::string FitsKey() const {
    return HashOf({"crosscheck/fits/1", Network(), spec_.calibration,
                   CrosscheckSpecToJson(spec_).dump(), absl::StrCat(MemoryBudget::LimitBytes())});
  }

  // What is stored of an estimator that does not fit says so: under another limit it is another.
  std::string NameInKeys(const std::string& estimator) const {
    return too_large_.count(estimator) == 0 ? estimator : estimator + " (too large)";
  }

  absl::Status Measure() {
    // What the drawing and the evaluation depend on; the estimators may change.
    CrosscheckSpec drawn = spec_;
    drawn.estimators.clear();
    drawn.sensitivity = SensitivityOptions();
    const std::string key =
        HashOf({"crosscheck/validate/1", Sha256Hex(calibrate_output_),
                CrosscheckSpecToJson(drawn).dump(), runner_ == nullptr ? "" : runner_->Machine()});
    HT_ASSIGN_OR_RETURN(
        validate_output_,
        stages_.Run(
            Stage::kValidate, key, [&](const Progress& progress) -> absl::StatusOr<std::string> {
              HT_ASSIGN_OR_RETURN(const auto* network, inputs_.Network());
              HT_ASSIGN_OR_RETURN(const auto* calibration, inputs_.Quantizers(calibrate_output_));
              HT_ASSIGN_OR_RETURN(Dataset data, inputs_.LoadDataset(spec_.evaluation));
              if (spec_.evaluation_samples > 0) data = data.Take(spec_.evaluation_samples);
              HT_ASSIGN_OR_RETURN(const MeasuredAssignments measured,
                                  MeasureAssignments(spec_, *network, data, *calibration, runner_,
                                                     store_, key, progress));
              return MeasuredAssignmentsToBytes(measured);
            }));
    HT_ASSIGN_OR_RETURN(measured_, MeasuredAssignmentsFromBytes(validate_output_));
    return absl::OkStatus();
  }

  absl::Status PredictAll() {
    std::string names;
    for (const std::string& name : spec_.estimators) absl::StrAppend(&names, NameInKeys(name), ",");
    HT_ASSIGN_OR_RETURN(
        const std::string output,
        stages_.Run(Stage::kSensitivity, HashOf({"crosscheck/predictions/2", PredictionKey(names)}),
                    [&](const Progress& progress) -> absl::StatusOr<std::string> {
                      json predictions = json::array();
                      const auto count = static_cast<double>(spec_.estimators.size());
                      for (size_t i = 0; i < spec_.estimators.size(); ++i) {
                        const auto position = static_cast<double>(i);
                        HT_ASSIGN_OR_RETURN(
                            const Prediction prediction,
                            PredictOne(spec_.estimators[i],
                                       progress.Part(position / count, (position + 1) / count)));
                        predictions.push_back(PredictionToJson(prediction));
                      }
                      return predictions.dump();
                    }));
    HT_ASSIGN_OR_RETURN(const json predictions, ParseStored(output, "predictions"));
    for (const json& prediction : predictions) {
      HT_ASSIGN_OR_RETURN(predictions_.emplace_back(), PredictionFromJson(prediction));
    }
    return SomeEstimatorApplies();
  }

  // What the predictions of an estimator (or of a list of them) depend on.
  std::string PredictionKey(const std::string& estimator) const {
    return HashOf({"crosscheck/prediction/2", Network(), spec_.calibration, estimator,
                   Sha256Hex(calibrate_output_), Sha256Hex(validate_output_),
                   SensitivityOptionsToJson(spec_.sensitivity).dump()});
  }

  absl::StatusOr<Prediction> PredictOne(const std::string& name, const Progress& progress) {
    const std::string key = PredictionKey(NameInKeys(name));
    const absl::StatusOr<std::string> stored = store_.LoadStage(Stage::kSensitivity, key);
    if (stored.ok()) {
      HT_ASSIGN_OR_RETURN(const json document, ParseStored(*stored, "prediction"));
      return PredictionFromJson(document);
    }
    if (!absl::IsNotFound(stored.status())) return stored.status();
    HT_ASSIGN_OR_RETURN(const auto* network, inputs_.Network());
    Progress silent;
    silent.cancellation = progress.cancellation;
    HT_ASSIGN_OR_RETURN(const auto* samples, inputs_.MeasuredSamples(spec_.quantization, silent));
    HT_ASSIGN_OR_RETURN(const auto* calibration, inputs_.Quantizers(calibrate_output_));
    HT_ASSIGN_OR_RETURN(const Estimator estimator, FindEstimator(name));
    std::vector<std::map<std::string, Precision>> assignments;
    for (const MeasuredAssignment& measured : measured_.in_range) {
      assignments.push_back(measured.assignment);
    }
    Progress named;
    named.cancellation = progress.cancellation;
    named.report = [&](double fraction, absl::string_view detail) {
      if (progress.report) progress.report(fraction, absl::StrCat(name, ": ", detail));
    };
    HT_ASSIGN_OR_RETURN(const Prediction prediction,
                        Predict(estimator, *network, samples->data, *calibration, spec_.precisions,
                                spec_.sensitivity, assignments, named));
    HT_RETURN_IF_ERROR(
        store_.StoreStage(Stage::kSensitivity, key, PredictionToJson(prediction).dump()));
    return prediction;
  }

  absl::Status SomeEstimatorApplies() const {
    for (const Prediction& prediction : predictions_) {
      if (prediction.error.empty()) return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        absl::StrCat("no estimator applies; ", predictions_[0].name, ": ", predictions_[0].error));
  }

  absl::StatusOr<CrosscheckResult> Assemble() {
    CrosscheckResult result;
    result.model_name = model_name_;
    result.output_metric = measured_.output_metric;
    result.precisions = spec_.precisions;
    result.min_damage = spec_.min_damage;
    result.max_damage = spec_.max_damage;
    result.seed = spec_.seed;
    result.evaluation_samples = measured_.evaluation_samples;
    result.requested = spec_.assignments;
    result.tried = measured_.tried;
    result.evaluation_seconds = measured_.seconds;
    result.float_accuracy = measured_.float_accuracy;
    HT_ASSIGN_OR_RETURN(const auto* calibration, inputs_.Quantizers(calibrate_output_));
    result.heads = calibration->heads;
    result.warnings = calibration->warnings;
    for (const Prediction& prediction : predictions_) {
      HT_ASSIGN_OR_RETURN(const Estimator estimator, FindEstimator(prediction.name));
      result.estimators.push_back(Score(estimator, prediction, measured_.in_range));
      result.samples = std::max(result.samples, prediction.samples);
    }
    if (static_cast<double>(measured_.in_range.size()) < kFew * spec_.assignments) {
      result.warnings.push_back(
          absl::StrCat("only ", measured_.in_range.size(), " of ", measured_.tried,
                       " random assignments do damage in the range; theirs lies between ",
                       measured_.least_damage, " and ", measured_.most_damage));
    }
    // Of the first one that says how much, for the others are there to be compared with it.
    for (const EstimatorScore& score : result.estimators) {
      if (!score.predicts_divergence || !score.error.empty()) continue;
      std::string warning = UnderestimationWarning(score, measured_.in_range);
      if (!warning.empty()) result.warnings.push_back(std::move(warning));
      break;
    }
    result.assignments = std::move(measured_.in_range);
    return result;
  }

  absl::StatusOr<CrosscheckResult> Export() {
    HT_ASSIGN_OR_RETURN(CrosscheckResult result, Assemble());
    HT_ASSIGN_OR_RETURN(
        const std::string output,
        stages_.Run(
            Stage::kExport, HashOf({"crosscheck/export/1", CrosscheckResultToJson(result).dump()}),
            [&](const Progress& progress) -> absl::StatusOr<std::string> {
              std::map<std::string, std::string> artifacts;
              HT_ASSIGN_OR_RETURN(artifacts["crosscheck.json"],
                                  store_.StoreBlob(CrosscheckResultToJson(result).dump(1)));
              HT_ASSIGN_OR_RETURN(artifacts["crosscheck.svg"],
                                  store_.StoreBlob(RenderScatter(result)));
              HT_ASSIGN_OR_RETURN(artifacts["crosscheck.html"],
                                  store_.StoreBlob(RenderCrosscheck(result)));
              HT_RETURN_IF_ERROR(progress.Step(1));
              return json(artifacts).dump();
            },
            [&](const std::string& stored) {
              const json known = json::parse(stored, nullptr, /*allow_exceptions=*/false);
              return known.is_object() && HasArtifacts(store_, known);
            }));
    HT_ASSIGN_OR_RETURN(const json artifacts, ParseStored(output, "list of artifacts"));
    result.artifacts = artifacts.get<std::map<std::string, std::string>>();
    return result;
  }

  CrosscheckSpec spec_;
  ArtifactStore& store_;
  NetworkRunner* const runner_;  // may be null
  StageInputs inputs_;
  const PipelineObserver observer_;
  StageRunner stages_;
  std::string model_name_, calibrate_output_, validate_output_;
  std::set<std::string> too_large_;  // estimators
  MeasuredAssignments measured_;
  std::vector<Prediction> predictions_;
};

}  // namespace

absl::StatusOr<CrosscheckResult> RunCrosscheck(const CrosscheckSpec& spec, ArtifactStore& store,
                                               NetworkRunner* runner,
                                               const PipelineObserver& observer,
                                               const Cancellation& cancellation) {
  return CrosscheckRun(spec, store, runner, observer, cancellation).Run();
}

}  // namespace halftone
