#include "client/solution_text.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/units.h"
#include "client/json_values.h"
#include "client/terminal.h"

namespace halftone {
namespace {

using nlohmann::json;

// Layers whose next best choice is shown at least, and at most.
constexpr size_t kFewestAlternatives = 5;
constexpr size_t kMostAlternatives = 20;

Quantity QuantityOf(const std::string& metric) {
  if (absl::EndsWith(metric, "_ns")) return Quantity::kTime;
  if (absl::EndsWith(metric, "_bytes") || IsPartOfThePeak(metric)) return Quantity::kSize;
  return absl::EndsWith(metric, "_pj") ? Quantity::kEnergy : Quantity::kCount;
}

bool Flag(const json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

// In the order that is told, else by name.
std::string AssignmentText(const json& assignment, const json& order) {
  Table table({"layer", "choice"});
  const auto add = [&](const std::string& layer, const json& choice) {
    table.Add({layer, choice.is_string() ? choice.get<std::string>() : choice.dump()});
  };
  if (order.size() == assignment.size()) {
    for (const json& layer : order) {
      const std::string name = layer.is_string() ? layer.get<std::string>() : "";
      add(name, assignment.value(name, json("-")));
    }
    return table.Render();
  }
  for (const auto& [layer, choice] : assignment.items()) add(layer, choice);
  return table.Render();
}

// "loss         0.46", and what that is where the document says it.
std::string LossLine(const json& document, double loss) {
  const json measure = document.value("measure", json::object());
  const std::string name = TextIn(measure, "name"), text = TextIn(measure, "text");
  return absl::StrFormat("%-13s%s%s\n", name.empty() ? "loss" : name, FormatNumber(loss),
                         text.empty() ? "" : ": " + text);
}

// A loss beside the solution's.
std::string ChangedLoss(double changed, double loss) {
  if (loss == 0) return FormatNumber(changed);
  return absl::StrFormat("%s (%+.2f %%)", FormatNumber(changed),
                         100 * (changed - loss) / std::abs(loss));
}

// The least limit that allows less loss, or an interval that holds it.
std::string NextLimitText(const json& limit, const std::string& metric, double next) {
  const auto bound = NumberIn(limit, "next_limit_bound");
  const std::string text = LimitText(metric, next, NumberOrZero(limit, "limit"));
  if (bound.has_value() && *bound == next) return text;
  if (!bound.has_value() || CostText(metric, *bound) == CostText(metric, next)) {
    return absl::StrCat("at most ", text);
  }
  return absl::StrCat(CostText(metric, *bound), " to ", text);
}

std::string LimitTable(const json& limits, double loss) {
  Table table({"limit", "of", "used", "binds", "loss without it", "1 % more, est.",
               "less loss from", "then"});
  for (const json& limit : limits) {
    const std::string metric = TextIn(limit, "metric");
    const auto without = NumberIn(limit, "loss_without"), next = NumberIn(limit, "next_limit");
    const double value = NumberOrZero(limit, "limit");
    const std::string at = TextIn(limit, "at");
    table.Add({at.empty() ? metric : absl::StrCat(metric, ", most at ", at),
               CostText(metric, value), CostText(metric, NumberOrZero(limit, "used")),
               Flag(limit, "binds") ? "yes" : "no",
               without.has_value() ? ChangedLoss(*without, loss) : "-",
               FormatNumber(0.01 * value * NumberOrZero(limit, "marginal_value")),
               next.has_value() ? NextLimitText(limit, metric, *next) : "-",
               next.has_value() ? ChangedLoss(NumberOrZero(limit, "next_loss"), loss) : "-"});
  }
  return absl::StrCat(
      table.Render(),
      "1 % more, est.: what it would save if layers could mix precisions (the multiplier of "
      "the relaxed problem)\n");
}

// Names of layers, many of them as their number.
std::string LayersText(const json& layers) {
  if (layers.empty()) return "";
  const std::string first = layers[0].is_string() ? layers[0].get<std::string>() : "";
  return layers.size() == 1 ? first : absl::StrCat(first, " and ", layers.size() - 1, " tied");
}

std::string AlternativeTable(const json& alternatives, double loss, const std::string& subject) {
  Table table({"layer", subject, "next best", "loss", "+-", "also changes", ""});
  size_t shown = 0;
  for (const json& alternative : alternatives) {
    const bool is_near = Flag(alternative, "is_near");
    if (shown >= (is_near ? kMostAlternatives : kFewestAlternatives)) break;
    ++shown;
    const std::string choice = TextIn(alternative, "choice");
    if (choice.empty()) {
      table.Add({LayersText(ListIn(alternative, "layers")), TextIn(alternative, "chosen"), "-", "-",
                 "-", "-", "no other choice fits"});
      continue;
    }
    const size_t changes = alternative.value("changes", json::object()).size();
    const size_t own = ListIn(alternative, "layers").size();
    const std::optional<double> error = NumberIn(alternative, "loss_stderr");
    table.Add({LayersText(ListIn(alternative, "layers")), TextIn(alternative, "chosen"), choice,
               ChangedLoss(loss + NumberOrZero(alternative, "loss_increase"), loss),
               error.has_value() ? FormatNumber(*error) : "-",
               changes > own
                   ? absl::StrCat(changes - own, changes - own == 1 ? " layer" : " layers")
                   : "-",
               absl::StrCat(is_near ? "near" : "",
                            Flag(alternative, "is_proven") ? "" : " at most, not proven")});
  }
  std::string text = table.Render();
  if (shown < alternatives.size()) {
    absl::StrAppend(&text, "and ", alternatives.size() - shown, " more, further away\n");
  }
  return text;
}

// What a separate check has proven of the answer.
std::string VerifiedText(const json& verified) {
  if (Flag(verified, "optimal")) return "verified     yes, by separate code\n";
  const auto bound = NumberIn(verified, "lower_bound");
  if (!bound.has_value()) return "verified     not within the effort allowed\n";
  return absl::StrCat("verified     none is below ", FormatNumber(*bound), "\n");
}

}  // namespace

bool IsPartOfThePeak(const std::string& metric) {
  return absl::StartsWith(metric, "activation_bytes/");
}

std::string CostText(const std::string& metric, double value) {
  return FormatQuantity(QuantityOf(metric), value);
}

std::string CostsText(const json& costs) {
  std::vector<std::string> parts;
  const bool has_peak = costs.is_object() && costs.contains("activation_bytes");
  for (const auto& [metric, value] : costs.items()) {
    if (has_peak && IsPartOfThePeak(metric)) continue;
    if (value.is_number()) {
      parts.push_back(absl::StrCat(metric, " ", CostText(metric, value.get<double>())));
    }
  }
  return absl::StrJoin(parts, ", ");
}

std::string LimitText(const std::string& metric, double limit, double above) {
  return FormatQuantityUp(QuantityOf(metric), limit, MostShown(limit, above));
}

std::string InfeasibleText(const json& infeasible, const std::string& caveat) {
  std::vector<std::string> conflict;
  for (const json& metric : ListIn(infeasible, "conflict")) {
    if (metric.is_string()) conflict.push_back(metric.get<std::string>());
  }
  std::string text =
      absl::StrCat("The budgets cannot be met: ", absl::StrJoin(conflict, ", "), ".\n");
  const json minimum = infeasible.value("minimum", json::object());
  for (const auto& [metric, value] : minimum.items()) {
    absl::StrAppend(&text, "  ", metric, ": no assignment needs less than ",
                    LimitText(metric, value.is_number() ? value.get<double>() : 0, 0), "\n");
  }
  const json relaxations = infeasible.value("relaxations", json::object());
  for (const auto& [metric, relaxation] : relaxations.items()) {
    absl::StrAppend(&text, "  ", metric, ": ",
                    LimitText(metric, NumberOrZero(relaxation, "limit"), 0), " would do",
                    minimum.size() > 1 ? ", the other budgets kept," : "", " at a loss of ",
                    FormatNumber(NumberOrZero(relaxation, "loss")), "\n");
  }
  const bool is_peak =
      std::find(conflict.begin(), conflict.end(), "activation_bytes") != conflict.end();
  if (relaxations.empty() && !is_peak) text += "  To raise one budget alone does not help.\n";
  return caveat.empty() ? text : absl::StrCat(text, "  But ", caveat, ".\n");
}

std::string ExplanationText(const json& explanation, double loss, const std::string& subject) {
  std::string text;
  const json limits = ListIn(explanation, "limits");
  const json alternatives = ListIn(explanation, "alternatives");
  if (!limits.empty()) absl::StrAppend(&text, LimitTable(limits, loss), "\n");
  if (!alternatives.empty()) {
    absl::StrAppend(&text, "closest to changing, near: within ",
                    FormatPercent(NumberOrZero(explanation, "near_share")),
                    " of the loss or one standard error\n",
                    AlternativeTable(alternatives, loss, subject));
  }
  if (!Flag(explanation, "is_complete")) {
    text += "time ran out before all limits and layers were explained\n";
  }
  return text;
}

std::string SolutionText(const json& document) {
  std::string text = absl::StrCat("status       ", TextIn(document, "status"), "\n");
  if (document.contains("verified")) text += VerifiedText(document.at("verified"));
  const json order = ListIn(document, "layer_order");
  if (document.contains("infeasible") && document.at("infeasible").is_object()) {
    const json& infeasible = document.at("infeasible");
    text += InfeasibleText(infeasible, TextIn(document, "caveat"));
    if (infeasible.contains("nearest")) {
      const json& nearest = infeasible.at("nearest");
      absl::StrAppend(&text, "nearest      loss ", FormatNumber(NumberOrZero(nearest, "loss")),
                      ", ", CostsText(nearest.value("cost", json::object())), "\n",
                      AssignmentText(nearest.value("assignment", json::object()), order));
    }
    return text;
  }
  const double loss = NumberOrZero(document, "loss");
  const json objective = document.value("objective", json::object());
  const double minimized = NumberIn(objective, "value").value_or(loss);
  text += LossLine(document, loss);
  if (!objective.empty()) {
    absl::StrAppend(&text, "objective    ", FormatNumber(minimized), ", with the weighted costs\n");
  }
  const double bound =
      NumberIn(objective, "lower_bound").value_or(NumberOrZero(document, "lower_bound"));
  absl::StrAppend(&text, "lower bound  ", FormatNumber(bound), "\ngap          ",
                  FormatNumber(NumberOrZero(document, "gap")), "\ncost         ",
                  CostsText(document.value("cost", json::object())), "\nseconds      ",
                  FormatNumber(NumberOrZero(document, "seconds")), "\n",
                  AssignmentText(document.value("assignment", json::object()), order));
  if (document.contains("explanation")) {
    absl::StrAppend(&text, "\n", ExplanationText(document.at("explanation"), minimized));
  }
  return text;
}

}  // namespace halftone
