#ifndef HALFTONE_SEARCH_SOLVER_UNIT_H_
#define HALFTONE_SEARCH_SOLVER_UNIT_H_

#include <cstddef>

#include "search/solver/compact.h"

namespace halftone {

// What the totals of a component, of any two selections, differ by a whole multiple of, but for
// rounding: the largest such number that was found. 0 where there is none that stands out of the
// rounding of sums, and with `cross` for the loss.
double UnitOf(const CompactProblem& problem, size_t component);

// Lowers limits to what totals can reach at most, where their components have units, and a little
// room for rounding. No selection that was within the limits exceeds them then.
void TightenLimits(CompactProblem& problem);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_UNIT_H_
