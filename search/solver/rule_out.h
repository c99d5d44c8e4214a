#ifndef HALFTONE_SEARCH_SOLVER_RULE_OUT_H_
#define HALFTONE_SEARCH_SOLVER_RULE_OUT_H_

#include <vector>

#include "search/solver/compact.h"
#include "search/solver/elimination.h"
#include "search/solver/label_search.h"
#include "search/solver/stop.h"

namespace halftone {

// Marks, per variable, the choices that may be part of a selection better than `cutoff`: with 0
// those whose bound by any of the tables reaches it, or by weights of the limits alone exceeds
// them. When stopped, the tables that were not asked rule nothing out.
std::vector<std::vector<char>> ChoicesNotRuledOut(const CompactProblem& problem, Goal goal,
                                                  double cutoff, const Elimination& elimination,
                                                  const std::vector<Elimination::Tables>& bounds,
                                                  Stop& stop);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_RULE_OUT_H_
