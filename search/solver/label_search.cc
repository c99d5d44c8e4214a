#include "search/solver/label_search.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "base/infinity.h"
#include "search/solver/weighted.h"

namespace halftone {
namespace {

// Of a step, leaving room for the rounding of sums.
constexpr double kWholeStep = 1 - 1e-3;
// Labels that wait at once for others to go ahead. Past them the search is given up: it takes all
// memory before it ends.
constexpr size_t kMostHeld = 10'000'000;
constexpr size_t kAll = static_cast<size_t>(-1);

}  // namespace

double Incumbent::Cutoff() const {
  return found() ? objective - std::max(1e-11 * std::abs(objective), kWholeStep * step) : objective;
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
  for (const Elimination::Tables& tables : bounds) {
    bounds_.push_back(&tables);
    weights_.insert(weights_.end(), tables.weights.begin(), tables.weights.end());
  }
  if (options.front != nullptr) {
    for (const Elimination::Tables& tables : options.front->tables()) bounds_.push_back(&tables);
  }
  asked_.resize(own_bounds_);
  std::iota(asked_.begin(), asked_.end(), 0);
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
    root.rest.push_back(tables->minimum - WeightedSum(tables->weights, problem_.constant.data()));
  }
  Groups groups;
  groups.push_back(std::move(root));
  return groups;
}

double LabelSearch::Run(Incumbent& incumbent) {
  incumbent_ = &incumbent;
  cutoff_ = incumbent.Cutoff();
  if (problem_.pairs.empty()) CompleteLone();
  return Descend(0, Root());
}

double LabelSearch::Descend(size_t level, Groups groups) {
  double left = kInfinity;  // the least bound of what has been left open
  for (;; ++level) {
    size_t labels = 0;
    for (const Group& group : groups) labels += group.size();
    if (labels == 0) return left;
    if (IsTried(level, labels)) {
      TryCompletions(level, groups);
      if (!completions_.empty()) labels = DropCompleted(level, groups[0]);
    }
    if (level == elimination_.order().size()) return left;
    if (labels > options_.max_labels) {
      if (!options_.first_chunk_only) return DescendInChunks(level, groups);
      const std::vector<Ranked> ranked = Rank(groups, options_.chunk);
      left = std::min(left, ranked[options_.chunk].bound);
      groups = Chunk(groups, absl::MakeConstSpan(ranked).subspan(0, options_.chunk));
    }
    Groups next = Expand(level, groups);
    if (stop_()) {
      // Some may not have been expanded: all still stand for their completions.
      for (const Group& group : groups) left = std::min(left, LeastBound(group));
      return left;
    }
    groups = std::move(next);
  }
}

std::vector<LabelSearch::Ranked> LabelSearch::Rank(const Groups& groups, size_t first) const {
  std::vector<Ranked> ranked;
  for (uint32_t g = 0; g < groups.size(); ++g) {
    const std::vector<double> offsets = Offsets(groups[g].rest);
    for (uint32_t i = 0; i < groups[g].size(); ++i) {
      ranked.push_back({Bound(offsets, groups[g].values.data() + i * components_), g, i});
    }
  }
  const auto is_before = [](const Ranked& a, const Ranked& b) {
    return std::tuple(a.bound, a.group, a.label) < std::tuple(b.bound, b.group, b.label);
  };
  if (first >= ranked.size()) {
    std::sort(ranked.begin(), ranked.end(), is_before);
  } else {
    std::nth_element(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(first),
                     ranked.end(), is_before);
  }
  return ranked;
}

LabelSearch::Groups LabelSearch::Chunk(const Groups& groups, absl::Span<const Ranked> taken) const {
  // Within a group labels stay by rising loss.
  std::vector<Ranked> ordered(taken.begin(), taken.end());
  std::sort(ordered.begin(), ordered.end(), [](const Ranked& a, const Ranked& b) {
    return std::pair(a.group, a.label) < std::pair(b.group, b.label);
  });
  Groups chunk;
  std::map<uint32_t, size_t> index;
  for (const Ranked& ranked : ordered) {
    const Group& from = groups[ranked.group];
    const auto [found, is_new] = index.emplace(ranked.group, chunk.size());
    if (is_new) {
      chunk.emplace_back();
      chunk.back().choices = from.choices;
      chunk.back().rest = from.rest;
    }
    Group& to = chunk[found->second];
    const double* values = from.values.data() + ranked.label * components_;
    to.values.insert(to.values.end(), values, values + components_);
    to.nodes.push_back(from.nodes[ranked.label]);
  }
  return chunk;
}

double LabelSearch::DescendInChunks(size_t level, const Groups& groups) {
  const std::vector<Ranked> ranked = Rank(groups, kAll);
  double open = kInfinity;
  const size_t mark = nodes_.size();
  held_ += ranked.size();
  for (size_t begin = 0; begin < ranked.size(); begin += options_.chunk) {
    if (ranked[begin].bound >= cutoff_) break;
    if (held_ > kMostHeld || stop_()) {
      open = std::min(open, ranked[begin].bound);
      break;
    }
    const size_t size = std::min(ranked.size() - begin, options_.chunk);
    // The chunk is narrower than the limit, so that this expands before it splits again.
    open = std::min(
        open, Descend(level, Chunk(groups, absl::MakeConstSpan(ranked).subspan(begin, size))));
    nodes_.resize(mark);
  }
  held_ -= ranked.size();
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
    rest[j] -= WeightedSum(bounds_[j]->weights, added.data());
  }
}

void LabelSearch::AddLabels(const Group& from, ChoiceIndex choice, const std::vector<double>& added,
                            Group& to) {
  const std::vector<double> needed = Needed(Offsets(to.rest));
  std::vector<double> values(components_);
  to.runs.push_back(to.size());
  for (size_t i = 0; i < from.size(); ++i) {
    for (size_t c = 0; c < components_; ++c) {
      values[c] = from.values[i * components_ + c] + added[c];
    }
    if (ReachesAny(values.data(), needed)) continue;
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
