#ifndef HALFTONE_SEARCH_SOLVER_EXACT_H_
#define HALFTONE_SEARCH_SOLVER_EXACT_H_

#include "search/solver/compact.h"
#include "search/solver/label_search.h"
#include "search/solver/lagrangian.h"
#include "search/solver/stop.h"

namespace halftone {

struct ExactResult {
  Incumbent incumbent;  // of the problem's own variables
  // No selection is better. Infinite when there is none within the limits. Equal to the incumbent's
  // objective, but for rounding, when that is proven.
  double lower_bound = 0;
  bool proven = false;  // the incumbent is optimal, or there is none
};

// Minimizes the goal. Problems with `cross` are SolveQuadratic's. Of all others: removes dominated
// choices, bounds by Lagrangian relaxation of the limits over bucket elimination, fixes what the
// bound and a first incumbent rule out, and searches the rest.
// `start` may carry a selection that is already known. Whatever weights `source` finds, the result
// is right: they only decide how long that takes. Deterministic but for `stop` and `source`.
ExactResult SolveExactly(const CompactProblem& problem, Goal goal, Stop& stop, Incumbent start = {},
                         const MultiplierSource& source = MaximizeLagrangian);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_EXACT_H_
