#include "client/prediction_text.h"

#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/json_values.h"
#include "client/terminal.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;

std::string RatioLine(const json& prediction) {
  const std::optional<double> predicted = NumberIn(prediction, "predicted");
  const std::optional<double> measured = NumberIn(prediction, "measured");
  if (!predicted.has_value() || !measured.has_value()) return "";
  const std::optional<double> ratio = NumberIn(prediction, "ratio");
  const bool on_held_out = prediction.value("on_held_out", json(false)) == json(true);
  return absl::StrCat(
      "prediction   ", FormatNumber(*predicted), " by the model, ", FormatNumber(*measured),
      " measured on the ", on_held_out ? "held-out" : "calibration", " samples",
      ratio.has_value() ? absl::StrCat(": ", FormatNumber(*ratio), " times as much") : "", "\n");
}

// "a (w2a4) with b (w2a4) does 0.64, 0.004 one by one".
std::string CorrectionLine(const json& correction) {
  std::vector<std::string> parts;
  double alone = 0;
  for (const json& part : ListIn(correction, "groups")) {
    std::vector<std::string> layers;
    for (const json& layer : ListIn(part, "layers")) {
      if (layer.is_string()) layers.push_back(layer.get<std::string>());
    }
    parts.push_back(
        absl::StrCat(absl::StrJoin(layers, " and "), " (", TextIn(part, "precision"), ")"));
    alone += NumberOrZero(part, "loss");
  }
  return absl::StrCat("             ", absl::StrJoin(parts, " with "), " does ",
                      FormatNumber(NumberOrZero(correction, "divergence")), ", ",
                      FormatNumber(alone), parts.size() > 1 ? " one by one" : " by the model",
                      "\n");
}

}  // namespace

std::string AnswerPredictionText(const json& document) {
  if (!document.is_object()) return "";
  const json prediction = document.value("prediction", json::object());
  if (!prediction.is_object()) return "";
  std::string text = RatioLine(prediction);
  const json refined = document.value("refined", json::object());
  if (const double factor = NumberIn(refined, "factor").value_or(1); factor != 1) {
    absl::StrAppend(&text, "corrected    the model, by a factor of ", FormatNumber(factor),
                    ": so much more do layers together than one by one\n");
  }
  const size_t corrections = refined.is_object() ? ListIn(refined, "corrections").size() : 0;
  if (corrections == 0) return text;
  const json responsible = ListIn(prediction, "responsible");
  absl::StrAppend(&text, "corrected    the model, by ", corrections,
                  corrections == 1 ? " measurement" : " measurements",
                  " of what layers do together; ",
                  responsible.empty() ? "the answer has none of these\n" : "in the answer:\n");
  for (const json& correction : responsible) text += CorrectionLine(correction);
  return text;
}

}  // namespace halftone
