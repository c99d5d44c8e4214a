#ifndef HALFTONE_SEARCH_SOLVER_INFEASIBLE_H_
#define HALFTONE_SEARCH_SOLVER_INFEASIBLE_H_

#include "absl/status/statusor.h"
#include "search/solver/compile.h"
#include "search/solver/solution.h"
#include "search/solver/stop.h"

namespace halftone {

// Why budgets that no assignment keeps cannot be kept: the least value of each budgeted metric, a
// smallest conflicting set (smallest of all with up to 8 budgets, else one that no budget can be
// left out of), and the assignment of least total excess relative to the budgets (a budget of 0
// counts relative to the dearest choice); among those, within the costs found, of least loss. Then
// the smallest value of each budget alone that would do.
absl::StatusOr<Solution::Infeasible> ExplainInfeasible(const CompiledProblem& compiled, Stop& stop);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_INFEASIBLE_H_
