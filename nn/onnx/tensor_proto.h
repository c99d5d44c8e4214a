#ifndef HALFTONE_NN_ONNX_TENSOR_PROTO_H_
#define HALFTONE_NN_ONNX_TENSOR_PROTO_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nn/graph/tensor.h"

namespace halftone {

// The tensor in a serialized TensorProto, as ONNX's test data has them. INVALID_ARGUMENT for bytes
// that are none, UNIMPLEMENTED for element types that Halftone does not read. Thread-safe.
absl::StatusOr<Tensor> ParseTensorProto(absl::string_view bytes);

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_TENSOR_PROTO_H_
