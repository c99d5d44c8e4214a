#ifndef HALFTONE_TESTS_SEARCH_SOLVER_ALL_ASSIGNMENTS_H_
#define HALFTONE_TESTS_SEARCH_SOLVER_ALL_ASSIGNMENTS_H_

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "search/solver/compile.h"
#include "search/solver/problem.h"
#include "search/solver/solution.h"

namespace halftone {

// Brute force over small problems.

inline double CostOf(const Costs& costs, const std::string& metric) {
  const auto found = costs.find(metric);
  return found == costs.end() ? 0 : found->second;
}

// The budgets, and the limit on precision changes.
inline std::map<std::string, double> LimitsOf(const Problem& problem) {
  std::map<std::string, double> limits = problem.budgets;
  if (problem.max_changes.has_value()) {
    limits[kChangesMetric] = static_cast<double>(*problem.max_changes);
  }
  return limits;
}

inline bool Keeps(const Problem& problem, const Costs& costs, const std::string& but_for = "") {
  for (const auto& [metric, limit] : LimitsOf(problem)) {
    if (metric != but_for && CostOf(costs, metric) > limit * (1 + 1e-9)) return false;
  }
  return true;
}

// Every assignment that keeps ties, pins and allowed sets.
inline std::vector<FrontierPoint> AllAssignments(const Problem& problem) {
  std::vector<FrontierPoint> all;
  Assignment assignment;
  const std::function<void(size_t)> extend = [&](size_t layer) {
    if (layer == problem.layers.size()) {
      for (const auto& tie : problem.ties) {
        for (const std::string& name : tie) {
          if (assignment[name] != assignment[tie[0]]) return;
        }
      }
      all.push_back(*EvaluateAssignment(problem, assignment));
      return;
    }
    const std::string& name = problem.layers[layer].name;
    const auto pin = problem.pins.find(name);
    const auto allowed = problem.allowed.find(name);
    for (const Problem::Choice& choice : problem.layers[layer].choices) {
      if (pin != problem.pins.end() && pin->second != choice.name) continue;
      if (allowed != problem.allowed.end() &&
          std::find(allowed->second.begin(), allowed->second.end(), choice.name) ==
              allowed->second.end()) {
        continue;
      }
      assignment[name] = choice.name;
      extend(layer + 1);
    }
  };
  extend(0);
  return all;
}

}  // namespace halftone

#endif  // HALFTONE_TESTS_SEARCH_SOLVER_ALL_ASSIGNMENTS_H_
