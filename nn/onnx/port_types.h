#ifndef HALFTONE_NN_ONNX_PORT_TYPES_H_
#define HALFTONE_NN_ONNX_PORT_TYPES_H_

#include "nn/graph/graph.h"

namespace halftone {

// What a bound graph (nn/graph/passes.h), which computes every float in float32, needs to be a
// valid model of its own. It keeps what is computed.

// Makes nodes that name another float as the type of what they write name float32.
void NameFloat32(Graph& graph);

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_PORT_TYPES_H_
