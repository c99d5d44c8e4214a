#ifndef HALFTONE_SEARCH_SOLVER_QUADRATIC_H_
#define HALFTONE_SEARCH_SOLVER_QUADRATIC_H_

#include "search/solver/compact.h"
#include "search/solver/exact.h"
#include "search/solver/stop.h"

namespace halftone {

// Minimizes the loss of a problem with `cross` within its limits: local search from the optima of
// linearizations, kicks and annealing; the convex relaxation's bound, tightened by its convex form;
// choices ruled out by that, and branch and bound over the rest. What is proven, and what `start`
// is for, as in SolveExactly.
ExactResult SolveQuadratic(const CompactProblem& problem, Stop& stop, Incumbent start);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_QUADRATIC_H_
