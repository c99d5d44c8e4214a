#ifndef HALFTONE_SEARCH_SENSITIVITY_MEMORY_ESTIMATE_H_
#define HALFTONE_SEARCH_SENSITIVITY_MEMORY_ESTIMATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nn/data/dataset.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// What a computation holds at once, in bytes, from shapes alone: what grows with the network and
// with what is asked. What every computation needs is left out, and so is scratch memory of
// kernels. docs/api.md has how near the estimates are.
struct MemoryEstimate {
  double data = 0;         // the samples
  double weights = 0;      // as imported, as bound, and as kernels want them
  double activations = 0;  // of a batch: of one sample where a batch of more would not fit
  double choices = 0;      // weights as the choices have them, or while their ranges are sought
  double matrix = 0;       // of interactions, with its errors
  double resamples = 0;    // the losses of every sample
  double basis = 0;        // of the eigenvectors' iterations
  double outputs = 0;      // of the float network, for all samples

  double Total() const {
    return data + weights + activations + choices + matrix + resamples + basis + outputs;
  }
  // The parts that count: "samples 20MB, weights 4MB".
  std::string ToString() const;
};

// The samples as so many, of the bytes that one of `data` takes. Errors of LowerGraph.
absl::StatusOr<MemoryEstimate> EstimateSensitivity(const PreparedNetwork& network,
                                                   const Dataset& data, int64_t samples,
                                                   const std::vector<Precision>& precisions,
                                                   const SensitivityOptions& options);

// RESOURCE_EXHAUSTED where MeasureSensitivity would not fit MemoryBudget, with the figure and which
// of fewer samples, fewer precisions and no interactions would make it fit.
absl::Status CheckSensitivityMemory(const PreparedNetwork& network, const Dataset& data,
                                    const std::vector<Precision>& precisions,
                                    const SensitivityOptions& options);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_MEMORY_ESTIMATE_H_
