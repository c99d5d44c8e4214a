#ifndef HALFTONE_NN_GRAPH_QUANTIZED_READ_AS_FLOAT_H_
#define HALFTONE_NN_GRAPH_QUANTIZED_READ_AS_FLOAT_H_

#include "absl/status/statusor.h"
#include "nn/graph/graph.h"

namespace halftone {

// The float network that an already quantized one approximates: its weights are what the file's
// dequantize to, and activations are not rounded. Knows QuantizeLinear and DequantizeLinear (QDQ),
// ONNX's and ONNX Runtime's operators on integers (QLinearConv, QLinearAdd ...: QOperator), and
// DynamicQuantizeLinear with what follows it. What the file quantizes a layer's tensors with is in
// Node::file_quantizers.
//
// - A value of integers is the real value that they stand for; operators that only move elements,
//   or compare them, read that. Others read the integers that it would be, unrounded.
// - Where a quantizer begins at 0, values below are cut, and those beyond its end: exporters drop
//   the Relu or Clip before such a quantizer. Elsewhere its range is not part of the network.
// - Scales that are computed otherwise than by DynamicQuantizeLinear, or are those of blocks, and
//   floats of 8 bits leave their operators as they are.
//
// `graph` is as imported; of graphs without such operators, the result is equal. Errors name the
// node: INVALID_ARGUMENT for scales that do not fit.
absl::StatusOr<Graph> ReadAsFloat(Graph graph);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_QUANTIZED_READ_AS_FLOAT_H_
