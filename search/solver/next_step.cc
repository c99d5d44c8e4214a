#include "search/solver/next_step.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/infinity.h"
#include "search/solver/exact.h"

namespace halftone {
namespace {

// Of the first interval: a narrower one is not halved again, and the first stride from its lower
// end is as long. Mostly a little more of the limit suffices.
constexpr double kNarrow = 1e-3;
constexpr double kStrideGrowth = 4;
// Of a cost: what is smaller by this is another cost, and not rounding.
constexpr double kCostStep = 1e-9;
// Of the time that is left, what one solve may take.
constexpr double kShareOfTime = 0.5;

double CostOf(const NextStepRequest& request, const Selection& selection) {
  return request.problem.Evaluate(selection)[request.limit + 1];
}

// That cost becomes what is minimized, and the loss is limited.
NextStep MinimizeCost(const NextStepRequest& request, Stop& stop) {
  std::vector<size_t> components = {request.limit + 1};
  for (size_t c = 1; c < static_cast<size_t>(request.problem.components); ++c) {
    if (c != request.limit + 1) components.push_back(c);
  }
  components.push_back(0);
  CompactProblem swapped = SelectComponents(request.problem, components);
  swapped.limit.back() = request.cutoff;
  swapped.ScaleLimit(swapped.limit.size() - 1, 1 / std::max(std::abs(request.cutoff), 1e-300));
  const double cost = swapped.Evaluate(request.larger)[0];
  ExactResult least = SolveExactly(swapped, Goal::kLoss, stop, {cost, request.larger});
  return {std::move(least.incumbent.selection), least.lower_bound, least.proven};
}

class LimitSearch {
 public:
  LimitSearch(const NextStepRequest& request, Stop& stop)
      : request_(request), stop_(stop), tried_(request.problem) {
    step_.selection = request.larger;
    high_ = CostOf(request, request.larger);
    low_ = request.problem.limit[request.limit];
    step_.cost_bound = request.is_present_optimal ? low_ : -kInfinity;
  }

  NextStep Run() {
    const double narrow = kNarrow * (high_ - low_);
    double stride = narrow;
    while (high_ - low_ > narrow && !stop_()) {
      if (!Try(low_ + std::min(stride, 0.5 * (high_ - low_)))) stride *= kStrideGrowth;
    }
    while (!step_.is_proven && !stop_()) {
      const double just_below = high_ - kCostStep * std::abs(high_);
      if (Try(just_below)) continue;
      step_.is_proven = step_.cost_bound >= just_below;
      break;
    }
    if (step_.is_proven) step_.cost_bound = high_;
    return std::move(step_);
  }

 private:
  // Looks for less loss within a value of the limit; whether there was some.
  bool Try(double limit) {
    tried_.limit[request_.limit] = limit;
    const SteadyTime now = stop_.Now();
    Stop share(stop_.cancellation(), now + kShareOfTime * (stop_.deadline() - now));
    // What is no better than the cutoff is not looked for.
    ExactResult result =
        SolveExactly(tried_, Goal::kLoss, share, {request_.cutoff, request_.present});
    if (result.incumbent.objective < request_.cutoff) {
      step_.selection = std::move(result.incumbent.selection);
      high_ = CostOf(request_, step_.selection);
      return true;
    }
    low_ = limit;
    if (result.proven) step_.cost_bound = limit;
    return false;
  }

  const NextStepRequest& request_;
  Stop& stop_;
  CompactProblem tried_;
  NextStep step_;
  double low_ = 0, high_ = 0;  // less loss was not found within the one, and costs the other
};

}  // namespace

NextStep FindNextStep(const NextStepRequest& request, Stop& stop) {
  if (request.problem.cross == nullptr) return MinimizeCost(request, stop);
  return LimitSearch(request, stop).Run();
}

}  // namespace halftone
