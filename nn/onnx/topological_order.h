#ifndef HALFTONE_NN_ONNX_TOPOLOGICAL_ORDER_H_
#define HALFTONE_NN_ONNX_TOPOLOGICAL_ORDER_H_

#include <vector>

#include "absl/status/status.h"
#include "nn/graph/graph.h"

namespace halftone {

// Orders nodes so that each stands behind those whose results it reads, and otherwise as they were.
// INVALID_ARGUMENT, naming a node on it, when there is a cycle.
absl::Status SortTopologically(std::vector<Node>& nodes);

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_TOPOLOGICAL_ORDER_H_
