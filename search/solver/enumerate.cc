#include "search/solver/enumerate.h"

#include <algorithm>
#include <cstdint>

#include "base/infinity.h"

namespace halftone {
namespace {

// Room for the rounding of running sums, relative to the limits.
constexpr double kRoundingRoom = 1e-12;
// Choices between two looks at the clock.
constexpr uint32_t kStopInterval = 4096;

class Enumeration {
 public:
  Enumeration(const CompactProblem& problem, const std::vector<char>& allowed,
              const Relaxation::Bound& bound, const std::vector<double>& lambda, Stop& stop,
              Incumbent& incumbent)
      : problem_(problem),
        cross_(*problem.cross),
        allowed_(allowed),
        bound_(bound),
        stop_(stop),
        incumbent_(incumbent),
        components_(static_cast<size_t>(problem.components)),
        least_(problem.choices.size() + 1, std::vector<double>(components_, 0.0)),
        least_priced_(problem.choices.size() + 1, 0.0),
        earlier_pairs_(problem.choices.size()),
        sums_(problem.choices.size() + 1, std::vector<double>(cross_.columns(), 0.0)),
        totals_(problem.choices.size() + 1, problem.constant),
        selection_(problem.choices.size(), 0) {
    PrepareLeast();
    PreparePairs(lambda);
  }

  bool Run() {
    Visit(0, bound_.linear_constant);
    return !stop_.stopped();
  }

 private:
  // The least that the variables from each one on can add.
  void PrepareLeast() {
    for (size_t v = problem_.choices.size(); v-- > 0;) {
      std::vector<double> least(components_, kInfinity);
      double priced = kInfinity;
      for (size_t c = cross_.first[v]; c < cross_.first[v + 1]; ++c) {
        if (!allowed_[c]) continue;
        const double* value = problem_.Value(int(v), int(c - cross_.first[v]));
        for (size_t k = 0; k < components_; ++k) least[k] = std::min(least[k], value[k]);
        priced = std::min(priced, bound_.priced[c]);
      }
      for (size_t k = 0; k < components_; ++k) least_[v][k] = least_[v + 1][k] + least[k];
      least_priced_[v] = least_priced_[v + 1] + priced;
    }
  }

  // Pairs count at their later variable: exactly there, with their least before.
  void PreparePairs(const std::vector<double>& lambda) {
    for (const CompactPair& pair : problem_.pairs) {
      const auto later = static_cast<size_t>(std::max(pair.a, pair.b));
      earlier_pairs_[later].push_back(&pair);
      std::vector<double> least(components_, kInfinity);
      for (size_t i = 0; i < pair.values.size(); ++i) {
        least[i % components_] = std::min(least[i % components_], pair.values[i]);
      }
      for (size_t v = 0; v <= later; ++v) {
        for (size_t k = 0; k < components_; ++k) least_[v][k] += least[k];
      }
      pair_price_ += least[0];
      for (size_t k = 0; k < lambda.size(); ++k) pair_price_ += lambda[k] * least[k + 1];
    }
  }

  void AddPairs(size_t v, std::vector<double>& totals) const {
    for (const CompactPair* pair : earlier_pairs_[v]) {
      const double* value =
          problem_.PairValue(*pair, selection_[size_t(pair->a)], selection_[size_t(pair->b)]);
      for (size_t k = 0; k < components_; ++k) totals[k] += value[k];
    }
  }

  bool MayFit(size_t next, const std::vector<double>& totals) const {
    for (size_t k = 0; k + 1 < components_; ++k) {
      if (totals[k + 1] + least_[next][k + 1] > problem_.limit[k] + kRoundingRoom) return false;
    }
    return true;
  }

  void Visit(size_t v, double priced) {
    if (v == problem_.choices.size()) {
      Offer();
      return;
    }
    for (size_t c = cross_.first[v]; c < cross_.first[v + 1]; ++c) {
      if (!allowed_[c]) continue;
      if (++visited_ % kStopInterval == 0 && stop_()) return;
      const double next_priced = priced + bound_.priced[c];
      if (next_priced + least_priced_[v + 1] + pair_price_ >= incumbent_.Cutoff()) continue;
      selection_[v] = static_cast<ChoiceIndex>(c - cross_.first[v]);
      std::vector<double>& totals = totals_[v + 1];
      totals = totals_[v];
      const double* value = problem_.Value(static_cast<int>(v), selection_[v]);
      for (size_t k = 0; k < components_; ++k) totals[k] += value[k];
      totals[0] += sums_[v][c];
      AddPairs(v, totals);
      if (!MayFit(v + 1, totals)) continue;
      const double* row = cross_.Row(c);
      for (size_t d = cross_.first[v + 1]; d < cross_.columns(); ++d) {
        sums_[v + 1][d] = sums_[v][d] + row[d];
      }
      Visit(v + 1, next_priced);
      if (stop_.stopped()) return;
    }
  }

  void Offer() {
    if (totals_.back()[0] >= incumbent_.objective) return;
    const double objective = Objective(problem_, Goal::kLoss, problem_.Evaluate(selection_));
    if (objective < incumbent_.objective) incumbent_ = {objective, selection_};
  }

  const CompactProblem& problem_;
  const CrossLosses& cross_;
  const std::vector<char>& allowed_;
  const Relaxation::Bound& bound_;
  Stop& stop_;
  Incumbent& incumbent_;
  size_t components_;
  std::vector<std::vector<double>> least_;  // [variable][component]: of it and all later ones
  std::vector<double> least_priced_;        // likewise
  double pair_price_ = 0;                   // the least of all pairs, priced
  std::vector<std::vector<const CompactPair*>> earlier_pairs_;
  std::vector<std::vector<double>> sums_;    // [depth][column]: `cross` with what is selected
  std::vector<std::vector<double>> totals_;  // [depth][component]
  Selection selection_;
  uint32_t visited_ = 0;
};

}  // namespace

bool EnumerateSelections(const CompactProblem& problem, const std::vector<char>& allowed,
                         const Relaxation::Bound& bound, const std::vector<double>& lambda,
                         Stop& stop, Incumbent& incumbent) {
  return Enumeration(problem, allowed, bound, lambda, stop, incumbent).Run();
}

}  // namespace halftone
