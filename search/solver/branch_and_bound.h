#ifndef HALFTONE_SEARCH_SOLVER_BRANCH_AND_BOUND_H_
#define HALFTONE_SEARCH_SOLVER_BRANCH_AND_BOUND_H_

#include "search/solver/compact.h"
#include "search/solver/convexify.h"
#include "search/solver/label_search.h"
#include "search/solver/relaxation.h"
#include "search/solver/stop.h"

namespace halftone {

// Branch and bound on the convex relaxation of a problem with `cross`, from the relaxation's
// minimum `root` on, the least bound first. A node's variable whose fractions are the loosest is
// split into the choices near either of its two largest; what is small is enumerated. Improves the
// incumbent as far as possible. Returns a lower bound of the objective of every selection that is
// not accounted for by the incumbent: infinite when the search was exhaustive.
double BranchAndBound(const CompactProblem& problem, const ConvexForm& form,
                      const Relaxation::Point& root, double root_bound, Stop& stop,
                      Incumbent& incumbent);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_BRANCH_AND_BOUND_H_
