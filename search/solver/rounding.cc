#include "search/solver/rounding.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/infinity.h"

namespace halftone {
namespace {

// Variable by variable, the choice that keeps the costs so far the nearest to those of the mixture.
// Without pairs the end is off by about what one variable costs.
Selection Diffuse(const CompactProblem& problem, const std::vector<MixedSelection>& mixture) {
  Selection selection(problem.choices.size(), 0);
  const size_t limits = problem.limit.size();
  std::vector<double> ahead(limits, 0.0), wanted(limits);
  for (int v = 0; v < problem.variables(); ++v) {
    std::fill(wanted.begin(), wanted.end(), 0.0);
    for (const MixedSelection& mixed : mixture) {
      const double* value = problem.Value(v, mixed.selection[size_t(v)]);
      for (size_t k = 0; k < limits; ++k) wanted[k] += mixed.part * value[k + 1];
    }
    double least = kInfinity;
    for (const MixedSelection& mixed : mixture) {
      const double* value = problem.Value(v, mixed.selection[size_t(v)]);
      double distance = 0;
      for (size_t k = 0; k < limits; ++k) {
        distance += std::pow(ahead[k] + value[k + 1] - wanted[k], 2);
      }
      if (distance >= least) continue;
      least = distance;
      selection[size_t(v)] = mixed.selection[size_t(v)];
    }
    const double* chosen = problem.Value(v, selection[size_t(v)]);
    for (size_t k = 0; k < limits; ++k) ahead[k] += chosen[k + 1] - wanted[k];
  }
  return selection;
}

// Changes over from one selection to another along an order.
class Crossover {
 public:
  Crossover(const CompactProblem& problem, absl::Span<const int> order)
      : problem_(problem), order_(order), pairs_(PairsOfVariables(problem)) {}

  // As much of the first as its part says, by the variables in which they differ.
  Selection AtPart(const Selection& first, const Selection& second, double part) const {
    std::vector<int> differing;
    for (int v : order_) {
      if (first[size_t(v)] != second[size_t(v)]) differing.push_back(v);
    }
    const auto count = static_cast<size_t>(std::lround(part * double(differing.size())));
    Selection result = second;
    for (size_t i = 0; i < std::min(count, differing.size()); ++i) {
      result[size_t(differing[i])] = first[size_t(differing[i])];
    }
    return result;
  }

  // The change within the limits that has the least loss; where none is, that of the least excess.
  Selection Best(const Selection& first, const Selection& second) const {
    Selection result = second;
    std::vector<double> totals = problem_.Evaluate(result);
    std::pair<double, double> best = Rank(totals);
    size_t best_end = 0;
    for (size_t i = 0; i < order_.size(); ++i) {
      const int v = order_[i];
      if (first[size_t(v)] == second[size_t(v)]) continue;
      Add(result, v, -1, totals);
      result[size_t(v)] = first[size_t(v)];
      Add(result, v, 1, totals);
      if (const std::pair<double, double> rank = Rank(totals); rank < best) {
        best = rank;
        best_end = i + 1;
      }
    }
    result = second;
    for (size_t i = 0; i < best_end; ++i) result[size_t(order_[i])] = first[size_t(order_[i])];
    return result;
  }

 private:
  std::pair<double, double> Rank(const std::vector<double>& totals) const {
    return {problem_.Excess(totals), totals[0]};
  }

  // What the variable's choice and its pairs add to the totals, times the sign.
  void Add(const Selection& selection, int v, double sign, std::vector<double>& totals) const {
    const auto add = [&](const double* values) {
      for (size_t c = 0; c < totals.size(); ++c) totals[c] += sign * values[c];
    };
    add(problem_.Value(v, selection[size_t(v)]));
    for (int p : pairs_[size_t(v)]) {
      const CompactPair& pair = problem_.pairs[size_t(p)];
      add(problem_.PairValue(pair, selection[size_t(pair.a)], selection[size_t(pair.b)]));
    }
  }

  const CompactProblem& problem_;
  absl::Span<const int> order_;
  std::vector<std::vector<int>> pairs_;
};

}  // namespace

Selection RoundMixture(const CompactProblem& problem, absl::Span<const int> order,
                       const std::vector<MixedSelection>& mixture) {
  if (problem.pairs.empty()) return Diffuse(problem, mixture);
  const Crossover crossover(problem, order);
  Selection result = mixture[0].selection;
  double part = mixture[0].part;
  for (size_t i = 1; i < mixture.size(); ++i) {
    const Selection& next = mixture[i].selection;
    const double joined = part + mixture[i].part;
    result = i + 1 < mixture.size() ? crossover.AtPart(result, next, part / joined)
                                    : crossover.Best(result, next);
    part = joined;
  }
  return result;
}

}  // namespace halftone
