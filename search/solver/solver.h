#ifndef HALFTONE_SEARCH_SOLVER_SOLVER_H_
#define HALFTONE_SEARCH_SOLVER_SOLVER_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/progress.h"
#include "search/solver/problem.h"
#include "search/solver/solution.h"

namespace halftone {

struct SolveOptions {
  // Wall time after which the best assignment found is returned, with the bound reached.
  absl::Duration time_limit = absl::InfiniteDuration();
};

// The assignment of least loss within the budgets, proven where status is kOptimal; with
// problem.frontier set, also all Pareto-optimal points of loss against that metric (other budgets
// kept). A budget that cannot be met is an answer (kInfeasible), not an error. INVALID_ARGUMENT for
// a malformed problem; CANCELLED when nothing feasible was found before a cancellation, else the
// best so far. Thread-safe; deterministic but for the time limit.
absl::StatusOr<Solution> Solve(const Problem& problem, const SolveOptions& options = {},
                               const Progress& progress = {});

// Recomputes loss, costs, ties, pins and budgets of an answer from the problem alone. INTERNAL says
// what does not agree.
absl::Status CheckSolution(const Problem& problem, const Solution& solution);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_SOLVER_H_
