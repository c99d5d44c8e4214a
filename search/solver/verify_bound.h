#ifndef HALFTONE_SEARCH_SOLVER_VERIFY_BOUND_H_
#define HALFTONE_SEARCH_SOLVER_VERIFY_BOUND_H_

#include "absl/status/statusor.h"
#include "base/cancellation.h"
#include "search/solver/problem.h"
#include "search/solver/solution.h"

namespace halftone {

struct VerifyOptions {
  double max_steps = 3e6;  // choices that the enumeration looks at: some seconds at most
  int max_parts = 5000;    // that a problem with losses between all layers is split into
};

// Checks an answer from the problem alone, with none of the code that bounded it: loss, costs,
// ties, pins and budgets are those of the assignment; and no assignment within the budgets has a
// loss (or objective, where weights count costs as well) below the lower bound. For that, a
// Lagrangian bound is computed anew, over dynamic programming where edges and interactions join few
// variables, and over tangents of a convex form where all of them interact (VerifyQuadratic; only
// its blocks are suggested by the solver's code, and checked); what it leaves open is split or
// enumerated, depth first. Where the effort ends before, the answer says which smaller bound is
// certain. Assignments count as within a budget up to its limit itself; losses are compared to
// 1e-9.
//
// INTERNAL names what is false, an assignment that is better than the bound among it; CANCELLED;
// RESOURCE_EXHAUSTED for a problem that is too large to be checked.
absl::StatusOr<Verification> VerifySolution(const Problem& problem, const Solution& solution,
                                            const Cancellation& cancellation,
                                            const VerifyOptions& options = {});

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_VERIFY_BOUND_H_
