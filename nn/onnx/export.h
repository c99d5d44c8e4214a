#ifndef HALFTONE_NN_ONNX_EXPORT_H_
#define HALFTONE_NN_ONNX_EXPORT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "nn/graph/graph.h"
#include "nn/quant/layer_quantizers.h"

namespace halftone {

// An ONNX model, and what is to be known to run it.
struct ExportedOnnx {
  std::string bytes;
  // Where one file would be larger than protobuf allows, the elements of large tensors, for a file
  // of the name kExternalDataFile beside the model; else "".
  std::string external_data;
  int64_t opset = 0;
  std::optional<int64_t> batch;  // that alone is taken; absent: any is
};

inline constexpr char kExternalDataFile[] = "quantized.onnx.data";

struct ExportOptions {
  // A message above it has its tensors in another file. Protobuf takes 2^31 - 1 bytes.
  int64_t max_file_bytes = int64_t{2000} << 20;
};

// Writes an ONNX model (opset 13 or newer) that computes what fake quantization computes: each
// quantized layer reads its src and its weights through exactly the quantizers of `assignment`.
// `graph` is the imported network; constants and batch normalization are folded as the search folds
// them, so that the quantizers of its layers (by node name) fit.
//
// - Activations of up to 8 bits go through QuantizeLinear and DequantizeLinear, int8 where
//   symmetric, else uint8; Max and Min before them keep narrower grids (fewer bits, restricted
//   range).
//   Of 9 to 16 bits, and binary ones, are written out in float32 (Div, Clip, Round, Mul; Where),
//   since the opset has no integers for them.
// - Weights of up to 8 bits are int8 (uint8 where asymmetric) initializers behind a
//   DequantizeLinear, per channel where the quantizer is; lower bits stay on their grid inside the
//   byte; scales may be negative where the quantizer's are. Of 9 to 16 bits they are float32,
//   already rounded.
// - Layers that are float, bf16 included, stay as they are; so do biases, but for what
//   LayerQuantizers::shifts takes off them.
// - The precision is in each quantized node's doc_string; metadata_props hold halftone.version and
//   halftone.assignment, a JSON object of layer to precision.
// - Inputs and outputs have the types of `graph`, also float16, bfloat16 and double: all between is
//   float32, with a Cast behind such an input and before such an output.
// - A symbolic batch stays symbolic, named "batch"; where a constant of the network depends on it
//   in a way that cannot be written symbolically, it becomes 1.
//
// The result has passed onnx's checker. INVALID_ARGUMENT names a layer that the graph does not
// have, or whose quantizer does not fit; UNIMPLEMENTED a graph that Halftone cannot run, or an
// operator of an older opset that cannot be
// written as 13 has it. Thread-safe.
absl::StatusOr<ExportedOnnx> ExportQuantizedOnnx(const Graph& graph,
                                                 const QuantizedAssignment& assignment,
                                                 const ExportOptions& options = {});

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_EXPORT_H_
