#include "search/solver/front_bound.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/infinity.h"

namespace halftone {
namespace {

// A sum that is smaller than a corner's by less than this share is so by rounding.
constexpr double kRounding = 1e-12;

}  // namespace

FrontBound::FrontBound(const CompactProblem& problem, const Elimination& elimination, Stop& stop)
    : problem_(problem) {
  AddHull(elimination, stop);
  const std::vector<Point> hull = points_;
  DropInfeasible();
  AddNeighbours(hull, stop);
  KeepStaircase();
  FindCorners();
}

FrontBound::Point FrontBound::Minimize(const Elimination& elimination, double loss_weight,
                                       double cost_weight) {
  std::vector<double> weights(static_cast<size_t>(problem_.components), 0.0);
  weights[0] = loss_weight;
  weights[1] = cost_weight;
  tables_.push_back(elimination.Minimize(weights));
  std::vector<uint16_t> choices(problem_.choices.size(), 0);
  elimination.Complete(tables_.back(), 0, absl::MakeSpan(choices));
  Point point;
  point.selection.assign(choices.begin(), choices.end());
  const std::vector<double> totals = problem_.Evaluate(point.selection);
  point.loss = totals[0];
  point.cost = totals[1];
  points_.push_back(point);
  return point;
}

void FrontBound::AddHull(const Elimination& elimination, Stop& stop) {
  struct Edge {
    Point cheap, good;
    double Area() const { return (good.cost - cheap.cost) * (cheap.loss - good.loss); }
  };
  const auto by_area = [](const Edge& a, const Edge& b) { return a.Area() < b.Area(); };
  const Point cheapest = Minimize(elimination, 0, 1), best = Minimize(elimination, 1, 0);
  std::vector<Edge> edges = {{cheapest, best}};
  while (!edges.empty() && tables_.size() < kMostWeights && !stop()) {
    std::pop_heap(edges.begin(), edges.end(), by_area);
    const Edge edge = std::move(edges.back());
    edges.pop_back();
    const double run = edge.good.cost - edge.cheap.cost, fall = edge.cheap.loss - edge.good.loss;
    if (run <= 0 || fall <= 0) continue;
    const Point middle = Minimize(elimination, 1, fall / run);
    const double gained =
        edge.cheap.loss + fall / run * edge.cheap.cost - (middle.loss + fall / run * middle.cost);
    if (gained <= kRounding * (std::abs(middle.loss) + std::abs(fall / run * middle.cost)))
      continue;
    for (Edge& half : std::vector<Edge>{{edge.cheap, middle}, {middle, edge.good}}) {
      edges.push_back(std::move(half));
      std::push_heap(edges.begin(), edges.end(), by_area);
    }
  }
}

void FrontBound::DropInfeasible() {
  std::erase_if(points_, [&](const Point& point) {
    return !problem_.IsFeasible(problem_.Evaluate(point.selection));
  });
}

// There are more of them than memory may hold, and few of them count.
void FrontBound::AddNeighbours(const std::vector<Point>& hull, Stop& stop) {
  size_t most = kMostNeighbours;
  for (const Point& point : hull) {
    if (stop()) return;
    Selection changed = point.selection;
    for (size_t v = 0; v < changed.size(); ++v) {
      for (ChoiceIndex o = 0; o < problem_.choices[v]; ++o) {
        if (o == point.selection[v]) continue;
        changed[v] = o;
        const std::vector<double> totals = problem_.Evaluate(changed);
        if (!problem_.IsFeasible(totals)) continue;
        points_.push_back({totals[0], totals[1], changed});
        if (points_.size() < most) continue;
        KeepStaircase();
        most = kMostNeighbours + 2 * points_.size();
      }
      changed[v] = point.selection[v];
    }
  }
}

void FrontBound::KeepStaircase() {
  std::sort(points_.begin(), points_.end(), [](const Point& a, const Point& b) {
    return std::pair(a.cost, a.loss) < std::pair(b.cost, b.loss);
  });
  double least = kInfinity;
  std::erase_if(points_, [&](const Point& point) {
    if (point.loss >= least) return true;
    least = point.loss;
    return false;
  });
}

void FrontBound::FindCorners() {
  std::vector<std::pair<double, Corner>> open;  // by how far it is from being ruled out
  for (size_t i = 0; i <= points_.size() && !points_.empty(); ++i) {
    const double loss = i > 0 ? points_[i - 1].loss : kInfinity;
    const double cost = i < points_.size() ? points_[i].cost : kInfinity;
    std::pair<double, Corner> closest = {kInfinity, {}};
    for (size_t j = 0; j < tables_.size(); ++j) {
      const double loss_weight = tables_[j].weights[0], cost_weight = tables_[j].weights[1];
      double sum = 0;
      if (loss_weight > 0) sum += loss_weight * loss;
      if (cost_weight > 0) sum += cost_weight * cost;
      if (!std::isfinite(sum)) continue;
      sum -= kRounding * std::abs(sum);
      const double distance = sum - tables_[j].minimum;
      if (distance < closest.first) closest = {distance, {j, sum}};
    }
    if (closest.first > 0) open.push_back(closest);
  }
  if (points_.empty()) corners_.push_back({0, kInfinity});
  std::stable_sort(open.begin(), open.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [distance, corner] : open) corners_.push_back(corner);
}

}  // namespace halftone
