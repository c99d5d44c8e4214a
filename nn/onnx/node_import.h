#ifndef HALFTONE_NN_ONNX_NODE_IMPORT_H_
#define HALFTONE_NN_ONNX_NODE_IMPORT_H_

#include "absl/status/statusor.h"
#include "nn/graph/graph.h"
#include "nn/onnx/proto.h"
#include "nn/onnx/tensor_import.h"

namespace halftone {

// Type and shape of a value; symbolic and unnamed dimensions become Shape::kDynamic. A type
// without a shape is a scalar's. INVALID_ARGUMENT for negative dimensions, UNIMPLEMENTED for
// values that are no tensors; errors do not name the value.
absl::StatusOr<ValueInfo> ImportType(const onnx::TypeProto& proto);

// One node. Attributes of kinds that no supported operator has (subgraphs, lists of strings) are
// left out. The name may
// be empty.
absl::StatusOr<Node> ImportNode(const onnx::NodeProto& proto, TensorImporter& tensors);

// The tensor that a Constant node stands for. INVALID_ARGUMENT or UNIMPLEMENTED, without its name.
absl::StatusOr<Tensor> ConstantValue(const Node& node);

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_NODE_IMPORT_H_
