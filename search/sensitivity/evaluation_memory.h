#ifndef HALFTONE_SEARCH_SENSITIVITY_EVALUATION_MEMORY_H_
#define HALFTONE_SEARCH_SENSITIVITY_EVALUATION_MEMORY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nn/data/dataset.h"
#include "nn/graph/graph.h"
#include "search/sensitivity/evaluate.h"
#include "search/sensitivity/memory_estimate.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// What Calibrate holds with batches of that size, whose bound graph is `graph`. Errors of
// LowerGraph.
absl::StatusOr<MemoryEstimate> EstimateCalibration(const PreparedNetwork& network,
                                                   const Graph& graph, const Dataset& data);
// RESOURCE_EXHAUSTED where that would not fit MemoryBudget, with the figure and whether fewer
// samples would.
absl::Status CheckCalibrationMemory(const PreparedNetwork& network, const Graph& graph,
                                    const Dataset& data);

// The batch to evaluate assignments with: what the file fixes, or kEvaluationBatch, or fewer
// samples where their activations would take more than kMaxArenaBytes. Errors of LowerGraph.
inline constexpr int64_t kEvaluationBatch = 32;
absl::StatusOr<int64_t> EvaluationBatch(const PreparedNetwork& network, int64_t samples);
// What evaluating assignments on all of `data` holds (evaluate.h), beside what it keeps as long as
// there is room. `graph` is bound to batches of that size. Errors of LowerGraph.
absl::StatusOr<MemoryEstimate> EstimateEvaluation(const PreparedNetwork& network,
                                                  const Graph& graph, int64_t batch,
                                                  const Dataset& data,
                                                  SampleValues values = SampleValues::kNone);
// RESOURCE_EXHAUSTED as above where that would not fit.
absl::Status CheckEvaluationMemory(const MemoryEstimate& estimate);
absl::Status CheckEvaluationMemory(const PreparedNetwork& network, const Dataset& data);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_EVALUATION_MEMORY_H_
