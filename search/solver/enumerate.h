#ifndef HALFTONE_SEARCH_SOLVER_ENUMERATE_H_
#define HALFTONE_SEARCH_SOLVER_ENUMERATE_H_

#include <vector>

#include "search/solver/compact.h"
#include "search/solver/label_search.h"
#include "search/solver/relaxation.h"
#include "search/solver/stop.h"

namespace halftone {

// Depth-first search over all selections of allowed columns of a problem with `cross`, within the
// limits, cut where the bound reaches the incumbent. Improves the incumbent to the best of them.
// False when stopped before the end.
bool EnumerateSelections(const CompactProblem& problem, const std::vector<char>& allowed,
                         const Relaxation::Bound& bound, const std::vector<double>& lambda,
                         Stop& stop, Incumbent& incumbent);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_ENUMERATE_H_
