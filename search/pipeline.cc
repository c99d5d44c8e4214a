#include "search/pipeline.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "nn/onnx/export.h"
#include "search/measure_plan.h"
#include "search/offer.h"
#include "search/report.h"
#include "search/sensitivity/evaluate.h"
#include "search/solve_tables.h"
#include "search/stage_inputs.h"
#include "search/stage_keys.h"
#include "search/stage_outputs.h"
#include "search/stage_runner.h"

namespace halftone {
namespace {

using nlohmann::json;

constexpr char kCpuTarget[] = "cpu";

absl::Status CheckSpec(const SearchSpec& spec) {
  if (spec.model.empty()) return absl::InvalidArgumentError("the search names no model");
  if (spec.calibration.empty()) {
    return absl::InvalidArgumentError("the search names no calibration data");
  }
  if (spec.target.empty()) return absl::InvalidArgumentError("the search names no target");
  if (spec.batch < 1 || spec.batch > 4096) {
    return absl::InvalidArgumentError(absl::StrCat("batch ", spec.batch, " is not in 1 to 4096"));
  }
  return absl::OkStatus();
}

bool SameDevice(const DeviceInfo& a, const DeviceInfo& b) {
  return a.name == b.name && a.isa == b.isa && a.library == b.library;
}

// One run of the pipeline, stage by stage. The network and the data are loaded when the first
// stage that is not reused needs them.
class SearchRun {
 public:
  SearchRun(const SearchSpec& spec, ArtifactStore& store, const PipelineObserver& observer,
            const Cancellation& cancellation)
      : spec_(spec),
        store_(store),
        stages_(store, observer, cancellation),
        inputs_(store, spec.model, spec.calibration, spec.sensitivity.samples) {}

  absl::StatusOr<SearchResult> Run(const ProfilerRegistry& profilers) {
    HT_RETURN_IF_ERROR(CheckSpec(spec_));
    HT_ASSIGN_OR_RETURN(profiler_, profilers.Create(spec_.target));
    HT_ASSIGN_OR_RETURN(offer_, MakeOffer(spec_, *profiler_));
    HT_RETURN_IF_ERROR(store_.StoreStage(Stage::kProfile, OfferKey(spec_), OfferToBytes(offer_)));
    HT_RETURN_IF_ERROR(Import());
    HT_RETURN_IF_ERROR(MeasureLosses());
    HT_RETURN_IF_ERROR(MeasureCosts());
    HT_RETURN_IF_ERROR(SolveProblem());
    HT_RETURN_IF_ERROR(Validate());
    return Export();
  }

 private:
  absl::Status Import() {
    HT_ASSIGN_OR_RETURN(
        import_output_,
        stages_.Run(Stage::kImport, ImportKey(spec_),
                    [&](const Progress& progress) -> absl::StatusOr<std::string> {
                      HT_ASSIGN_OR_RETURN(const auto* network, inputs_.Network());
                      HT_RETURN_IF_ERROR(progress.Step(0.8, "finding what is alive together"));
                      HT_ASSIGN_OR_RETURN(const auto summary, SummarizeNetwork(*network));
                      return NetworkSummaryToJson(summary).dump();
                    }));
    return absl::OkStatus();
  }

  absl::Status MeasureLosses() {
    HT_ASSIGN_OR_RETURN(
        calibrate_output_,
        stages_.Run(Stage::kCalibrate, CalibrateKey(spec_, offer_.offered),
                    [&](const Progress& progress) -> absl::StatusOr<std::string> {
                      HT_ASSIGN_OR_RETURN(const auto* network, inputs_.Network());
                      HT_ASSIGN_OR_RETURN(const auto* data, inputs_.CalibrationData());
                      HT_ASSIGN_OR_RETURN(
                          const Calibration calibration,
                          Calibrate(*network, *data, offer_.offered, spec_.quantization, progress));
                      return CalibrationToJson(calibration).dump();
                    }));
    HT_ASSIGN_OR_RETURN(
        sensitivity_output_,
        stages_.Run(
            Stage::kSensitivity, SensitivityKey(spec_, offer_.offered),
            [&](const Progress& progress) -> absl::StatusOr<std::string> {
              HT_ASSIGN_OR_RETURN(const auto* network, inputs_.Network());
              HT_ASSIGN_OR_RETURN(const auto* data, inputs_.CalibrationData());
              HT_ASSIGN_OR_RETURN(const auto* calibration, inputs_.Quantizers(calibrate_output_));
              HT_ASSIGN_OR_RETURN(const SensitivityResult result,
                                  MeasureSensitivity(*network, *data, *calibration, offer_.offered,
                                                     spec_.sensitivity, progress));
              return SensitivityToJson(result).dump();
            }));
    return absl::OkStatus();
  }

  absl::Status MeasureCosts() {
    // A table of another machine or library is measured again; so is any on request.
    const auto accept = [&](const std::string& output) {
      if (spec_.refresh) return false;
      const absl::StatusOr<json> document = ParseStored(output, "cost table");
      if (!document.ok()) return false;
      const absl::StatusOr<CostTable> table = CostTableFromJson(*document);
      return table.ok() && SameDevice(table->device, profiler_->Describe());
    };
    HT_ASSIGN_OR_RETURN(
        profile_output_,
        stages_.Run(
            Stage::kProfile, ProfileKey(spec_, offer_.profiled),
            [&](const Progress& progress) -> absl::StatusOr<std::string> {
              HT_ASSIGN_OR_RETURN(const auto* network, inputs_.Network());
              const int64_t batch = network->graph.fixed_batch().value_or(spec_.batch);
              HT_ASSIGN_OR_RETURN(const Graph graph, network->Bind(batch));
              HT_ASSIGN_OR_RETURN(const LayerSet layers, FindLayers(graph));
              ProfileRequest request;
              request.graph = &graph;
              request.layers = &layers;
              request.precisions = offer_.profiled;
              request.batch = static_cast<int>(batch);
              request.threads = spec_.threads;
              request.refresh = spec_.refresh;
              HT_ASSIGN_OR_RETURN(const CostTable table, profiler_->Profile(request, progress));
              return CostTableToJson(table).dump();
            },
            accept));
    return absl::OkStatus();
  }

  absl::Status SolveProblem() {
    HT_ASSIGN_OR_RETURN(tables_, ParseTables(import_output_, sensitivity_output_, profile_output_));
    HT_ASSIGN_OR_RETURN(
        solve_output_,
        stages_.Run(Stage::kSolve,
                    SolveKey(spec_, import_output_, sensitivity_output_, profile_output_),
                    [&](const Progress& progress) -> absl::StatusOr<std::string> {
                      HT_ASSIGN_OR_RETURN(const SolveOutput output,
                                          SolveTables(tables_, offer_, spec_, progress));
                      // A cut-off answer must not stand for the problem's.
                      HT_RETURN_IF_ERROR(progress.cancellation.Check());
                      return SolveOutputToBytes(output);
                    }));
    HT_ASSIGN_OR_RETURN(solved_, SolveOutputFromBytes(solve_output_));
    return absl::OkStatus();
  }

  bool IsInfeasible() const { return solved_.solution.status == Solution::Status::kInfeasible; }

  absl::Status Validate() {
    if (IsInfeasible()) return absl::OkStatus();
    HT_ASSIGN_OR_RETURN(
        validate_output_,
        stages_.Run(Stage::kValidate, ValidateKey(spec_, calibrate_output_, solve_output_),
                    [&](const Progress& progress) -> absl::StatusOr<std::string> {
                      HT_ASSIGN_OR_RETURN(const ValidateOutput output, RunNetworks(progress));
                      return ValidateOutputToBytes(output);
                    }));
    HT_ASSIGN_OR_RETURN(validated_, ValidateOutputFromBytes(validate_output_));
    return absl::OkStatus();
  }

  absl::StatusOr<ValidateOutput> RunNetworks(const Progress& progress) {
    ValidateOutput output;
    HT_ASSIGN_OR_RETURN(const auto assignment, ShownAssignment(solved_.solution));
    HT_ASSIGN_OR_RETURN(const auto* network, inputs_.Network());
    HT_ASSIGN_OR_RETURN(const auto* calibration, inputs_.Quantizers(calibrate_output_));
    HT_ASSIGN_OR_RETURN(const auto* calibration_data, inputs_.CalibrationData());
    Dataset data = *calibration_data;
    if (!spec_.evaluation.empty()) {
      HT_ASSIGN_OR_RETURN(data, inputs_.LoadDataset(spec_.evaluation));
      output.on_held_out = true;
    }
    const bool measures = spec_.target == kCpuTarget;
    HT_ASSIGN_OR_RETURN(output.evaluation,
                        EvaluateAssignment(*network, data, *calibration, assignment,
                                           progress.Part(0, measures ? 0.7 : 1)));
    if (!measures) return output;
    HT_ASSIGN_OR_RETURN(const MeasuredLatency latency,
                        MeasureLatency(*network, *calibration, /*reference=*/{}, assignment,
                                       spec_.batch, spec_.threads, progress.Part(0.7, 1)));
    output.reference_measured_ns = latency.reference_ns;
    output.measured_ns = latency.assignment_ns;
    return output;
  }

  absl::StatusOr<SearchResult> Export() {
    HT_ASSIGN_OR_RETURN(SearchResult result, AssembleResult(tables_.network, tables_.sensitivity,
                                                            tables_.costs, solved_, validated_));
    HT_ASSIGN_OR_RETURN(
        const std::string output,
        stages_.Run(Stage::kExport, ExportKey(spec_, solve_output_, validate_output_),
                    [&](const Progress& progress) -> absl::StatusOr<std::string> {
                      HT_RETURN_IF_ERROR(WriteArtifacts(result, progress));
                      return json(result.artifacts).dump();
                    }));
    HT_ASSIGN_OR_RETURN(const json artifacts, ParseStored(output, "list of artifacts"));
    result.artifacts = artifacts.get<std::map<std::string, std::string>>();
    return result;
  }

  absl::Status WriteArtifacts(SearchResult& result, const Progress& progress) {
    if (!IsInfeasible()) {
      HT_ASSIGN_OR_RETURN(const auto* network, inputs_.Network());
      HT_ASSIGN_OR_RETURN(const auto* calibration, inputs_.Quantizers(calibrate_output_));
      HT_RETURN_IF_ERROR(progress.Step(0.1, "quantized.onnx"));
      HT_ASSIGN_OR_RETURN(const auto assignment, ShownAssignment(solved_.solution));
      HT_ASSIGN_OR_RETURN(const auto quantizers, QuantizersOf(*calibration, assignment));
      HT_ASSIGN_OR_RETURN(const std::string model, ExportQuantizedOnnx(network->graph, quantizers));
      HT_RETURN_IF_ERROR(Keep("quantized.onnx", model, result));
    }
    HT_RETURN_IF_ERROR(progress.Step(0.7, "report.html"));
    HT_RETURN_IF_ERROR(Keep("report.html", RenderReport(result), result));
    const std::string frontier =
        RenderFrontier(result.solution, result.problem.frontier, result.problem.budgets);
    if (!frontier.empty()) HT_RETURN_IF_ERROR(Keep("frontier.svg", frontier, result));
    HT_RETURN_IF_ERROR(Keep("result.json", SearchResultToJson(result).dump(1), result));
    return progress.Step(1);
  }

  absl::Status Keep(const std::string& name, const std::string& bytes, SearchResult& result) {
    HT_ASSIGN_OR_RETURN(result.artifacts[name], store_.StoreBlob(bytes));
    return absl::OkStatus();
  }

  const SearchSpec& spec_;
  ArtifactStore& store_;
  StageRunner stages_;
  StageInputs inputs_;
  std::unique_ptr<CostProfiler> profiler_;
  Offer offer_;
  std::string import_output_, calibrate_output_, sensitivity_output_, profile_output_;
  std::string solve_output_, validate_output_;
  Tables tables_;
  SolveOutput solved_;
  ValidateOutput validated_;
};

absl::StatusOr<std::string> LoadTable(ArtifactStore& store, Stage stage, const std::string& key,
                                      absl::string_view what) {
  absl::StatusOr<std::string> output = store.LoadStage(stage, key);
  if (absl::IsNotFound(output.status())) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the ", what, " of that model, data and target are not stored: run the search first"));
  }
  return output;
}

}  // namespace

absl::string_view StageName(Stage stage) {
  switch (stage) {
    case Stage::kImport:
      return "import";
    case Stage::kCalibrate:
      return "calibrate";
    case Stage::kSensitivity:
      return "sensitivity";
    case Stage::kProfile:
      return "profile";
    case Stage::kSolve:
      return "solve";
    case Stage::kValidate:
      return "validate";
    case Stage::kExport:
      return "export";
    case Stage::kRefine:
      return "refine";
  }
  return "unknown";
}

absl::StatusOr<SearchResult> RunSearch(const SearchSpec& spec, ArtifactStore& store,
                                       const ProfilerRegistry& profilers,
                                       const PipelineObserver& observer,
                                       const Cancellation& cancellation) {
  return SearchRun(spec, store, observer, cancellation).Run(profilers);
}

absl::StatusOr<Solution> ReSolve(const SearchSpec& spec, ArtifactStore& store,
                                 const Cancellation& cancellation) {
  HT_RETURN_IF_ERROR(CheckSpec(spec));
  HT_ASSIGN_OR_RETURN(const std::string network,
                      LoadTable(store, Stage::kImport, ImportKey(spec), "layers"));
  HT_ASSIGN_OR_RETURN(const std::string offer_bytes,
                      LoadTable(store, Stage::kProfile, OfferKey(spec), "precisions"));
  HT_ASSIGN_OR_RETURN(const Offer offer, OfferFromBytes(offer_bytes));
  HT_ASSIGN_OR_RETURN(
      const std::string sensitivity,
      LoadTable(store, Stage::kSensitivity, SensitivityKey(spec, offer.offered), "sensitivities"));
  HT_ASSIGN_OR_RETURN(const std::string costs,
                      LoadTable(store, Stage::kProfile, ProfileKey(spec, offer.profiled), "costs"));
  HT_ASSIGN_OR_RETURN(const Tables tables, ParseTables(network, sensitivity, costs));
  Progress progress;
  progress.cancellation = cancellation;
  HT_ASSIGN_OR_RETURN(SolveOutput output, SolveTables(tables, offer, spec, progress));
  return std::move(output.solution);
}

}  // namespace halftone
