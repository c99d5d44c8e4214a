#ifndef HALFTONE_SEARCH_SOLVER_CHEAPEST_H_
#define HALFTONE_SEARCH_SOLVER_CHEAPEST_H_

#include "search/solver/compact.h"
#include "search/solver/compile.h"
#include "search/solver/stop.h"

namespace halftone {

// Of what loses no more than a selection within the limits, one that no other choice of a single
// variable makes cheaper: less of what is limited, in shares of the limits, else less of the
// frontier's metric, else of the others by name. `compact` is of the problem's own limits. Takes
// next to no time where no variable has another choice of as little loss. Deterministic; where it
// is stopped, or memory for the costs of all metrics is short, the selection as it came.
Selection CheapestOfEqual(const CompiledProblem& compiled, const CompactProblem& compact,
                          Selection selection, Stop& stop);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_CHEAPEST_H_
