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

std::string UnderstoodAs(const v1::Budget& budget) {
  const std::optional<double> limit = AbsoluteLimit(budget);
  if (limit.has_value()) return CostText(MetricOf(budget)->cost, *limit);
  absl::string_view text = budget.limit();
  if (absl::ConsumeSuffix(&text, "x")) {
    return absl::StrCat(text, " times what the reference network needs");
  }
  if (absl::ConsumeSuffix(&text, "%")) {
    return absl::StrCat(text, " % of the way from the cheapest assignment to the dearest");
  }
  return std::string(text);
}

// "latency=0.5x" where a number without a unit would be a factor.
std::string MeantInstead(const v1::Budget& budget) {
  double number = 0;
  if (!absl::SimpleAtod(budget.limit(), &number) || number > 100) return "";
  return absl::StrCat("; was ", budget.metric(), "=", budget.limit(), number <= 1 ? "x" : "%",
                      " meant?");
}

}  // namespace

std::string BudgetsText(const Budgets& budgets) {
  std::string text;
  for (const v1::Budget& budget : budgets) {
    absl::StrAppend(&text, "budget       ", budget.metric(), "=", budget.limit(), ": at most ",
                    UnderstoodAs(budget), "\n");
  }
  return text;
}

std::vector<std::string> BudgetWarnings(const Budgets& budgets, const nlohmann::json& infeasible) {
  std::vector<std::string> warnings;
  if (!infeasible.is_object()) return warnings;
  const nlohmann::json minimum = infeasible.value("minimum", nlohmann::json::object());
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
