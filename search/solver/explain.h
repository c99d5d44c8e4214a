#ifndef HALFTONE_SEARCH_SOLVER_EXPLAIN_H_
#define HALFTONE_SEARCH_SOLVER_EXPLAIN_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/progress.h"
#include "search/solver/explanation.h"
#include "search/solver/problem.h"
#include "search/solver/solution.h"

namespace halftone {

struct ExplainOptions {
  absl::Duration time_limit = absl::Seconds(2);  // wall time; what is explained by then is returned
  double near_share = 0.01;                      // of the loss: Alternative::is_near
};

// Explains the assignment of a solution by solving the problem again: without each limit, with each
// limit just high enough for less loss, and without each layer's choice, those that cost the least
// first. Layers with one choice have no alternative. With objective weights all losses are values
// of the objective. Empty for an infeasible problem, which Solution::Infeasible explains.
// INVALID_ARGUMENT when the solution is none of that problem; time that runs out, and cancellation,
// only leave the explanation incomplete. Thread-safe.
absl::StatusOr<Explanation> Explain(const Problem& problem, const Solution& solution,
                                    const ExplainOptions& options = {},
                                    const Progress& progress = {});

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_EXPLAIN_H_
