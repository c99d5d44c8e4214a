#ifndef HALFTONE_NN_ONNX_NODE_IMPORT_H_
#define HALFTONE_NN_ONNX_NODE_IMPORT_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nn/graph/graph.h"
#include "nn/onnx/proto.h"
#include "nn/onnx/tensor_import.h"

namespace halftone {

// Type and shape of a value; symbolic and unnamed dimensions become Shape::kDynamic. A type
// without a shape is a scalar's. INVALID_ARGUMENT for negative dimensions, UNIMPLEMENTED for
// values that are no tensors; errors do not name the value.
absl::StatusOr<ValueInfo> ImportType(const onnx::TypeProto& proto);

// What a call gives for the attributes of a function, by the function's names for them.
using Arguments = std::map<std::string, Attribute>;

// Adds one attribute to the node: what it holds, or the argument that it refers to, if there is
// one; nullptr outside of functions, where INVALID_ARGUMENT answers a reference. Kinds of
// attributes that no supported operator has (lists of strings and graphs) are left out, and graphs
// are the caller's matter. Errors name the attribute.
absl::Status ImportAttribute(const onnx::AttributeProto& proto, const Arguments* arguments,
                             TensorImporter& tensors, Node& node);

// One node without its subgraphs, `arguments` as in ImportAttribute. The name may be empty. Errors
// name the node.
absl::StatusOr<Node> ImportNode(const onnx::NodeProto& proto, const Arguments* arguments,
                                TensorImporter& tensors);

// The tensor that a Constant node stands for. INVALID_ARGUMENT or UNIMPLEMENTED, without its name.
absl::StatusOr<Tensor> ConstantValue(const Node& node);

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_NODE_IMPORT_H_
