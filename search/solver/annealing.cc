#include "search/solver/annealing.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/random.h"

namespace halftone {
namespace {

// Temperatures at the beginning and at the end, relative to the mean size of a change.
constexpr double kHot = 0.1;
constexpr double kCold = 1e-6;
constexpr int64_t kBetweenQuestions = 4096;

class Annealer {
 public:
  Annealer(const CompactProblem& problem, Selection start)
      : problem_(problem),
        cross_(*problem.cross),
        selection_(std::move(start)),
        totals_(problem.Evaluate(selection_)),
        added_(totals_.size()),
        sums_(cross_.columns(), 0.0) {
    for (size_t v = 0; v < selection_.size(); ++v) {
      AddRow(Column(v, selection_[v]), 1);
      if (problem.choices[v] > 1) free_.push_back(v);
    }
  }

  bool CanMove() const { return !free_.empty(); }

  void Run(int64_t proposals, Stop& stop) {
    best_ = selection_;
    double least = totals_[0];
    const double hot = kHot * MeanChange();
    const double fall = std::pow(kCold / kHot, 1.0 / static_cast<double>(proposals));
    double temperature = hot;
    for (int64_t i = 0; i < proposals && (i % kBetweenQuestions != 0 || !stop()); ++i) {
      temperature *= fall;
      Propose(random_.Uniform() < 0.5);
      if (!Fits() || !(added_[0] < -temperature * std::log(1 - random_.Uniform()))) continue;
      Accept();
      if (totals_[0] < least) {
        least = totals_[0];
        best_ = selection_;
      }
    }
  }

  const Selection& best() const { return best_; }

 private:
  struct Move {
    size_t variable;
    ChoiceIndex choice;
  };

  size_t Column(size_t v, ChoiceIndex o) const { return cross_.first[v] + static_cast<size_t>(o); }

  Move Draw() {
    const size_t v = free_[static_cast<size_t>(random_.Uniform() * double(free_.size()))];
    const int others = problem_.choices[v] - 1;
    const auto o = static_cast<ChoiceIndex>(random_.Uniform() * others);
    return {v, o < selection_[v] ? o : o + 1};
  }

  void Propose(bool two) {
    moves_[0] = Draw();
    moves_[1] = Draw();
    count_ = two && moves_[0].variable != moves_[1].variable ? 2 : 1;
    std::fill(added_.begin(), added_.end(), 0.0);
    for (size_t i = 0; i < count_; ++i) AddDifference(moves_[i]);
    if (count_ == 1) return;
    // What the two have with each other was counted as if the other stayed.
    const auto& [a, b] = moves_;
    const double* to = cross_.Row(Column(a.variable, a.choice));
    const double* from = cross_.Row(Column(a.variable, selection_[a.variable]));
    const size_t new_b = Column(b.variable, b.choice);
    const size_t old_b = Column(b.variable, selection_[b.variable]);
    added_[0] += to[new_b] - to[old_b] - from[new_b] + from[old_b];
  }

  void AddDifference(const Move& move) {
    const ChoiceIndex old = selection_[move.variable];
    const double* before = problem_.Value(int(move.variable), old);
    const double* after = problem_.Value(int(move.variable), move.choice);
    for (size_t c = 0; c < added_.size(); ++c) added_[c] += after[c] - before[c];
    added_[0] += sums_[Column(move.variable, move.choice)] - sums_[Column(move.variable, old)];
  }

  bool Fits() const {
    for (size_t k = 1; k < totals_.size(); ++k) {
      if (totals_[k] + added_[k] > problem_.limit[k - 1]) return false;
    }
    return true;
  }

  void Accept() {
    for (size_t i = 0; i < count_; ++i) {
      ChoiceIndex& chosen = selection_[moves_[i].variable];
      AddRow(Column(moves_[i].variable, chosen), -1);
      chosen = moves_[i].choice;
      AddRow(Column(moves_[i].variable, chosen), 1);
    }
    for (size_t c = 0; c < totals_.size(); ++c) totals_[c] += added_[c];
  }

  void AddRow(size_t column, double sign) {
    const double* row = cross_.Row(column);
    for (size_t c = 0; c < sums_.size(); ++c) sums_[c] += sign * row[c];
  }

  double MeanChange() {
    constexpr int kDraws = 1000;
    double sum = 0;
    for (int i = 0; i < kDraws; ++i) {
      Propose(false);
      sum += std::abs(added_[0]);
    }
    return sum / kDraws;
  }

  const CompactProblem& problem_;
  const CrossLosses& cross_;
  SplitMix64 random_{1};
  Selection selection_, best_;
  std::vector<size_t> free_;    // variables with a choice
  std::vector<double> totals_;  // of the selection
  Move moves_[2];
  size_t count_ = 1;
  std::vector<double> added_;  // to the totals by the moves
  std::vector<double> sums_;   // per column: what choosing it would add by `cross`
};

}  // namespace

void Anneal(const CompactProblem& problem, int64_t proposals, Stop& stop, Incumbent& incumbent) {
  if (!problem.pairs.empty() || !incumbent.found()) return;
  Annealer annealer(problem, incumbent.selection);
  if (!annealer.CanMove()) return;
  annealer.Run(proposals, stop);
  // Running totals have rounded: what counts is the sum from the start.
  const double objective = Objective(problem, Goal::kLoss, problem.Evaluate(annealer.best()));
  if (objective < incumbent.objective) incumbent = {objective, annealer.best()};
}

}  // namespace halftone
