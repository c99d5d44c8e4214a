#include "tests/nn/onnx/model_builder.h"

#include <utility>

namespace halftone {
namespace {

using onnx::AttributeProto;

void Fill(int64_t value, AttributeProto& proto) {
  proto.set_type(AttributeProto::INT);
  proto.set_i(value);
}
void Fill(float value, AttributeProto& proto) {
  proto.set_type(AttributeProto::FLOAT);
  proto.set_f(value);
}
void Fill(const std::string& value, AttributeProto& proto) {
  proto.set_type(AttributeProto::STRING);
  proto.set_s(value);
}
void Fill(const std::vector<int64_t>& values, AttributeProto& proto) {
  proto.set_type(AttributeProto::INTS);
  for (const int64_t value : values) proto.add_ints(value);
}
void Fill(const std::vector<float>& values, AttributeProto& proto) {
  proto.set_type(AttributeProto::FLOATS);
  for (const float value : values) proto.add_floats(value);
}

size_t Product(const ModelBuilder::Dims& dims) {
  size_t product = 1;
  for (const int64_t size : dims) product *= static_cast<size_t>(size);
  return product;
}

}  // namespace

ModelBuilder::ModelBuilder(int64_t opset) {
  proto_.set_ir_version(7);
  proto_.add_opset_import()->set_version(opset);
  graph().set_name("test");
}

ModelBuilder& ModelBuilder::Input(const std::string& name, const Dims& dims, int32_t type) {
  onnx::ValueInfoProto& input = *graph().add_input();
  input.set_name(name);
  onnx::TypeProto::Tensor& tensor = *input.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(type);
  tensor.mutable_shape();
  for (const int64_t size : dims) {
    auto& dim = *tensor.mutable_shape()->add_dim();
    if (size == -1) {
      dim.set_dim_param("N");
    } else {
      dim.set_dim_value(size);
    }
  }
  return *this;
}

ModelBuilder& ModelBuilder::Output(const std::string& name) {
  onnx::ValueInfoProto& output = *graph().add_output();
  output.set_name(name);
  output.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  return *this;
}

ModelBuilder& ModelBuilder::Node(const std::string& op, const std::vector<std::string>& inputs,
                                 const std::vector<std::string>& outputs,
                                 const Attributes& attributes, const std::string& name) {
  onnx::NodeProto& node = *graph().add_node();
  node.set_op_type(op);
  node.set_name(name);
  for (const std::string& value : inputs) node.add_input(value);
  for (const std::string& value : outputs) node.add_output(value);
  for (const auto& [key, value] : attributes) {
    AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(key);
    std::visit([&](const auto& content) { Fill(content, attribute); }, value);
  }
  return *this;
}

ModelBuilder& ModelBuilder::Floats(const std::string& name, const Dims& dims,
                                   std::vector<float> values) {
  onnx::TensorProto& tensor = *graph().add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  for (const int64_t size : dims) tensor.add_dims(size);
  if (values.empty()) {
    for (size_t i = 0; i < Product(dims); ++i) values.push_back(i % 2 == 0 ? 0.5f : -0.5f);
  }
  for (const float value : values) tensor.add_float_data(value);
  return *this;
}

ModelBuilder& ModelBuilder::Ints(const std::string& name, const Dims& dims,
                                 const std::vector<int64_t>& values) {
  onnx::TensorProto& tensor = *graph().add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::INT64);
  for (const int64_t size : dims) tensor.add_dims(size);
  for (const int64_t value : values) tensor.add_int64_data(value);
  return *this;
}

ModelBuilder& ModelBuilder::External(const std::string& name, const Dims& dims,
                                     const std::map<std::string, std::string>& location) {
  onnx::TensorProto& tensor = *graph().add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  for (const int64_t size : dims) tensor.add_dims(size);
  for (const auto& [key, value] : location) {
    onnx::StringStringEntryProto& entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }
  return *this;
}

}  // namespace halftone
