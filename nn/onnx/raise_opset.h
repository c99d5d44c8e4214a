#ifndef HALFTONE_NN_ONNX_RAISE_OPSET_H_
#define HALFTONE_NN_ONNX_RAISE_OPSET_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "nn/graph/graph.h"

namespace halftone {

// Writes the nodes of a graph of opset 9 to 13 as an opset up to 14 does: attributes that became
// inputs, defaults that changed, and axes that were flattened, written out. What it computes stays
// the same. Of the graph's values, ranks and types count, and sizes only where every batch has
// them. A graph of that opset or a newer one is returned as it is. UNIMPLEMENTED names a node of
// an operator that changed between the two and is not known here. Thread-safe.
absl::StatusOr<Graph> RaiseOpset(Graph graph, int64_t opset);

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_RAISE_OPSET_H_
