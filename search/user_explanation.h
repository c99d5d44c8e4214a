#ifndef HALFTONE_SEARCH_USER_EXPLANATION_H_
#define HALFTONE_SEARCH_USER_EXPLANATION_H_

#include <vector>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "search/network_summary.h"
#include "search/problem_builder.h"
#include "search/solver/explanation.h"
#include "search/solver/solution.h"

namespace halftone {

// Explain() of a problem that was built from a network, in the terms of what the user asked for:
// - The limits on live sets (LiveSetMetric) are one limit on `activation_bytes`, of which the most
//   is used `at` a node. A unit more of it is a unit more everywhere, so that the marginal values
//   add up. What it costs as a whole is known only where it limits one place, and how far it would
//   have to be raised not at all, for other places may then exceed it: `next_limit` is absent.
// - An alternative that only names the precision of a product of two activations otherwise
//   (Precision::WithoutWeights) changes nothing, and is left out.
// - Costs of alternatives have the peak of activations, as those of all answers.
// Errors of Explain.
absl::StatusOr<Explanation> ExplainToUser(const NetworkSummary& network, const BuiltProblem& built,
                                          const Solution& solution, const Progress& progress);

// The same, of an explanation in the solver's terms.
Explanation InUsersTerms(const NetworkSummary& network, const std::vector<LiveSet>& live_sets,
                         const Solution& solution, Explanation explanation);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_USER_EXPLANATION_H_
