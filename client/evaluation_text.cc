#include "client/evaluation_text.h"

#include <map>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/units.h"
#include "client/heads_text.h"
#include "client/json_values.h"
#include "client/terminal.h"
#include "client/warnings.h"

namespace halftone {
namespace {

using nlohmann::json;

// What the network does where it was timed.
std::string ExecutedText(const json& document) {
  const json& executed = document.at("executed");
  std::string text = "executed  ";
  if (const std::optional<double> accuracy = NumberIn(executed, "accuracy"); accuracy.has_value()) {
    absl::StrAppend(&text, "accuracy ", FormatPercent(*accuracy), ", ");
  }
  return absl::StrCat(text, KlText(document, NumberOrZero(executed, "kl")), "MSE ",
                      FormatNumber(NumberOrZero(executed, "mse")), ", SQNR ",
                      FormatNumber(NumberOrZero(executed, "sqnr_db")), " dB\n");
}

// How far the float network is from another runtime.
std::string ReferenceText(const json& reference) {
  std::string text;
  for (const json& output : ListIn(reference, "outputs")) {
    const std::optional<double> relative = NumberIn(output, "max_relative");
    absl::StrAppend(&text, "reference ", TextIn(output, "name"), ": at most ",
                    relative.has_value() ? FormatNumber(*relative) : std::string("beyond measure"),
                    " of its largest element, ", NumberOrZero(output, "samples"), " samples\n");
  }
  return text;
}

// Layers that kernels of another precision run, by what runs for what.
std::string KernelsText(const json& layers) {
  std::map<std::string, std::vector<std::string>> others;
  for (const json& layer : layers) {
    const std::string asked = TextIn(layer, "precision"), ran = TextIn(layer, "executed_as");
    if (asked != ran) others[absl::StrCat(asked, " as ", ran)].push_back(TextIn(layer, "name"));
  }
  std::string text;
  for (const auto& [what, names] : others) {
    absl::StrAppend(&text, "runs      ", what, ": ", names.front());
    if (names.size() > 1) absl::StrAppend(&text, " and ", names.size() - 1, " more");
    text += "\n";
  }
  return text;
}

std::string LatencyText(const json& latency) {
  const auto time = [&](const char* field) {
    return FormatQuantity(Quantity::kTime, NumberOrZero(latency, field));
  };
  return absl::StrCat("latency   ", time("f32_ns"), " f32, ", time("assignment_ns"), " quantized, ",
                      time("predicted_ns"), " predicted\n");
}

const json& Part(const json& document, const char* field) {
  static const json* const kNone = new json(json::object());
  const auto found = document.find(field);
  return found != document.end() && found->is_object() ? *found : *kNone;
}

}  // namespace

std::string EvaluationText(const json& document) {
  const json& quantized = Part(document, "quantized");
  std::string text = absl::StrCat("samples   ", NumberOrZero(document, "samples"), "\n");
  if (const std::optional<double> accuracy = NumberIn(quantized, "accuracy");
      accuracy.has_value()) {
    absl::StrAppend(&text, "accuracy  ",
                    FormatPercent(NumberOrZero(Part(document, "float"), "accuracy")), " float, ",
                    FormatPercent(*accuracy), " quantized\n");
  }
  absl::StrAppend(&text, "quantized ", KlText(document, NumberOrZero(quantized, "kl")), "MSE ",
                  FormatNumber(NumberOrZero(quantized, "mse")), ", SQNR ",
                  FormatNumber(NumberOrZero(quantized, "sqnr_db")), " dB\n");
  text += HeadsText(document);
  if (!Part(document, "executed").empty()) text += ExecutedText(document);
  if (!Part(document, "latency").empty()) text += LatencyText(document.at("latency"));
  text += KernelsText(ListIn(document, "layers"));
  text += ReferenceText(Part(document, "reference"));
  return text + WarningLines(WarningsOf(document));
}

}  // namespace halftone
