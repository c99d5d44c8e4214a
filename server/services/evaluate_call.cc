// EvaluateAssignment of analysis_calls.h.
#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "base/thread_limit.h"
#include "nlohmann/json.hpp"
#include "nn/graph/file_quantizer.h"
#include "profilers/builtin.h"
#include "search/evaluation_json.h"
#include "search/executed.h"
#include "search/measure_plan.h"
#include "search/sensitivity/data_checks.h"
#include "search/sensitivity/evaluation_memory.h"
#include "search/sensitivity/reference_outputs.h"
#include "search/sensitivity/sensitivity.h"
#include "server/convert/output_heads.h"
#include "server/convert/spec.h"
#include "server/convert/status.h"
#include "server/services/analysis_calls.h"

namespace halftone {
namespace {

using PrecisionOf = std::map<std::string, Precision>;

struct MeasuredPrediction {
  double latency_ns = 0;
  nlohmann::json kernels = nlohmann::json::array();  // which ones run each layer
  std::string warning;  // "" or that the machine was busy while the layers were measured
};

// Every layer's precision: a layer that the assignment leaves out is f32.
PrecisionOf Complete(const PreparedNetwork& network, const PrecisionOf& assignment) {
  PrecisionOf complete = assignment;
  for (const Layer& layer : network.layers.layers) complete.emplace(layer.name, Precision());
  return complete;
}

absl::StatusOr<MeasuredPrediction> ProfileAndPredict(CostProfiler& profiler,
                                                     const PreparedNetwork& network,
                                                     const PrecisionOf& assignment, int batch,
                                                     int threads, const Progress& progress) {
  HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(batch));
  HT_ASSIGN_OR_RETURN(const LayerSet layers, FindLayers(graph));
  std::set<Precision> precisions;
  for (const auto& [layer, precision] : assignment) precisions.insert(precision);
  ProfileRequest request;
  request.graph = &graph;
  request.layers = &layers;
  request.precisions.assign(precisions.begin(), precisions.end());
  request.batch = batch;
  request.threads = threads;
  HT_ASSIGN_OR_RETURN(const CostTable table, profiler.Profile(request, progress));
  MeasuredPrediction prediction;
  prediction.latency_ns = table.PredictLatency(assignment);
  for (const Layer& layer : layers.layers) {
    const Precision& precision = assignment.at(layer.name);
    const CostRow* row = table.Find(layer.name, precision);
    if (row == nullptr) continue;
    prediction.kernels.push_back({{"name", layer.name},
                                  {"precision", precision.ToString()},
                                  {"executed_as", row->executed_as.ToString()},
                                  {"implementation", row->implementation}});
  }
  if (table.IsDisturbed()) {
    prediction.warning =
        absl::StrCat("the predicted latency: ", kDisturbedWarning,
                     " while the layers were measured; nothing of it is kept, try again");
  }
  return prediction;
}

// How an assignment is timed.
struct MeasureOptions {
  int64_t batch = 1;
  int threads = 0;
};

absl::StatusOr<MeasureOptions> ReadOptions(const v1::EvaluateAssignmentRequest& request) {
  const absl::StatusOr<int64_t> batch = CountFromProto(request.batch(), 1, 4096);
  if (!batch.ok()) return AtField("batch", batch.status());
  const absl::StatusOr<int64_t> threads = CountFromProto(request.threads(), 0, 1024);
  if (!threads.ok()) return AtField("threads", threads.status());
  HT_RETURN_IF_ERROR(AtField("threads", CheckThreads(static_cast<int>(*threads))));
  if (request.samples() < 0) {
    return AtField("samples", absl::InvalidArgumentError("must not be negative"));
  }
  return MeasureOptions{*batch, static_cast<int>(*threads)};
}

absl::Status Measure(CostProfiler& profiler, NetworkRunner& runner, const PreparedNetwork& network,
                     const Calibration& calibration, const PrecisionOf& assignment,
                     const MeasureOptions& options, const Progress& progress,
                     nlohmann::json& document) {
  const auto batch_size = static_cast<int>(network.BatchFor(options.batch, options.batch));
  HT_ASSIGN_OR_RETURN(const MeasuredPrediction predicted,
                      ProfileAndPredict(profiler, network, Complete(network, assignment),
                                        batch_size, options.threads, progress.Part(0, 0.6)));
  HT_ASSIGN_OR_RETURN(const MeasuredLatency latency,
                      MeasureLatency(network, calibration, /*reference=*/{}, assignment, runner,
                                     batch_size, options.threads, progress.Part(0.6, 1)));
  document["latency"] = {{"f32_ns", latency.reference_ns},
                         {"assignment_ns", latency.assignment_ns},
                         {"predicted_ns", predicted.latency_ns}};
  document["layers"] = predicted.kernels;
  if (!latency.warning.empty()) {
    document["warnings"].push_back(latency.warning);
  }
  if (!predicted.warning.empty()) document["warnings"].push_back(predicted.warning);
  return absl::OkStatus();
}

// Up to which outputs are called equal: float32 in another order of sums.
constexpr double kEqualOutputs = 1e-4;

nlohmann::json OrNull(const std::optional<double>& value) {
  return value.has_value() ? nlohmann::json(*value) : nlohmann::json();
}

// What the request's reference says of the float network.
absl::Status Compare(const ServiceContext& context, const std::string& reference,
                     const PreparedNetwork& network, const Dataset& data, const Progress& progress,
                     nlohmann::json& document) {
  HT_ASSIGN_OR_RETURN(const auto arrays, context.LoadArrays("reference_dataset", reference));
  std::vector<OutputDifference> differences;
  HT_ASSIGN_FIELD(differences, "reference_dataset",
                  CompareWithReference(network, data, arrays, progress));
  std::optional<double> largest = 0;
  nlohmann::json outputs = nlohmann::json::array();
  for (const OutputDifference& difference : differences) {
    const std::optional<double>& relative = difference.max_relative;
    outputs.push_back({{"name", difference.output},
                       {"samples", difference.samples},
                       {"max_absolute", difference.max_absolute},
                       {"max_relative", OrNull(relative)}});
    largest = largest.has_value() && relative.has_value()
                  ? std::optional(std::max(*largest, *relative))
                  : std::nullopt;
    if (relative.has_value() && *relative <= kEqualOutputs) continue;
    document["warnings"].push_back(absl::StrCat(
        "output ", Quoted(difference.output), " differs from the reference by ",
        relative.has_value() ? absl::StrCat("up to ", *relative, " of its largest element")
                             : "more than its size",
        ": all that is said of this network is of what Halftone computes; look whether the "
        "reference is of the same file and the same data"));
  }
  for (const Port& output : network.file.outputs) {
    if (arrays.count(output.name) > 0) continue;
    document["warnings"].push_back(
        absl::StrCat("output ", Quoted(output.name), " was not compared: the reference lacks it"));
  }
  document["reference"] = {{"max_relative", OrNull(largest)}, {"outputs", outputs}};
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<AnalysisDocument> EvaluateAssignment(const ServiceContext& context,
                                                    const v1::EvaluateAssignmentRequest& request,
                                                    const Progress& progress) {
  const absl::StatusOr<PrecisionOf> assignment = AssignmentFromProto(request.assignment());
  if (!assignment.ok()) return AtField("assignment", assignment.status());
  HT_ASSIGN_OR_RETURN(const MeasureOptions options, ReadOptions(request));
  HT_ASSIGN_OR_RETURN(Dataset data, context.LoadDataset("dataset", request.dataset()));
  Dataset calibration_data = data;
  if (!request.calibration_dataset().empty()) {
    HT_ASSIGN_OR_RETURN(calibration_data,
                        context.LoadDataset("calibration_dataset", request.calibration_dataset()));
  }
  AskedHeads heads;
  HT_ASSIGN_FIELD(heads, "heads", HeadsFromProto(request.heads()));
  HT_ASSIGN_OR_RETURN(
      PreparedNetwork network,
      context.LoadNetwork("model", request.model(), request.inputs(), heads, &calibration_data));
  std::set<Precision> precisions;
  for (const auto& [layer, precision] : *assignment) {
    if (network.layers.Find(layer) == nullptr) {
      return AtField("assignment", absl::InvalidArgumentError(
                                       absl::StrCat("the model has no layer ", Quoted(layer))));
    }
    precisions.insert(precision);
  }
  HT_RETURN_IF_ERROR(ServiceContext::CheckFits(network, "dataset", data));
  if (!request.calibration_dataset().empty()) {
    HT_RETURN_IF_ERROR(ServiceContext::CheckFits(network, "calibration_dataset", calibration_data));
  }
  if (NeedsScales(network)) {
    HT_RETURN_IF_ERROR(MeasureScales(calibration_data, progress.cancellation, network));
  }
  if (request.samples() > 0) data = data.Take(request.samples());
  HT_RETURN_IF_ERROR(CheckEvaluationMemory(network, data));
  const double evaluated = request.measure() ? 0.6 : 1;
  HT_ASSIGN_OR_RETURN(const CalibrationSamples calibrated_on,
                      ChooseCalibrationSamples(network, calibration_data, QuantizationOptions(),
                                               progress.Part(0, 0.1 * evaluated)));
  HT_ASSIGN_OR_RETURN(
      Calibration calibration,
      Calibrate(network, calibrated_on.data, {precisions.begin(), precisions.end()},
                QuantizationOptions(), progress.Part(0.1 * evaluated, 0.3 * evaluated)));
  absl::c_copy(calibrated_on.warnings, std::back_inserter(calibration.warnings));
  std::unique_ptr<CostProfiler> profiler;
  std::unique_ptr<NetworkRunner> runner;
  if (request.measure()) {
    HT_ASSIGN_OR_RETURN(profiler, context.CreateProfiler("measure", kCpuTarget));
    runner = profiler->Runner();
  }
  HT_ASSIGN_OR_RETURN(
      const Evaluation evaluation,
      EvaluateWhereItRuns(network, data, calibration, *assignment, runner.get(), options.threads,
                          progress.Part(0.3 * evaluated, evaluated)));
  nlohmann::json document = EvaluationToJson(evaluation);
  document["heads"] = OutputHeadsToJson(calibration.heads);
  for (const std::string& warning : calibration.warnings) document["warnings"].push_back(warning);
  if (!request.reference_dataset().empty()) {
    HT_RETURN_IF_ERROR(Compare(context, request.reference_dataset(), network, data,
                               Progress{.cancellation = progress.cancellation}, document));
  }
  if (const std::string quantized = QuantizedFileText(network.graph); !quantized.empty()) {
    document["warnings"].push_back(quantized);
  }
  const std::string fewer = FewerSamples(request.samples(), evaluation.samples);
  if (!fewer.empty()) document["warnings"].push_back(fewer);
  if (evaluation.executed.has_value() && !evaluation.executed->warning.empty()) {
    document["warnings"].push_back(evaluation.executed->warning);
  }
  if (runner != nullptr) {
    HT_RETURN_IF_ERROR(Measure(*profiler, *runner, network, calibration, *assignment, options,
                               progress.Part(evaluated, 1), document));
  }
  return AnalysisDocument{document.dump(), ""};
}

}  // namespace halftone
