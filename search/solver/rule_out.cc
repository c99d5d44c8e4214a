#include "search/solver/rule_out.h"

#include <algorithm>
#include <cstddef>

#include "search/solver/weighted.h"

namespace halftone {

std::vector<std::vector<char>> ChoicesNotRuledOut(const CompactProblem& problem, Goal goal,
                                                  double cutoff, const Elimination& elimination,
                                                  const std::vector<Elimination::Tables>& bounds,
                                                  Stop& stop) {
  std::vector<std::vector<char>> keep;
  for (int count : problem.choices) keep.emplace_back(static_cast<size_t>(count), 1);
  for (const Elimination::Tables& tables : bounds) {
    const auto is_ruled_out = [&](double minimum) {
      double bound = minimum;
      for (size_t k = 0; k < problem.limit.size(); ++k) {
        bound -= tables.weights[k + 1] * problem.limit[k];
      }
      if (goal == Goal::kLoss && tables.weights[0] == 0) return bound > kFeasibilityNoise;
      return bound >= cutoff;
    };
    if (problem.pairs.empty()) {
      for (int v = 0; v < problem.variables(); ++v) {
        const std::vector<double> sums = WeightedValues(problem, tables.weights, v);
        const double least = *std::min_element(sums.begin(), sums.end());
        for (size_t o = 0; o < sums.size(); ++o) {
          if (is_ruled_out(tables.minimum + sums[o] - least)) keep[size_t(v)][o] = 0;
        }
      }
      continue;
    }
    if (stop()) break;
    const std::vector<std::vector<double>> minima = elimination.MinimaGiven(tables);
    for (size_t v = 0; v < minima.size(); ++v) {
      for (size_t o = 0; o < minima[v].size(); ++o) {
        if (is_ruled_out(minima[v][o])) keep[v][o] = 0;
      }
    }
  }
  return keep;
}

}  // namespace halftone
