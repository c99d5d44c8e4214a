#ifndef HALFTONE_SEARCH_SOLVER_EXCHANGE_H_
#define HALFTONE_SEARCH_SOLVER_EXCHANGE_H_

#include "search/solver/compact.h"
#include "search/solver/stop.h"

namespace halftone {

// Whether ExchangeAll is for the problem: one limit, and nothing between variables.
bool CanExchangeAll(const CompactProblem& problem);

// From a selection within the limit: the one or two changes of a variable that together reduce the
// loss the most within it, as long as there are any. All pairs of changes are compared, by sorting.
Selection ExchangeAll(const CompactProblem& problem, Selection selection, Stop& stop);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_EXCHANGE_H_
