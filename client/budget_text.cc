#include "client/budget_text.h"

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/units.h"
#include "client/json_values.h"
#include "client/solution_text.h"

namespace halftone {
namespace {

using nlohmann::json;
using Budgets = google::protobuf::RepeatedPtrField<v1::Budget>;

// A limit that is smaller than the least possible by so much is not what was meant.
constexpr double kFarBelow = 0.01;

struct BudgetMetric {
  const char* name;
  const char* cost;  // its key among costs
  Quantity quantity;
};
constexpr BudgetMetric kMetrics[] = {{"latency", "latency_ns", Quantity::kTime},
                                     {"size", "size_bytes", Quantity::kSize},
                                     {"energy", "energy_pj", Quantity::kEnergy},
                                     {"bops", "bops", Quantity::kCount},
                                     {"activation-memory", "activation_bytes", Quantity::kSize}};

const BudgetMetric* MetricOf(const v1::Budget& budget) {
  for (const BudgetMetric& metric : kMetrics) {
    if (budget.metric() == metric.name) return &metric;
  }
  return nullptr;
}

// A limit that is relative to nothing, in the metric's base unit.
std::optional<double> AbsoluteLimit(const v1::Budget& budget) {
  const BudgetMetric* metric = MetricOf(budget);
  if (metric == nullptr) return std::nullopt;
  const absl::StatusOr<double> limit = ParseQuantity(metric->quantity, budget.limit());
  return limit.ok() ? std::optional(*limit) : std::nullopt;
}

// What a size counts beside layers: "" where it is nothing, or where the answer does not tell.
std::string OtherText(const std::string& metric, const json& document) {
  const double bytes = NumberOrZero(document, "other_bytes");
  if (metric != "size_bytes" || bytes == 0) return "";
  return absl::StrCat(", and ", CostText(metric, bytes), " of float tensors of no layer");
}

// A relative limit in units, and what it refers to; "" where the answer does not tell.
std::string ReferringTo(const std::string& relative, const json& resolved, const json& document) {
  const std::string metric = TextIn(resolved, "metric"), target = TextIn(resolved, "target");
  const auto limit = NumberIn(resolved, "limit"), of = NumberIn(resolved, "reference_cost"),
             cheapest = NumberIn(resolved, "cheapest"), dearest = NumberIn(resolved, "dearest");
  absl::string_view share = relative;
  if (!limit.has_value()) return "";
  std::string text = absl::StrCat(CostText(metric, *limit), ", ");
  if (of.has_value() && absl::ConsumeSuffix(&share, "x")) {
    absl::StrAppend(&text, share, " times the ", CostText(metric, *of),
                    " of the reference network (all layers in ", TextIn(document, "reference"),
                    OtherText(metric, document), ")");
  } else if (cheapest.has_value() && dearest.has_value() && absl::ConsumeSuffix(&share, "%")) {
    absl::StrAppend(&text, share, " % of the way from ", CostText(metric, *cheapest),
                    " (the cheapest assignment) to ", CostText(metric, *dearest), " (the dearest)");
  } else {
    return "";
  }
  return target.empty() ? text : absl::StrCat(text, " on ", target);
}

std::string UnderstoodAs(const v1::Budget& budget, const json& resolved, const json& document) {
  const std::optional<double> limit = AbsoluteLimit(budget);
  if (limit.has_value()) return CostText(MetricOf(budget)->cost, *limit);
  std::string referring = ReferringTo(budget.limit(), resolved, document);
  if (!referring.empty()) return referring;
  absl::string_view text = budget.limit();
  if (absl::ConsumeSuffix(&text, "x")) {
    return absl::StrCat(text, " times what the reference network needs");
  }
  if (absl::ConsumeSuffix(&text, "%")) {
    return absl::StrCat(text, " % of the way from the cheapest assignment to the dearest");
  }
  return std::string(text);
}

std::string BudgetLine(const std::string& asked, const std::string& understood) {
  return absl::StrCat("budget       ", asked, ": at most ", understood, "\n");
}

// "latency=0.5x" where a number without a unit would be a factor.
std::string MeantInstead(const v1::Budget& budget) {
  double number = 0;
  if (!absl::SimpleAtod(budget.limit(), &number) || number > 100) return "";
  return absl::StrCat("; was ", budget.metric(), "=", budget.limit(), number <= 1 ? "x" : "%",
                      " meant?");
}

}  // namespace

std::string BudgetsText(const Budgets& budgets, const json& document) {
  const json resolved = ListIn(document, "budgets");
  std::string text;
  for (size_t i = 0; i < static_cast<size_t>(budgets.size()); ++i) {
    const v1::Budget& budget = budgets[static_cast<int>(i)];
    text += BudgetLine(absl::StrCat(budget.metric(), "=", budget.limit()),
                       UnderstoodAs(budget, i < resolved.size() ? resolved[i] : json(), document));
  }
  return text;
}

std::string RelativeBudgetsText(const json& document) {
  std::string text;
  for (const json& resolved : ListIn(document, "budgets")) {
    const std::string asked = TextIn(resolved, "asked");
    const std::string understood =
        ReferringTo(asked.substr(asked.find('=') + 1), resolved, document);
    if (!understood.empty()) text += BudgetLine(asked, understood);
  }
  return text;
}

std::vector<std::string> BudgetWarnings(const Budgets& budgets, const json& infeasible) {
  std::vector<std::string> warnings;
  if (!infeasible.is_object()) return warnings;
  const json minimum = infeasible.value("minimum", json::object());
  for (const v1::Budget& budget : budgets) {
    const std::optional<double> limit = AbsoluteLimit(budget);
    if (!limit.has_value()) continue;
    const char* cost = MetricOf(budget)->cost;
    const std::optional<double> least = NumberIn(minimum, cost);
    if (!least.has_value() || *limit >= kFarBelow * *least) continue;
    warnings.push_back(absl::StrCat("budget ", budget.metric(), "=", budget.limit(), " is ",
                                    CostText(cost, *limit),
                                    ", far below the least that any assignment needs, ",
                                    CostText(cost, *least), MeantInstead(budget)));
  }
  return warnings;
}

}  // namespace halftone
