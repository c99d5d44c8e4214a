#ifndef HALFTONE_SEARCH_SOLVER_RECOUNT_H_
#define HALFTONE_SEARCH_SOLVER_RECOUNT_H_

#include "absl/status/statusor.h"
#include "search/solver/problem.h"
#include "search/solver/solution.h"

namespace halftone {

// Loss, objective and costs of an assignment, for checking answers: added up from the problem's own
// lists, with none of the code that solves it, so that a mistake there shows. The lower bounds
// equal the values. The problem must be sound (CheckProblem). INVALID_ARGUMENT names a layer that
// has no choice, a choice that its layer does not have, or a layer that the problem does not have.
absl::StatusOr<FrontierPoint> Recount(const Problem& problem, const Assignment& assignment);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_RECOUNT_H_
