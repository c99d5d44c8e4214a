#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/operators/operator.h"
#include "nn/graph/quantized/float_reader.h"
#include "nn/graph/rewrites/rewrite.h"

// QuantizeLinear and DequantizeLinear, ONNX's and ONNX Runtime's.
namespace halftone {
namespace {

// -1 where one scale is for all.
absl::StatusOr<int> AxisOf(const Node& node) {
  HT_ASSIGN_OR_RETURN(const int64_t axis, node.Int("axis", 1));
  if (axis < -8 || axis > 8) return absl::InvalidArgumentError(absl::StrCat("axis ", axis));
  return static_cast<int>(axis);
}

// Of a constant, the integers are what counts.
absl::StatusOr<bool> FoldQuantize(FloatReader& reader, const Node& node) {
  std::vector<ValueInfo> infos;
  NodeContext context{node, reader.source().opset, {}, {}};
  for (const std::string& input : node.inputs) {
    const Tensor* constant = reader.Constant(input);
    context.constants.push_back(constant);
    infos.push_back(constant == nullptr ? ValueInfo()
                                        : ValueInfo{constant->type(), constant->shape()});
  }
  for (size_t i = 0; i < infos.size(); ++i) {
    context.infos.push_back(context.constants[i] == nullptr ? nullptr : &infos[i]);
  }
  const Operator& op = *FindOperator("", "QuantizeLinear");
  HT_ASSIGN_OR_RETURN(const ValueInfos results, op.infer(context));
  HT_ASSIGN_OR_RETURN(Tensors tensors, op.evaluate(context, results));
  reader.SetConstant(node.outputs[0], std::move(tensors[0]));
  return true;
}

absl::StatusOr<bool> ReadQuantize(FloatReader& reader, const Node& node, PartsBuilder& builder) {
  HT_ASSIGN_OR_RETURN(const int axis, AxisOf(node));
  HT_ASSIGN_OR_RETURN(const int64_t block, node.Int("block_size", 0));
  HT_ASSIGN_OR_RETURN(const auto quantizer,
                      reader.Quantizer(node.Input(1), node.Input(2), axis, DataType::kUint8));
  if (block != 0 || node.Has("output_dtype") || !quantizer.has_value() ||
      reader.Find(node.inputs[0]) != nullptr) {
    return false;
  }
  if (reader.Constant(node.Input(0)) != nullptr) return FoldQuantize(reader, node);
  reader.SetResult(node, 0, node.inputs[0], *quantizer, builder);
  return true;
}

absl::StatusOr<bool> ReadDequantize(FloatReader& reader, const Node& node, PartsBuilder& builder) {
  HT_ASSIGN_OR_RETURN(const int axis, AxisOf(node));
  HT_ASSIGN_OR_RETURN(const int64_t block, node.Int("block_size", 0));
  const Tensor* constant = reader.Constant(node.Input(0));
  const Real* known = reader.Find(std::string(node.Input(0)));
  if (block != 0 || node.outputs.empty() || (constant == nullptr && known == nullptr)) return false;
  if (constant != nullptr && IsFloat(constant->type())) return false;
  const DataType type = constant != nullptr ? constant->type() : known->quantizer.type;
  HT_ASSIGN_OR_RETURN(auto quantizer, reader.Quantizer(node.Input(1), node.Input(2), axis, type));
  if (!quantizer.has_value()) return false;
  if (constant != nullptr) {
    if (quantizer->scales.size() > 1) {
      HT_ASSIGN_OR_RETURN(quantizer->axis, NormalizeAxis(axis, constant->shape().rank()));
    }
    HT_ASSIGN_OR_RETURN(Tensor real, Dequantize(*constant, *quantizer));
    reader.SetConstant(node.outputs[0], std::move(real));
    reader.NoteDequantized(node.outputs[0], *quantizer);
    return true;
  }
  std::string real;
  if (quantizer->scales == known->quantizer.scales &&
      quantizer->zero_points == known->quantizer.zero_points) {
    real = known->value;
    quantizer->is_dynamic = known->quantizer.is_dynamic;
  } else {
    HT_ASSIGN_OR_RETURN(const auto other, reader.Input(node, {0, 1, 2}, axis, builder));
    if (!other.has_value()) return false;
    real = other->value;
  }
  builder.Op("Identity", {real});
  builder.parts().nodes.back().outputs = {node.outputs[0]};
  reader.NoteDequantized(node.outputs[0], *quantizer);
  return true;
}

// As if one scale of 1 were for all.
absl::StatusOr<bool> ReadDynamicQuantize(FloatReader& reader, const Node& node, PartsBuilder&) {
  if (node.inputs.size() != 1 || node.outputs.size() != 3) return false;
  if (reader.Find(node.inputs[0]) != nullptr) return false;
  FileQuantizer quantizer;
  quantizer.type = DataType::kUint8;
  quantizer.scales = {1};
  quantizer.zero_points = {0};
  quantizer.is_dynamic = true;
  reader.PassOn(node.outputs[0], {node.inputs[0], quantizer});
  reader.SetConstant(node.outputs[1], Tensor::Scalar(1.0f));
  reader.SetConstant(node.outputs[2], Tensor::FromInts(DataType::kUint8, Shape{}, {0}));
  return true;
}

constexpr std::array kLinearOperators = {
    QuantizedOperator{"", "QuantizeLinear", ReadQuantize},
    QuantizedOperator{kMicrosoft, "QuantizeLinear", ReadQuantize},
    QuantizedOperator{"", "DequantizeLinear", ReadDequantize},
    QuantizedOperator{kMicrosoft, "DequantizeLinear", ReadDequantize},
    QuantizedOperator{"", "DynamicQuantizeLinear", ReadDynamicQuantize},
};

}  // namespace

absl::Span<const QuantizedOperator> LinearOperators() { return kLinearOperators; }

}  // namespace halftone
