#ifndef HALFTONE_NN_GRAPH_LAYER_H_
#define HALFTONE_NN_GRAPH_LAYER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/graph/file_quantizer.h"
#include "nn/graph/graph.h"
#include "nn/graph/shape.h"

namespace halftone {

// A quantizable node (Conv, Gemm, MatMul, or a Gather of rows of a table: an embedding) and its
// fused neighbours. Shapes are those of the graph
// that FindLayers was given, at the batch that it is bound to. Where both sources are activations
// (a product of two activations: attention) there are no weights: the second source takes their
// place, and both are quantized as activations. An embedding reads indices, which are never
// quantized: of a precision only the weights' side means something.
struct Layer {
  std::string name;        // the node's name
  std::string op;          // "Conv", "Gemm", "MatMul", "Gather"
  std::string src;         // value that the node reads as its activations
  std::string weights;     // initializer that it reads as weights; "" for a product of activations
  std::string second_src;  // of a product of activations: the value in the place of weights
  std::string bias;        // initializer; "" if none
  std::string dst;         // value that the node writes (before any fused activation)
  // What follows and can run inside the same kernel, in order: activations, an Add of a constant
  // per channel, the Add of a residual that is there before; see nn/graph/fusion.h.
  std::vector<std::string> fused_nodes;
  Shape src_shape, weights_shape, dst_shape;  // weights_shape: of the weights or second_src
  int64_t macs = 0;                           // multiply-accumulates of one sample
  int64_t parameters = 0;                     // elements of weights and bias
  int groups = 1;
  // Axis of weights_shape that numbers output channels; of an embedding, the rows, each of which
  // has a scale of its own; -1 where the weights are a vector, which makes a single channel.
  int channel_axis = 0;
  // "tie0", ...: layers of one group must share a precision. An untied layer's group is its name.
  std::string tie_group;
  // The node's; null where the file does not quantize it.
  std::shared_ptr<const FileQuantizers> file_quantizers = nullptr;

  bool IsEmbedding() const { return op == "Gather"; }
  // Output channels, as many as the weights have scales at most.
  int64_t Channels() const { return channel_axis < 0 ? 1 : weights_shape.dim(channel_axis); }
  bool IsDepthwise() const {
    return op == "Conv" && groups > 1 && weights_shape.rank() > 1 && weights_shape.dim(1) == 1;
  }
};

// Layers that must share a precision, with the reason in words.
struct Tie {
  std::vector<std::string> layers;
  std::string reason;
};

struct LayerSet {
  std::vector<Layer> layers;  // in topological order
  std::vector<Tie> ties;      // as found; tie groups are their transitive closure

  const Layer* Find(const std::string& name) const;
};

// Finds the quantizable layers of a bound graph and their ties:
// - both inputs of an elementwise Add or Mul of two activations of one shape share their scale
//   domain (each is traced back through activations, pooling, reshapes, batch normalization and
//   arithmetic with constants to the layer that made it; tracing stops at another such sum, at a
//   product with a broadcast gate, at a Concat and at an embedding, whose scales are its own);
// - the inputs of a Concat, likewise;
// - nodes that read the same weight initializer.
// Nodes whose shapes are not known (see BindWhereSupported) are left out.
absl::StatusOr<LayerSet> FindLayers(const Graph& graph);

// Whether FindLayers may make a layer of such a node, whatever it reads.
bool CanBeLayer(const Node& node);

// Whether the node picks rows of a table of floats, an initializer, by indices that are computed.
bool IsEmbedding(const Graph& graph, const Node& node);

// Whether FindLayers makes a layer of the node where its shapes are known.
bool IsLayer(const Graph& graph, const Node& node);

// A node that Halftone cannot compute, and what is missing.
struct Unsupported {
  std::string node, op, reason;
};
// The unsupported nodes of an imported or bound graph; none where the graph is not valid at all,
// which BindBatch tells.
std::vector<Unsupported> FindUnsupported(const Graph& graph);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_LAYER_H_
