#include "client/solution_text.h"

#include <algorithm>
#include <cmath>
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

double Number(const json& object, const char* field) { return NumberIn(object, field).value_or(0); }

bool Flag(const json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

std::string AssignmentText(const json& assignment) {
  Table table({"layer", "choice"});
  for (const auto& [layer, choice] : assignment.items()) {
    table.Add({layer, choice.is_string() ? choice.get<std::string>() : choice.dump()});
  }
  return table.Render();
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
  const std::string text = CostText(metric, next);
  if (bound.has_value() && *bound == next) return text;
  const std::string from = bound.has_value() ? CostText(metric, *bound) : text;
  return from == text ? absl::StrCat("at most ", text) : absl::StrCat(from, " to ", text);
}

std::string LimitTable(const json& limits, double loss) {
  Table table({"limit", "of", "used", "binds", "loss without it", "1 % more, est.",
               "less loss from", "then"});
  for (const json& limit : limits) {
    const std::string metric = TextIn(limit, "metric");
    const auto without = NumberIn(limit, "loss_without"), next = NumberIn(limit, "next_limit");
    const double value = Number(limit, "limit");
    const std::string at = TextIn(limit, "at");
    table.Add({at.empty() ? metric : absl::StrCat(metric, ", most at ", at),
               CostText(metric, value), CostText(metric, Number(limit, "used")),
               Flag(limit, "binds") ? "yes" : "no",
               without.has_value() ? ChangedLoss(*without, loss) : "-",
               FormatNumber(0.01 * value * Number(limit, "marginal_value")),
               next.has_value() ? NextLimitText(limit, metric, *next) : "-",
               next.has_value() ? ChangedLoss(Number(limit, "next_loss"), loss) : "-"});
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
    table.Add({LayersText(ListIn(alternative, "layers")), TextIn(alternative, "chosen"), choice,
               ChangedLoss(loss + Number(alternative, "loss_increase"), loss),
               FormatNumber(Number(alternative, "loss_stderr")),
               changes > own ? absl::StrCat(changes - own, " layers") : "-",
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
  if (absl::EndsWith(metric, "_ns")) return FormatQuantity(Quantity::kTime, value);
  if (absl::EndsWith(metric, "_bytes") || IsPartOfThePeak(metric)) {
    return FormatQuantity(Quantity::kSize, value);
  }
  if (absl::EndsWith(metric, "_pj")) return FormatQuantity(Quantity::kEnergy, value);
  return FormatQuantity(Quantity::kCount, value);
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

std::string InfeasibleText(const json& infeasible) {
  std::vector<std::string> conflict;
  for (const json& metric : ListIn(infeasible, "conflict")) {
    if (metric.is_string()) conflict.push_back(metric.get<std::string>());
  }
  std::string text =
      absl::StrCat("The budgets cannot be met: ", absl::StrJoin(conflict, ", "), ".\n");
  const json minimum = infeasible.value("minimum", json::object());
  for (const auto& [metric, value] : minimum.items()) {
    absl::StrAppend(&text, "  ", metric, ": no assignment needs less than ",
                    CostText(metric, value.get<double>()), "\n");
  }
  const json relaxations = infeasible.value("relaxations", json::object());
  for (const auto& [metric, relaxation] : relaxations.items()) {
    absl::StrAppend(&text, "  ", metric, ": ", CostText(metric, Number(relaxation, "limit")),
                    " would do, the other budgets kept, at a loss of ",
                    FormatNumber(Number(relaxation, "loss")), "\n");
  }
  const bool is_peak =
      std::find(conflict.begin(), conflict.end(), "activation_bytes") != conflict.end();
  if (relaxations.empty() && !is_peak) text += "  To raise one budget alone does not help.\n";
  return text;
}

std::string ExplanationText(const json& explanation, double loss, const std::string& subject) {
  std::string text;
  const json limits = ListIn(explanation, "limits");
  const json alternatives = ListIn(explanation, "alternatives");
  if (!limits.empty()) absl::StrAppend(&text, LimitTable(limits, loss), "\n");
  if (!alternatives.empty()) {
    absl::StrAppend(&text, "closest to changing, near: within ",
                    FormatPercent(Number(explanation, "near_share")),
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
  if (document.contains("infeasible") && document.at("infeasible").is_object()) {
    const json& infeasible = document.at("infeasible");
    text += InfeasibleText(infeasible);
    if (infeasible.contains("nearest")) {
      const json& nearest = infeasible.at("nearest");
      absl::StrAppend(&text, "nearest      loss ", FormatNumber(Number(nearest, "loss")), ", ",
                      CostsText(nearest.value("cost", json::object())), "\n",
                      AssignmentText(nearest.value("assignment", json::object())));
    }
    return text;
  }
  const double loss = Number(document, "loss");
  const json objective = document.value("objective", json::object());
  const double minimized = NumberIn(objective, "value").value_or(loss);
  absl::StrAppend(&text, "loss         ", FormatNumber(loss), "\n");
  if (!objective.empty()) {
    absl::StrAppend(&text, "objective    ", FormatNumber(minimized), ", with the weighted costs\n");
  }
  const double bound = NumberIn(objective, "lower_bound").value_or(Number(document, "lower_bound"));
  absl::StrAppend(&text, "lower bound  ", FormatNumber(bound), "\ngap          ",
                  FormatNumber(Number(document, "gap")), "\ncost         ",
                  CostsText(document.value("cost", json::object())), "\nseconds      ",
                  FormatNumber(Number(document, "seconds")), "\n",
                  AssignmentText(document.value("assignment", json::object())));
  if (document.contains("explanation")) {
    absl::StrAppend(&text, "\n", ExplanationText(document.at("explanation"), minimized));
  }
  return text;
}

}  // namespace halftone
