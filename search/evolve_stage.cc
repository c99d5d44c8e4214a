#include "search/evolve_stage.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "search/refine/choice_space.h"
#include "search/solver/compile.h"
#include "search/strategies/evolve.h"

namespace halftone {
namespace {

// What an evolution begins with, at most, of what was evaluated and of the frontier.
constexpr int kEvaluatedParents = 16, kFrontierParents = 4;

struct Measured {
  Assignment assignment;
  double divergence = 0;
};

// Notes what it measures of all `layers`, once each, in its order.
DivergenceFunction Noting(const DivergenceFunction& measure, size_t layers,
                          std::vector<Measured>& measured) {
  return [&measure, layers, &measured](const Assignment& assignment,
                                       const Progress& progress) -> absl::StatusOr<double> {
    HT_ASSIGN_OR_RETURN(const double divergence, measure(assignment, progress));
    if (assignment.size() < layers) return divergence;
    const bool is_new = std::none_of(measured.begin(), measured.end(), [&](const Measured& other) {
      return other.assignment == assignment;
    });
    if (is_new) measured.push_back({assignment, divergence});
    return divergence;
  };
}

std::vector<Assignment> BestOf(std::vector<Measured> measured, size_t count) {
  std::stable_sort(measured.begin(), measured.end(),
                   [](const auto& a, const auto& b) { return a.divergence < b.divergence; });
  std::vector<Assignment> best;
  for (size_t i = 0; i < std::min(count, measured.size()); ++i) {
    best.push_back(std::move(measured[i].assignment));
  }
  return best;
}

// Evenly spread.
void AddFrontier(const std::vector<FrontierPoint>& frontier, size_t most,
                 std::vector<Assignment>& start) {
  const size_t count = std::min(most, frontier.size());
  for (size_t i = 0; i < count; ++i) {
    start.push_back(frontier[i * frontier.size() / count].assignment);
  }
}

// Whether what was measured is to be chosen instead: where there are scores, if it does not more
// than the optimum and is better by more than the standard error of the difference.
absl::StatusOr<bool> IsBetter(const RefineRequest& request, const Measured& measured,
                              const Refinement& refinement) {
  if (!request.score) return measured.divergence < refinement.divergence;
  if (measured.divergence > refinement.most_divergence) return false;
  HT_ASSIGN_OR_RETURN(const Score score, request.score(measured.assignment));
  HT_ASSIGN_OR_RETURN(const Score least, request.score(refinement.assignment));
  return score.value + StandardErrorOfDifference(score, least) < least.value;
}

std::vector<std::string> MetricsOf(const SearchSpec& spec) {
  std::vector<std::string> metrics;
  for (const Metric metric : spec.objectives) metrics.emplace_back(MetricCostKey(metric));
  if (metrics.empty()) metrics.emplace_back(MetricCostKey(spec.frontier));
  return metrics;
}

}  // namespace

absl::StatusOr<Refinement> RefineAndEvolve(const SearchSpec& spec, const RefineRequest& request,
                                           const Solution& solution,
                                           const DivergenceFunction& measure,
                                           const Progress& progress) {
  std::vector<Measured> measured;
  const DivergenceFunction noting = Noting(measure, request.problem.layers.size(), measured);
  RefineRequest first = request;
  first.evaluations = (request.evaluations + 1) / 2;
  HT_ASSIGN_OR_RETURN(Refinement refinement, Refine(first, noting, progress.Part(0, 0.5)));

  HT_ASSIGN_OR_RETURN(const ChoiceSpace space, ChoiceSpace::Create(request.problem));
  EvolveRequest evolve{space};
  evolve.start = BestOf(measured, kEvaluatedParents);
  // What is known already costs no evaluation.
  const size_t known = measured.size();
  const int spent = static_cast<int>(known) + refinement.partial_evaluations;
  const int remaining = std::max(0, request.evaluations - spent);
  evolve.evaluations = static_cast<int>(evolve.start.size()) + remaining;
  AddFrontier(solution.frontier, static_cast<size_t>(std::min(kFrontierParents, remaining / 2)),
              evolve.start);
  evolve.metrics = MetricsOf(spec);
  evolve.is_allowed = request.is_allowed;
  evolve.seed = spec.sensitivity.seed;
  HT_ASSIGN_OR_RETURN(Evolution evolution, Evolve(evolve, noting, progress.Part(0.5, 1)));

  Problem corrected = request.problem;
  refinement.ApplyTo(corrected);
  for (size_t i = known; i < measured.size(); ++i) {
    HT_ASSIGN_OR_RETURN(const FrontierPoint point,
                        EvaluateAssignment(corrected, measured[i].assignment));
    refinement.evaluated.push_back({"evolution", point.loss, measured[i].divergence});
    HT_ASSIGN_OR_RETURN(const bool is_better, IsBetter(request, measured[i], refinement));
    if (!is_better) continue;
    refinement.assignment = measured[i].assignment;
    refinement.source = "evolution";
    refinement.divergence = measured[i].divergence;
    refinement.loss = point.loss;
    refinement.cost = point.cost;
  }
  refinement.is_exhausted = evolution.evaluations < evolve.evaluations;
  refinement.evolution = std::move(evolution);
  return refinement;
}

}  // namespace halftone
