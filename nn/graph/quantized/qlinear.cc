#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/quantized/float_reader.h"
#include "nn/graph/quantized/products.h"
#include "nn/graph/rewrites/rewrite.h"

// Operators from integers to integers, ONNX's and ONNX Runtime's. Sources come with their scales
// and zero points, and those of the result are inputs too.
namespace halftone {
namespace {

using Attributes = PartsBuilder::Attributes;
using Inputs = PartsBuilder::Inputs;

Attributes Only(const Node& node, std::initializer_list<absl::string_view> names) {
  Attributes attributes;
  for (const absl::string_view name : names) {
    const auto found = node.attributes.find(std::string(name));
    if (found != node.attributes.end()) attributes.insert(*found);
  }
  return attributes;
}

// Absent where it is not constant.
absl::StatusOr<std::optional<FileQuantizer>> ResultQuantizer(const FloatReader& reader,
                                                             const Node& node, size_t scale,
                                                             size_t zero_point) {
  HT_ASSIGN_OR_RETURN(auto quantizer, reader.Quantizer(node.Input(scale), node.Input(zero_point),
                                                       -1, DataType::kUint8));
  if (quantizer.has_value() && quantizer->scales.size() != 1) quantizer.reset();
  return quantizer;
}

// The integers of a bias, whose scale is that of a product; "" for none. Absent where it is not
// constant.
absl::StatusOr<std::optional<std::string>> Bias(FloatReader& reader, const Node& node, size_t input,
                                                const FileQuantizer& src,
                                                const FileQuantizer& weights,
                                                PartsBuilder& builder) {
  if (node.Input(input).empty()) return std::optional<std::string>("");
  const Tensor* constant = reader.Constant(node.Input(input));
  if (constant == nullptr) return std::optional<std::string>();
  FileQuantizer quantizer;
  quantizer.type = constant->type();
  for (const float scale : weights.scales) quantizer.scales.push_back(scale * src.scales[0]);
  quantizer.zero_points.assign(quantizer.scales.size(), 0);
  if (quantizer.scales.size() > 1) quantizer.axis = constant->shape().rank() - 1;
  HT_ASSIGN_OR_RETURN(Tensor real, Dequantize(*constant, quantizer));
  return std::optional<std::string>(
      builder.Constant(absl::StrCat(node.Input(input), "_dequantized"), std::move(real)));
}

absl::StatusOr<bool> ReadConv(FloatReader& reader, const Node& node, PartsBuilder& builder) {
  HT_ASSIGN_OR_RETURN(const auto src, reader.Input(node, {0, 1, 2}, -1, builder));
  HT_ASSIGN_OR_RETURN(const auto weights, reader.Input(node, {3, 4, 5}, 0, builder));
  HT_ASSIGN_OR_RETURN(const auto result, ResultQuantizer(reader, node, 6, 7));
  if (!src.has_value() || !weights.has_value() || !result.has_value()) return false;
  // ONNX Runtime's form of channels last.
  HT_ASSIGN_OR_RETURN(const int64_t channels_last, node.Int("channels_last", 0));
  if (channels_last != 0) return absl::UnimplementedError("channels as the last axis");
  HT_ASSIGN_OR_RETURN(const auto bias,
                      Bias(reader, node, 8, src->quantizer, weights->quantizer, builder));
  if (!bias.has_value()) return false;
  Inputs inputs = {src->value, weights->value};
  if (!bias->empty()) inputs.push_back(*bias);
  Attributes attributes = node.attributes;
  attributes.erase("channels_last");
  const std::string dst = builder.Op("Conv", std::move(inputs), std::move(attributes));
  builder.Name(dst);
  MarkProduct(src->quantizer, weights->quantizer, builder);
  reader.SetResult(node, 0, dst, *result, builder);
  return true;
}

absl::StatusOr<bool> ReadMatMul(FloatReader& reader, const Node& node, PartsBuilder& builder) {
  HT_ASSIGN_OR_RETURN(const auto a, reader.Input(node, {0, 1, 2}, -1, builder));
  HT_ASSIGN_OR_RETURN(const auto b, reader.Input(node, {3, 4, 5}, -1, builder));
  HT_ASSIGN_OR_RETURN(const auto result, ResultQuantizer(reader, node, 6, 7));
  if (!a.has_value() || !b.has_value() || !result.has_value()) return false;
  const std::string dst = builder.MatMul(a->value, b->value, "product");
  builder.Name(dst);
  const bool is_weights_first = reader.Constant(node.Input(0)) != nullptr;
  MarkProduct(is_weights_first ? b->quantizer : a->quantizer,
              is_weights_first ? a->quantizer : b->quantizer, builder);
  reader.SetResult(node, 0, dst, *result, builder);
  return true;
}

// A, B and, in integers, C; without a scale of the result that is float.
absl::StatusOr<bool> ReadGemm(FloatReader& reader, const Node& node, PartsBuilder& builder) {
  HT_ASSIGN_OR_RETURN(const int64_t transposed, node.Int("transB", 0));
  HT_ASSIGN_OR_RETURN(const auto src, reader.Input(node, {0, 1, 2}, -1, builder));
  HT_ASSIGN_OR_RETURN(const auto weights,
                      reader.Input(node, {3, 4, 5}, transposed != 0 ? 0 : -1, builder));
  if (!src.has_value() || !weights.has_value()) return false;
  HT_ASSIGN_OR_RETURN(const auto bias,
                      Bias(reader, node, 6, src->quantizer, weights->quantizer, builder));
  if (!bias.has_value()) return false;
  std::optional<FileQuantizer> result;
  if (!node.Input(7).empty()) {
    HT_ASSIGN_OR_RETURN(result, ResultQuantizer(reader, node, 7, 8));
    if (!result.has_value()) return false;
  }
  Inputs inputs = {src->value, weights->value};
  // `alpha` is in the scale of C's integers, and beta is 1.
  HT_ASSIGN_OR_RETURN(const float alpha, node.Float("alpha", 1));
  Attributes attributes = Only(node, {"transA", "transB", "alpha"});
  if (!bias->empty()) {
    inputs.push_back(*bias);
    attributes["beta"] = alpha;
  }
  const std::string dst = builder.Op("Gemm", std::move(inputs), std::move(attributes));
  builder.Name(dst);
  MarkProduct(src->quantizer, weights->quantizer, builder);
  if (result.has_value()) {
    reader.SetResult(node, 0, dst, *result, builder);
  } else {
    builder.Result(0, dst);
  }
  return true;
}

// A, B and C, each with scale and zero point.
absl::StatusOr<bool> ReadBinary(FloatReader& reader, const Node& node, PartsBuilder& builder) {
  HT_ASSIGN_OR_RETURN(const auto a, reader.Input(node, {0, 1, 2}, -1, builder));
  HT_ASSIGN_OR_RETURN(const auto b, reader.Input(node, {3, 4, 5}, -1, builder));
  HT_ASSIGN_OR_RETURN(const auto result, ResultQuantizer(reader, node, 6, 7));
  if (!a.has_value() || !b.has_value() || !result.has_value()) return false;
  const std::string dst = builder.Op(node.op == "QLinearAdd" ? "Add" : "Mul", {a->value, b->value});
  builder.Name(dst);
  reader.SetResult(node, 0, dst, *result, builder);
  return true;
}

// The operators of one source, and what they are in float.
struct UnaryForm {
  absl::string_view op, in_float;
  std::vector<absl::string_view> attributes;
};

const std::vector<UnaryForm>& UnaryForms() {
  static const auto* const kForms = new std::vector<UnaryForm>{
      {"QLinearAveragePool",
       "AveragePool",
       {"kernel_shape", "strides", "pads", "auto_pad", "ceil_mode", "count_include_pad"}},
      {"QLinearGlobalAveragePool", "GlobalAveragePool", {}},
      {"QLinearLeakyRelu", "LeakyRelu", {"alpha"}},
      {"QLinearSigmoid", "Sigmoid", {}},
      {"QLinearSoftmax", "Softmax", {"axis"}},
  };
  return *kForms;
}

absl::StatusOr<bool> ReadUnary(FloatReader& reader, const Node& node, PartsBuilder& builder) {
  const auto form = std::find_if(UnaryForms().begin(), UnaryForms().end(),
                                 [&](const UnaryForm& known) { return known.op == node.op; });
  HT_ASSIGN_OR_RETURN(const int64_t channels_last, node.Int("channels_last", 0));
  if (channels_last != 0) return absl::UnimplementedError("channels as the last axis");
  HT_ASSIGN_OR_RETURN(const auto src, reader.Input(node, {0, 1, 2}, -1, builder));
  HT_ASSIGN_OR_RETURN(const auto result, ResultQuantizer(reader, node, 3, 4));
  if (!src.has_value() || !result.has_value()) return false;
  if (node.op == "QLinearSoftmax") {
    // What `axis` means, by an opset of its own.
    HT_ASSIGN_OR_RETURN(const int64_t opset, node.Int("opset", 0));
    HT_ASSIGN_OR_RETURN(const int64_t axis, node.Int("axis", 1));
    if ((opset < 13) != (reader.source().opset < 13) && axis != -1) return false;
  }
  Attributes attributes;
  for (const absl::string_view name : form->attributes) attributes.merge(Only(node, {name}));
  const std::string dst =
      builder.Op(std::string(form->in_float), {src->value}, std::move(attributes));
  builder.Name(dst);
  reader.SetResult(node, 0, dst, *result, builder);
  return true;
}

// Scale and zero point of the result, then each source with its own.
absl::StatusOr<bool> ReadConcat(FloatReader& reader, const Node& node, PartsBuilder& builder) {
  HT_ASSIGN_OR_RETURN(const auto result, ResultQuantizer(reader, node, 0, 1));
  if (!result.has_value() || node.inputs.size() < 5 || node.inputs.size() % 3 != 2) return false;
  Inputs sources;
  for (size_t i = 2; i < node.inputs.size(); i += 3) {
    HT_ASSIGN_OR_RETURN(const auto src, reader.Input(node, {i, i + 1, i + 2}, -1, builder));
    if (!src.has_value()) return false;
    sources.push_back(src->value);
  }
  const std::string dst = builder.Op("Concat", std::move(sources), Only(node, {"axis"}));
  builder.Name(dst);
  reader.SetResult(node, 0, dst, *result, builder);
  return true;
}

absl::StatusOr<bool> ReadWhere(FloatReader& reader, const Node& node, PartsBuilder& builder) {
  HT_ASSIGN_OR_RETURN(const auto a, reader.Input(node, {1, 2, 3}, -1, builder));
  HT_ASSIGN_OR_RETURN(const auto b, reader.Input(node, {4, 5, 6}, -1, builder));
  HT_ASSIGN_OR_RETURN(const auto result, ResultQuantizer(reader, node, 7, 8));
  if (!a.has_value() || !b.has_value() || !result.has_value()) return false;
  const std::string dst = builder.Op("Where", {node.inputs[0], a->value, b->value});
  builder.Name(dst);
  reader.SetResult(node, 0, dst, *result, builder);
  return true;
}

constexpr std::array kQLinearOperators = {
    QuantizedOperator{"", "QLinearConv", ReadConv},
    QuantizedOperator{kMicrosoft, "QLinearConv", ReadConv},
    QuantizedOperator{"", "QLinearMatMul", ReadMatMul},
    QuantizedOperator{kMicrosoft, "QGemm", ReadGemm},
    QuantizedOperator{kMicrosoft, "QLinearAdd", ReadBinary},
    QuantizedOperator{kMicrosoft, "QLinearMul", ReadBinary},
    QuantizedOperator{kMicrosoft, "QLinearAveragePool", ReadUnary},
    QuantizedOperator{kMicrosoft, "QLinearGlobalAveragePool", ReadUnary},
    QuantizedOperator{kMicrosoft, "QLinearLeakyRelu", ReadUnary},
    QuantizedOperator{kMicrosoft, "QLinearSigmoid", ReadUnary},
    QuantizedOperator{kMicrosoft, "QLinearSoftmax", ReadUnary},
    QuantizedOperator{kMicrosoft, "QLinearConcat", ReadConcat},
    QuantizedOperator{kMicrosoft, "QLinearWhere", ReadWhere},
};

}  // namespace

absl::Span<const QuantizedOperator> QLinearOperators() { return kQLinearOperators; }

}  // namespace halftone
