#include "search/solve_tables.h"

#include <utility>

#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "search/problem_builder.h"
#include "search/stability.h"
#include "search/user_explanation.h"

namespace halftone {

using nlohmann::json;

absl::StatusOr<Tables> ParseTables(absl::string_view import_output,
                                   absl::string_view sensitivity_output,
                                   absl::string_view profile_output) {
  Tables tables;
  HT_ASSIGN_OR_RETURN(tables.network, NetworkSummaryFromBytes(import_output));
  HT_ASSIGN_OR_RETURN(const json sensitivity, ParseStored(sensitivity_output, "sensitivities"));
  HT_ASSIGN_OR_RETURN(tables.sensitivity, SensitivityFromJson(sensitivity));
  HT_ASSIGN_OR_RETURN(const json costs, ParseStored(profile_output, "cost table"));
  HT_ASSIGN_OR_RETURN(tables.costs, CostTableFromJson(costs));
  return tables;
}

absl::StatusOr<SolveOutput> SolveTables(const Tables& tables, const Offer& offer,
                                        const SearchSpec& spec, const Progress& progress,
                                        const Refinement* refined) {
  HT_ASSIGN_OR_RETURN(const SensitivityResult sensitivity,
                      ScaleLosses(spec.rules.loss_factors, tables.sensitivity));
  const ProblemInputs inputs{tables.network, sensitivity,     tables.costs,
                             offer.offered,  offer.reference, spec};
  HT_ASSIGN_OR_RETURN(BuiltProblem built, BuildProblem(inputs, progress));
  if (refined != nullptr) refined->ApplyTo(built.problem);
  SolveOutput output;
  const bool resampled = !tables.sensitivity.resampled_losses.empty();
  HT_ASSIGN_OR_RETURN(output.solution,
                      SolveWithLiveSets(built, progress.Part(0, resampled ? 0.3 : 1)));
  if (resampled && output.solution.status != Solution::Status::kInfeasible) {
    // All resamples together may take as long again.
    built.deadline = progress.cancellation.clock().Now() + spec.time_limit;
    const ProblemSolver solve = [&](const Problem& problem, const Progress& part) {
      BuiltProblem drawn = built;
      drawn.problem = problem;
      drawn.problem.frontier.clear();
      return SolveWithLiveSets(drawn, part);
    };
    absl::StatusOr<Stability> stability = MeasureStability(
        built.problem, output.solution.assignment, sensitivity, solve, progress.Part(0.3, 1));
    HT_RETURN_IF_ERROR(progress.cancellation.Check());
    // Without time for one resample there is an answer all the same.
    if (!absl::IsDeadlineExceeded(stability.status())) {
      HT_ASSIGN_OR_RETURN(output.stability, std::move(stability));
    }
  }
  if (spec.explain && output.solution.status != Solution::Status::kInfeasible) {
    HT_ASSIGN_OR_RETURN(output.solution.explanation,
                        ExplainToUser(tables.network, built, output.solution, progress));
  }
  output.problem = std::move(built.problem);
  output.reference = offer.reference;
  output.reference_cost = std::move(built.reference_cost);
  output.budgets = std::move(built.budgets);
  return output;
}

}  // namespace halftone
