#include "search/result.h"

#include <utility>

#include "base/json_fields.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;

template <typename T>
json OrNull(const std::optional<T>& value) {
  return value.has_value() ? json(*value) : json(nullptr);
}

json LayerToJson(const LayerResult& layer) {
  return {{"name", layer.name},
          {"op", layer.op},
          {"tie_group", layer.tie_group},
          {"precision", layer.precision.ToString()},
          {"executed_as", layer.executed_as.ToString()},
          {"loss", layer.loss},
          {"loss_stderr", layer.loss_stderr},
          {"reference_latency_ns", layer.reference_latency_ns},
          {"latency_ns", layer.latency_ns},
          {"weight_bytes", layer.weight_bytes},
          {"implementation", layer.implementation},
          {"warning", layer.warning}};
}

absl::StatusOr<LayerResult> LayerFromJson(const json& object) {
  LayerResult layer;
  JsonFields fields(object, "layer");
  fields.Require("name");
  fields.Read("name", &layer.name);
  fields.Read("op", &layer.op);
  fields.Read("tie_group", &layer.tie_group);
  fields.ReadParsed("precision", &layer.precision);
  fields.ReadParsed("executed_as", &layer.executed_as);
  fields.Read("loss", &layer.loss);
  fields.Read("loss_stderr", &layer.loss_stderr);
  fields.Read("reference_latency_ns", &layer.reference_latency_ns);
  fields.Read("latency_ns", &layer.latency_ns);
  fields.Read("weight_bytes", &layer.weight_bytes);
  fields.Read("implementation", &layer.implementation);
  fields.Read("warning", &layer.warning);
  HT_RETURN_IF_ERROR(fields.status());
  return layer;
}

json DeviceToJson(const DeviceInfo& device) {
  return {{"name", device.name},
          {"isa", device.isa},
          {"library", device.library},
          {"threads", device.threads}};
}

absl::Status ReadDevice(const json& object, DeviceInfo* device) {
  JsonFields fields(object, "device");
  fields.Read("name", &device->name);
  fields.Read("isa", &device->isa);
  fields.Read("library", &device->library);
  fields.ReadInteger("threads", 0, INT32_MAX, &device->threads);
  return fields.status();
}

json LatencyToJson(const LatencyResult& latency) {
  return {{"reference_predicted_ns", latency.reference_predicted},
          {"predicted_ns", latency.predicted},
          {"reference_measured_ns", OrNull(latency.reference_measured)},
          {"measured_ns", OrNull(latency.measured)}};
}

absl::Status ReadLatency(const json& object, LatencyResult* latency) {
  JsonFields fields(object, "latency");
  fields.Read("reference_predicted_ns", &latency->reference_predicted);
  fields.Read("predicted_ns", &latency->predicted);
  fields.Read("reference_measured_ns", &latency->reference_measured);
  fields.Read("measured_ns", &latency->measured);
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
                 {"device", DeviceToJson(result.device)},
                 {"reference", result.reference.ToString()},
                 {"problem", ProblemToJson(result.problem)},
                 {"solution", SolutionToJson(result.solution)},
                 {"reference_cost", result.reference_cost},
                 {"layers", json::array()},
                 {"latency", LatencyToJson(result.latency)},
                 {"evaluation", nullptr},
                 {"evaluated_on_held_out", result.evaluated_on_held_out},
                 {"warnings", result.warnings},
                 {"artifacts", result.artifacts}};
  for (const LayerResult& layer : result.layers) object["layers"].push_back(LayerToJson(layer));
  if (result.stability.has_value()) object["stability"] = StabilityToJson(*result.stability);
  if (result.evaluation.has_value()) object["evaluation"] = EvaluationToJson(*result.evaluation);
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
  fields.Read("evaluated_on_held_out", &result.evaluated_on_held_out);
  fields.Read("warnings", &result.warnings);
  fields.Read("artifacts", &result.artifacts);
  HT_RETURN_IF_ERROR(fields.status());
  return result;
}

}  // namespace halftone
