#include "search/solver/infeasible.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <optional>

#include "base/infinity.h"
#include "base/status_macros.h"
#include "search/solver/exact.h"

namespace halftone {
namespace {

using Metrics = std::vector<std::pair<std::string, double>>;

// Budgets up to which all sets of them are tried.
constexpr size_t kMaxEnumerated = 8;

double CostOf(const Costs& costs, const std::string& metric) {
  const auto found = costs.find(metric);
  return found == costs.end() ? 0 : found->second;
}

absl::StatusOr<double> LeastCost(const CompiledProblem& compiled, const std::string& metric,
                                 Stop& stop) {
  HT_ASSIGN_OR_RETURN(const CompactProblem costs, compiled.Compact({{metric, kInfinity}}));
  const CompactProblem alone = SelectComponents(costs, {1});
  const ExactResult result = SolveExactly(alone, Goal::kLoss, stop);
  return CostOf(compiled.ToPoint(result.incumbent.selection).cost, metric);
}

// Whether the budgets marked in `set` are proven to conflict.
absl::StatusOr<bool> Conflict(const CompiledProblem& compiled, const Metrics& budgets, unsigned set,
                              Stop& stop) {
  Metrics metrics;
  for (size_t k = 0; k < budgets.size(); ++k) {
    if (set >> k & 1) metrics.push_back(budgets[k]);
  }
  HT_ASSIGN_OR_RETURN(const CompactProblem problem, compiled.Compact(metrics));
  return SolveExactly(problem, Goal::kExcess, stop).lower_bound > 0;
}

absl::StatusOr<unsigned> SmallestConflict(const CompiledProblem& compiled, const Metrics& budgets,
                                          Stop& stop) {
  const unsigned all = (1u << budgets.size()) - 1;
  if (budgets.size() <= kMaxEnumerated) {
    std::vector<unsigned> sets(all);
    std::iota(sets.begin(), sets.end(), 1);
    std::stable_sort(sets.begin(), sets.end(),
                     [](unsigned a, unsigned b) { return std::popcount(a) < std::popcount(b); });
    for (unsigned set : sets) {
      if (set == all) break;
      HT_ASSIGN_OR_RETURN(const bool conflict, Conflict(compiled, budgets, set, stop));
      if (conflict) return set;
    }
    return all;
  }
  unsigned set = all;
  for (size_t k = 0; k < budgets.size(); ++k) {
    const unsigned fewer = set & ~(1u << k);
    HT_ASSIGN_OR_RETURN(const bool conflict, Conflict(compiled, budgets, fewer, stop));
    if (conflict) set = fewer;
  }
  return set;
}

absl::StatusOr<FrontierPoint> Nearest(const CompiledProblem& compiled, const Metrics& budgets,
                                      Stop& stop) {
  HT_ASSIGN_OR_RETURN(CompactProblem problem, compiled.Compact(budgets));
  const ExactResult closest = SolveExactly(problem, Goal::kExcess, stop);
  const std::vector<double> totals = problem.Evaluate(closest.incumbent.selection);
  for (size_t k = 0; k < problem.limit.size(); ++k) {
    problem.limit[k] = std::max(problem.limit[k], totals[k + 1]);
  }
  Incumbent start{totals[0], closest.incumbent.selection};
  const ExactResult best = SolveExactly(problem, Goal::kLoss, stop, std::move(start));
  FrontierPoint point = compiled.ToPoint(best.incumbent.selection);
  if (!best.proven) point.SetBound(best.lower_bound);
  return point;
}

// The least value of limit k within the other ones, and the least loss within that; nothing where
// no value helps, or none was found in time.
absl::StatusOr<std::optional<Solution::Infeasible::Relaxation>> Relax(
    const CompiledProblem& compiled, const Metrics& limits, size_t k, Stop& stop) {
  HT_ASSIGN_OR_RETURN(CompactProblem problem, compiled.Compact(limits));
  std::vector<size_t> components = {k + 1};
  for (size_t c = 1; c < static_cast<size_t>(problem.components); ++c) {
    if (c != k + 1) components.push_back(c);
  }
  const ExactResult least = SolveExactly(SelectComponents(problem, components), Goal::kLoss, stop);
  if (!least.incumbent.found() || !least.proven) return std::nullopt;
  const std::vector<double> totals = problem.Evaluate(least.incumbent.selection);
  problem.limit[k] = std::max(problem.limit[k], totals[k + 1]);
  const ExactResult best =
      SolveExactly(problem, Goal::kLoss, stop, {totals[0], least.incumbent.selection});
  const FrontierPoint cheapest = compiled.ToPoint(least.incumbent.selection);
  return Solution::Infeasible::Relaxation{CostOf(cheapest.cost, limits[k].first),
                                          compiled.ToPoint(best.incumbent.selection).Minimized()};
}

}  // namespace

absl::StatusOr<Solution::Infeasible> ExplainInfeasible(const CompiledProblem& compiled,
                                                       Stop& stop) {
  Solution::Infeasible answer;
  const Metrics& budgets = compiled.limits();
  for (const auto& [metric, limit] : budgets) {
    HT_ASSIGN_OR_RETURN(answer.minimum[metric], LeastCost(compiled, metric, stop));
  }
  HT_ASSIGN_OR_RETURN(const unsigned set, SmallestConflict(compiled, budgets, stop));
  for (size_t k = 0; k < budgets.size(); ++k) {
    if (set >> k & 1) answer.conflict.push_back(budgets[k].first);
  }
  HT_ASSIGN_OR_RETURN(answer.nearest, Nearest(compiled, budgets, stop));
  for (size_t k = 0; k < budgets.size(); ++k) {
    HT_ASSIGN_OR_RETURN(const auto relaxation, Relax(compiled, budgets, k, stop));
    if (relaxation.has_value()) answer.relaxations[budgets[k].first] = *relaxation;
  }
  return answer;
}

}  // namespace halftone
