#ifndef HALFTONE_NN_GRAPH_PASSES_H_
#define HALFTONE_NN_GRAPH_PASSES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/graph/graph.h"

namespace halftone {

// The graph for one batch size: every value's type and static shape is inferred, and all that can
// be computed from constants and shapes alone (Constant nodes, Shape/Gather/Concat chains, Cast of
// constants ...) is folded into initializers; unused nodes and initializers are gone. A graph with
// a fixed batch can only be bound to that batch. Nodes that only pass a value on (Identity,
// inference Dropout, Cast to the same type) are removed where no graph output is lost by it. Floats
// of every other width become float32, in which they are computed. Errors
// (INVALID_ARGUMENT, UNIMPLEMENTED for an operator outside the list) name the node.
absl::StatusOr<Graph> BindBatch(const Graph& graph, int64_t batch);

// Folds inference BatchNormalization (and constant per-channel Mul/Div/Add/Sub) into the
// convolution, Gemm or MatMul with constant weights before it, where that is its only consumer and
// the weights are no other node's; a BatchNormalization without such a producer becomes Mul and
// Add. `graph` must come from BindBatch. Names of nodes and of weight initializers stay; the value
// that a layer writes takes the name of the folded node's result. INVALID_ARGUMENT for a variance
// that is not positive.
absl::StatusOr<Graph> FoldBatchNorm(Graph graph);

// Rewrites the written-out forms of activations to the operator they compute: hard-swish and
// hard-sigmoid as Add/Clip/Mul/Div in their usual orders (x * sigmoid(x) stays as it is). HardSwish
// and HardSigmoid mean the same in every opset that has them, whatever the graph's. Run it before
// FoldBatchNorm, so that what belongs to an activation is not taken for part of a layer.
absl::StatusOr<Graph> RecognizeActivations(Graph graph);

// Puts convolutions in the place of every ConvTranspose with constant weights, so that it is a
// layer (or several) like others: one for all phases of the strides where their kernels are of one
// size, which has the node's name, else one for each, and what weaves the results. Left as they are
// dilated ones, and those whose strides are larger than their kernels. `graph` must come from
// BindBatch; run it after FoldBatchNorm.
absl::StatusOr<Graph> SplitTransposedConvolutions(Graph graph);

// The graph whose layers FindLayers finds: BindBatch and then RecognizeActivations, FoldBatchNorm
// (unless weights are to be those of the file) and SplitTransposedConvolutions.
absl::StatusOr<Graph> BindLayers(const Graph& graph, int64_t batch, bool fold_batch_norm = true);

// Rewrites blocks of nodes to the one operator that they compute, for engines that have a kernel of
// it: layer normalization over the last axis, as older opsets write it out, to LayerNormalization;
// GELU, with erf or tanh, to Gelu. Both mean the same whatever the graph's opset. The new node has
// the name of the block's last one. `graph` must come from BindBatch.
Graph RecognizeBlocks(Graph graph);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_PASSES_H_
