#ifndef HALFTONE_SEARCH_SOLVER_SOLVER_H_
#define HALFTONE_SEARCH_SOLVER_SOLVER_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/progress.h"
#include "search/solver/problem.h"
#include "search/solver/solution.h"

namespace halftone {

struct SolveOptions {
  // Wall time after which the best assignment found is returned, with the bound reached. Half of it
  // is for the frontier where losses between all layers make that a long one.
  absl::Duration time_limit = absl::InfiniteDuration();
  // Points of the frontier that are returned at most (2 or more): evenly thinned out, ends kept.
  size_t max_frontier_points = 20'000;
};

// The assignment of least loss (or least objective, where objective weights count costs as well)
// within the budgets, proven where status is kOptimal: no other one is better by more than rounding
// (1e-10 of it). Of choices of a layer that lose the same the cheapest is taken (cheapest.h).
// Budgets are kept to 1e-9 of their limit. With
// problem.frontier set, also the Pareto-optimal points of that against that metric, other budgets
// kept. A budget that cannot be met is an answer (kInfeasible), not an error.
//
// INVALID_ARGUMENT for a malformed problem, RESOURCE_EXHAUSTED for one that is too large, or whose
// tables (solve_memory.h) would not fit MemoryBudget, with the figure. When time runs out or a
// cancellation comes, the best so far is returned as kFeasible with the bound reached; if nothing
// feasible was found by then, DEADLINE_EXCEEDED or CANCELLED. Thread-safe; deterministic but for
// the time limit.
absl::StatusOr<Solution> Solve(const Problem& problem, const SolveOptions& options = {},
                               const Progress& progress = {});

// Recomputes loss, costs, ties, pins and budgets of an answer from the problem alone. INTERNAL says
// what does not agree.
absl::Status CheckSolution(const Problem& problem, const Solution& solution);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_SOLVER_H_
