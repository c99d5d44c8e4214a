#include "search/solver/solver.h"

#include <utility>

#include "base/infinity.h"
#include "base/status_macros.h"
#include "search/solver/cheapest.h"
#include "search/solver/compile.h"
#include "search/solver/exact.h"
#include "search/solver/frontier.h"
#include "search/solver/infeasible.h"
#include "search/solver/solve_memory.h"
#include "search/solver/stop.h"

namespace halftone {
namespace {

absl::Status NothingFound(const Stop& stop, double lower_bound) {
  if (absl::Status cancelled = stop.cancellation().Check(); !cancelled.ok()) return cancelled;
  return absl::DeadlineExceededError(absl::StrCat(
      "no assignment within the budgets was found in the time limit, nor was it proven "
      "that there is none; lower bound of the loss: ",
      lower_bound));
}

void Fill(const CompiledProblem& compiled, const CompactProblem& compact, const ExactResult& result,
          Stop& stop, Solution& solution) {
  FrontierPoint point =
      compiled.ToPoint(CheapestOfEqual(compiled, compact, result.incumbent.selection, stop));
  if (!result.proven) point.SetBound(result.lower_bound);
  solution.SetPoint(std::move(point));
  solution.status = result.proven ? Solution::Status::kOptimal : Solution::Status::kFeasible;
}

}  // namespace

absl::StatusOr<Solution> Solve(const Problem& problem, const SolveOptions& options,
                               const Progress& progress) {
  const SteadyClock& clock = progress.cancellation.clock();
  const SteadyTime start = clock.Now();
  HT_ASSIGN_OR_RETURN(const CompiledProblem compiled, CompiledProblem::Create(problem));
  Stop stop(progress.cancellation, start + options.time_limit);
  const absl::StatusOr<CompactProblem> tabulated = compiled.Compact(compiled.limits(), stop);
  if (stop.stopped()) return NothingFound(stop, -kInfinity);
  HT_RETURN_IF_ERROR(tabulated.status());
  const CompactProblem& compact = *tabulated;
  if (compact.cross == nullptr) {
    HT_RETURN_IF_ERROR(
        CheckPairSolvingMemory(compact, compiled.pair_bytes(), !problem.frontier.empty()));
  }
  if (progress.report) progress.report(0, "searching");
  const bool is_long = !problem.frontier.empty() && compact.cross != nullptr;
  Stop own(stop.cancellation(), start + options.time_limit / (is_long ? 2 : 1));
  const ExactResult result = SolveExactly(compact, Goal::kLoss, own);
  if (!result.proven && !result.incumbent.found()) return NothingFound(stop, result.lower_bound);

  Solution solution;
  if (result.incumbent.found()) {
    Fill(compiled, compact, result, stop, solution);
  } else {
    if (progress.report) progress.report(0.3, "no assignment fits: looking for the reason");
    HT_ASSIGN_OR_RETURN(solution.infeasible, ExplainInfeasible(compiled, stop));
  }
  if (!problem.frontier.empty()) {
    if (progress.report) progress.report(0.5, "frontier");
    HT_ASSIGN_OR_RETURN(solution.frontier,
                        ComputeFrontier(compiled, options.max_frontier_points, stop));
  }
  if (progress.report) progress.report(1, "solved");
  solution.seconds = absl::ToDoubleSeconds(clock.Now() - start);
  return solution;
}

}  // namespace halftone
