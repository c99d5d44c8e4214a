#include "nn/onnx/node_import.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/onnx/names.h"

namespace halftone {
namespace {

using onnx::AttributeProto;

// Node labels for messages; the strings come from an unchecked file.
std::string Label(const onnx::NodeProto& proto) {
  return absl::StrCat("node '", Excerpt(proto.name()), "' (", Excerpt(proto.op_type()), ")");
}

absl::Status ImportReference(const AttributeProto& proto, const Arguments* arguments, Node& node) {
  if (arguments == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("attribute '", proto.name(), "' refers to one of a function, outside of any"));
  }
  const auto argument = arguments->find(proto.ref_attr_name());
  if (argument != arguments->end()) node.attributes[proto.name()] = argument->second;
  return absl::OkStatus();
}

absl::Status ImportNames(const google::protobuf::RepeatedPtrField<std::string>& names,
                         std::vector<std::string>& result) {
  for (const std::string& name : names) {
    HT_RETURN_IF_ERROR(CheckName(name, "name of a value"));
    result.push_back(name);
  }
  return absl::OkStatus();
}

absl::Status FillNode(const onnx::NodeProto& proto, const Arguments* arguments,
                      TensorImporter& tensors, Node& node) {
  HT_RETURN_IF_ERROR(CheckName(proto.op_type(), "operator"));
  HT_RETURN_IF_ERROR(CheckName(proto.domain(), "operator's domain"));
  if (proto.op_type().empty()) return absl::InvalidArgumentError("it has no operator");
  node.name = proto.name();
  node.op = proto.op_type();
  node.domain = proto.domain() == "ai.onnx" ? "" : proto.domain();
  HT_RETURN_IF_ERROR(ImportNames(proto.input(), node.inputs));
  HT_RETURN_IF_ERROR(ImportNames(proto.output(), node.outputs));
  if (node.outputs.empty()) return absl::InvalidArgumentError("it has no outputs");
  // Those that nobody wants, some exporters name "".
  while (node.outputs.size() > 1 && node.outputs.back().empty()) node.outputs.pop_back();
  for (const AttributeProto& attribute : proto.attribute()) {
    HT_RETURN_IF_ERROR(ImportAttribute(attribute, arguments, tensors, node));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ImportAttribute(const AttributeProto& proto, const Arguments* arguments,
                             TensorImporter& tensors, Node& node) {
  HT_RETURN_IF_ERROR(CheckName(proto.name(), "name of an attribute"));
  if (!proto.ref_attr_name().empty()) return ImportReference(proto, arguments, node);
  switch (proto.type()) {
    case AttributeProto::INT:
      node.attributes[proto.name()] = proto.i();
      return absl::OkStatus();
    case AttributeProto::FLOAT:
      node.attributes[proto.name()] = proto.f();
      return absl::OkStatus();
    case AttributeProto::STRING:
      HT_RETURN_IF_ERROR(CheckName(proto.s(), absl::StrCat("attribute ", proto.name())));
      node.attributes[proto.name()] = proto.s();
      return absl::OkStatus();
    case AttributeProto::INTS:
      node.attributes[proto.name()] =
          std::vector<int64_t>(proto.ints().begin(), proto.ints().end());
      return absl::OkStatus();
    case AttributeProto::FLOATS:
      node.attributes[proto.name()] =
          std::vector<float>(proto.floats().begin(), proto.floats().end());
      return absl::OkStatus();
    case AttributeProto::STRINGS:
      for (const std::string& value : proto.strings()) {
        HT_RETURN_IF_ERROR(CheckName(value, absl::StrCat("attribute ", proto.name())));
      }
      node.attributes[proto.name()] =
          std::vector<std::string>(proto.strings().begin(), proto.strings().end());
      return absl::OkStatus();
    case AttributeProto::TENSOR: {
      absl::StatusOr<Tensor> tensor = tensors.Import(proto.t());
      if (!tensor.ok()) {
        return Annotate(tensor.status(), absl::StrCat("attribute '", proto.name(), "'"));
      }
      node.attributes[proto.name()] = *std::move(tensor);
      return absl::OkStatus();
    }
    default:
      return absl::OkStatus();
  }
}

absl::StatusOr<ValueInfo> ImportType(const onnx::TypeProto& proto) {
  if (!proto.has_tensor_type()) return absl::UnimplementedError("it is not a tensor");
  const onnx::TypeProto::Tensor& tensor = proto.tensor_type();
  HT_ASSIGN_OR_RETURN(DataType type, ImportDataType(tensor.elem_type()));
  std::vector<int64_t> dims;
  for (const onnx::TensorShapeProto::Dimension& dim : tensor.shape().dim()) {
    // Some exporters write -1 for what they leave open.
    const bool is_open = !dim.has_dim_value() || dim.dim_value() == -1;
    if (!is_open && (dim.dim_value() < 0 || dim.dim_value() > Shape::kMaxElements)) {
      return absl::InvalidArgumentError(
          absl::StrCat("axis ", dims.size(), " has the size ", dim.dim_value()));
    }
    dims.push_back(is_open ? Shape::kDynamic : dim.dim_value());
    if (dims.size() > static_cast<size_t>(Shape::kMaxRank)) {
      return absl::InvalidArgumentError(
          absl::StrCat("it has more than ", Shape::kMaxRank, " axes"));
    }
  }
  return ValueInfo{type, Shape(dims)};
}

absl::StatusOr<Node> ImportNode(const onnx::NodeProto& proto, const Arguments* arguments,
                                TensorImporter& tensors) {
  Node node;
  HT_RETURN_IF_ERROR(Annotate(FillNode(proto, arguments, tensors, node), Label(proto)));
  return node;
}

absl::StatusOr<Tensor> ConstantValue(const Node& node) {
  for (const auto& [name, value] : node.attributes) {
    if (const Tensor* tensor = std::get_if<Tensor>(&value); tensor && name == "value") {
      return *tensor;
    }
    if (const float* number = std::get_if<float>(&value); number && name == "value_float") {
      return Tensor::Scalar(*number);
    }
    if (const int64_t* number = std::get_if<int64_t>(&value); number && name == "value_int") {
      return Tensor::Scalar(*number);
    }
    if (const auto* list = std::get_if<std::vector<float>>(&value);
        list && name == "value_floats") {
      return Tensor::Of(Shape{static_cast<int64_t>(list->size())}, *list);
    }
    if (const auto* list = std::get_if<std::vector<int64_t>>(&value);
        list && name == "value_ints") {
      return Tensor::Of(Shape{static_cast<int64_t>(list->size())}, *list);
    }
  }
  return absl::UnimplementedError("a Constant without a dense value of numbers");
}

}  // namespace halftone
