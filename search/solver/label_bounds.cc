// LabelSearch: what labels can still become, by their bounds and by completing them.
#include <algorithm>
#include <utility>

#include "base/infinity.h"
#include "search/solver/label_search.h"
#include "search/solver/weighted.h"

namespace halftone {
namespace {

// Groups per level whose best labels are completed in search of a better incumbent.
constexpr size_t kCompletedGroups = 48;
// More labels than these are completed at every fourth level only.
constexpr size_t kAlwaysTried = 2'000, kLevelsBetweenTries = 4;
// With pairs, about as many levels are.
constexpr size_t kTriedLevels = 100;

}  // namespace

std::vector<double> LabelSearch::Offsets(const std::vector<double>& rest) const {
  std::vector<double> offsets = rest;
  for (size_t j = 0; j < bounds_.size(); ++j) {
    for (size_t k = 0; k < problem_.limit.size(); ++k) {
      offsets[j] -= bounds_[j]->weights[k + 1] * problem_.limit[k];
    }
  }
  return offsets;
}

std::vector<double> LabelSearch::Needed(const std::vector<double>& offsets) const {
  std::vector<double> needed;
  for (size_t j = 0; j < own_bounds_; ++j) {
    const bool is_loss = options_.goal == Goal::kExcess || bounds_[j]->weights[0] != 0;
    needed.push_back((is_loss ? cutoff_ : kFeasibilityNoise) - offsets[j]);
  }
  return needed;
}

bool LabelSearch::ReachesAny(const double* values, const std::vector<double>& needed) {
  for (size_t i = 0; i < own_bounds_; ++i) {
    const size_t j = asked_[i];
    const double* weights = weights_.data() + j * components_;
    double sum = weights[0] * values[0];
    for (size_t c = 1; c < components_; ++c) sum += weights[c] * values[c];
    if (sum < needed[j]) continue;
    if (i > 0) std::swap(asked_[i], asked_[i - 1]);  // what has ruled out is asked the sooner
    return true;
  }
  return false;
}

bool LabelSearch::IsCovered(const double* values, const std::vector<double>& rest) const {
  const std::vector<FrontBound::Corner>& corners = options_.front->corners();
  return std::all_of(corners.begin(), corners.end(), [&](const FrontBound::Corner& corner) {
    const size_t j = own_bounds_ + corner.weights;
    const std::vector<double>& weights = bounds_[j]->weights;
    return weights[0] * values[0] + weights[1] * values[1] + rest[j] >= corner.sum;
  });
}

double LabelSearch::Bound(const std::vector<double>& offsets, const double* values) const {
  double best = options_.goal == Goal::kExcess ? 0 : -kInfinity;
  for (size_t j = 0; j < bounds_.size(); ++j) {
    if (options_.goal == Goal::kLoss && bounds_[j]->weights[0] == 0) continue;
    best = std::max(best, WeightedSum(bounds_[j]->weights, values) + offsets[j]);
  }
  return best;
}

double LabelSearch::LeastBound(const Group& group) const {
  const std::vector<double> offsets = Offsets(group.rest);
  double least = kInfinity;
  for (size_t i = 0; i < group.size(); ++i) {
    least = std::min(least, Bound(offsets, group.values.data() + i * components_));
  }
  return least;
}

bool LabelSearch::IsTried(size_t level, size_t labels) const {
  const size_t levels = elimination_.order().size();
  if (level == levels) return true;
  // With pairs, completing takes as long as there are levels.
  if (!problem_.pairs.empty()) return level % (1 + levels / kTriedLevels) == 0;
  return labels <= kAlwaysTried || level % kLevelsBetweenTries == 0;
}

size_t LabelSearch::DropCompleted(size_t level, Group& group) {
  std::vector<double> needed = Needed(Offsets(group.rest));
  for (size_t j = 0; j < own_bounds_; ++j) {
    if (bounds_[j]->weights[0] != 0) needed[j] -= completions_[j].next[level];
  }
  std::vector<uint32_t> kept;
  for (uint32_t i = 0; i < group.size(); ++i) {
    if (!ReachesAny(group.values.data() + i * components_, needed)) kept.push_back(i);
  }
  if (kept.size() < group.size()) Keep(kept, group);
  return kept.size();
}

void LabelSearch::TryCompletions(size_t level, const Groups& groups) {
  std::vector<std::pair<double, size_t>> ranked;
  for (size_t g = 0; g < groups.size(); ++g) {
    ranked.emplace_back(groups.size() <= kCompletedGroups ? 0 : LeastBound(groups[g]), g);
  }
  const size_t tried = std::min(kCompletedGroups, ranked.size());
  std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(tried),
                    ranked.end());
  if (level == elimination_.order().size()) {
    for (const Group& group : groups) TryCompletion(level, group, 0);
    return;
  }
  for (size_t r = 0; r < tried; ++r) {
    // With pairs each of them takes long.
    if (completions_.empty() && stop_()) return;
    for (size_t j = 0; j < bounds_.size(); ++j) TryCompletion(level, groups[ranked[r].second], j);
  }
}

void LabelSearch::CompleteLone() {
  const std::vector<int>& order = elimination_.order();
  completions_.assign(bounds_.size(), Completion());
  for (size_t j = 0; j < bounds_.size(); ++j) {
    Completion& completion = completions_[j];
    completion.choices.assign(order.size(), 0);
    elimination_.Complete(*bounds_[j], 0, absl::MakeSpan(completion.choices));
    completion.rest.assign((order.size() + 1) * components_, 0.0);
    completion.next.assign(order.size() + 1, kInfinity);
    for (size_t level = order.size(); level-- > 0;) {
      const ChoiceIndex best = completion.choices[size_t(order[level])];
      const double* value = problem_.Value(order[level], best);
      double* rest = completion.rest.data() + level * components_;
      for (size_t c = 0; c < components_; ++c) rest[c] = rest[c + components_] + value[c];
      double next = completion.next[level + 1];
      for (ChoiceIndex o = 0; o < problem_.choices[size_t(order[level])]; ++o) {
        if (o == best) continue;
        const double* other = problem_.Value(order[level], o);
        next = std::min(next, WeightedSum(bounds_[j]->weights, other) -
                                  WeightedSum(bounds_[j]->weights, value));
      }
      completion.next[level] = next;
    }
  }
}

std::vector<double> LabelSearch::Complete(size_t level, size_t bound,
                                          std::vector<uint16_t>& choices) const {
  const std::vector<int>& order = elimination_.order();
  if (!completions_.empty()) {
    const Completion& lone = completions_[bound];
    for (size_t l = level; l < order.size(); ++l) {
      choices[size_t(order[l])] = lone.choices[size_t(order[l])];
    }
    const auto rest = lone.rest.begin() + static_cast<std::ptrdiff_t>(level * components_);
    return {rest, rest + static_cast<std::ptrdiff_t>(components_)};
  }
  std::vector<double> added(components_, 0.0);
  if (level == order.size()) return added;
  elimination_.Complete(*bounds_[bound], static_cast<int>(level), absl::MakeSpan(choices));
  for (size_t l = level; l < order.size(); ++l) {
    const double* value = problem_.Value(order[l], choices[size_t(order[l])]);
    for (size_t c = 0; c < components_; ++c) added[c] += value[c];
    for (int p : pairs_at_[l]) {
      const CompactPair& pair = problem_.pairs[size_t(p)];
      const double* price =
          problem_.PairValue(pair, choices[size_t(pair.a)], choices[size_t(pair.b)]);
      for (size_t c = 0; c < components_; ++c) added[c] += price[c];
    }
  }
  return added;
}

void LabelSearch::TryCompletion(size_t level, const Group& group, size_t bound) {
  const std::vector<int>& order = elimination_.order();
  std::vector<uint16_t> choices = group.choices;
  const std::vector<double> added = Complete(level, bound, choices);
  std::vector<double> totals(components_);
  for (size_t i = 0; i < group.size(); ++i) {
    const double* values = group.values.data() + i * components_;
    // Labels come by rising loss.
    if (options_.goal == Goal::kLoss && values[0] + added[0] >= incumbent_->objective) break;
    for (size_t c = 0; c < components_; ++c) totals[c] = values[c] + added[c];
    const double objective = Objective(problem_, options_.goal, totals);
    if (objective >= incumbent_->objective) continue;
    incumbent_->objective = objective;
    incumbent_->selection = Backtrack(level, group.nodes[i]);
    for (size_t l = level; l < order.size(); ++l) {
      incumbent_->selection[size_t(order[l])] = choices[size_t(order[l])];
    }
    cutoff_ = incumbent_->Cutoff();
  }
}

}  // namespace halftone
