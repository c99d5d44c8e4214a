#ifndef HALFTONE_SEARCH_SENSITIVITY_NETWORK_MEMORY_H_
#define HALFTONE_SEARCH_SENSITIVITY_NETWORK_MEMORY_H_

#include "absl/status/statusor.h"
#include "nn/data/dataset.h"
#include "nn/engine/lower.h"
#include "nn/engine/program.h"
#include "nn/graph/graph.h"
#include "search/sensitivity/sensitivity.h"

// What whoever runs a network over data holds, in bytes, before any of it runs. `bound` is the
// network bound to a batch.
namespace halftone {

// The arrays of all samples.
double DataBytes(const Dataset& data);
// Of those, a batch as it is handed over: it is copied, and converted where it is not float32.
double BatchBytes(const Graph& bound, const Dataset& data);
// Weights as they were imported, what batch normalizations folded into them made of them, and as
// programs hold those that are not float32.
double HeldWeightBytes(const PreparedNetwork& network, const Graph& bound);

// Elements of the layers' weights: of all tensors, each once, and of the largest layer.
double WeightElements(const PreparedNetwork& network);
double LargestWeightElements(const PreparedNetwork& network);

// The program of the network's outputs, lowered with these options. Errors of LowerGraph.
absl::StatusOr<Program> ProgramOf(const Graph& bound, const LowerOptions& options = {});

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_NETWORK_MEMORY_H_
