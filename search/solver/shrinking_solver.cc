#include "search/solver/shrinking_solver.h"

#include <algorithm>
#include <utility>

namespace halftone {

ShrinkingSolver::ShrinkingSolver(CompactProblem problem, Goal goal, Incumbent start)
    : problem_(std::move(problem)), goal_(goal) {
  result_.incumbent = std::move(start);
  // One that holds from the beginning, however early the search is stopped.
  result_.lower_bound = goal == Goal::kExcess ? 0 : SimpleLossBound(problem_);
}

void ShrinkingSolver::Offer(const Selection& selection) {
  Take({Objective(problem_, goal_, problem_.Evaluate(selection)), selection});
}

void ShrinkingSolver::Take(const Incumbent& found) {
  if (found.objective < result_.incumbent.objective) {
    result_.incumbent.objective = found.objective;
    result_.incumbent.selection = ToOriginal(found.selection);
  }
}

void ShrinkingSolver::Shrink(const std::vector<std::vector<char>>& keep) {
  ReducedProblem reduced = Reduce(problem_, keep);
  problem_ = std::move(reduced.problem);
  reduced.problem = CompactProblem();
  chain_.push_back(std::move(reduced));
}

bool ShrinkingSolver::Finish(double open) {
  const double objective = result_.incumbent.objective;
  result_.proven = open >= result_.incumbent.Cutoff();
  if (result_.proven) {
    result_.lower_bound = objective;
  } else {
    result_.lower_bound = std::max(result_.lower_bound, std::min(open, objective));
  }
  return false;
}

Selection ShrinkingSolver::ToOriginal(Selection selection) const {
  for (auto step = chain_.rbegin(); step != chain_.rend(); ++step) {
    selection = step->Expand(selection);
  }
  return selection;
}

}  // namespace halftone
