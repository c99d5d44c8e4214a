#include "search/resolved_budget.h"

#include "base/json_fields.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace halftone {

using nlohmann::json;

json ResolvedBudgetsToJson(const std::vector<ResolvedBudget>& budgets) {
  json array = json::array();
  for (const ResolvedBudget& budget : budgets) {
    json object = {{"metric", std::string(MetricCostKey(budget.asked.metric))},
                   {"asked", budget.asked.ToString()},
                   {"limit", budget.limit}};
    if (budget.reference_cost.has_value()) object["reference_cost"] = *budget.reference_cost;
    if (budget.cheapest.has_value()) object["cheapest"] = *budget.cheapest;
    if (budget.dearest.has_value()) object["dearest"] = *budget.dearest;
    if (!budget.target.empty()) object["target"] = budget.target;
    array.push_back(std::move(object));
  }
  return array;
}

absl::StatusOr<ResolvedBudget> ResolvedBudgetFromJson(const json& object) {
  ResolvedBudget budget;
  JsonFields fields(object, "budget");
  fields.ReadParsed("asked", &budget.asked);
  fields.Read("limit", &budget.limit);
  fields.Read("reference_cost", &budget.reference_cost);
  fields.Read("cheapest", &budget.cheapest);
  fields.Read("dearest", &budget.dearest);
  fields.Read("target", &budget.target);
  HT_RETURN_IF_ERROR(fields.status());
  return budget;
}

std::vector<ResolvedBudget> ReferringTo(const std::string& target,
                                        std::vector<ResolvedBudget> budgets) {
  for (ResolvedBudget& budget : budgets) {
    if (budget.asked.kind != Budget::Kind::kAbsolute) budget.target = target;
  }
  return budgets;
}

std::vector<Budget> AsNumbers(const std::vector<ResolvedBudget>& budgets) {
  std::vector<Budget> numbers;
  for (const ResolvedBudget& budget : budgets) {
    numbers.push_back({budget.asked.metric, Budget::Kind::kAbsolute, budget.limit});
  }
  return numbers;
}

}  // namespace halftone
