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
// a fixed batch can only be bound to that batch. Errors (INVALID_ARGUMENT, UNIMPLEMENTED for an
// operator outside the list) name the node.
absl::StatusOr<Graph> BindBatch(const Graph& graph, int64_t batch);

// Folds inference BatchNormalization (and constant per-channel Mul/Add) into the convolution,
// Gemm or MatMul with constant weights before it, where that is its only consumer; a
// BatchNormalization without such a producer becomes Mul and Add. `graph` must come from BindBatch.
// Names of nodes and of weight initializers stay.
absl::StatusOr<Graph> FoldBatchNorm(Graph graph);

// Rewrites the written-out forms of activations to the operator they compute: hard-swish as
// Add/Clip/Mul/Div, hard-sigmoid, swish.
absl::StatusOr<Graph> RecognizeActivations(Graph graph);

// The network's answer, and how errors in it are measured.
struct OutputHead {
  enum class Kind {
    kLogits,  // rows of class logits: the divergence is KL
    kTensor,  // anything else: mean squared error
  };
  std::string value;  // where to read the answer, e.g. the input of a removed Softmax
  Kind kind = Kind::kTensor;
  bool softmax_removed = false;
};

// Drops a final Softmax or LogSoftmax over the last axis of class scores (the divergence on its
// probabilities equals the divergence that is computed from the logits), and tells, for every
// output of the result, what kind it is: [N, C] with C > 1, or any output that ended in a Softmax,
// is kLogits.
struct HeadedGraph {
  Graph graph;
  std::vector<OutputHead> heads;
};
absl::StatusOr<HeadedGraph> SplitOutputHeads(Graph graph);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_PASSES_H_
