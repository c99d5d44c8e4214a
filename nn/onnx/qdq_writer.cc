#include "nn/onnx/qdq_writer.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "nn/onnx/proto_writer.h"

namespace halftone {
namespace {

constexpr int kByteBits = 8;

bool IsBinary(const UniformQuantizer& quantizer) {
  return quantizer.bits == 1 && quantizer.symmetry != Symmetry::kAsymmetric;
}

bool IsUnsigned(const UniformQuantizer& quantizer) {
  return quantizer.symmetry == Symmetry::kAsymmetric;
}

// Whether it is written as QuantizeLinear and DequantizeLinear, as an activation's.
bool IsIntegerPair(const UniformQuantizer& quantizer) {
  return quantizer.bits <= kByteBits && !IsBinary(quantizer);
}

float LargestScale(const UniformQuantizer& quantizer) {
  float largest = 0;
  for (const float scale : quantizer.scales) largest = std::max(largest, std::abs(scale));
  return largest;
}

// Tells quantizers apart bit by bit.
std::string KeyOf(const std::string& value, const UniformQuantizer& quantizer) {
  std::string key = absl::StrCat(value, "\n", quantizer.axis, " ", quantizer.qmin, " ",
                                 quantizer.qmax, " ", absl::StrJoin(quantizer.zero_points, " "));
  return key.append(reinterpret_cast<const char*>(quantizer.scales.data()),
                    quantizer.scales.size() * sizeof(float));
}

// Integers that fit a byte as a tensor of int8 or uint8.
Tensor ToBytes(absl::Span<const int32_t> integers, bool is_unsigned, const Shape& shape) {
  std::vector<std::byte> bytes;
  bytes.reserve(integers.size());
  for (const int32_t integer : integers) bytes.push_back(static_cast<std::byte>(integer & 0xff));
  return Tensor::FromBytes(is_unsigned ? DataType::kUint8 : DataType::kInt8, shape,
                           std::move(bytes));
}

// A scalar for one scale, else a vector.
Shape ShapeOfScales(const UniformQuantizer& quantizer) {
  if (quantizer.axis < 0) return Shape{};
  return Shape{static_cast<int64_t>(quantizer.scales.size())};
}

}  // namespace

QdqWriter::QdqWriter(const Graph& graph, onnx::GraphProto& proto) : graph_(graph), proto_(proto) {
  for (const Port& port : graph.inputs) names_.insert(port.name);
  for (const auto& [name, tensor] : graph.initializers) names_.insert(name);
  for (const Node& node : graph.nodes) {
    names_.insert(node.name);
    names_.insert(node.outputs.begin(), node.outputs.end());
  }
}

std::string QdqWriter::Unique(const std::string& wanted) {
  std::string name = wanted;
  for (int i = 1; !names_.insert(name).second; ++i) name = absl::StrCat(wanted, "_", i);
  return name;
}

std::string QdqWriter::AddConstant(const std::string& wanted, Tensor tensor) {
  std::string name = Unique(wanted);
  constants_.emplace(name, std::move(tensor));
  return name;
}

std::string QdqWriter::AddOp(const std::string& op, std::vector<std::string> inputs,
                             const std::string& wanted) {
  Node node;
  node.name = Unique(absl::StrCat(wanted, "/", op));
  node.op = op;
  node.inputs = std::move(inputs);
  node.outputs = {Unique(wanted)};
  std::string dst = node.outputs[0];
  AddNode(node);
  return dst;
}

void QdqWriter::AddNode(const Node& node) {
  *proto_.add_node() = ToProto(node);
  PassOnProducts(node);
}

// Add and Mul of a constant, since ONNX Runtime first makes them part of the layer.
void QdqWriter::PassOnProducts(const Node& node) {
  const bool is_activation = node.op == "Relu" || node.op == "Clip";
  if (!is_activation && node.op != "Add" && node.op != "Mul") return;
  const auto is_constant = [&](size_t i) { return graph_.initializers.contains(node.inputs[i]); };
  for (const size_t i : {size_t{0}, size_t{1}}) {
    if (is_activation ? i > 0 : !is_constant(1 - i)) continue;
    const auto step = product_steps_.find(node.inputs[i]);
    if (step != product_steps_.end()) product_steps_[node.outputs[0]] = step->second;
  }
}

std::string QdqWriter::WriteClip(const std::string& value, float low, float high) {
  return AddOp("Clip",
               {value, AddConstant(value + "_low", Tensor::Scalar(low)),
                AddConstant(value + "_high", Tensor::Scalar(high))},
               value + "_clipped");
}

// QuantizeLinear saturates at the ends of its byte: a narrower grid is limited before. A float that
// is an integer times the scale divides to that integer exactly, after rounding.
//
// Max and Min, since ONNX Runtime (1.32's WeightBiasQuantization) rounds a layer's bias to the step
// of its products, and float weights to 8 bits, where nothing but Relu and Clip stands between the
// layer and a QuantizeLinear. That is meant for kernels on integers, which no layer before a
// narrower grid gets; and where the bias could be off by more than an eighth of the grid's step,
// Min stands there even if it limits nothing.
std::string QdqWriter::WriteLimits(const std::string& value, const UniformQuantizer& quantizer) {
  const int32_t least = IsUnsigned(quantizer) ? 0 : -128, most = least + 255;
  const float scale = quantizer.scales[0];
  const auto write = [&](const char* op, const std::string& src, const char* end, int32_t integer) {
    const float limit = scale * static_cast<float>(integer - quantizer.zero_points[0]);
    return AddOp(op, {src, AddConstant(value + end, Tensor::Scalar(limit))}, value + "_limited");
  };
  const auto step = product_steps_.find(value);
  const bool is_coarse = step != product_steps_.end() && step->second > scale / 4;
  std::string limited = value;
  if (quantizer.qmin > least) limited = write("Max", limited, "_low", quantizer.qmin);
  if (quantizer.qmax < most || is_coarse) limited = write("Min", limited, "_high", quantizer.qmax);
  return limited;
}

std::string QdqWriter::WriteIntegerPair(const std::string& value,
                                        const UniformQuantizer& quantizer) {
  const bool is_unsigned = IsUnsigned(quantizer);
  const int32_t zero_point = quantizer.zero_points[0];
  const std::string src = WriteLimits(value, quantizer);
  const std::string scale_name = AddConstant(value + "_scale", Tensor::Scalar(quantizer.scales[0]));
  const std::string zero_name =
      AddConstant(value + "_zero_point", ToBytes({zero_point}, is_unsigned, Shape{}));
  const std::string integers =
      AddOp("QuantizeLinear", {src, scale_name, zero_name}, value + "_quantized");
  return AddOp("DequantizeLinear", {integers, scale_name, zero_name}, value + "_dequantized");
}

std::string QdqWriter::WriteRounding(const std::string& value, const UniformQuantizer& quantizer) {
  const std::string scale = AddConstant(value + "_scale", Tensor::Scalar(quantizer.scales[0]));
  const int32_t zero_point = quantizer.zero_points[0];
  const std::string steps = AddOp("Div", {value, scale}, value + "_steps");
  const std::string clipped = WriteClip(steps, static_cast<float>(quantizer.qmin - zero_point),
                                        static_cast<float>(quantizer.qmax - zero_point));
  const std::string rounded = AddOp("Round", {clipped}, value + "_rounded");
  return AddOp("Mul", {rounded, scale}, value + "_dequantized");
}

std::string QdqWriter::WriteSign(const std::string& value, const UniformQuantizer& quantizer) {
  const float scale = quantizer.scales[0];
  const std::string zero = AddConstant(value + "_zero", Tensor::Scalar(0.0f));
  const std::string negative = AddOp("Less", {value, zero}, value + "_negative");
  return AddOp("Where",
               {negative, AddConstant(value + "_minus", Tensor::Scalar(-scale)),
                AddConstant(value + "_plus", Tensor::Scalar(scale))},
               value + "_dequantized");
}

absl::StatusOr<std::string> QdqWriter::QuantizeActivation(const std::string& value,
                                                          const UniformQuantizer& quantizer) {
  if (quantizer.axis != -1 || quantizer.scales.size() != 1) {
    return absl::InvalidArgumentError("activations are quantized with one scale");
  }
  std::string& written = written_[KeyOf(value, quantizer)];
  if (!written.empty()) return written;
  if (IsBinary(quantizer)) {
    written = WriteSign(value, quantizer);
  } else if (IsIntegerPair(quantizer)) {
    written = WriteIntegerPair(value, quantizer);
  } else {
    written = WriteRounding(value, quantizer);
  }
  return written;
}

absl::StatusOr<std::string> QdqWriter::QuantizeWeights(const std::string& value,
                                                       const UniformQuantizer& quantizer) {
  std::string& written = written_[KeyOf(value, quantizer)];
  if (!written.empty()) return written;
  const Tensor& weights = graph_.initializers.at(value);
  if (quantizer.bits > kByteBits) {
    HT_ASSIGN_OR_RETURN(Tensor rounded, quantizer.FakeQuantize(weights));
    return written = AddConstant(value + "_rounded", std::move(rounded));
  }
  HT_ASSIGN_OR_RETURN(const std::vector<int32_t> integers, quantizer.Quantize(weights));
  const bool is_unsigned = IsUnsigned(quantizer);
  const Shape shape = ShapeOfScales(quantizer);
  Node node;
  node.op = "DequantizeLinear";
  node.inputs = {
      AddConstant(value + "_quantized", ToBytes(integers, is_unsigned, weights.shape())),
      AddConstant(value + "_scale", Tensor::Of<float>(shape, quantizer.scales)),
      AddConstant(value + "_zero_point", ToBytes(quantizer.zero_points, is_unsigned, shape))};
  if (quantizer.axis >= 0) node.attributes["axis"] = int64_t{quantizer.axis};
  node.name = Unique(value + "_dequantized/DequantizeLinear");
  node.outputs = {Unique(value + "_dequantized")};
  AddNode(node);
  return written = node.outputs[0];
}

void QdqWriter::RememberProducts(const Node& node, const LayerQuantizers& quantizers) {
  if (quantizers.src == nullptr || !IsIntegerPair(*quantizers.src)) return;
  const bool has_float_weights =
      quantizers.weights == nullptr || quantizers.weights->bits > kByteBits;
  const bool may_have_bias = node.op == "MatMul" || !node.Input(2).empty();
  if (!has_float_weights && !may_have_bias) return;
  const float weights_scale = has_float_weights ? std::numeric_limits<float>::infinity()
                                                : LargestScale(*quantizers.weights);
  product_steps_[node.outputs[0]] = LargestScale(*quantizers.src) * weights_scale;
}

absl::Status QdqWriter::AddLayer(const Node& node, const Layer& layer,
                                 const LayerQuantizers& quantizers) {
  Node quantized = node;
  bool src_seen = false;
  for (size_t i = 0; i < 2 && i < node.inputs.size(); ++i) {
    const std::string& value = node.inputs[i];
    const bool is_weights = !layer.weights.empty() && value == layer.weights;
    // In a product of two activations, the second one takes the place of the weights.
    const bool is_src = !is_weights && value == layer.src && !src_seen;
    src_seen = src_seen || is_src;
    const auto& quantizer = is_src ? quantizers.src : quantizers.weights;
    if (quantizer == nullptr) continue;
    absl::StatusOr<std::string> replaced =
        is_weights ? QuantizeWeights(value, *quantizer) : QuantizeActivation(value, *quantizer);
    if (!replaced.ok()) {
      return Annotate(replaced.status(), absl::StrCat("layer '", layer.name, "', '", value, "'"));
    }
    quantized.inputs[i] = *std::move(replaced);
  }
  AddNode(quantized);
  RememberProducts(node, quantizers);
  proto_.mutable_node()->rbegin()->set_doc_string(
      absl::StrCat("halftone: ", quantizers.precision.ToString()));
  return absl::OkStatus();
}

void QdqWriter::AddInitializers() {
  absl::flat_hash_set<std::string> read;
  for (const onnx::NodeProto& node : proto_.node()) {
    read.insert(node.input().begin(), node.input().end());
  }
  for (const onnx::ValueInfoProto& output : proto_.output()) read.insert(output.name());
  for (const auto* tensors : {&graph_.initializers, &std::as_const(constants_)}) {
    for (const auto& [name, tensor] : *tensors) {
      if (read.contains(name)) *proto_.add_initializer() = ToProto(tensor, name);
    }
  }
}

}  // namespace halftone
