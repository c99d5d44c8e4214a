#ifndef HALFTONE_NN_QUANT_SHIFT_BIASES_H_
#define HALFTONE_NN_QUANT_SHIFT_BIASES_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/graph/graph.h"
#include "nn/graph/layer.h"
#include "nn/quant/layer_quantizers.h"

namespace halftone {

// An input of a node of the graph.
struct LayerBias {
  size_t node = 0;
  size_t input = 0;
};

// Where a layer's bias, one float32 per output channel, is read: by the layer itself, or by an Add
// that alone reads the result of a matrix product. None where it has no such bias, where its output
// channels are not the last axis of a matrix product's result, or for a Gemm whose beta is 0.
std::optional<LayerBias> FindLayerBias(const Graph& graph, const Layer& layer);

// The bias that `node` reads, with `shifts` taken off what it adds to the layer's result: a Gemm
// multiplies it by beta.
absl::StatusOr<Tensor> ShiftedBias(const Tensor& bias, const Node& node,
                                   const std::vector<float>& shifts);

// The graph with the shifts of the assignment (LayerQuantizers) taken off the layers' biases, under
// new names. INVALID_ARGUMENT names a layer with shifts that do not fit a bias.
absl::StatusOr<Graph> ShiftBiases(const Graph& graph, const LayerSet& layers,
                                  const QuantizedAssignment& assignment);

}  // namespace halftone

#endif  // HALFTONE_NN_QUANT_SHIFT_BIASES_H_
