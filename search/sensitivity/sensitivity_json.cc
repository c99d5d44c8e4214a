#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/json_fields.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "search/sensitivity/known_losses.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {
namespace {

using nlohmann::json;

constexpr int64_t kMaxResamples = 10'000;

json ChoiceToJson(const ChoiceLoss& choice) {
  const std::string precision = choice.precision.ToString();
  json object = {{"precision", precision}, {"loss", nullptr}, {"loss_stderr", nullptr}};
  if (choice.is_known) object["loss"] = choice.loss;
  if (choice.loss_stderr.has_value()) object["loss_stderr"] = *choice.loss_stderr;
  if (choice.loss < 0) object["is_negative"] = true;
  if (choice.measured) object["measured"] = true;
  if (choice.second_order.has_value()) object["second_order"] = *choice.second_order;
  if (choice.dominated_by.has_value()) object["dominated_by"] = choice.dominated_by->ToString();
  if (choice.sqnr_db.has_value()) object["sqnr_db"] = *choice.sqnr_db;
  if (!choice.name.empty() && choice.name != precision) object["name"] = choice.name;
  return object;
}

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
    object["choices"].push_back(ChoiceToJson(choice));
  }
  return object;
}

absl::StatusOr<std::vector<double>> NumbersFromJson(const json& array, size_t count) {
  const bool fits = array.is_array() && array.size() == count &&
                    std::all_of(array.begin(), array.end(),
                                [](const json& element) { return element.is_number(); });
  if (!fits) return absl::InvalidArgumentError(absl::StrCat("not an array of ", count, " numbers"));
  return array.get<std::vector<double>>();
}

absl::StatusOr<ChoiceLoss> ChoiceFromJson(const json& object) {
  ChoiceLoss choice;
  JsonFields fields(object, "choice");
  fields.Require("precision");
  fields.ReadText("precision", [&](const std::string& text) -> absl::Status {
    HT_ASSIGN_OR_RETURN(choice.precision, Precision::Parse(text));
    return absl::OkStatus();
  });
  choice.name = choice.precision.ToString();
  fields.Read("name", &choice.name);
  fields.Read("measured", &choice.measured);
  fields.Read("second_order", &choice.second_order);
  fields.ReadText("dominated_by", [&](const std::string& text) -> absl::Status {
    HT_ASSIGN_OR_RETURN(choice.dominated_by, Precision::Parse(text));
    return absl::OkStatus();
  });
  fields.Read("sqnr_db", &choice.sqnr_db);
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

json LossMeasureToJson(const LossMeasure& measure) {
  return {{"name", measure.name}, {"text", measure.text}};
}

json SensitivityToJson(const SensitivityResult& result) {
  json object = {{"method", std::string(SensitivityMethodName(result.method))},
                 {"samples", result.samples},
                 {"seed", result.seed},
                 {"output_metric", result.output_metric},
                 {"measure", LossMeasureToJson(MeasureOf(result.method, result.output_metric))},
                 {"layers", json::array()}};
  if (!result.warnings.empty()) object["warnings"] = result.warnings;
  if (result.probes > 0) object["probes"] = result.probes;
  if (result.labels_drawn) object["labels_drawn"] = true;
  if (!result.network_eigenvalues.empty()) {
    object["network_eigenvalues"] = result.network_eigenvalues;
  }
  for (const LayerSensitivity& layer : result.layers) {
    object["layers"].push_back(LayerToJson(layer));
  }
  if (!result.interactions.empty()) object["interactions"] = result.interactions;
  if (result.joint_scale != 1) object["joint_scale"] = result.joint_scale;
  if (result.pair_scale != 1) object["pair_scale"] = result.pair_scale;
  if (!result.resampled_losses.empty()) object["resampled_losses"] = result.resampled_losses;
  if (!result.interaction_errors.empty()) object["interaction_errors"] = result.interaction_errors;
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
  fields.Read("warnings", &result.warnings);
  fields.Require("layers");
  size_t choices = 0;
  fields.ReadEach("layers", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(LayerSensitivity layer, LayerFromJson(element));
    choices += layer.choices.size();
    result.layers.push_back(std::move(layer));
    return absl::OkStatus();
  });
  fields.Read("interactions", &result.interactions);
  fields.Read("interaction_errors", &result.interaction_errors);
  fields.Read("joint_scale", &result.joint_scale);
  fields.Read("pair_scale", &result.pair_scale);
  fields.ReadEach("resampled_losses", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(result.resampled_losses.emplace_back(), NumbersFromJson(element, choices));
    return absl::OkStatus();
  });
  HT_RETURN_IF_ERROR(fields.status());
  ForgetWhatIsNotKnown(result);  // which earlier versions wrote as 0
  for (const std::vector<double>* matrix : {&result.interactions, &result.interaction_errors}) {
    if (!matrix->empty() && matrix->size() != choices * choices) {
      return absl::InvalidArgumentError("field 'sensitivity.interactions' has the wrong size");
    }
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
          {"interactions", options.interactions},
          {"resamples", options.resamples},
          {"joint_assignments", options.joint_assignments},
          {"pairs", std::string(InteractionPairsName(options.pairs))}};
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
  fields.ReadInteger("resamples", 0, kMaxResamples, &options.resamples);
  fields.ReadInteger("joint_assignments", 0, 1024, &options.joint_assignments);
  fields.ReadText("pairs", [&](const std::string& text) -> absl::Status {
    HT_ASSIGN_OR_RETURN(options.pairs, ParseInteractionPairs(text));
    return absl::OkStatus();
  });
  HT_RETURN_IF_ERROR(fields.status());
  if (options.tolerance < 0) {
    return absl::InvalidArgumentError("field 'sensitivity.tolerance' is negative");
  }
  return options;
}

}  // namespace halftone
