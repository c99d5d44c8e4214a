#ifndef HALFTONE_SEARCH_EXECUTED_H_
#define HALFTONE_SEARCH_EXECUTED_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "nn/data/dataset.h"
#include "nn/quant/precision.h"
#include "profilers/network_runner.h"
#include "search/sensitivity/evaluate.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// EvaluateAssignment, and where `runner` is not null Evaluation::executed beside it: the same
// samples through the very network that the runner times. Where the two differ by more than two
// standard errors of their difference, or by a tenth, its warning says what of: roundings of the
// runner's are left out in turn, and those that account for the difference are named.
absl::StatusOr<Evaluation> EvaluateWhereItRuns(const PreparedNetwork& network, const Dataset& data,
                                               const Calibration& calibration,
                                               const std::map<std::string, Precision>& assignment,
                                               NetworkRunner* runner, int threads,
                                               const Progress& progress);

// Evaluates an assignment as `runner` runs it, with the evaluator's data.
absl::StatusOr<ExecutedEvaluation> EvaluateExecuted(
    const PreparedNetwork& network, const Dataset& data, const Calibration& calibration,
    const std::map<std::string, Precision>& assignment, NetworkRunner& runner,
    AssignmentEvaluator& evaluator, const Progress& progress);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_EXECUTED_H_
