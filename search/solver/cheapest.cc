#include "search/solver/cheapest.h"

#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/infinity.h"
#include "search/solver/problem.h"

namespace halftone {
namespace {

// Costs are in units of limits, or of the dearest choice: smaller differences are rounding.
constexpr double kSameCost = 1e-12;
// Rounds over all variables; each of them ends with something cheaper, or is the last.
constexpr int kMostRounds = 100;

// The limits, then what is not limited: the frontier's metric first.
std::vector<std::pair<std::string, double>> AllMetrics(const CompiledProblem& compiled) {
  std::vector<std::pair<std::string, double>> metrics = compiled.limits();
  std::set<std::string> known;
  for (const auto& [metric, limit] : metrics) known.insert(metric);
  const auto add = [&](const std::string& metric) {
    if (known.insert(metric).second) metrics.emplace_back(metric, kInfinity);
  };
  const Problem& problem = compiled.problem();
  if (!problem.frontier.empty()) add(problem.frontier);
  std::set<std::string> others;
  for (const Problem::Layer& layer : problem.layers) {
    for (const Problem::Choice& choice : layer.choices) {
      for (const auto& [metric, cost] : choice.cost) others.insert(metric);
    }
  }
  for (const std::string& metric : others) add(metric);
  return metrics;
}

bool HasOtherOfNoMoreLoss(const CompactProblem& problem, const Selection& selection) {
  for (int v = 0; v < problem.variables(); ++v) {
    const ChoiceIndex chosen = selection[static_cast<size_t>(v)];
    for (ChoiceIndex o = 0; o < problem.choices[static_cast<size_t>(v)]; ++o) {
      if (o != chosen && problem.Value(v, o)[0] <= problem.Value(v, chosen)[0]) return true;
    }
  }
  return false;
}

class CostDescent {
 public:
  // `limits`: how many components are limited.
  CostDescent(const CompactProblem& problem, size_t limits, Selection start)
      : problem_(problem),
        limits_(limits),
        components_(static_cast<size_t>(problem.components)),
        pairs_(PairsOfVariables(problem)),
        selection_(std::move(start)),
        totals_(problem.Evaluate(selection_)) {}

  Selection Run(Stop& stop) {
    bool again = true;
    for (int round = 0; again && round < kMostRounds && !stop(); ++round) {
      again = false;
      for (int v = 0; v < problem_.variables(); ++v) again |= Improve(v);
    }
    return std::move(selection_);
  }

 private:
  // What another choice of the variable adds to every component.
  std::vector<double> Added(int v, ChoiceIndex choice) const {
    const ChoiceIndex chosen = selection_[static_cast<size_t>(v)];
    std::vector<double> added(components_);
    const double *after = problem_.Value(v, choice), *before = problem_.Value(v, chosen);
    for (size_t c = 0; c < components_; ++c) added[c] = after[c] - before[c];
    for (const int number : pairs_[static_cast<size_t>(v)]) {
      const CompactPair& pair = problem_.pairs[static_cast<size_t>(number)];
      const bool is_first = pair.a == v;
      const ChoiceIndex other = selection_[static_cast<size_t>(is_first ? pair.b : pair.a)];
      const double* const with = is_first ? problem_.PairValue(pair, choice, other)
                                          : problem_.PairValue(pair, other, choice);
      const double* const without = is_first ? problem_.PairValue(pair, chosen, other)
                                             : problem_.PairValue(pair, other, chosen);
      for (size_t c = 0; c < components_; ++c) added[c] += with[c] - without[c];
    }
    if (problem_.cross != nullptr) added[0] += AddedByCross(static_cast<size_t>(v), choice);
    return added;
  }

  double AddedByCross(size_t v, ChoiceIndex choice) const {
    const CrossLosses& cross = *problem_.cross;
    const double* const after = cross.Row(cross.first[v] + static_cast<size_t>(choice));
    const double* const before = cross.Row(cross.first[v] + static_cast<size_t>(selection_[v]));
    double added = 0;
    for (size_t w = 0; w < selection_.size(); ++w) {
      const size_t column = cross.first[w] + static_cast<size_t>(selection_[w]);
      if (w != v) added += after[column] - before[column];
    }
    return added;
  }

  bool IsCheaper(const std::vector<double>& added) const {
    double limited = 0;
    for (size_t c = 1; c <= limits_; ++c) limited += added[c];
    if (std::abs(limited) > kSameCost) return limited < 0;
    for (size_t c = limits_ + 1; c < components_; ++c) {
      if (std::abs(added[c]) > kSameCost) return added[c] < 0;
    }
    return false;
  }

  bool Improve(int v) {
    bool improved = false;
    for (ChoiceIndex o = 0; o < problem_.choices[static_cast<size_t>(v)]; ++o) {
      if (o == selection_[static_cast<size_t>(v)]) continue;
      const std::vector<double> added = Added(v, o);
      if (added[0] > 0 || !IsCheaper(added)) continue;
      std::vector<double> totals = totals_;
      for (size_t c = 0; c < components_; ++c) totals[c] += added[c];
      if (!problem_.IsFeasible(totals)) continue;
      totals_ = std::move(totals);
      selection_[static_cast<size_t>(v)] = o;
      improved = true;
    }
    return improved;
  }

  const CompactProblem& problem_;
  const size_t limits_, components_;
  const std::vector<std::vector<int>> pairs_;
  Selection selection_;
  std::vector<double> totals_;
};

}  // namespace

Selection CheapestOfEqual(const CompiledProblem& compiled, const CompactProblem& compact,
                          Selection selection, Stop& stop) {
  if (!HasOtherOfNoMoreLoss(compact, selection)) return selection;
  const absl::StatusOr<CompactProblem> priced = compiled.Compact(AllMetrics(compiled), stop);
  if (!priced.ok()) return selection;
  return CostDescent(*priced, compiled.limits().size(), std::move(selection)).Run(stop);
}

}  // namespace halftone
