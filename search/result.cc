#include "search/result.h"

#include <tuple>
#include <utility>

#include "base/json_fields.h"
#include "base/json_members.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;

constexpr auto kLayerMembers = std::tuple(
    JsonMember("name", &LayerResult::name), JsonMember("op", &LayerResult::op),
    JsonMember("tie_group", &LayerResult::tie_group),
    JsonMember("precision", &LayerResult::precision),
    JsonMember("executed_as", &LayerResult::executed_as), JsonMember("loss", &LayerResult::loss),
    JsonMember("loss_stderr", &LayerResult::loss_stderr),
    JsonMember("reference_latency_ns", &LayerResult::reference_latency_ns),
    JsonMember("latency_ns", &LayerResult::latency_ns),
    JsonMember("weight_bytes", &LayerResult::weight_bytes),
    JsonMember("implementation", &LayerResult::implementation),
    JsonMember("warning", &LayerResult::warning));

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

absl::Status ReadLatency(const json& object, LatencyResult* latency) {
  JsonFields fields(object, "latency");
  ReadMembers(kLatencyMembers, fields, latency);
  return fields.status();
}

}  // namespace

json EvaluationToJson(const Evaluation& evaluation) {
  json float_network = json::object();
  json quantized = {
      {"kl", evaluation.kl}, {"mse", evaluation.mse}, {"sqnr_db", evaluation.sqnr_db}};
  if (evaluation.float_accuracy.has_value()) float_network["accuracy"] = *evaluation.float_accuracy;
  if (evaluation.quantized_accuracy.has_value()) {
    quantized["accuracy"] = *evaluation.quantized_accuracy;
  }
  return {{"samples", evaluation.samples},
          {"float", std::move(float_network)},
          {"quantized", std::move(quantized)}};
}

absl::StatusOr<Evaluation> EvaluationFromJson(const json& object) {
  Evaluation evaluation;
  JsonFields fields(object, "evaluation");
  fields.ReadInteger("samples", 0, INT64_MAX, &evaluation.samples);
  fields.ReadObject("float", [&](const json& part) -> absl::Status {
    JsonFields inner(part, "evaluation.float");
    inner.Read("accuracy", &evaluation.float_accuracy);
    return inner.status();
  });
  fields.ReadObject("quantized", [&](const json& part) -> absl::Status {
    JsonFields inner(part, "evaluation.quantized");
    inner.Read("accuracy", &evaluation.quantized_accuracy);
    inner.Read("kl", &evaluation.kl);
    inner.Read("mse", &evaluation.mse);
    inner.Read("sqnr_db", &evaluation.sqnr_db);
    return inner.status();
  });
  HT_RETURN_IF_ERROR(fields.status());
  return evaluation;
}

json SearchResultToJson(const SearchResult& result) {
  json object = {{"model_name", result.model_name},
                 {"target", result.target},
                 {"device", MembersToJson(kDeviceMembers, result.device)},
                 {"reference", result.reference.ToString()},
                 {"problem", ProblemToJson(result.problem)},
                 {"solution", SolutionToJson(result.solution)},
                 {"reference_cost", result.reference_cost},
                 {"layers", json::array()},
                 {"latency", MembersToJson(kLatencyMembers, result.latency)},
                 {"evaluation", nullptr},
                 {"evaluated_on_held_out", result.evaluated_on_held_out},
                 {"warnings", result.warnings},
                 {"artifacts", result.artifacts}};
  for (const LayerResult& layer : result.layers)
    object["layers"].push_back(MembersToJson(kLayerMembers, layer));
  if (result.stability.has_value()) object["stability"] = StabilityToJson(*result.stability);
  if (result.refined.has_value()) object["refined"] = RefinementToJson(*result.refined);
  if (result.solution.status != Solution::Status::kInfeasible) {
    object["chosen"] =
        result.refined.has_value() && result.refined->Improves() ? "refined" : "optimum";
  }
  if (result.codesign.has_value()) object["codesign"] = CodesignToJson(*result.codesign);
  if (result.evaluation.has_value()) object["evaluation"] = EvaluationToJson(*result.evaluation);
  if (result.tables.has_value()) object["tables"] = TableNamesToJson(*result.tables);
  return object;
}

absl::StatusOr<SearchResult> SearchResultFromJson(const json& object) {
  SearchResult result;
  JsonFields fields(object, "result");
  fields.Read("model_name", &result.model_name);
  fields.Read("target", &result.target);
  fields.ReadObject("device", [&](const json& part) { return ReadDevice(part, &result.device); });
  fields.ReadParsed("reference", &result.reference);
  fields.Require("problem");
  fields.ReadObject("problem", [&](const json& part) -> absl::Status {
    HT_ASSIGN_OR_RETURN(result.problem, ProblemFromJson(part));
    return absl::OkStatus();
  });
  fields.Require("solution");
  fields.ReadObject("solution", [&](const json& part) -> absl::Status {
    HT_ASSIGN_OR_RETURN(result.solution, SolutionFromJson(part));
    return absl::OkStatus();
  });
  fields.Read("reference_cost", &result.reference_cost);
  fields.ReadEach("layers", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(LayerResult layer, LayerFromJson(element));
    result.layers.push_back(std::move(layer));
    return absl::OkStatus();
  });
  fields.ReadObject("latency",
                    [&](const json& part) { return ReadLatency(part, &result.latency); });
  fields.ReadObject("evaluation", [&](const json& part) -> absl::Status {
    HT_ASSIGN_OR_RETURN(result.evaluation, EvaluationFromJson(part));
    return absl::OkStatus();
  });
  fields.ReadObject("stability", [&](const json& part) -> absl::Status {
    HT_ASSIGN_OR_RETURN(result.stability, StabilityFromJson(part));
    return absl::OkStatus();
  });
  fields.ReadObject("refined", [&](const json& part) -> absl::Status {
    HT_ASSIGN_OR_RETURN(result.refined, RefinementFromJson(part));
    return absl::OkStatus();
  });
  fields.ReadObject("codesign", [&](const json& part) -> absl::Status {
    HT_ASSIGN_OR_RETURN(result.codesign, CodesignFromJson(part));
    return absl::OkStatus();
  });
  fields.ReadObject("tables", [&](const json& part) -> absl::Status {
    HT_ASSIGN_OR_RETURN(result.tables, TableNamesFromJson(part));
    return absl::OkStatus();
  });
  fields.Read("evaluated_on_held_out", &result.evaluated_on_held_out);
  fields.Read("warnings", &result.warnings);
  fields.Read("artifacts", &result.artifacts);
  HT_RETURN_IF_ERROR(fields.status());
  return result;
}

}  // namespace halftone
