#ifndef HALFTONE_SEARCH_SENSITIVITY_MEMORY_ESTIMATE_H_
#define HALFTONE_SEARCH_SENSITIVITY_MEMORY_ESTIMATE_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nn/data/dataset.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// What a computation holds at once, in bytes, from shapes alone. Upper estimates of what grows with
// the network and with what is asked; what every computation needs is left out.
struct MemoryEstimate {
  double data = 0;         // the samples
  double weights = 0;      // as imported, as bound, and as constants of a program
  double activations = 0;  // of a batch: of one sample where a batch of more would not fit
  double choices = 0;      // weights as the choices have them
  double matrix = 0;       // of interactions, with its errors
  double resamples = 0;    // the losses of every sample
  double basis = 0;        // of the eigenvectors' iterations
  double outputs = 0;      // of the float network, for all samples

  double Total() const {
    return data + weights + activations + choices + matrix + resamples + basis + outputs;
  }
};

// The samples as so many, of the bytes that one of `data` takes.
absl::StatusOr<MemoryEstimate> EstimateSensitivity(const PreparedNetwork& network,
                                                   const Dataset& data, int64_t samples,
                                                   const std::vector<Precision>& precisions,
                                                   const SensitivityOptions& options);

// RESOURCE_EXHAUSTED where MeasureSensitivity would not fit MemoryBudget, with the figure and which
// of fewer samples, fewer precisions and no interactions would make it fit.
absl::Status CheckSensitivityMemory(const PreparedNetwork& network, const Dataset& data,
                                    const std::vector<Precision>& precisions,
                                    const SensitivityOptions& options);

// The same for Calibrate with batches of that size, whose bound graph is `graph`.
absl::Status CheckCalibrationMemory(const PreparedNetwork& network, const Graph& graph,
                                    const Dataset& data);

// What evaluating assignments on all of `data` holds (evaluate.h), beside what it keeps as long as
// there is room. `graph` is bound to batches of that size: kEvaluationBatch, or what the file
// fixes.
inline constexpr int64_t kEvaluationBatch = 32;
MemoryEstimate EstimateEvaluation(const Graph& graph, int64_t batch, const Dataset& data);
// RESOURCE_EXHAUSTED as above where that would not fit.
absl::Status CheckEvaluationMemory(const MemoryEstimate& estimate);
absl::Status CheckEvaluationMemory(const PreparedNetwork& network, const Dataset& data);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_MEMORY_ESTIMATE_H_
