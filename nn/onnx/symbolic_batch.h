#ifndef HALFTONE_NN_ONNX_SYMBOLIC_BATCH_H_
#define HALFTONE_NN_ONNX_SYMBOLIC_BATCH_H_

#include "nn/graph/graph.h"

namespace halftone {

// Makes `one`, a network bound to one sample, a network for any batch, by comparing it with `two`,
// the same network bound to two:
// - the shape of a Reshape copies the batch from the Reshape's source,
// - a constant that is there for each sample again, like a class token, is expanded to the batch of
//   the input by nodes in front of all others; not if a Conv, Gemm or MatMul reads it, whose
//   weights are to stay constants.
// False, and `one` as it was, where a constant depends on the batch in another way. The types and
// shapes of values stay those for one sample.
bool MakeBatchSymbolic(Graph& one, const Graph& two);

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_SYMBOLIC_BATCH_H_
