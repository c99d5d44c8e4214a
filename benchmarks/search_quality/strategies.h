#ifndef HALFTONE_BENCHMARKS_SEARCH_QUALITY_STRATEGIES_H_
#define HALFTONE_BENCHMARKS_SEARCH_QUALITY_STRATEGIES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "benchmarks/search_quality/subject.h"
#include "search/solver/problem.h"
#include "search/solver/solution.h"

namespace halftone {

struct StrategyInput {
  Subject& subject;
  const Problem& problem;        // with the row's budget
  int evaluations = 64;          // that "refined" may take
  int random_assignments = 500;  // that "best of random" draws
};

// Ways to choose an assignment within the budget of a row; all see the same calibration samples,
// quantizers, costs and ties.
struct Strategy {
  std::string name;
  // NOT_FOUND where the strategy has no answer within the budget.
  absl::StatusOr<Assignment> (*choose)(const StrategyInput& input);
};

// In the order of the table's columns; "refined" is Halftone's default.
const std::vector<Strategy>& AllStrategies();

}  // namespace halftone

#endif  // HALFTONE_BENCHMARKS_SEARCH_QUALITY_STRATEGIES_H_
