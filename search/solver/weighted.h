#ifndef HALFTONE_SEARCH_SOLVER_WEIGHTED_H_
#define HALFTONE_SEARCH_SOLVER_WEIGHTED_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "search/solver/compact.h"

namespace halftone {

// The weighted sum of components, of which `values` has as many as there are weights.
inline double WeightedSum(absl::Span<const double> weights, const double* values) {
  double sum = 0;
  for (size_t c = 0; c < weights.size(); ++c) sum += weights[c] * values[c];
  return sum;
}

// The weighted sum of the components of each choice of a variable, without pairs.
std::vector<double> WeightedValues(const CompactProblem& problem,
                                   const std::vector<double>& weights, int variable);

// Per variable, of two choices or more, how near its two best choices are by their weighted values:
// the best less the second best. Where they are close, a search has to decide.
std::vector<double> ClosenessOf(const CompactProblem& problem, const std::vector<double>& weights);

// The choice of every variable that costs the least of the limit's component by itself.
Selection CheapestChoices(const CompactProblem& problem, size_t limit);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_WEIGHTED_H_
