#include "search/refine_stage.h"

#include <cstring>
#include <utility>

#include "base/status_macros.h"
#include "search/evolve_stage.h"
#include "search/loss_terms.h"
#include "search/problem_builder.h"
#include "search/refine/refine.h"

namespace halftone {
namespace {

// Columns of the matrix of pairs that is kept: 64 MiB while it is measured.
constexpr size_t kMaxPairColumns = 2896;

}  // namespace

bool IsRefined(const SearchSpec& spec, const Solution& solution) {
  return solution.status != Solution::Status::kInfeasible && WhyNotEvaluated(spec).empty();
}

absl::StatusOr<Refinement> RefineSolved(const SearchSpec& spec, const Tables& tables,
                                        const Offer& offer, const SolveOutput& solved,
                                        const std::vector<float>& pairs, AssignmentMeter& meter,
                                        const Progress& progress) {
  RefineRequest request{solved.problem, solved.solution.assignment};
  if (tables.sensitivity.method == SensitivityMethod::kFisherCorrected) {
    request.estimates.push_back(SecondOrderLosses(tables.sensitivity));
  }
  request.pairs = pairs;
  request.score = [&](const Assignment& assignment) { return meter.ScoreOf(assignment); };
  request.evaluations = spec.evaluations;
  request.time_limit = spec.time_limit;
  // Live sets that the model's answers never exceeded are no budgets of the solved problem.
  const ProblemInputs inputs{tables.network, tables.sensitivity, tables.costs,
                             offer.offered,  offer.reference,    spec};
  HT_ASSIGN_OR_RETURN(const BuiltProblem built, BuildProblem(inputs, Progress()));
  if (built.activation_budget.has_value()) {
    request.is_allowed = [&](const Assignment& assignment) {
      return PeakActivationBytes(built.live_sets, assignment) <= *built.activation_budget;
    };
  }
  absl::StatusOr<Refinement> refined =
      spec.strategy == SearchStrategy::kEvolutionary
          ? RefineAndEvolve(spec, request, solved.solution, meter.AsFunction(), progress)
          : Refine(request, meter.AsFunction(), progress);
  HT_ASSIGN_OR_RETURN(Refinement refinement, std::move(refined));
  refinement.cost[std::string(MetricCostKey(Metric::kActivationMemory))] =
      PeakActivationBytes(built.live_sets, refinement.assignment);
  return refinement;
}

SensitivityOptions OptionsWithPairs(const SensitivityOptions& options, size_t layers,
                                    size_t precisions) {
  SensitivityOptions with = options;
  with.interactions = HasInteractions(options.method) && layers * precisions <= kMaxPairColumns;
  return with;
}

std::string TakePairs(SensitivityResult& sensitivity) {
  const std::vector<double> interactions = std::exchange(sensitivity.interactions, {});
  sensitivity.interaction_errors.clear();
  std::vector<float> pairs;
  pairs.reserve(interactions.size());
  for (const double value : interactions) {
    pairs.push_back(static_cast<float>(value / sensitivity.pair_scale));
  }
  std::string bytes(pairs.size() * sizeof(float), '\0');
  if (!pairs.empty()) std::memcpy(bytes.data(), pairs.data(), bytes.size());
  return bytes;
}

absl::StatusOr<std::vector<float>> PairsFromBytes(absl::string_view bytes) {
  if (bytes.size() % sizeof(float) != 0) {
    return absl::InternalError("the stored losses of pairs are damaged");
  }
  std::vector<float> pairs(bytes.size() / sizeof(float));
  if (!bytes.empty()) std::memcpy(pairs.data(), bytes.data(), bytes.size());
  return pairs;
}

}  // namespace halftone
