#include "nn/onnx/proto_writer.h"

#include <cstdint>
#include <type_traits>
#include <variant>
#include <vector>

#include "nn/graph/data_type.h"
#include "nn/onnx/four_bits.h"

namespace halftone {
namespace {

// Fills the field of `proto` that the attribute's type has.
struct AttributeSetter {
  onnx::AttributeProto& proto;

  void operator()(int64_t value) const {
    proto.set_type(onnx::AttributeProto::INT);
    proto.set_i(value);
  }
  void operator()(float value) const {
    proto.set_type(onnx::AttributeProto::FLOAT);
    proto.set_f(value);
  }
  void operator()(const std::string& value) const {
    proto.set_type(onnx::AttributeProto::STRING);
    proto.set_s(value);
  }
  void operator()(const std::vector<int64_t>& values) const {
    proto.set_type(onnx::AttributeProto::INTS);
    for (const int64_t value : values) proto.add_ints(value);
  }
  void operator()(const std::vector<float>& values) const {
    proto.set_type(onnx::AttributeProto::FLOATS);
    for (const float value : values) proto.add_floats(value);
  }
  void operator()(const std::vector<std::string>& values) const {
    proto.set_type(onnx::AttributeProto::STRINGS);
    for (const std::string& value : values) proto.add_strings(value);
  }
  void operator()(const Tensor& value) const {
    proto.set_type(onnx::AttributeProto::TENSOR);
    *proto.mutable_t() = ToProto(value, "");
  }
};

}  // namespace

onnx::TensorProto ToProto(const Tensor& tensor, const std::string& name) {
  onnx::TensorProto proto;
  proto.set_name(name);
  proto.set_data_type(OnnxNumber(tensor.type()));
  for (const int64_t size : tensor.shape().dims()) proto.add_dims(size);
  if (IsFourBits(tensor.type())) {
    proto.set_raw_data(PackFourBits(tensor.bytes()));
  } else {
    proto.set_raw_data(tensor.bytes().data(), tensor.size_bytes());
  }
  return proto;
}

onnx::NodeProto ToProto(const Node& node) {
  onnx::NodeProto proto;
  proto.set_name(node.name);
  proto.set_op_type(node.op);
  proto.set_domain(node.domain);
  for (const std::string& value : node.inputs) proto.add_input(value);
  for (const std::string& value : node.outputs) proto.add_output(value);
  for (const auto& [name, attribute] : node.attributes) {
    onnx::AttributeProto& dst = *proto.add_attribute();
    dst.set_name(name);
    std::visit(AttributeSetter{dst}, attribute);
  }
  return proto;
}

onnx::ValueInfoProto ToProto(const Port& port) {
  onnx::ValueInfoProto proto;
  proto.set_name(port.name);
  auto& type = *proto.mutable_type()->mutable_tensor_type();
  type.set_elem_type(OnnxNumber(port.info.type));
  auto& shape = *type.mutable_shape();
  for (int axis = 0; axis < port.info.shape.rank(); ++axis) {
    auto& dim = *shape.add_dim();
    if (port.info.shape.dim(axis) != Shape::kDynamic) {
      dim.set_dim_value(port.info.shape.dim(axis));
    } else if (axis == 0) {
      dim.set_dim_param("batch");
    }
  }
  return proto;
}

onnx::ModelProto NewModel(const Graph& graph) {
  onnx::ModelProto model;
  model.set_ir_version(onnx::IR_VERSION);
  model.add_opset_import()->set_version(graph.opset);
  onnx::GraphProto& proto = *model.mutable_graph();
  proto.set_name(graph.name.empty() ? "network" : graph.name);
  for (const Port& port : graph.inputs) *proto.add_input() = ToProto(port);
  for (const Port& port : graph.outputs) *proto.add_output() = ToProto(port);
  return model;
}

}  // namespace halftone
