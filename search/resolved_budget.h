#ifndef HALFTONE_SEARCH_RESOLVED_BUDGET_H_
#define HALFTONE_SEARCH_RESOLVED_BUDGET_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json_fwd.hpp"
#include "search/search_spec.h"

namespace halftone {

// A budget as a number, and what a relative one refers to. In the metric's base unit.
struct ResolvedBudget {
  Budget asked;
  double limit = 0;
  std::optional<double> reference_cost;     // of the reference network: "0.4x"
  std::optional<double> cheapest, dearest;  // of any assignment: "50%"
  // The target that these costs are of, where it is not the answer's: the base of a design space.
  std::string target;
};

// [{"metric": "latency_ns", "asked": "latency=0.4x", "limit", "reference_cost", "cheapest",
//   "dearest", "target"}], the last four only where they are known, and back. FromJson:
// INVALID_ARGUMENT names the field.
nlohmann::json ResolvedBudgetsToJson(const std::vector<ResolvedBudget>& budgets);
absl::StatusOr<ResolvedBudget> ResolvedBudgetFromJson(const nlohmann::json& json);

// The same, of which relative ones name that target as the one whose costs they refer to.
std::vector<ResolvedBudget> ReferringTo(const std::string& target,
                                        std::vector<ResolvedBudget> budgets);

// Their limits, in place of what was asked.
std::vector<Budget> AsNumbers(const std::vector<ResolvedBudget>& budgets);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_RESOLVED_BUDGET_H_
