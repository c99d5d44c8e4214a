#include <string>
#include <utility>

#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "search/sensitivity/json_fields.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {
namespace {

using nlohmann::json;

json LayerToJson(const LayerSensitivity& layer) {
  json object = {{"name", layer.name}, {"weights", layer.weights}, {"choices", json::array()}};
  if (layer.trace.has_value()) object["trace"] = *layer.trace;
  if (layer.trace_stderr.has_value()) object["trace_stderr"] = *layer.trace_stderr;
  if (layer.trace_kind.has_value()) {
    object["trace_kind"] = std::string(TraceKindName(*layer.trace_kind));
  }
  if (!layer.eigenvalues.empty()) object["eigenvalues"] = layer.eigenvalues;
  if (!layer.note.empty()) object["note"] = layer.note;
  for (const ChoiceLoss& choice : layer.choices) {
    object["choices"].push_back({{"precision", choice.precision.ToString()},
                                 {"loss", choice.loss},
                                 {"loss_stderr", choice.loss_stderr}});
  }
  return object;
}

absl::StatusOr<ChoiceLoss> ChoiceFromJson(const json& object) {
  ChoiceLoss choice;
  JsonFields fields(object, "choice");
  fields.Require("precision");
  fields.ReadText("precision", [&](const std::string& text) -> absl::Status {
    HT_ASSIGN_OR_RETURN(choice.precision, Precision::Parse(text));
    return absl::OkStatus();
  });
  fields.Read("loss", &choice.loss);
  fields.Read("loss_stderr", &choice.loss_stderr);
  HT_RETURN_IF_ERROR(fields.status());
  return choice;
}

absl::StatusOr<LayerSensitivity> LayerFromJson(const json& object) {
  LayerSensitivity layer;
  JsonFields fields(object, "layer");
  fields.Require("name");
  fields.Read("name", &layer.name);
  fields.Read("weights", &layer.weights);
  fields.Read("note", &layer.note);
  fields.Read("trace", &layer.trace);
  fields.Read("trace_stderr", &layer.trace_stderr);
  fields.ReadText("trace_kind", [&](const std::string& text) -> absl::Status {
    HT_ASSIGN_OR_RETURN(layer.trace_kind, ParseTraceKind(text));
    return absl::OkStatus();
  });
  fields.Read("eigenvalues", &layer.eigenvalues);
  fields.ReadEach("choices", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(ChoiceLoss choice, ChoiceFromJson(element));
    layer.choices.push_back(choice);
    return absl::OkStatus();
  });
  HT_RETURN_IF_ERROR(fields.status());
  return layer;
}

}  // namespace

json SensitivityToJson(const SensitivityResult& result) {
  json object = {{"method", std::string(SensitivityMethodName(result.method))},
                 {"samples", result.samples},
                 {"seed", result.seed},
                 {"output_metric", result.output_metric},
                 {"layers", json::array()}};
  if (result.probes > 0) object["probes"] = result.probes;
  if (result.labels_drawn) object["labels_drawn"] = true;
  if (!result.network_eigenvalues.empty()) {
    object["network_eigenvalues"] = result.network_eigenvalues;
  }
  for (const LayerSensitivity& layer : result.layers) {
    object["layers"].push_back(LayerToJson(layer));
  }
  if (!result.interactions.empty()) object["interactions"] = result.interactions;
  return object;
}

absl::StatusOr<SensitivityResult> SensitivityFromJson(const json& object) {
  SensitivityResult result;
  JsonFields fields(object, "sensitivity");
  fields.ReadText("method", [&](const std::string& text) -> absl::Status {
    HT_ASSIGN_OR_RETURN(result.method, ParseSensitivityMethod(text));
    return absl::OkStatus();
  });
  fields.ReadInteger("samples", 0, INT64_MAX, &result.samples);
  fields.Read("seed", &result.seed);
  fields.Read("output_metric", &result.output_metric);
  fields.ReadInteger("probes", 0, INT32_MAX, &result.probes);
  fields.Read("labels_drawn", &result.labels_drawn);
  fields.Read("network_eigenvalues", &result.network_eigenvalues);
  fields.Require("layers");
  size_t choices = 0;
  fields.ReadEach("layers", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(LayerSensitivity layer, LayerFromJson(element));
    choices += layer.choices.size();
    result.layers.push_back(std::move(layer));
    return absl::OkStatus();
  });
  fields.Read("interactions", &result.interactions);
  HT_RETURN_IF_ERROR(fields.status());
  if (!result.interactions.empty() && result.interactions.size() != choices * choices) {
    return absl::InvalidArgumentError("field 'sensitivity.interactions' has the wrong size");
  }
  return result;
}

json SensitivityOptionsToJson(const SensitivityOptions& options) {
  return {{"method", std::string(SensitivityMethodName(options.method))},
          {"loss", std::string(LossKindName(options.loss))},
          {"samples", options.samples},
          {"draws", options.draws},
          {"exact_classes", options.exact_classes},
          {"probes", options.probes},
          {"tolerance", options.tolerance},
          {"eigenvalues", options.eigenvalues},
          {"network_eigenvalues", options.network_eigenvalues},
          {"batch", options.batch},
          {"seed", options.seed},
          {"interactions", options.interactions}};
}

absl::StatusOr<SensitivityOptions> SensitivityOptionsFromJson(const json& object) {
  SensitivityOptions options;
  JsonFields fields(object, "sensitivity");
  fields.ReadText("method", [&](const std::string& text) -> absl::Status {
    HT_ASSIGN_OR_RETURN(options.method, ParseSensitivityMethod(text));
    return absl::OkStatus();
  });
  fields.ReadText("loss", [&](const std::string& text) -> absl::Status {
    HT_ASSIGN_OR_RETURN(options.loss, ParseLossKind(text));
    return absl::OkStatus();
  });
  fields.ReadInteger("samples", 0, INT64_MAX, &options.samples);
  fields.ReadInteger("draws", 1, 1024, &options.draws);
  fields.ReadInteger("exact_classes", 0, 1024, &options.exact_classes);
  fields.ReadInteger("probes", 1, 1'000'000, &options.probes);
  fields.Read("tolerance", &options.tolerance);
  fields.ReadInteger("eigenvalues", 1, 64, &options.eigenvalues);
  fields.ReadInteger("network_eigenvalues", 0, 64, &options.network_eigenvalues);
  fields.ReadInteger("batch", 1, 4096, &options.batch);
  fields.Read("seed", &options.seed);
  fields.Read("interactions", &options.interactions);
  HT_RETURN_IF_ERROR(fields.status());
  if (options.tolerance < 0) {
    return absl::InvalidArgumentError("field 'sensitivity.tolerance' is negative");
  }
  return options;
}

}  // namespace halftone
