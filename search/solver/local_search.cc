#include "search/solver/local_search.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "base/infinity.h"
#include "base/random.h"
#include "search/solver/exchange.h"

namespace halftone {
namespace {

// Exchanges of two variables are tried when there are no more of them than this.
constexpr double kMaxExchanges = 4e6;
// Terms of changes that are added up in all: some tenths of a second.
constexpr int64_t kMaxTerms = 20'000'000;
// Variables that a kick changes at most, and how much worse than the incumbent what comes of it may
// be for exchanges to be tried.
constexpr int kMaxKicked = 6;
constexpr double kPromising = 0.01;

class Walker {
 public:
  Walker(const CompactProblem& problem, Goal goal, Selection start)
      : problem_(problem),
        goal_(goal),
        pairs_(PairsOfVariables(problem)),
        selection_(std::move(start)),
        totals_(problem.Evaluate(selection_)) {
    if (problem.cross == nullptr) return;
    cross_sums_.assign(problem.cross->columns(), 0.0);
    for (int v = 0; v < problem.variables(); ++v) AddCrossRow(v, selection_[size_t(v)], 1);
  }

  double objective() const { return Objective(problem_, goal_, totals_); }
  const Selection& selection() const { return selection_; }

  // Approaches the limits until they are kept; false when no single change comes closer.
  bool Repair(Stop& stop) {
    while (problem_.Excess(totals_) > 0) {
      if (stop() || terms_ > kMaxTerms) return false;
      const double excess = problem_.Excess(totals_);
      double least = kInfinity;
      std::pair<int, ChoiceIndex> best{-1, 0};
      ForEachChange([&](int v, ChoiceIndex o, const std::vector<double>& totals) {
        const double removed = excess - problem_.Excess(totals);
        if (removed <= 1e-15) return;
        const double price = (totals[0] - totals_[0]) / removed;
        if (price < least) {
          least = price;
          best = {v, o};
        }
      });
      if (best.first < 0) return false;
      Change(best.first, best.second);
    }
    return true;
  }

  // The single change that helps the most, as long as there is one.
  bool Descend(Stop& stop) {
    bool moved = false;
    while (!stop() && terms_ <= kMaxTerms) {
      double least = objective();
      std::pair<int, ChoiceIndex> best{-1, 0};
      ForEachChange([&](int v, ChoiceIndex o, const std::vector<double>& totals) {
        const double value = Objective(problem_, goal_, totals);
        if (value < least) {
          least = value;
          best = {v, o};
        }
      });
      if (best.first < 0) break;
      Change(best.first, best.second);
      moved = true;
    }
    return moved;
  }

  // The first change of two variables at once that helps.
  bool Exchange(Stop& stop) {
    double choices = 0;
    for (int count : problem_.choices) choices += count;
    if (choices * choices > kMaxExchanges) return false;
    const double before = objective();
    for (int v = 0; v < problem_.variables() && !stop(); ++v) {
      if (terms_ > kMaxTerms) return false;
      const ChoiceIndex old = selection_[size_t(v)];
      for (ChoiceIndex o = 0; o < problem_.choices[size_t(v)]; ++o) {
        if (o == old) continue;
        Change(v, o);
        std::pair<int, ChoiceIndex> best{-1, 0};
        double least = before - 1e-12 * std::abs(before);
        ForEachChange([&](int w, ChoiceIndex p, const std::vector<double>& totals) {
          if (w <= v) return;
          const double value = Objective(problem_, goal_, totals);
          if (value < least) {
            least = value;
            best = {w, p};
          }
        });
        if (best.first >= 0) {
          Change(best.first, best.second);
          return true;
        }
        Change(v, old);
      }
    }
    return false;
  }

 private:
  // Adds to `totals` what changing v from its present choice to o adds.
  void AddDifference(int v, ChoiceIndex o, std::vector<double>& totals) const {
    const ChoiceIndex old = selection_[size_t(v)];
    const double* before = problem_.Value(v, old);
    const double* after = problem_.Value(v, o);
    for (size_t c = 0; c < totals.size(); ++c) totals[c] += after[c] - before[c];
    if (problem_.cross != nullptr) {
      const size_t first = problem_.cross->first[size_t(v)];
      totals[0] += cross_sums_[first + size_t(o)] - cross_sums_[first + size_t(old)];
    }
    for (int p : pairs_[size_t(v)]) {
      const CompactPair& pair = problem_.pairs[size_t(p)];
      const bool is_a = pair.a == v;
      const ChoiceIndex other = selection_[size_t(is_a ? pair.b : pair.a)];
      const double* from =
          is_a ? problem_.PairValue(pair, old, other) : problem_.PairValue(pair, other, old);
      const double* to =
          is_a ? problem_.PairValue(pair, o, other) : problem_.PairValue(pair, other, o);
      for (size_t c = 0; c < totals.size(); ++c) totals[c] += to[c] - from[c];
    }
  }

  template <typename Visit>
  void ForEachChange(Visit visit) {
    std::vector<double> totals;
    for (int v = 0; v < problem_.variables(); ++v) {
      for (ChoiceIndex o = 0; o < problem_.choices[size_t(v)]; ++o) {
        if (o == selection_[size_t(v)]) continue;
        totals = totals_;
        AddDifference(v, o, totals);
        visit(v, o, totals);
        terms_ += 2 + static_cast<int64_t>(pairs_[size_t(v)].size());
      }
    }
  }

  void AddCrossRow(int v, ChoiceIndex o, double sign) {
    const double* row = problem_.cross->Row(problem_.cross->first[size_t(v)] + size_t(o));
    for (size_t c = 0; c < cross_sums_.size(); ++c) cross_sums_[c] += sign * row[c];
  }

  void Change(int v, ChoiceIndex o) {
    AddDifference(v, o, totals_);
    if (problem_.cross != nullptr) {
      AddCrossRow(v, o, 1);
      AddCrossRow(v, selection_[size_t(v)], -1);
      terms_ += static_cast<int64_t>(cross_sums_.size());
    }
    selection_[size_t(v)] = o;
  }

  const CompactProblem& problem_;
  Goal goal_;
  std::vector<std::vector<int>> pairs_;
  Selection selection_;
  std::vector<double> totals_;
  std::vector<double> cross_sums_;  // per column: what choosing it would add by `cross`
  int64_t terms_ = 0;
};

}  // namespace

void ImproveLocally(const CompactProblem& problem, Goal goal, Selection start, Stop& stop,
                    Incumbent& incumbent) {
  Walker walker(problem, goal, std::move(start));
  walker.Repair(stop);
  const bool is_simple = goal == Goal::kLoss && CanExchangeAll(problem);
  do {
    walker.Descend(stop);
  } while (!is_simple && !stop() && walker.Exchange(stop));
  Selection found = walker.selection();
  if (is_simple && problem.IsFeasible(problem.Evaluate(found))) {
    found = ExchangeAll(problem, std::move(found), stop);
  }
  // Running totals have rounded: what counts is the sum from the start.
  const double objective = Objective(problem, goal, problem.Evaluate(found));
  if (objective < incumbent.objective) incumbent = {objective, std::move(found)};
}

void ImproveByKicks(const CompactProblem& problem, int kicks, Stop& stop, Incumbent& incumbent) {
  SplitMix64 random(1);
  const auto draw = [&](int count) {
    return std::min(count - 1, static_cast<int>(random.Uniform() * count));
  };
  for (int kick = 0; kick < kicks && incumbent.found() && !stop(); ++kick) {
    Selection start = incumbent.selection;
    for (int i = 2 + draw(kMaxKicked - 1); i > 0; --i) {
      const auto v = static_cast<size_t>(draw(problem.variables()));
      start[v] = draw(problem.choices[v]);
    }
    Walker walker(problem, Goal::kLoss, std::move(start));
    if (!walker.Repair(stop)) continue;
    walker.Descend(stop);
    const double worth = incumbent.objective + kPromising * std::abs(incumbent.objective);
    while (walker.objective() <= worth && !stop() && walker.Exchange(stop)) walker.Descend(stop);
    const double objective = Objective(problem, Goal::kLoss, problem.Evaluate(walker.selection()));
    if (objective < incumbent.objective) incumbent = {objective, walker.selection()};
  }
}

}  // namespace halftone
