#ifndef HALFTONE_SEARCH_STRATEGIES_EVOLVE_H_
#define HALFTONE_SEARCH_STRATEGIES_EVOLVE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "search/refine/assignment_meter.h"
#include "search/refine/choice_space.h"
#include "search/refine/evolution.h"
#include "search/solver/solution.h"

namespace halftone {

struct EvolveRequest {
  const ChoiceSpace& space;
  // What to begin with, the most promising first: those beyond the budgets are left out. Each takes
  // one of the evaluations.
  std::vector<Assignment> start;
  std::vector<std::string> metrics;  // objectives beside the divergence, as in costs: "latency_ns"
  // Limits that the problem does not hold; empty: none.
  std::function<bool(const Assignment&)> is_allowed;
  // At most: fewer where nothing else within the budgets is found. At least 1.
  int evaluations = 64;
  uint64_t seed = 0;
};

// Looks for assignments within the budgets that are small in several objectives at once, the
// measured divergence the first, by NSGA-II (nsga2.h). Costs are known without measuring, so that
// only what keeps the budgets is measured. Deterministic by the seed where `measure` is. Errors of
// `measure` are passed on. INVALID_ARGUMENT where nothing to begin with keeps the budgets.
absl::StatusOr<Evolution> Evolve(const EvolveRequest& request, const DivergenceFunction& measure,
                                 const Progress& progress);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_STRATEGIES_EVOLVE_H_
