#ifndef HALFTONE_SEARCH_SOLVER_ANNEALING_H_
#define HALFTONE_SEARCH_SOLVER_ANNEALING_H_

#include <cstdint>

#include "search/solver/compact.h"
#include "search/solver/label_search.h"
#include "search/solver/stop.h"

namespace halftone {

// Simulated annealing (Kirkpatrick, Gelatt and Vecchi, Science 220, 1983) of a problem with `cross`
// and without pairs, from an incumbent within the limits on and never outside of them: changes of
// one variable, and of two at once, since limits are mostly used up. Losses that can cancel have
// local optima everywhere, which changes for the better alone do not leave. Improves the incumbent
// where it finds better. Deterministic.
void Anneal(const CompactProblem& problem, int64_t proposals, Stop& stop, Incumbent& incumbent);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_ANNEALING_H_
