#ifndef HALFTONE_SEARCH_SOLVER_FRONTIER_H_
#define HALFTONE_SEARCH_SOLVER_FRONTIER_H_

#include <vector>

#include "absl/status/statusor.h"
#include "search/solver/compile.h"
#include "search/solver/solution.h"
#include "search/solver/stop.h"

namespace halftone {

// The Pareto front of loss against problem.frontier with all budgets but that metric's kept, by
// falling loss. Complete and proven where one sweep of dynamic programming over all partial fronts
// is small enough; else points from a sweep of single solves over limits on the metric, each with
// its own lower bound. `max_points` limits what is returned: then every n-th point, ends included.
absl::StatusOr<std::vector<FrontierPoint>> ComputeFrontier(const CompiledProblem& compiled,
                                                           size_t max_points, Stop& stop);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_FRONTIER_H_
