#include "search/solver/weighted.h"

#include <algorithm>

namespace halftone {

std::vector<double> WeightedValues(const CompactProblem& problem,
                                   const std::vector<double>& weights, int variable) {
  std::vector<double> sums;
  sums.reserve(size_t(problem.choices[size_t(variable)]));
  for (ChoiceIndex o = 0; o < problem.choices[size_t(variable)]; ++o) {
    sums.push_back(WeightedSum(weights, problem.Value(variable, o)));
  }
  return sums;
}

std::vector<double> ClosenessOf(const CompactProblem& problem, const std::vector<double>& weights) {
  std::vector<double> closeness;
  for (int v = 0; v < problem.variables(); ++v) {
    std::vector<double> sums = WeightedValues(problem, weights, v);
    std::partial_sort(sums.begin(), sums.begin() + 2, sums.end());
    closeness.push_back(sums[0] - sums[1]);
  }
  return closeness;
}

Selection CheapestChoices(const CompactProblem& problem, size_t limit) {
  Selection cheapest;
  for (int v = 0; v < problem.variables(); ++v) {
    ChoiceIndex best = 0;
    for (ChoiceIndex o = 1; o < problem.choices[size_t(v)]; ++o) {
      if (problem.Value(v, o)[limit + 1] < problem.Value(v, best)[limit + 1]) best = o;
    }
    cheapest.push_back(best);
  }
  return cheapest;
}

}  // namespace halftone
