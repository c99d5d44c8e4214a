#include "search/strategies/pareto.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/infinity.h"

namespace halftone {

bool Dominates(const Merit& a, const Merit& b) {
  if (!a.IsFeasible() || !b.IsFeasible()) {
    return a.IsFeasible() != b.IsFeasible() ? a.IsFeasible() : a.violation < b.violation;
  }
  bool smaller = false;
  for (size_t i = 0; i < a.objectives.size(); ++i) {
    if (a.objectives[i] > b.objectives[i]) return false;
    smaller |= a.objectives[i] < b.objectives[i];
  }
  return smaller;
}

std::vector<std::vector<size_t>> SortIntoFronts(absl::Span<const Merit> merits) {
  std::vector<std::vector<size_t>> dominated(merits.size());
  std::vector<size_t> dominators(merits.size(), 0);
  for (size_t i = 0; i < merits.size(); ++i) {
    for (size_t j = 0; j < merits.size(); ++j) {
      if (!Dominates(merits[i], merits[j])) continue;
      dominated[i].push_back(j);
      ++dominators[j];
    }
  }
  std::vector<size_t> front;
  for (size_t i = 0; i < merits.size(); ++i) {
    if (dominators[i] == 0) front.push_back(i);
  }
  std::vector<std::vector<size_t>> fronts;
  while (!front.empty()) {
    std::vector<size_t> next;
    for (const size_t i : front) {
      for (const size_t j : dominated[i]) {
        if (--dominators[j] == 0) next.push_back(j);
      }
    }
    std::sort(next.begin(), next.end());
    fronts.push_back(std::exchange(front, std::move(next)));
  }
  return fronts;
}

std::vector<double> CrowdingDistances(absl::Span<const Merit> merits,
                                      absl::Span<const size_t> front) {
  std::vector<double> distances(front.size(), 0);
  if (front.empty()) return distances;
  std::vector<size_t> order(front.size());
  for (size_t k = 0; k < merits[front[0]].objectives.size(); ++k) {
    const auto value = [&](size_t member) { return merits[front[member]].objectives[k]; };
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return value(a) < value(b); });
    const double range = value(order.back()) - value(order.front());
    distances[order.front()] = distances[order.back()] = kInfinity;
    if (range <= 0) continue;
    for (size_t i = 1; i + 1 < order.size(); ++i) {
      distances[order[i]] += (value(order[i + 1]) - value(order[i - 1])) / range;
    }
  }
  return distances;
}

double Hypervolume(std::vector<std::vector<double>> points, absl::Span<const double> reference) {
  std::erase_if(points, [&](const std::vector<double>& point) {
    for (size_t k = 0; k < reference.size(); ++k) {
      if (point[k] >= reference[k]) return true;
    }
    return false;
  });
  if (points.empty() || reference.empty()) return 0;
  const size_t last = reference.size() - 1;
  std::sort(points.begin(), points.end(),
            [last](const auto& a, const auto& b) { return a[last] < b[last]; });
  if (last == 0) return reference[0] - points[0][0];
  double volume = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    const double end = i + 1 < points.size() ? points[i + 1][last] : reference[last];
    const double thickness = end - points[i][last];
    if (thickness <= 0) continue;
    // All that begin at or before this slice cover it.
    volume += thickness * Hypervolume({points.begin(), points.begin() + static_cast<long>(i) + 1},
                                      reference.subspan(0, last));
  }
  return volume;
}

}  // namespace halftone
