#ifndef HALFTONE_NN_ONNX_PROTO_WRITER_H_
#define HALFTONE_NN_ONNX_PROTO_WRITER_H_

#include <string>

#include "nn/graph/graph.h"
#include "nn/graph/tensor.h"
#include "nn/onnx/proto.h"

namespace halftone {

// Our types as ONNX's protobuf messages.
onnx::TensorProto ToProto(const Tensor& tensor, const std::string& name);
onnx::NodeProto ToProto(const Node& node);
// A dynamic dimension is named "batch" on the first axis, and has no name elsewhere.
onnx::ValueInfoProto ToProto(const Port& port);

// A model of the graph's opset without nodes and initializers: inputs and outputs only.
onnx::ModelProto NewModel(const Graph& graph);

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_PROTO_WRITER_H_
