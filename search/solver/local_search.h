#ifndef HALFTONE_SEARCH_SOLVER_LOCAL_SEARCH_H_
#define HALFTONE_SEARCH_SOLVER_LOCAL_SEARCH_H_

#include "search/solver/compact.h"
#include "search/solver/label_search.h"
#include "search/solver/stop.h"

namespace halftone {

// From `start`, changes one variable at a time, first towards the limits (least loss per excess
// removed), then towards less loss within them; then two at a time while the problem is small
// enough for that. Updates the incumbent if that ends better. Deterministic.
void ImproveLocally(const CompactProblem& problem, Goal goal, Selection start, Stop& stop,
                    Incumbent& incumbent);

// Changes some variables of the incumbent at random, drawn from a fixed seed, and improves what
// results locally, `kicks` times. Deterministic.
void ImproveByKicks(const CompactProblem& problem, int kicks, Stop& stop, Incumbent& incumbent);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_LOCAL_SEARCH_H_
