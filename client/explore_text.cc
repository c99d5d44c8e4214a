#include "client/explore_text.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "client/json_values.h"
#include "client/solution_text.h"
#include "client/strategy_text.h"
#include "client/terminal.h"

namespace halftone {
namespace {

using nlohmann::json;

template <typename Map>
json MapToJson(const Map& map) {
  json object = json::object();
  for (const auto& [key, value] : map) object[key] = value;
  return object;
}

bool IsTrue(const json& object, const char* field) {
  return object.is_object() && object.value(field, json(false)) == json(true);
}

std::string TrialTable(const json& trials) {
  Table table({"divergence", "predicted", "cost", "precisions", ""});
  for (const json& trial : trials) {
    const std::optional<double> divergence = NumberIn(trial, "divergence");
    std::string remark = IsTrue(trial, "feasible") ? "" : "beyond the budgets";
    if (IsTrue(trial, "is_best")) remark = "the best so far";
    if (IsTrue(trial, "was_known")) absl::StrAppend(&remark, remark.empty() ? "" : ", ", "known");
    table.Add({divergence.has_value() ? FormatNumber(*divergence) : "-",
               FormatNumber(NumberOrZero(trial, "predicted_loss")),
               CostsText(trial.value("cost", json::object())),
               PrecisionCounts(trial.value("assignment", json::object())), remark});
  }
  return table.Render();
}

}  // namespace

json TrialToJson(const v1::Trial& trial) {
  return {{"assignment", MapToJson(trial.assignment())},
          {"divergence", trial.has_divergence() ? json(trial.divergence()) : json(nullptr)},
          {"predicted_loss", trial.predicted_loss()},
          {"cost", MapToJson(trial.cost())},
          {"feasible", trial.feasible()},
          {"excess", MapToJson(trial.excess())}};
}

json ExplorationToJson(const v1::Exploration& exploration) {
  json groups = json::array(), front = json::array();
  for (const v1::ChoiceGroup& group : exploration.groups()) {
    json layers = json::array(), precisions = json::array();
    for (const std::string& layer : group.layers()) layers.push_back(layer);
    for (const std::string& precision : group.precisions()) precisions.push_back(precision);
    groups.push_back({{"layers", std::move(layers)}, {"precisions", std::move(precisions)}});
  }
  for (const v1::Trial& trial : exploration.front()) front.push_back(TrialToJson(trial));
  return {{"job", exploration.job()},
          {"groups", std::move(groups)},
          {"budgets", MapToJson(exploration.budgets())},
          {"divergence", exploration.divergence()},
          {"frontier_metric", exploration.frontier_metric()},
          {"evaluations", exploration.evaluations()},
          {"start", TrialToJson(exploration.start())},
          {"best", exploration.has_best() ? TrialToJson(exploration.best()) : json(nullptr)},
          {"front", std::move(front)}};
}

std::string TrialsText(const json& document) { return TrialTable(ListIn(document, "trials")); }

std::string ExplorationStatusText(const json& document) {
  std::string text =
      absl::StrCat("job          ", TextIn(document, "job"), "\ngroups       ",
                   ListIn(document, "groups").size(), " that choose together\nbudgets      ",
                   CostsText(document.value("budgets", json::object())), "\nevaluations  ",
                   NumberOrZero(document, "evaluations"),
                   " told, divergence: ", TextIn(document, "divergence"), "\n");
  json shown = json::array({document.value("start", json::object())});
  absl::StrAppend(&text, "the search's answer\n", TrialTable(shown));
  if (document.value("best", json()).is_object()) {
    shown[0] = document.at("best");
    absl::StrAppend(&text, "the best so far\n", TrialTable(shown));
  }
  const json front = ListIn(document, "front");
  if (!front.empty()) absl::StrAppend(&text, "the front\n", TrialTable(front));
  return text;
}

}  // namespace halftone
