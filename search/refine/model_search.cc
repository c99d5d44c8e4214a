#include "search/refine/model_search.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "base/infinity.h"

namespace halftone {
namespace {

// Of the changes of one variable, those from which pairs are made.
constexpr size_t kMaxSingles = 2048;
// Up to so many columns all are tried; beyond, only those that no other replaces but for pairs.
constexpr size_t kMaxColumnsTried = 1024;
// Steps of a descent; each one is a change for the better.
constexpr int kMaxSteps = 500;

// A change of one variable, or of two.
struct Change {
  double loss = 0;      // that it adds
  size_t a = 0, b = 0;  // columns; equal for a change of one variable
};

bool IsLess(const Change& x, const Change& y) {
  return std::tie(x.loss, x.a, x.b) < std::tie(y.loss, y.a, y.b);
}

}  // namespace

// Where a walk stands: what each single change would add to the loss and to the costs.
class ModelSearch::Walker {
 public:
  Walker(const ModelSearch& search, Selection start)
      : search_(search),
        space_(search.space_),
        compact_(search.space_.compact()),
        components_(static_cast<size_t>(compact_.components)),
        selection_(std::move(start)) {
    Recompute();
  }

  const Selection& selection() const { return selection_; }

  // Calls visit(change) for every feasible change of one variable.
  template <typename Visit>
  void ForEachSingle(const Visit& visit) const {
    for (const size_t column : singles_) {
      if (IsFeasible(column, column)) visit(Change{added_[column], column, column});
    }
  }

  // Calls visit(change) for every feasible change of two variables that adds less than bound().
  template <typename Visit, typename Bound>
  void ForEachPair(const Visit& visit, const Bound& bound) const {
    for (size_t i = 0; i < singles_.size(); ++i) {
      const size_t a = singles_[i];
      for (size_t j = i + 1; j < singles_.size(); ++j) {
        const size_t b = singles_[j];
        if (space_.VariableOf(a) == space_.VariableOf(b)) continue;
        const Change change{added_[a] + added_[b] + PairTerm(a, b), a, b};
        if (change.loss < bound() && IsFeasible(a, b)) visit(change);
      }
    }
  }

  Selection After(const Change& change) const {
    Selection selection = selection_;
    selection[space_.VariableOf(change.a)] = space_.ChoiceOf(change.a);
    selection[space_.VariableOf(change.b)] = space_.ChoiceOf(change.b);
    return selection;
  }

  void Apply(const Change& change) {
    selection_ = After(change);
    Recompute();
  }

 private:
  size_t Present(size_t variable) const { return space_.ColumnOf(variable, selection_[variable]); }

  void Recompute() {
    totals_ = compact_.Evaluate(selection_);
    added_.assign(space_.columns(), 0);
    cost_added_.assign(space_.columns() * components_, 0);
    singles_.clear();
    for (size_t v = 0; v < space_.variables(); ++v) {
      const double present = LossAt(Present(v));
      for (size_t column = space_.Begin(v); column < space_.End(v); ++column) {
        if (column == Present(v) || !search_.worth_trying_[column]) continue;
        added_[column] = LossAt(column) - present;
        AddCosts(column);
        singles_.push_back(column);
      }
    }
    if (singles_.size() <= kMaxSingles) return;
    std::stable_sort(singles_.begin(), singles_.end(),
                     [&](size_t a, size_t b) { return std::abs(added_[a]) < std::abs(added_[b]); });
    singles_.resize(kMaxSingles);
    std::sort(singles_.begin(), singles_.end());
  }

  // What a column contributes with all other variables as they are.
  double LossAt(size_t column) const {
    double loss = search_.model_.losses()[column] + MeasuredAt(column);
    if (search_.pairs_.empty()) return loss;
    double pairs = search_.pairs_.Own(column);
    for (size_t w = 0; w < space_.variables(); ++w) {
      if (w != space_.VariableOf(column)) pairs += search_.pairs_.At(column, Present(w));
    }
    return loss + search_.model_.pair_weight() * pairs;
  }

  // What was measured of the column and the choices of all other variables as they are.
  double MeasuredAt(size_t column) const {
    const CorrectionTable* const table = search_.model_.measured();
    if (table == nullptr) return 0;
    double sum = 0;
    const size_t v = space_.VariableOf(column);
    for (size_t i = 0; i < search_.model_.measured_factors().size(); ++i) {
      const CorrectionTable::Pair& pair = table->pairs()[i];
      if (pair.a != v && pair.b != v) continue;
      const size_t other = Present(pair.a == v ? pair.b : pair.a);
      sum += search_.model_.measured_factors()[i] * table->At(pair, column, other);
    }
    return sum;
  }

  // What was measured of two columns of different variables.
  double MeasuredOf(size_t a, size_t b) const {
    const CorrectionTable* const table = search_.model_.measured();
    if (table == nullptr) return 0;
    const int pair = table->PairOf(space_.VariableOf(a), space_.VariableOf(b));
    if (pair < 0) return 0;
    const auto place = static_cast<size_t>(pair);
    return search_.model_.measured_factors()[place] * table->At(table->pairs()[place], a, b);
  }

  const double* PairCost(size_t a, size_t b) const {
    const size_t v = space_.VariableOf(a), w = space_.VariableOf(b);
    const CompactPair* pair = search_.cost_pairs_[v * space_.variables() + w];
    if (pair == nullptr) return nullptr;
    return static_cast<size_t>(pair->a) == v
               ? compact_.PairValue(*pair, space_.ChoiceOf(a), space_.ChoiceOf(b))
               : compact_.PairValue(*pair, space_.ChoiceOf(b), space_.ChoiceOf(a));
  }

  void AddCosts(size_t column) {
    const size_t v = space_.VariableOf(column);
    double* added = cost_added_.data() + column * components_;
    const double* after = compact_.Value(static_cast<int>(v), space_.ChoiceOf(column));
    const double* before = compact_.Value(static_cast<int>(v), selection_[v]);
    for (size_t c = 0; c < components_; ++c) added[c] = after[c] - before[c];
    for (size_t w = 0; w < space_.variables(); ++w) {
      if (w == v) continue;
      const double* pair_after = PairCost(column, Present(w));
      if (pair_after == nullptr) continue;
      const double* pair_before = PairCost(Present(v), Present(w));
      for (size_t c = 0; c < components_; ++c) added[c] += pair_after[c] - pair_before[c];
    }
  }

  // What two changes add to the loss together beyond what each adds alone.
  double PairTerm(size_t a, size_t b) const {
    const size_t old_a = Present(space_.VariableOf(a)), old_b = Present(space_.VariableOf(b));
    const double measured =
        MeasuredOf(a, b) - MeasuredOf(a, old_b) - MeasuredOf(old_a, b) + MeasuredOf(old_a, old_b);
    if (search_.pairs_.empty()) return measured;
    const PairLosses& pairs = search_.pairs_;
    return measured + search_.model_.pair_weight() * (pairs.At(a, b) - pairs.At(a, old_b) -
                                                      pairs.At(old_a, b) + pairs.At(old_a, old_b));
  }

  bool IsFeasible(size_t a, size_t b) const {
    const size_t v = space_.VariableOf(a), w = space_.VariableOf(b);
    const bool linked = a != b && search_.cost_pairs_[v * space_.variables() + w] != nullptr;
    for (size_t c = 1; c < components_; ++c) {
      double total = totals_[c] + cost_added_[a * components_ + c];
      if (a != b) total += cost_added_[b * components_ + c];
      if (linked) {
        total += PairCost(a, b)[c] - PairCost(a, Present(w))[c] - PairCost(Present(v), b)[c] +
                 PairCost(Present(v), Present(w))[c];
      }
      const double limit = compact_.limit[c - 1];
      if (total > limit + kBudgetTolerance * std::abs(limit)) return false;
    }
    return true;
  }

  const ModelSearch& search_;
  const ChoiceSpace& space_;
  const CompactProblem& compact_;
  const size_t components_;
  Selection selection_;
  std::vector<double> totals_;
  std::vector<double> added_;       // to the loss, per column
  std::vector<double> cost_added_;  // [column][component]
  std::vector<size_t> singles_;     // columns to change to
};

ModelSearch::ModelSearch(const ChoiceSpace& space, const PairLosses& pairs, const LossModel& model)
    : space_(space),
      pairs_(pairs),
      model_(model),
      cost_pairs_(space.variables() * space.variables(), nullptr) {
  for (const CompactPair& pair : space.compact().pairs) {
    const auto a = static_cast<size_t>(pair.a), b = static_cast<size_t>(pair.b);
    cost_pairs_[a * space.variables() + b] = cost_pairs_[b * space.variables() + a] = &pair;
  }
  worth_trying_ = WorthTrying();
}

std::vector<char> ModelSearch::WorthTrying() const {
  const CompactProblem& compact = space_.compact();
  // What it does depends on what others choose.
  const auto is_measured_with_others = [&](size_t v) {
    const CorrectionTable* const table = model_.measured();
    return table != nullptr && std::any_of(table->pairs().begin(), table->pairs().end(),
                                           [&](const CorrectionTable::Pair& pair) {
                                             return pair.a == v || pair.b == v;
                                           });
  };
  const auto is_replaced = [&](size_t v, size_t column, size_t other) {
    const double* own = compact.Value(static_cast<int>(v), space_.ChoiceOf(column));
    const double* others = compact.Value(static_cast<int>(v), space_.ChoiceOf(other));
    bool strictly = model_.losses()[other] < model_.losses()[column];
    if (model_.losses()[other] > model_.losses()[column]) return false;
    for (int c = 1; c < compact.components; ++c) {
      if (others[c] > own[c]) return false;
      strictly = strictly || others[c] < own[c];
    }
    return strictly || other < column;
  };
  std::vector<char> worth(space_.columns(), 1);
  if (!pairs_.empty() && space_.columns() <= kMaxColumnsTried) return worth;
  for (size_t column = 0; column < space_.columns(); ++column) {
    const size_t v = space_.VariableOf(column);
    if (is_measured_with_others(v)) continue;
    for (size_t other = space_.Begin(v); other < space_.End(v) && worth[column]; ++other) {
      if (other != column && is_replaced(v, column, other)) worth[column] = 0;
    }
  }
  return worth;
}

Selection ModelSearch::Descend(Selection start, const Cancellation& cancellation) const {
  Walker walker(*this, std::move(start));
  for (int step = 0; step < kMaxSteps && !cancellation.IsCancelled(); ++step) {
    // Smaller gains are rounding.
    Change best{-1e-9 * std::abs(model_.Predict(walker.selection())), 0, 0};
    bool found = false;
    const auto take = [&](const Change& change) {
      if (!(change.loss < best.loss)) return;
      best = change;
      found = true;
    };
    walker.ForEachSingle(take);
    if (!found) walker.ForEachPair(take, [&] { return best.loss; });
    if (!found) break;
    walker.Apply(best);
  }
  return walker.selection();
}

std::vector<Selection> ModelSearch::Neighbours(const Selection& center, size_t count) const {
  const Walker walker(*this, center);
  std::vector<Change> best;  // a heap, the worst first
  const auto take = [&](const Change& change) {
    best.push_back(change);
    std::push_heap(best.begin(), best.end(), IsLess);
    if (best.size() <= count) return;
    std::pop_heap(best.begin(), best.end(), IsLess);
    best.pop_back();
  };
  walker.ForEachSingle(take);
  walker.ForEachPair(take, [&] { return best.size() < count ? kInfinity : best.front().loss; });
  std::sort_heap(best.begin(), best.end(), IsLess);
  std::vector<Selection> neighbours;
  for (const Change& change : best) neighbours.push_back(walker.After(change));
  return neighbours;
}

}  // namespace halftone
