#include "search/solver/label_search.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "base/infinity.h"

namespace halftone {
namespace {

// Weighted sums of costs above their limits by less than this, relative to limits of about 1, are
// rounding.
constexpr double kFeasibilityNoise = 1e-12;
// Groups per level whose best labels are completed in search of a better incumbent.
constexpr size_t kCompletedGroups = 48;

double Dot(const std::vector<double>& weights, const double* values) {
  double sum = 0;
  for (size_t c = 0; c < weights.size(); ++c) sum += weights[c] * values[c];
  return sum;
}

}  // namespace

double Incumbent::Cutoff() const {
  return found() ? objective - 1e-11 * std::abs(objective) : objective;
}

double Objective(const CompactProblem& problem, Goal goal, absl::Span<const double> totals) {
  if (goal == Goal::kExcess) return problem.Excess(totals);
  return problem.IsFeasible(totals) ? totals[0] : kInfinity;
}

LabelSearch::LabelSearch(const CompactProblem& problem, const Elimination& elimination,
                         const std::vector<Elimination::Tables>& bounds,
                         const LabelSearchOptions& options, Stop& stop)
    : problem_(problem),
      elimination_(elimination),
      options_(options),
      stop_(stop),
      components_(static_cast<size_t>(problem.components)),
      own_bounds_(bounds.size()) {
  for (const Elimination::Tables& tables : bounds) bounds_.push_back(&tables);
  if (options.front != nullptr) {
    for (const Elimination::Tables& tables : options.front->tables()) bounds_.push_back(&tables);
  }
  const std::vector<int>& order = elimination.order();
  std::vector<size_t> level_of(order.size()), last_use(order.size());
  for (size_t level = 0; level < order.size(); ++level) {
    level_of[size_t(order[level])] = last_use[size_t(order[level])] = level;
  }
  pairs_at_.resize(order.size());
  for (size_t p = 0; p < problem.pairs.size(); ++p) {
    const size_t a = level_of[size_t(problem.pairs[p].a)];
    const size_t b = level_of[size_t(problem.pairs[p].b)];
    pairs_at_[std::max(a, b)].push_back(static_cast<int>(p));
    size_t& last = last_use[size_t(order[std::min(a, b)])];
    last = std::max(last, std::max(a, b));
  }
  needed_after_.resize(order.size());
  std::vector<int> live;
  for (size_t level = 0; level < order.size(); ++level) {
    live.push_back(order[level]);
    std::erase_if(live, [&](int v) { return last_use[size_t(v)] <= level; });
    needed_after_[level] = live;
  }
}

LabelSearch::Groups LabelSearch::Root() {
  nodes_.assign(1, Node{0, 0});
  Group root;
  root.choices.assign(problem_.choices.size(), 0);
  root.values = problem_.constant;
  root.nodes = {0};
  for (const Elimination::Tables* tables : bounds_) {
    root.rest.push_back(tables->minimum - Dot(tables->weights, problem_.constant.data()));
  }
  Groups groups;
  groups.push_back(std::move(root));
  return groups;
}

double LabelSearch::Run(Incumbent& incumbent) {
  incumbent_ = &incumbent;
  cutoff_ = incumbent.Cutoff();
  return Descend(0, Root());
}

double LabelSearch::Descend(size_t level, Groups groups) {
  for (;; ++level) {
    size_t labels = 0;
    for (const Group& group : groups) labels += group.size();
    if (labels == 0) return kInfinity;
    TryCompletions(level, groups);
    if (level == elimination_.order().size()) return kInfinity;
    if (labels > options_.max_labels) return DescendInChunks(level, std::move(groups));
    Groups next = Expand(level, groups);
    if (stop_()) {
      // Some may not have been expanded: all still stand for their completions.
      double open = kInfinity;
      for (const Group& group : groups) open = std::min(open, LeastBound(group));
      return open;
    }
    groups = std::move(next);
  }
}

double LabelSearch::DescendInChunks(size_t level, Groups groups) {
  struct Ranked {
    double bound;
    uint32_t group, label;
  };
  std::vector<Ranked> ranked;
  for (uint32_t g = 0; g < groups.size(); ++g) {
    for (uint32_t i = 0; i < groups[g].size(); ++i) {
      ranked.push_back({Bound(groups[g], groups[g].values.data() + i * components_), g, i});
    }
  }
  std::sort(ranked.begin(), ranked.end(),
            [](const Ranked& a, const Ranked& b) { return a.bound < b.bound; });
  double open = kInfinity;
  const size_t mark = nodes_.size();
  for (size_t begin = 0; begin < ranked.size(); begin += options_.chunk) {
    if (ranked[begin].bound >= cutoff_) break;
    const bool is_left_open = options_.first_chunk_only && begin > 0;
    if (is_left_open || stop_()) return std::min(open, ranked[begin].bound);
    const size_t end = std::min(ranked.size(), begin + options_.chunk);
    // Within a group labels stay by rising loss.
    std::sort(ranked.begin() + static_cast<std::ptrdiff_t>(begin),
              ranked.begin() + static_cast<std::ptrdiff_t>(end),
              [](const Ranked& a, const Ranked& b) {
                return std::pair(a.group, a.label) < std::pair(b.group, b.label);
              });
    Groups chunk;
    std::map<uint32_t, size_t> index;
    for (size_t r = begin; r < end; ++r) {
      const Group& from = groups[ranked[r].group];
      const auto [found, is_new] = index.emplace(ranked[r].group, chunk.size());
      if (is_new) {
        chunk.emplace_back();
        chunk.back().choices = from.choices;
        chunk.back().rest = from.rest;
      }
      Group& to = chunk[found->second];
      const double* values = from.values.data() + ranked[r].label * components_;
      to.values.insert(to.values.end(), values, values + components_);
      to.nodes.push_back(from.nodes[ranked[r].label]);
    }
    // The chunk is narrower than the limit, so that this expands before it splits again.
    open = std::min(open, Descend(level, std::move(chunk)));
    nodes_.resize(mark);
  }
  return open;
}

void LabelSearch::Extend(size_t level, const Group& group, ChoiceIndex choice,
                         std::vector<double>& added, std::vector<double>& rest) const {
  const int variable = elimination_.order()[level];
  const double* values = problem_.Value(variable, choice);
  added.assign(values, values + components_);
  for (int p : pairs_at_[level]) {
    const CompactPair& pair = problem_.pairs[size_t(p)];
    const double* value = pair.a == variable
                              ? problem_.PairValue(pair, choice, group.choices[size_t(pair.b)])
                              : problem_.PairValue(pair, group.choices[size_t(pair.a)], choice);
    for (size_t c = 0; c < components_; ++c) added[c] += value[c];
  }
  rest = group.rest;
  for (size_t j = 0; j < bounds_.size(); ++j) {
    // Tables of the variable's buckets end; tables that went into them begin.
    for (int b : elimination_.BucketsOf(variable)) {
      const Elimination::Bucket& bucket = elimination_.buckets()[size_t(b)];
      rest[j] -= bounds_[j]->tables[size_t(b)][Elimination::Entry(bucket, group.choices)];
      rest[j] += elimination_.Term(*bounds_[j], b, group.choices, choice);
    }
    rest[j] -= Dot(bounds_[j]->weights, added.data());
  }
}

std::vector<double> LabelSearch::Offsets(const std::vector<double>& rest) const {
  std::vector<double> offsets = rest;
  for (size_t j = 0; j < bounds_.size(); ++j) {
    for (size_t k = 0; k < problem_.limit.size(); ++k) {
      offsets[j] -= bounds_[j]->weights[k + 1] * problem_.limit[k];
    }
  }
  return offsets;
}

bool LabelSearch::IsHopeless(const double* values, const std::vector<double>& offsets) const {
  for (size_t j = 0; j < own_bounds_; ++j) {
    const double bound = Dot(bounds_[j]->weights, values) + offsets[j];
    if (options_.goal == Goal::kExcess || bounds_[j]->weights[0] != 0) {
      if (bound >= cutoff_) return true;
    } else if (bound > kFeasibilityNoise) {
      return true;
    }
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

double LabelSearch::Bound(const Group& group, const double* values) const {
  const std::vector<double> offsets = Offsets(group.rest);
  double best = options_.goal == Goal::kExcess ? 0 : -kInfinity;
  for (size_t j = 0; j < bounds_.size(); ++j) {
    if (options_.goal == Goal::kLoss && bounds_[j]->weights[0] == 0) continue;
    best = std::max(best, Dot(bounds_[j]->weights, values) + offsets[j]);
  }
  return best;
}

double LabelSearch::LeastBound(const Group& group) const {
  double least = kInfinity;
  for (size_t i = 0; i < group.size(); ++i) {
    least = std::min(least, Bound(group, group.values.data() + i * components_));
  }
  return least;
}

void LabelSearch::AddLabels(const Group& from, ChoiceIndex choice, const std::vector<double>& added,
                            Group& to) {
  const std::vector<double> offsets = Offsets(to.rest);
  std::vector<double> values(components_);
  to.runs.push_back(to.size());
  for (size_t i = 0; i < from.size(); ++i) {
    for (size_t c = 0; c < components_; ++c) {
      values[c] = from.values[i * components_ + c] + added[c];
    }
    if (IsHopeless(values.data(), offsets)) continue;
    if (options_.front != nullptr && IsCovered(values.data(), to.rest)) continue;
    to.values.insert(to.values.end(), values.begin(), values.end());
    to.nodes.push_back(static_cast<uint32_t>(nodes_.size()));
    nodes_.push_back({from.nodes[i], static_cast<uint16_t>(choice)});
  }
}

LabelSearch::Groups LabelSearch::Expand(size_t level, const Groups& groups) {
  const int variable = elimination_.order()[level];
  Groups next;
  absl::flat_hash_map<std::string, size_t> index;
  std::vector<double> added, rest;
  std::string key;
  size_t expanded = 0;
  for (const Group& group : groups) {
    if (++expanded % 256 == 0 && stop_()) break;
    std::vector<uint16_t> choices = group.choices;
    for (ChoiceIndex o = 0; o < problem_.choices[size_t(variable)]; ++o) {
      Extend(level, group, o, added, rest);
      choices[size_t(variable)] = static_cast<uint16_t>(o);
      key.clear();
      for (int v : needed_after_[level]) {
        key.append(reinterpret_cast<const char*>(&choices[size_t(v)]), sizeof(uint16_t));
      }
      const auto [found, is_new] = index.try_emplace(key, next.size());
      if (is_new) {
        Group& target = next.emplace_back();
        target.choices.assign(choices.size(), 0);
        for (int v : needed_after_[level]) target.choices[size_t(v)] = choices[size_t(v)];
        target.rest = rest;
      }
      AddLabels(group, o, added, next[found->second]);
    }
  }
  std::erase_if(next, [](const Group& group) { return group.size() == 0; });
  for (Group& group : next) RemoveDominated(group);
  return next;
}

std::vector<uint32_t> LabelSearch::SortedByLoss(const Group& group) const {
  std::vector<uint32_t> order(group.size());
  std::iota(order.begin(), order.end(), 0);
  const auto is_before = [&](uint32_t a, uint32_t b) {
    const double* x = group.values.data() + a * components_;
    const double* y = group.values.data() + b * components_;
    return std::lexicographical_compare(x, x + components_, y, y + components_);
  };
  // Adding the same to every label of a run has kept its order: neighbouring runs are merged.
  std::vector<size_t> ends(group.runs.begin() + 1, group.runs.end());
  ends.push_back(group.size());
  while (ends.size() > 1) {
    std::vector<size_t> merged;
    size_t begin = 0;
    for (size_t r = 0; r < ends.size(); r += 2) {
      const size_t end = ends[std::min(r + 1, ends.size() - 1)];
      const auto at = [&](size_t i) { return order.begin() + static_cast<std::ptrdiff_t>(i); };
      std::inplace_merge(at(begin), at(ends[r]), at(end), is_before);
      merged.push_back(begin = end);
    }
    ends = std::move(merged);
  }
  return order;
}

void LabelSearch::RemoveDominated(Group& group) const {
  if (group.size() < 2) {
    group.runs.assign(1, 0);
    return;
  }
  const auto values = [&](uint32_t i) { return group.values.data() + i * components_; };
  const std::vector<uint32_t> order = SortedByLoss(group);
  // By rising loss, a label is dominated when one before it is not dearer in any cost.
  std::vector<uint32_t> kept;
  std::map<double, double> stairs;  // two costs: for the first cost, the least second one
  double least = kInfinity;         // one cost
  const auto is_dominated = [&](uint32_t i) {
    const double* value = values(i);
    if (components_ == 1) return !kept.empty();
    if (components_ == 2) {
      if (value[1] >= least) return true;
      least = value[1];
      return false;
    }
    if (components_ == 3) {
      auto after = stairs.upper_bound(value[1]);
      if (after != stairs.begin() && std::prev(after)->second <= value[2]) return true;
      while (after != stairs.end() && after->second >= value[2]) after = stairs.erase(after);
      stairs[value[1]] = value[2];
      return false;
    }
    // More costs: only the last few are compared, as a full test would take quadratic time.
    const size_t window = std::min<size_t>(kept.size(), 64);
    return std::any_of(kept.end() - static_cast<std::ptrdiff_t>(window), kept.end(),
                       [&](uint32_t other) {
                         return std::equal(value, value + components_, values(other),
                                           [](double a, double b) { return a >= b; });
                       });
  };
  for (uint32_t i : order) {
    if (!is_dominated(i)) kept.push_back(i);
  }
  std::vector<double> kept_values;
  std::vector<uint32_t> kept_nodes;
  kept_values.reserve(kept.size() * components_);
  kept_nodes.reserve(kept.size());
  for (uint32_t i : kept) {
    kept_values.insert(kept_values.end(), values(i), values(i) + components_);
    kept_nodes.push_back(group.nodes[i]);
  }
  group.values = std::move(kept_values);
  group.nodes = std::move(kept_nodes);
  group.runs.assign(1, 0);
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
    for (size_t j = 0; j < bounds_.size(); ++j) TryCompletion(level, groups[ranked[r].second], j);
  }
}

void LabelSearch::TryCompletion(size_t level, const Group& group, size_t bound) {
  const std::vector<int>& order = elimination_.order();
  std::vector<uint16_t> choices = group.choices;
  std::vector<double> added(components_, 0.0);
  if (level < order.size()) {
    elimination_.Complete(*bounds_[bound], static_cast<int>(level), absl::MakeSpan(choices));
    for (size_t i = level; i < order.size(); ++i) {
      const double* value = problem_.Value(order[i], choices[size_t(order[i])]);
      for (size_t c = 0; c < components_; ++c) added[c] += value[c];
      for (int p : pairs_at_[i]) {
        const CompactPair& pair = problem_.pairs[size_t(p)];
        const double* price =
            problem_.PairValue(pair, choices[size_t(pair.a)], choices[size_t(pair.b)]);
        for (size_t c = 0; c < components_; ++c) added[c] += price[c];
      }
    }
  }
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

Selection LabelSearch::Backtrack(size_t level, uint32_t node) const {
  Selection selection(problem_.choices.size(), 0);
  for (size_t l = level; l-- > 0; node = nodes_[node].parent) {
    selection[size_t(elimination_.order()[l])] = nodes_[node].choice;
  }
  return selection;
}

std::optional<std::vector<LabelSearch::ParetoPoint>> LabelSearch::RunPareto() {
  Groups groups = Root();
  const size_t levels = elimination_.order().size();
  double made = 0;
  for (size_t level = 0; level < levels; ++level) {
    groups = Expand(level, groups);
    size_t labels = 0;
    for (const Group& group : groups) labels += group.size();
    made += static_cast<double>(labels);
    if (labels > options_.max_labels || made > options_.max_labels_made || stop_()) {
      return std::nullopt;
    }
  }
  std::vector<ParetoPoint> points;
  for (const Group& group : groups) {
    for (size_t i = 0; i < group.size(); ++i) {
      const auto begin = group.values.begin() + static_cast<std::ptrdiff_t>(i * components_);
      ParetoPoint point{{begin, begin + static_cast<std::ptrdiff_t>(components_)},
                        Backtrack(levels, group.nodes[i])};
      if (problem_.IsFeasible(point.totals)) points.push_back(std::move(point));
    }
  }
  return points;
}

}  // namespace halftone
