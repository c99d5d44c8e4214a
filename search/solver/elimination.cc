#include "search/solver/elimination.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <set>
#include <utility>

#include "base/infinity.h"
#include "search/solver/weighted.h"

namespace halftone {
namespace {

// Past this many neighbours no table fits, and the order's exact fill does not matter.
constexpr size_t kMaxFillDegree = 24;
constexpr size_t kMaxTable = 200'000;
constexpr size_t kAnyWork = static_cast<size_t>(-1);

// Greedy order of elimination: always the variable whose table is the smallest.
class GreedyOrder {
 public:
  explicit GreedyOrder(const CompactProblem& problem) : problem_(problem) {
    neighbours_.resize(problem.choices.size());
    for (const CompactPair& pair : problem.pairs) {
      neighbours_[size_t(pair.a)].insert(pair.b);
      neighbours_[size_t(pair.b)].insert(pair.a);
    }
    for (int v = 0; v < problem.variables(); ++v) size_.push_back(TableSize(v));
  }

  std::vector<int> Take(const std::vector<int>& variables) {
    for (int v : variables) left_.emplace(size_[size_t(v)], v);
    std::vector<int> order;
    while (!left_.empty()) {
      order.push_back(left_.begin()->second);
      left_.erase(left_.begin());
      Eliminate(order.back());
    }
    return order;
  }

 private:
  double TableSize(int variable) const {
    double size = problem_.choices[size_t(variable)];
    for (int other : neighbours_[size_t(variable)]) size *= problem_.choices[size_t(other)];
    return size;
  }

  void Eliminate(int variable) {
    const std::set<int>& around = neighbours_[size_t(variable)];
    for (int a : around) {
      neighbours_[size_t(a)].erase(variable);
      if (around.size() > kMaxFillDegree) continue;
      for (int b : around) {
        if (a != b) neighbours_[size_t(a)].insert(b);
      }
    }
    for (int a : around) {
      const auto known = left_.find({size_[size_t(a)], a});
      size_[size_t(a)] = TableSize(a);
      if (known == left_.end()) continue;
      left_.erase(known);
      left_.emplace(size_[size_t(a)], a);
    }
  }

  const CompactProblem& problem_;
  std::vector<std::set<int>> neighbours_;
  std::vector<double> size_;
  std::set<std::pair<double, int>> left_;  // by the size of their tables
};

}  // namespace

Elimination Elimination::Plan(const CompactProblem& problem, absl::Span<const double> priority) {
  Elimination elimination(problem);
  elimination.PlanOrder(priority);
  for (size_t table = kMaxTable;; table /= 4) {
    if (elimination.PlanBuckets(table, table > kMinTable ? kMaxWork : kAnyWork)) return elimination;
  }
}

Elimination::Elimination(const CompactProblem& problem, size_t max_table,
                         absl::Span<const double> priority)
    : Elimination(problem) {
  PlanOrder(priority);
  PlanBuckets(max_table, kAnyWork);
}

void Elimination::PlanOrder(absl::Span<const double> priority) {
  const std::vector<std::vector<int>> pairs = PairsOfVariables(problem_);
  std::vector<int> lone, linked;
  for (int v = 0; v < problem_.variables(); ++v) {
    (pairs[size_t(v)].empty() ? lone : linked).push_back(v);
  }
  if (!priority.empty()) {
    std::stable_sort(lone.begin(), lone.end(),
                     [&](int a, int b) { return priority[size_t(a)] > priority[size_t(b)]; });
  }
  order_ = linked.empty() ? linked : GreedyOrder(problem_).Take(linked);
  std::reverse(order_.begin(), order_.end());
  order_.insert(order_.end(), lone.begin(), lone.end());
  position_.resize(order_.size());
  for (size_t i = 0; i < order_.size(); ++i) position_[size_t(order_[i])] = static_cast<int>(i);
}

bool Elimination::PlanBuckets(size_t max_table, size_t most_work) {
  buckets_.clear();
  buckets_of_.assign(problem_.choices.size(), {});
  exact_ = true;
  work_ = 0;
  // What is to be minimized at each variable: pairs (by index) and tables of buckets (-1 - index).
  std::vector<std::vector<int>> terms(problem_.choices.size());
  for (size_t i = 0; i < problem_.pairs.size(); ++i) {
    const CompactPair& pair = problem_.pairs[i];
    const int last = position_[size_t(pair.a)] > position_[size_t(pair.b)] ? pair.a : pair.b;
    terms[size_t(last)].push_back(static_cast<int>(i));
  }
  for (size_t i = order_.size(); i-- > 0;) {
    std::vector<Bucket> split = SplitTerms(order_[i], max_table, terms[size_t(order_[i])]);
    exact_ &= split.size() == 1;
    for (Bucket& bucket : split) AddBucket(std::move(bucket), terms);
    if (work_ > most_work) return false;
  }
  reader_.assign(buckets_.size(), -1);
  for (size_t b = 0; b < buckets_.size(); ++b) {
    for (int input : buckets_[b].inputs) reader_[size_t(input)] = static_cast<int>(b);
  }
  return true;
}

std::vector<int> Elimination::ScopeOf(int term, int variable) const {
  if (term >= 0) {
    const CompactPair& pair = problem_.pairs[size_t(term)];
    return {pair.a == variable ? pair.b : pair.a};
  }
  std::vector<int> scope = buckets_[size_t(-1 - term)].scope;
  std::erase(scope, variable);
  return scope;
}

std::vector<Elimination::Bucket> Elimination::SplitTerms(int variable, size_t max_table,
                                                         std::vector<int>& terms) const {
  const auto own = static_cast<double>(problem_.choices[size_t(variable)]);
  const auto size_of = [&](int term) {
    return term < 0 ? buckets_[size_t(-1 - term)].scope.size() : 1;
  };
  std::stable_sort(terms.begin(), terms.end(),
                   [&](int a, int b) { return size_of(a) > size_of(b); });
  std::vector<Bucket> split;
  std::vector<double> entries;  // of the table and the variable, per bucket
  if (terms.empty()) split.emplace_back();
  for (int term : terms) {
    const std::vector<int> scope = ScopeOf(term, variable);
    size_t chosen = 0;
    std::vector<int> added;
    double joined = 0;
    for (; chosen < split.size(); ++chosen) {
      const std::vector<int>& present = split[chosen].scope;
      added.clear();
      std::set_difference(scope.begin(), scope.end(), present.begin(), present.end(),
                          std::back_inserter(added));
      joined = entries[chosen];
      for (int v : added) joined *= problem_.choices[size_t(v)];
      if (added.empty() || joined <= static_cast<double>(max_table)) break;
    }
    if (chosen == split.size()) {
      split.emplace_back();
      entries.push_back(own);
      added = scope;
      joined = own;
      for (int v : added) joined *= problem_.choices[size_t(v)];
    }
    Bucket& bucket = split[chosen];
    bucket.scope.insert(bucket.scope.end(), added.begin(), added.end());
    std::sort(bucket.scope.begin(), bucket.scope.end());
    entries[chosen] = joined;
    (term < 0 ? bucket.inputs : bucket.pairs).push_back(term < 0 ? -1 - term : term);
  }
  for (size_t b = 0; b < split.size(); ++b) {
    split[b].variable = variable;
    split[b].has_values = b == 0;
  }
  return split;
}

void Elimination::AddBucket(Bucket bucket, std::vector<std::vector<int>>& terms) {
  int last = -1;
  for (int v : bucket.scope) {
    bucket.strides.push_back(bucket.entries);
    bucket.entries *= size_t(problem_.choices[size_t(v)]);
    if (last < 0 || position_[size_t(v)] > position_[size_t(last)]) last = v;
  }
  work_ += bucket.entries * size_t(problem_.choices[size_t(bucket.variable)]) *
           (1 + bucket.pairs.size() + bucket.inputs.size());
  const int index = static_cast<int>(buckets_.size());
  if (last >= 0) terms[size_t(last)].push_back(-1 - index);
  buckets_of_[size_t(bucket.variable)].push_back(index);
  buckets_.push_back(std::move(bucket));
}

Elimination::Tables Elimination::Minimize(absl::Span<const double> weights) const {
  Tables tables;
  tables.weights.assign(weights.begin(), weights.end());
  tables.tables.resize(buckets_.size());
  tables.pair_values.resize(problem_.pairs.size());
  const auto components = static_cast<size_t>(problem_.components);
  for (size_t i = 0; i < problem_.pairs.size(); ++i) {
    const std::vector<double>& values = problem_.pairs[i].values;
    std::vector<double>& weighted = tables.pair_values[i];
    weighted.resize(values.size() / components);
    for (size_t p = 0; p < weighted.size(); ++p) {
      weighted[p] = WeightedSum(weights, values.data() + p * components);
    }
  }
  tables.minimum = WeightedSum(weights, problem_.constant.data());
  for (size_t b = 0; b < buckets_.size(); ++b) {
    Fill(static_cast<int>(b), tables);
    if (buckets_[b].scope.empty()) tables.minimum += tables.tables[b][0];
  }
  return tables;
}

size_t Elimination::Entry(const Bucket& bucket, absl::Span<const uint16_t> choices) {
  size_t entry = 0;
  for (size_t s = 0; s < bucket.scope.size(); ++s) {
    entry += bucket.strides[s] * choices[size_t(bucket.scope[s])];
  }
  return entry;
}

double Elimination::Term(const Tables& tables, int index, absl::Span<const uint16_t> choices,
                         ChoiceIndex choice) const {
  const Bucket& bucket = buckets_[size_t(index)];
  double sum = 0;
  if (bucket.has_values)
    sum += WeightedSum(tables.weights, problem_.Value(bucket.variable, choice));
  for (int p : bucket.pairs) {
    const CompactPair& pair = problem_.pairs[size_t(p)];
    const bool is_a = pair.a == bucket.variable;
    const auto own = static_cast<size_t>(choice);
    const size_t a = is_a ? own : choices[size_t(pair.a)];
    const size_t b = is_a ? choices[size_t(pair.b)] : own;
    sum += tables.pair_values[size_t(p)][a * size_t(problem_.choices[size_t(pair.b)]) + b];
  }
  for (int i : bucket.inputs) {
    const Bucket& input = buckets_[size_t(i)];
    size_t entry = 0;
    for (size_t s = 0; s < input.scope.size(); ++s) {
      const int v = input.scope[s];
      entry += input.strides[s] *
               (v == bucket.variable ? static_cast<size_t>(choice) : choices[size_t(v)]);
    }
    sum += tables.tables[size_t(i)][entry];
  }
  return sum;
}

void Elimination::Complete(const Tables& tables, int selected, absl::Span<uint16_t> choices) const {
  for (size_t i = static_cast<size_t>(selected); i < order_.size(); ++i) {
    const int variable = order_[i];
    double least = kInfinity;
    ChoiceIndex best = 0;
    for (ChoiceIndex o = 0; o < problem_.choices[size_t(variable)]; ++o) {
      double sum = 0;
      for (int bucket : BucketsOf(variable)) sum += Term(tables, bucket, choices, o);
      if (sum < least) {
        least = sum;
        best = o;
      }
    }
    choices[size_t(variable)] = static_cast<uint16_t>(best);
  }
}

}  // namespace halftone
