#include "nn/onnx/tensor_proto.h"

#include <climits>

#include "nn/onnx/proto.h"
#include "nn/onnx/tensor_import.h"

namespace halftone {

absl::StatusOr<Tensor> ParseTensorProto(absl::string_view bytes) {
  onnx::TensorProto proto;
  if (bytes.size() > INT_MAX ||
      !proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError("not a serialized TensorProto");
  }
  return TensorImporter(/*external=*/nullptr, /*max_external_bytes=*/0).Import(proto);
}

}  // namespace halftone
