#include "search/cost_warnings.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "search/search_spec.h"

namespace halftone {

std::vector<std::string> JoinWarnings(
    const std::vector<std::pair<std::string, std::string>>& of_layers) {
  std::map<std::string, std::vector<std::string>> warned;
  for (const auto& [layer, warning] : of_layers) {
    if (!warning.empty()) warned[warning].push_back(layer);
  }
  std::vector<std::string> warnings;
  for (const auto& [warning, layers] : warned) {
    const std::string others =
        layers.size() == 1 ? "" : absl::StrCat(" and ", layers.size() - 1, " more");
    warnings.push_back(absl::StrCat("layer '", layers.front(), "'", others, ": ", warning));
  }
  return warnings;
}

std::vector<std::string> WarningsOf(const CostTable& costs, const Assignment& assignment) {
  std::vector<std::pair<std::string, std::string>> of_layers;
  for (const CostRow& row : costs.rows) {
    const auto chosen = assignment.find(row.layer);
    if (chosen == assignment.end() || chosen->second != row.precision.ToString()) continue;
    of_layers.emplace_back(row.layer, row.warning);
  }
  return JoinWarnings(of_layers);
}

std::string BusyCaveat(const CostTable& costs, const Solution& solution) {
  if (!solution.infeasible.has_value() || !costs.IsOfABusyMachine()) return "";
  const std::vector<std::string>& conflict = solution.infeasible->conflict;
  const auto latency = MetricCostKey(Metric::kLatency);
  if (std::find(conflict.begin(), conflict.end(), latency) == conflict.end()) return "";
  return "latencies were measured while the machine was busy: a run on a quiet machine may meet "
         "the budgets";
}

}  // namespace halftone
