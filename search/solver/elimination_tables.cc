// Elimination: what its tables are filled with, and what they tell of every choice.
#include <algorithm>
#include <numeric>

#include "base/infinity.h"
#include "search/solver/elimination.h"

namespace halftone {

std::vector<double> Elimination::OwnValues(const Bucket& bucket, const Tables& tables) const {
  const auto choices = static_cast<size_t>(problem_.choices[size_t(bucket.variable)]);
  std::vector<double> own(choices, 0.0);
  for (size_t o = 0; o < choices && bucket.has_values; ++o) {
    own[o] = std::inner_product(tables.weights.begin(), tables.weights.end(),
                                problem_.Value(bucket.variable, static_cast<int>(o)), 0.0);
  }
  return own;
}

Elimination::TermView Elimination::ViewOfPair(const Bucket& bucket, int index,
                                              const Tables& tables) const {
  const CompactPair& pair = problem_.pairs[size_t(index)];
  const auto b_choices = static_cast<size_t>(problem_.choices[size_t(pair.b)]);
  TermView view;
  view.values = tables.pair_values[size_t(index)].data();
  view.variable_stride = pair.a == bucket.variable ? b_choices : 1;
  for (int v : bucket.scope) view.strides.push_back(v == pair.a ? b_choices : v == pair.b ? 1 : 0);
  return view;
}

Elimination::TermView Elimination::ViewOfTable(const Bucket& bucket, const Bucket& input,
                                               const double* table) {
  const auto stride_of = [&](int variable) -> size_t {
    const auto found = std::find(input.scope.begin(), input.scope.end(), variable);
    return found == input.scope.end() ? 0 : input.strides[size_t(found - input.scope.begin())];
  };
  TermView view;
  view.values = table;
  view.variable_stride = stride_of(bucket.variable);
  for (int v : bucket.scope) view.strides.push_back(stride_of(v));
  return view;
}

template <typename Visit>
void Elimination::ForEachEntry(const Bucket& bucket, const std::vector<double>& own,
                               std::vector<TermView>& views, Visit visit) const {
  std::vector<int> at(bucket.scope.size(), 0);
  std::vector<double> sums(own.size());
  for (size_t entry = 0; entry < bucket.entries; ++entry) {
    sums = own;
    for (const TermView& view : views) {
      const double* value = view.values + view.offset;
      for (size_t o = 0; o < sums.size(); ++o) sums[o] += value[o * view.variable_stride];
    }
    visit(entry, sums);
    for (size_t s = 0; s < at.size(); ++s) {
      const int limit = problem_.choices[size_t(bucket.scope[s])];
      if (++at[s] < limit) {
        for (TermView& view : views) view.offset += view.strides[s];
        break;
      }
      at[s] = 0;
      for (TermView& view : views) view.offset -= view.strides[s] * size_t(limit - 1);
    }
  }
}

void Elimination::Fill(int index, Tables& tables) const {
  const Bucket& bucket = buckets_[size_t(index)];
  const std::vector<double> own = OwnValues(bucket, tables);
  std::vector<double>& table = tables.tables[size_t(index)];
  if (bucket.scope.empty() && bucket.inputs.empty()) {
    table.assign(1, *std::min_element(own.begin(), own.end()));
    return;
  }
  std::vector<TermView> views;
  for (int p : bucket.pairs) views.push_back(ViewOfPair(bucket, p, tables));
  for (int i : bucket.inputs) {
    views.push_back(ViewOfTable(bucket, buckets_[size_t(i)], tables.tables[size_t(i)].data()));
  }
  table.resize(bucket.entries);
  ForEachEntry(bucket, own, views, [&](size_t entry, const std::vector<double>& sums) {
    table[entry] = *std::min_element(sums.begin(), sums.end());
  });
}

std::vector<std::vector<double>> Elimination::MinimaGiven(const Tables& tables) const {
  std::vector<std::vector<double>> minima;
  for (int choices : problem_.choices)
    minima.emplace_back(static_cast<size_t>(choices), -kInfinity);
  // Per bucket: the least sum of all terms of its tree that are not below it, by its scope.
  std::vector<std::vector<double>> outside(buckets_.size());
  std::vector<double> tree(buckets_.size());  // the least sum of the whole tree
  for (size_t b = buckets_.size(); b-- > 0;) {
    const Bucket& bucket = buckets_[b];
    if (reader_[b] < 0) {
      outside[b].assign(1, 0.0);
      tree[b] = tables.tables[b][0];
    } else {
      tree[b] = tree[size_t(reader_[b])];
    }
    const std::vector<double> own = OwnValues(bucket, tables);
    std::vector<TermView> views;
    for (int p : bucket.pairs) views.push_back(ViewOfPair(bucket, p, tables));
    const size_t first_input = views.size();
    for (int i : bucket.inputs) {
      views.push_back(ViewOfTable(bucket, buckets_[size_t(i)], tables.tables[size_t(i)].data()));
      outside[size_t(i)].assign(buckets_[size_t(i)].entries, kInfinity);
    }
    std::vector<double> least(own.size(), kInfinity);
    ForEachEntry(bucket, own, views, [&](size_t entry, const std::vector<double>& sums) {
      for (size_t o = 0; o < sums.size(); ++o) {
        const double sum = sums[o] + outside[b][entry];
        least[o] = std::min(least[o], sum);
        for (size_t i = 0; i < bucket.inputs.size(); ++i) {
          const TermView& view = views[first_input + i];
          const size_t at = view.offset + o * view.variable_stride;
          double& of_input = outside[size_t(bucket.inputs[i])][at];
          of_input = std::min(of_input, sum - view.values[at]);
        }
      }
    });
    // Of several buckets of one variable, each gives a bound.
    std::vector<double>& of_variable = minima[size_t(bucket.variable)];
    for (size_t o = 0; o < least.size(); ++o) {
      of_variable[o] = std::max(of_variable[o], tables.minimum - tree[b] + least[o]);
    }
  }
  return minima;
}

}  // namespace halftone
