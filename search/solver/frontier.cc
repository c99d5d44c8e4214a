#include "search/solver/frontier.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/infinity.h"
#include "base/status_macros.h"
#include "search/solver/elimination.h"
#include "search/solver/exact.h"
#include "search/solver/front_bound.h"
#include "search/solver/label_search.h"

namespace halftone {
namespace {

// Partial selections that the complete sweep may hold at once.
constexpr size_t kMaxLabels = 400'000;
// Partial selections that it may make in all: some seconds' worth.
constexpr double kMaxLabelsMade = 3e7;
// Limits on the metric that the sweep of single solves tries.
constexpr int kSweepSteps = 64;

struct Found {
  Selection selection;
  double lower_bound;
};

// Component 1 is the frontier's metric, without a limit that matters; the others are budgets.
absl::StatusOr<CompactProblem> CompactForFrontier(const CompiledProblem& compiled) {
  const Problem& problem = compiled.problem();
  std::vector<std::pair<std::string, double>> metrics = {{problem.frontier, kInfinity}};
  for (const auto& [metric, limit] : compiled.limits()) {
    if (metric != problem.frontier) metrics.emplace_back(metric, limit);
  }
  HT_ASSIGN_OR_RETURN(CompactProblem compact, compiled.Compact(metrics));
  compact.limit[0] = std::max(0.0, ExtremesOf(compact).most[1]) + 1;
  return DropSlackLimits(compact, 2);
}

std::optional<std::vector<Found>> SweepAllFronts(const CompactProblem& problem, Stop& stop) {
  if (problem.cross != nullptr) return std::nullopt;
  const ReducedProblem reduced = Reduce(problem, UndominatedChoices(problem));
  const Elimination elimination = Elimination::Plan(reduced.problem);
  if (!elimination.exact()) return std::nullopt;
  std::vector<Elimination::Tables> bounds;
  for (size_t c = 2; c < static_cast<size_t>(problem.components); ++c) {
    std::vector<double> weights(static_cast<size_t>(problem.components), 0.0);
    weights[c] = 1;
    bounds.push_back(elimination.Minimize(weights));
  }
  // Without pairs and further limits, labels are so cheap that to bound them takes longer.
  std::optional<FrontBound> known;
  if (!reduced.problem.pairs.empty() || problem.components > 2) {
    known.emplace(reduced.problem, elimination, stop);
  }
  LabelSearchOptions options;
  options.front = known.has_value() ? &*known : nullptr;
  options.max_labels = kMaxLabels;
  options.max_labels_made = kMaxLabelsMade;
  auto points = LabelSearch(reduced.problem, elimination, bounds, options, stop).RunPareto();
  if (!points.has_value()) return std::nullopt;
  std::vector<FrontBound::Point> all;
  if (known.has_value()) all = known->points();
  for (LabelSearch::ParetoPoint& point : *points) {
    all.push_back({point.totals[0], point.totals[1], std::move(point.selection)});
  }
  std::sort(all.begin(), all.end(), [](const FrontBound::Point& a, const FrontBound::Point& b) {
    return std::pair(a.loss, a.cost) < std::pair(b.loss, b.cost);
  });
  std::vector<Found> front;
  double least = kInfinity;
  // By rising loss, a point belongs to the front when it is cheaper than all before it.
  for (const FrontBound::Point& point : all) {
    if (point.cost >= least) continue;
    least = point.cost;
    front.push_back({reduced.Expand(point.selection), point.loss});
  }
  std::reverse(front.begin(), front.end());
  return front;
}

std::vector<Found> SweepLimits(CompactProblem problem, Stop& stop) {
  std::vector<Found> front;
  double least = 0, step = 0;
  while (static_cast<int>(front.size()) < 2 * kSweepSteps) {
    const SteadyTime now = stop.Now();
    Stop share(stop.cancellation(),
               std::min(stop.deadline(), now + (stop.deadline() - now) / (kSweepSteps / 4)));
    const ExactResult result = SolveExactly(problem, Goal::kLoss, share);
    if (!result.incumbent.found()) break;
    front.push_back({result.incumbent.selection, result.lower_bound});
    const double cost = problem.Evaluate(result.incumbent.selection)[1];
    if (front.size() == 1) {
      least = ExtremesOf(problem).least[1];
      step = (cost - least) / kSweepSteps;
    }
    if (stop() || step <= 0) break;
    problem.limit[0] = std::min(problem.limit[0], cost) - step;
  }
  std::reverse(front.begin(), front.end());
  return front;
}

// Every n-th of them, ends included.
void Thin(std::vector<Found>& front, size_t max_points) {
  if (front.size() <= max_points || max_points < 2) return;
  std::vector<Found> kept;
  for (size_t i = 0; i < max_points; ++i) {
    kept.push_back(std::move(front[i * (front.size() - 1) / (max_points - 1)]));
  }
  front = std::move(kept);
}

}  // namespace

absl::StatusOr<std::vector<FrontierPoint>> ComputeFrontier(const CompiledProblem& compiled,
                                                           size_t max_points, Stop& stop) {
  HT_ASSIGN_OR_RETURN(const CompactProblem problem, CompactForFrontier(compiled));
  // The complete sweep must leave time for the other one.
  const SteadyTime now = stop.Now();
  Stop half(stop.cancellation(), now + (stop.deadline() - now) / 2);
  std::optional<std::vector<Found>> complete = SweepAllFronts(problem, half);
  std::vector<Found> found =
      complete.has_value() ? std::move(*complete) : SweepLimits(problem, stop);
  Thin(found, max_points);
  std::vector<FrontierPoint> points;
  const std::string& metric = compiled.problem().frontier;
  for (const Found& one : found) {
    FrontierPoint point = compiled.ToPoint(one.selection);
    if (!complete.has_value()) point.SetBound(one.lower_bound);
    // Points of the limits' sweep come by rising cost, but need not fall in loss.
    if (!points.empty() && point.Minimized() >= points.back().Minimized()) continue;
    if (!points.empty() && point.cost[metric] <= points.back().cost[metric]) points.pop_back();
    points.push_back(std::move(point));
  }
  return points;
}

}  // namespace halftone
