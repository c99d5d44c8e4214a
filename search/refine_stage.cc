#include "search/refine_stage.h"

#include <algorithm>
#include <cstring>
#include <optional>
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
// For one optimum with corrections, of many.
constexpr absl::Duration kCorrectedTime = absl::Seconds(5);

Progress Quiet(const Progress& progress) {
  Progress quiet;
  quiet.cancellation = progress.cancellation;
  return quiet;
}

// Nothing where the time does not suffice.
absl::StatusOr<std::optional<Assignment>> SolveCorrected(const BuiltProblem& built,
                                                         absl::Span<const Correction> corrections,
                                                         const SearchSpec& spec,
                                                         const Cancellation& cancellation) {
  BuiltProblem corrected = built;
  ApplyCorrections(corrections, corrected.problem);
  corrected.problem.frontier.clear();
  corrected.deadline = cancellation.clock().Now() + std::min(spec.time_limit, kCorrectedTime);
  Progress silent;
  silent.cancellation = cancellation;
  absl::StatusOr<Solution> solution = SolveWithLiveSets(corrected, silent);
  HT_RETURN_IF_ERROR(cancellation.Check());
  if (absl::IsDeadlineExceeded(solution.status())) return std::nullopt;
  HT_RETURN_IF_ERROR(solution.status());
  if (solution->status == Solution::Status::kInfeasible) return std::nullopt;
  return std::move(solution->assignment);
}

// The answer as a whole, with its frontier and explanation; what does not depend on losses stays.
absl::StatusOr<SolveOutput> SolveAgain(const SearchSpec& spec, const Tables& tables,
                                       const Offer& offer, const SolveOutput& before,
                                       const Refinement& refined,
                                       const Cancellation& cancellation) {
  Progress silent;
  silent.cancellation = cancellation;
  HT_ASSIGN_OR_RETURN(SolveOutput solved, SolveTables(tables, offer, spec, silent, &refined));
  // A cut-off answer must not stand for the problem's.
  HT_RETURN_IF_ERROR(cancellation.Check());
  solved.reference_cost = before.reference_cost;
  solved.budgets = before.budgets;
  solved.codesign = before.codesign;
  return solved;
}

}  // namespace

bool IsRefined(const SearchSpec& spec, const Solution& solution) {
  return solution.status != Solution::Status::kInfeasible && WhyNotEvaluated(spec).empty();
}

absl::StatusOr<RefineOutput> RefineSolved(const SearchSpec& spec, const Tables& tables,
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
  request.is_divergence = PredictsDivergence(tables.sensitivity);
  // Live sets that the model's answers never exceeded are no budgets of the solved problem.
  const ProblemInputs inputs{tables.network, tables.sensitivity, tables.costs,
                             offer.offered,  offer.reference,    spec};
  HT_ASSIGN_OR_RETURN(const BuiltProblem built, BuildProblem(inputs, Progress()));
  if (built.activation_budget.has_value()) {
    request.is_allowed = [&](const Assignment& assignment) {
      return PeakActivationBytes(built.live_sets, assignment) <= *built.activation_budget;
    };
  }
  request.solve = [&](absl::Span<const Correction> corrections) {
    return SolveCorrected(built, corrections, spec, progress.cancellation);
  };
  absl::StatusOr<Refinement> refined =
      spec.strategy == SearchStrategy::kEvolutionary
          ? RefineAndEvolve(spec, request, solved.solution, meter.AsFunction(), progress)
          : Refine(request, meter.AsFunction(), progress);
  RefineOutput output;
  HT_ASSIGN_OR_RETURN(output.refinement, std::move(refined));
  Refinement& refinement = output.refinement;
  refinement.cost[std::string(MetricCostKey(Metric::kActivationMemory))] =
      PeakActivationBytes(built.live_sets, refinement.assignment);
  if (!refinement.CorrectsTheModel()) return output;
  HT_ASSIGN_OR_RETURN(output.solved,
                      SolveAgain(spec, tables, offer, solved, refinement, progress.cancellation));
  const Assignment& optimum = output.solved->solution.assignment;
  if (optimum == refinement.optimum) return output;
  // A time limit has cut in.
  refinement.optimum = optimum;
  HT_ASSIGN_OR_RETURN(refinement.optimum_divergence, meter.Measure(optimum, Quiet(progress)));
  return output;
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
