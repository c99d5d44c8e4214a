#ifndef HALFTONE_NN_ONNX_FINITE_H_
#define HALFTONE_NN_ONNX_FINITE_H_

#include "absl/status/status.h"
#include "nn/graph/graph.h"

namespace halftone {

// INVALID_ARGUMENT, naming initializer and element, for a NaN in any initializer, and for an
// infinity in one that is read, as it is or cut, moved and repeated, by more than bounds and masks
// (Clip, Min, Max, Where, Pad, Add, attention) and comparisons. So too in subgraphs.
// Likewise, naming node and attribute, for the attributes of ONNX's own operators, of which Clip's,
// and what Pad and ConstantOfShape fill with, may be infinite.
absl::Status CheckFinite(const Graph& graph);

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_FINITE_H_
