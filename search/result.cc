#include "search/result.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "base/departures.h"
#include "base/json_fields.h"
#include "base/json_members.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "search/evaluation_json.h"
#include "search/live_set_metric.h"
#include "search/network_summary.h"
#include "search/search_spec.h"

namespace halftone {
namespace {

using nlohmann::json;

constexpr auto kLayerMembers = std::tuple(
    JsonMember("name", &LayerResult::name), JsonMember("op", &LayerResult::op),
    JsonMember("tie_group", &LayerResult::tie_group),
    JsonMember("has_weights", &LayerResult::has_weights),
    JsonMember("precision", &LayerResult::precision),
    JsonMember("executed_as", &LayerResult::executed_as), JsonMember("loss", &LayerResult::loss),
    JsonMember("loss_stderr", &LayerResult::loss_stderr),
    JsonMember("reference_latency_ns", &LayerResult::reference_latency_ns),
    JsonMember("latency_ns", &LayerResult::latency_ns),
    JsonMember("weight_bytes", &LayerResult::weight_bytes),
    JsonMember("implementation", &LayerResult::implementation),
    JsonMember("warning", &LayerResult::warning));

constexpr auto kExportedMembers =
    std::tuple(JsonMember("file", &ExportedModel::file), JsonMember("opset", &ExportedModel::opset),
               JsonMember("size_bytes", &ExportedModel::size_bytes),
               JsonMember("difference", &ExportedModel::difference));

constexpr auto kMeasureMembers =
    std::tuple(JsonMember("name", &LossMeasure::name), JsonMember("text", &LossMeasure::text));

constexpr auto kDeviceMembers = std::tuple(
    JsonMember("name", &DeviceInfo::name), JsonMember("isa", &DeviceInfo::isa),
    JsonMember("library", &DeviceInfo::library), JsonMember("threads", &DeviceInfo::threads));

constexpr auto kLatencyMembers =
    std::tuple(JsonMember("reference_predicted_ns", &LatencyResult::reference_predicted),
               JsonMember("predicted_ns", &LatencyResult::predicted),
               JsonMember("reference_measured_ns", &LatencyResult::reference_measured),
               JsonMember("measured_ns", &LatencyResult::measured));

absl::StatusOr<LayerResult> LayerFromJson(const json& object) {
  LayerResult layer;
  JsonFields fields(object, "layer");
  fields.Require("name");
  ReadMembers(kLayerMembers, fields, &layer);
  HT_RETURN_IF_ERROR(fields.status());
  return layer;
}

absl::Status ReadDevice(const json& object, DeviceInfo* device) {
  JsonFields fields(object, "device");
  ReadMembers(kDeviceMembers, fields, device);
  return fields.status();
}

absl::Status ReadMeasure(const json& object, LossMeasure* measure) {
  JsonFields fields(object, "measure");
  ReadMembers(kMeasureMembers, fields, measure);
  return fields.status();
}

absl::Status ReadLatency(const json& object, LatencyResult* latency) {
  JsonFields fields(object, "latency");
  ReadMembers(kLatencyMembers, fields, latency);
  return fields.status();
}

// The status of the solution, and the answer that was chosen.
void WriteChosen(const SearchResult& result, json& object) {
  const Solution& solution = result.solution;
  object["status"] = std::string(SolutionStatusName(solution.status));
  // What is proven is proven of the model's losses alone.
  object["status_of"] = "model";
  if (solution.status == Solution::Status::kInfeasible) return;
  object["chosen"] = result.IsRefined() ? "refined" : "optimum";
  object["lower_bound"] = solution.lower_bound;
  if (!result.IsRefined()) {
    object["loss"] = solution.loss;
    object["gap"] = solution.gap;
    object["cost"] = solution.cost;
    object["assignment"] = solution.assignment;
    return;
  }
  const Refinement& refined = *result.refined;
  object["loss"] = refined.loss;
  // As Solution::gap.
  object["gap"] =
      std::max(0.0, refined.loss - solution.lower_bound) / std::max(std::abs(refined.loss), 1e-300);
  object["cost"] = refined.cost;
  object["assignment"] = refined.assignment;
}

}  // namespace

json ExportedModelToJson(const ExportedModel& model) {
  json object = MembersToJson(kExportedMembers, model);
  object["format"] = "qdq";
  object["batch"] = model.batch.has_value() ? json(*model.batch) : json(nullptr);
  return object;
}

absl::StatusOr<ExportedModel> ExportedModelFromJson(const json& object) {
  ExportedModel model;
  JsonFields fields(object, "exported");
  ReadMembers(kExportedMembers, fields, &model);
  int64_t batch = 0;
  fields.ReadInteger("batch", 0, INT64_MAX, &batch);
  HT_RETURN_IF_ERROR(fields.status());
  if (batch > 0) model.batch = batch;
  return model;
}

int CountDepartures(const SearchResult& result) {
  if (!result.IsRefined()) return 0;
  std::map<std::string, bool> has_weights;
  for (const LayerResult& layer : result.layers) has_weights[layer.name] = layer.has_weights;
  const auto computed = [&](Assignment assignment) {
    for (auto& [layer, choice] : assignment) {
      const auto found = has_weights.find(layer);
      choice = ComputedAs(choice, found == has_weights.end() || found->second);
    }
    return assignment;
  };
  return CountDepartures(computed(result.refined->assignment),
                         computed(result.solution.assignment));
}

std::map<std::string, double> BudgetsOf(const Problem& problem) {
  std::map<std::string, double> budgets;
  for (const auto& [metric, limit] : problem.budgets) {
    const bool is_live_set = LiveSetMetric::FromKey(metric).has_value();
    budgets[is_live_set ? std::string(MetricCostKey(Metric::kActivationMemory)) : metric] = limit;
  }
  if (problem.max_changes.has_value()) {
    budgets[kChangesMetric] = static_cast<double>(*problem.max_changes);
  }
  return budgets;
}

json SearchResultToJson(const SearchResult& result) {
  json object = {{"model", result.model},
                 {"model_name", result.model_name},
                 {"target", result.target},
                 {"device", MembersToJson(kDeviceMembers, result.device)},
                 {"reference", result.reference.ToString()},
                 {"problem", ProblemToJson(result.problem)},
                 {"solution", SolutionToJson(result.solution)},
                 {"reference_cost", result.reference_cost},
                 {"budgets", ResolvedBudgetsToJson(result.budgets)},
                 {"layers", json::array()},
                 {"latency", MembersToJson(kLatencyMembers, result.latency)},
                 {"evaluation", nullptr},
                 {"evaluated_on_held_out", result.evaluated_on_held_out},
                 {"measure", LossMeasureToJson(result.measure)},
                 {"other_bytes", result.other_bytes},
                 {"heads", OutputHeadsToJson(result.heads)},
                 {"warnings", result.warnings},
                 {"artifacts", result.artifacts}};
  for (const LayerResult& layer : result.layers)
    object["layers"].push_back(MembersToJson(kLayerMembers, layer));
  if (result.stability.has_value()) object["stability"] = StabilityToJson(*result.stability);
  if (result.refined.has_value()) object["refined"] = RefinementToJson(*result.refined);
  if (!result.caveat.empty()) object["caveat"] = result.caveat;
  if (!result.not_evaluated.empty()) object["not_evaluated"] = result.not_evaluated;
  WriteChosen(result, object);
  if (result.IsRefined()) object["departures"] = CountDepartures(result);
  if (result.codesign.has_value()) object["codesign"] = CodesignToJson(*result.codesign);
  if (result.evaluation.has_value()) object["evaluation"] = EvaluationToJson(*result.evaluation);
  object["prediction_ratio"] = nullptr;
  if (result.prediction.has_value()) {
    object["prediction"] = PredictionCheckToJson(*result.prediction);
    object["prediction_ratio"] = object["prediction"]["ratio"];
  }
  if (result.exported.has_value()) object["exported"] = ExportedModelToJson(*result.exported);
  if (!result.not_exported.empty()) object["not_exported"] = result.not_exported;
  if (result.spec.has_value()) object["spec"] = SearchSpecToJson(*result.spec);
  if (result.tables.has_value()) object["tables"] = TableNamesToJson(*result.tables);
  return object;
}

absl::StatusOr<SearchResult> SearchResultFromJson(const json& object) {
  SearchResult result;
  JsonFields fields(object, "result");
  fields.Read("model", &result.model);
  fields.Read("model_name", &result.model_name);
  fields.Read("target", &result.target);
  fields.ReadObject("device", [&](const json& part) { return ReadDevice(part, &result.device); });
  fields.ReadParsed("reference", &result.reference);
  fields.Require("problem");
  fields.ReadObject("problem", ProblemFromJson, &result.problem);
  fields.Require("solution");
  fields.ReadObject("solution", SolutionFromJson, &result.solution);
  fields.Read("reference_cost", &result.reference_cost);
  fields.ReadEach("layers", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(LayerResult layer, LayerFromJson(element));
    result.layers.push_back(std::move(layer));
    return absl::OkStatus();
  });
  fields.ReadObject("latency",
                    [&](const json& part) { return ReadLatency(part, &result.latency); });
  fields.ReadObject("evaluation", EvaluationFromJson, &result.evaluation);
  fields.ReadObject("stability", StabilityFromJson, &result.stability);
  fields.ReadObject("refined", RefinementFromJson, &result.refined);
  fields.ReadObject("prediction", PredictionCheckFromJson, &result.prediction);
  fields.ReadEach("budgets", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(result.budgets.emplace_back(), ResolvedBudgetFromJson(element));
    return absl::OkStatus();
  });
  fields.Read("caveat", &result.caveat);
  fields.Read("not_evaluated", &result.not_evaluated);
  fields.ReadObject("codesign", CodesignFromJson, &result.codesign);
  fields.ReadObject("exported", ExportedModelFromJson, &result.exported);
  fields.Read("not_exported", &result.not_exported);
  fields.ReadObject("spec", SearchSpecFromJson, &result.spec);
  fields.ReadObject("tables", TableNamesFromJson, &result.tables);
  fields.ReadObject("measure",
                    [&](const json& part) { return ReadMeasure(part, &result.measure); });
  fields.ReadEach("heads", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(result.heads.emplace_back(), OutputHeadFromJson(element));
    return absl::OkStatus();
  });
  fields.Read("evaluated_on_held_out", &result.evaluated_on_held_out);
  fields.Read("other_bytes", &result.other_bytes);
  fields.Read("warnings", &result.warnings);
  fields.Read("artifacts", &result.artifacts);
  HT_RETURN_IF_ERROR(fields.status());
  return result;
}

}  // namespace halftone
