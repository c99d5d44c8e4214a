#ifndef HALFTONE_NN_ONNX_PORT_TYPES_H_
#define HALFTONE_NN_ONNX_PORT_TYPES_H_

#include "nn/graph/graph.h"

namespace halftone {

// What a bound graph (nn/graph/passes.h), which computes every float in float32, needs to be a
// valid model of its own, and one that takes the place of its file. Both keep what it computes.

// Makes nodes that name another float as the type of what they write name float32.
void NameFloat32(Graph& graph);

// Gives the inputs and outputs of `graph`, which was bound from `file`, the floats that they are in
// `file`: a Cast to float32 stands behind each such input that is read, in front of all other
// nodes, and one from float32 before each such output, behind all others. Names of inputs, outputs
// and nodes stay; the values of float32 are named after them. A Cast, or an Identity of an input of
// the same type, that nothing but an output comes from, writes that output itself. For opsets from
// 13, the first one whose Cast knows bfloat16.
void RestorePortTypes(const Graph& file, Graph& graph);

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_PORT_TYPES_H_
