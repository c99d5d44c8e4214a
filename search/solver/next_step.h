#ifndef HALFTONE_SEARCH_SOLVER_NEXT_STEP_H_
#define HALFTONE_SEARCH_SOLVER_NEXT_STEP_H_

#include <cstddef>

#include "search/solver/compact.h"
#include "search/solver/stop.h"

namespace halftone {

// What is asked for: less loss by more of one limit, all others kept.
struct NextStepRequest {
  const CompactProblem& problem;  // borrowed
  size_t limit = 0;               // its number
  const Selection& present;       // within the limits
  bool is_present_optimal = false;
  double cutoff = 0;  // a loss counts as less when it is below; not above the present one's
  Selection larger;   // has less loss, and keeps the other limits
};

struct NextStep {
  Selection selection;     // the cheapest in the limit's metric that was found to have less loss
  double cost_bound = 0;   // no selection with less loss costs less; -infinity: not known
  bool is_proven = false;  // the bound is the selection's cost
};

// The smallest value of the limit that allows less loss. Without `cross` the cost is minimized
// within a limit on the loss. With it a loss cannot be limited: limits are tried, by growing
// strides from one that is too small and then halving what is between it and the cost of a
// selection with less loss, and last the value just below that cost, which proves it.
NextStep FindNextStep(const NextStepRequest& request, Stop& stop);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_NEXT_STEP_H_
