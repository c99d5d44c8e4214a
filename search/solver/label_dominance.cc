// LabelSearch: which labels of a group others replace.
#include <algorithm>
#include <iterator>
#include <map>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "base/infinity.h"
#include "search/solver/label_search.h"

namespace halftone {
namespace {

// Groups of more labels than these are compared on a grid.
constexpr size_t kManyLabels = 2'000;

// Pairs of costs of labels that come by rising loss, by cells of the first cost: a tree of the
// least second cost in all cells up to one (Fenwick), and of each cell the pair with the least. A
// pair that only another one of its cell replaces may be kept, which costs time alone.
class CostGrid {
 public:
  CostGrid(double least, double most)
      : least_(least),
        scale_(most > least ? (kCells - 1) / (most - least) : 0),
        tree_(kCells + 1, kInfinity),
        cells_(kCells, {kInfinity, kInfinity}) {}

  // Whether a pair before it is not dearer in either cost; if none is, it is added.
  bool IsReplaced(double first, double second) {
    const auto cell = static_cast<size_t>((first - least_) * scale_);
    std::pair<double, double>& best = cells_[cell];
    if (best.first <= first && best.second <= second) return true;
    for (size_t i = cell; i > 0; i -= i & (~i + 1)) {
      if (tree_[i] <= second) return true;
    }
    if (second <= best.second) best = {first, second};
    for (size_t i = cell + 1; i <= kCells; i += i & (~i + 1)) {
      tree_[i] = std::min(tree_[i], second);
    }
    return false;
  }

 private:
  static constexpr size_t kCells = 16'384;

  double least_, scale_;
  std::vector<double> tree_;
  std::vector<std::pair<double, double>> cells_;
};

}  // namespace

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
  std::optional<CostGrid> grid;
  if (components_ == 3 && group.size() > kManyLabels) {
    double low = kInfinity, high = -kInfinity;
    for (uint32_t i = 0; i < group.size(); ++i) {
      low = std::min(low, values(i)[1]);
      high = std::max(high, values(i)[1]);
    }
    grid.emplace(low, high);
  }
  const auto is_dominated = [&](uint32_t i) {
    const double* value = values(i);
    if (components_ == 1) return !kept.empty();
    if (components_ == 2) {
      if (value[1] >= least) return true;
      least = value[1];
      return false;
    }
    if (grid.has_value()) return grid->IsReplaced(value[1], value[2]);
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
  Keep(kept, group);
}

void LabelSearch::Keep(const std::vector<uint32_t>& kept, Group& group) const {
  std::vector<double> values;
  std::vector<uint32_t> nodes;
  values.reserve(kept.size() * components_);
  nodes.reserve(kept.size());
  for (uint32_t i : kept) {
    const double* value = group.values.data() + i * components_;
    values.insert(values.end(), value, value + components_);
    nodes.push_back(group.nodes[i]);
  }
  group.values = std::move(values);
  group.nodes = std::move(nodes);
  group.runs.assign(1, 0);
}

}  // namespace halftone
