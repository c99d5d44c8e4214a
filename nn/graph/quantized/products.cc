#include "nn/graph/quantized/products.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/quantized/float_reader.h"
#include "nn/graph/rewrites/rewrite.h"

namespace halftone {

void MarkProduct(const FileQuantizer& src, const FileQuantizer& weights, PartsBuilder& builder) {
  FileQuantizers quantizers;
  quantizers.src = src;
  quantizers.weights = weights;
  builder.parts().nodes.back().file_quantizers =
      std::make_shared<const FileQuantizers>(std::move(quantizers));
}

namespace {

using Attributes = PartsBuilder::Attributes;

// The only node that reads a value; nullptr where there are others, or it is a graph output.
const Node* OnlyReader(const FloatReader& reader, const std::string& value) {
  const std::vector<int>& readers = reader.index().Consumers(value);
  if (readers.size() != 1 || reader.index().IsGraphOutput(value)) return nullptr;
  return &reader.source().nodes[static_cast<size_t>(readers[0])];
}

// How a product of integers becomes real: Cast, and Mul with the scale of both sources.
struct Rescaling {
  const Node* cast = nullptr;
  const Node* mul = nullptr;
  std::vector<float> scales;  // of the weights
};

// The scales of the weights, where the other factor of `mul` is their product with that of the
// source, or a constant that holds it.
std::optional<std::vector<float>> WeightScales(const FloatReader& reader, const std::string& factor,
                                               float src_scale) {
  if (const Tensor* constant = reader.Constant(factor); constant != nullptr) {
    absl::StatusOr<std::vector<float>> scales = constant->ToFloats();
    if (!scales.ok()) return std::nullopt;
    for (float& scale : *scales) scale /= src_scale;
    return *std::move(scales);
  }
  const int producer = reader.index().Producer(factor);
  if (producer < 0) return std::nullopt;
  const Node& product = reader.source().nodes[static_cast<size_t>(producer)];
  if (product.op != "Mul" || product.inputs.size() != 2) return std::nullopt;
  const Tensor* a = reader.Constant(product.inputs[0]);
  const Tensor* b = reader.Constant(product.inputs[1]);
  if (a == nullptr || b == nullptr) return std::nullopt;
  // That of a source that is quantized while it runs is 1 here, that of others what it is.
  if (a->elements() != 1 && b->elements() != 1) return std::nullopt;
  const absl::StatusOr<std::vector<float>> first = a->ToFloats(), second = b->ToFloats();
  if (!first.ok() || !second.ok()) return std::nullopt;
  const bool is_first_single = first->size() == 1;
  std::vector<float> scales = is_first_single ? *second : *first;
  const float single = is_first_single ? (*first)[0] : (*second)[0];
  for (float& scale : scales) scale = scale * single / src_scale;
  return scales;
}

std::optional<Rescaling> FindRescaling(const FloatReader& reader, const Node& node,
                                       float src_scale) {
  Rescaling found;
  found.cast = OnlyReader(reader, node.outputs[0]);
  if (found.cast == nullptr || found.cast->op != "Cast" || found.cast->outputs.size() != 1) {
    return std::nullopt;
  }
  if (found.cast->Int("to", 0).value_or(0) != 1) return std::nullopt;
  found.mul = OnlyReader(reader, found.cast->outputs[0]);
  if (found.mul == nullptr || found.mul->op != "Mul" || found.mul->inputs.size() != 2 ||
      found.mul->outputs.size() != 1) {
    return std::nullopt;
  }
  const size_t other = found.mul->inputs[0] == found.cast->outputs[0] ? 1 : 0;
  std::optional<std::vector<float>> scales =
      WeightScales(reader, found.mul->inputs[other], src_scale);
  if (!scales.has_value()) return std::nullopt;
  found.scales = *std::move(scales);
  return found;
}

// The constants' integers without their zero point, for which there may be one or one a channel.
absl::StatusOr<std::optional<FileQuantizer>> WeightQuantizer(const FloatReader& reader,
                                                             const Tensor& weights,
                                                             absl::string_view zero_point, int axis,
                                                             std::vector<float> scales) {
  FileQuantizer quantizer;
  quantizer.type = weights.type();
  std::vector<int64_t> zeros = {0};
  if (!zero_point.empty()) {
    const Tensor* constant = reader.Constant(zero_point);
    if (constant == nullptr) return std::optional<FileQuantizer>();
    HT_ASSIGN_OR_RETURN(zeros, constant->ToInts());
  }
  const size_t count = std::max(zeros.size(), scales.size());
  for (size_t i = 0; i < count; ++i) {
    if (zeros.empty() || (zeros.size() != 1 && zeros.size() != count) ||
        (scales.size() != 1 && scales.size() != count)) {
      return std::optional<FileQuantizer>();
    }
    quantizer.scales.push_back(scales[scales.size() == 1 ? 0 : i]);
    quantizer.zero_points.push_back(static_cast<int32_t>(zeros[zeros.size() == 1 ? 0 : i]));
  }
  if (count > 1) {
    quantizer.axis = axis;
    if (axis < 0 || weights.shape().rank() <= axis ||
        weights.shape().dim(axis) != static_cast<int64_t>(count)) {
      return std::optional<FileQuantizer>();
    }
  }
  return std::optional<FileQuantizer>(std::move(quantizer));
}

// The real source of a product of integers; absent where its zero point is another.
std::optional<Real> SourceOf(const FloatReader& reader, const Node& node) {
  const Real* real = reader.Find(node.inputs[0]);
  if (real == nullptr || real->quantizer.scales.size() != 1) return std::nullopt;
  int64_t zero = 0;
  if (!node.Input(2).empty()) {
    const Tensor* constant = reader.Constant(node.Input(2));
    if (constant == nullptr || constant->elements() != 1) return std::nullopt;
    zero = constant->ToInts().value_or(std::vector<int64_t>{0})[0];
  }
  if (zero != real->quantizer.zero_points[0]) return std::nullopt;
  return *real;
}

// MatMulInteger and ConvInteger: products of the integers without their zero points.
absl::StatusOr<bool> ReadProduct(FloatReader& reader, const Node& node, PartsBuilder& builder) {
  const bool is_convolution = node.op == "ConvInteger";
  if (node.inputs.size() < 2 || node.outputs.size() != 1) return false;
  const std::optional<Real> src = SourceOf(reader, node);
  const Tensor* weights = reader.Constant(node.Input(1));
  if (!src.has_value() || weights == nullptr) return false;
  const int axis = is_convolution ? 0 : weights->shape().rank() - 1;
  const std::optional<Rescaling> rescaling = FindRescaling(reader, node, src->quantizer.scales[0]);
  std::optional<FileQuantizer> quantizer;
  if (rescaling.has_value()) {
    HT_ASSIGN_OR_RETURN(quantizer,
                        WeightQuantizer(reader, *weights, node.Input(3), axis, rescaling->scales));
  }
  const bool is_rescaled = quantizer.has_value();
  if (!is_rescaled) {
    HT_ASSIGN_OR_RETURN(quantizer, WeightQuantizer(reader, *weights, node.Input(3), axis, {1.0f}));
    if (!quantizer.has_value()) return false;
  }
  HT_ASSIGN_OR_RETURN(Tensor real, Dequantize(*weights, *quantizer));
  const std::string constant =
      builder.Constant(absl::StrCat(node.inputs[1], "_dequantized"), std::move(real));
  const std::string dst = builder.Op(is_convolution ? "Conv" : "MatMul", {src->value, constant},
                                     is_convolution ? node.attributes : Attributes());
  builder.Name(dst);
  if (is_rescaled) {
    MarkProduct(src->quantizer, *quantizer, builder);
    reader.Replace(*rescaling->cast, dst);
    reader.Replace(*rescaling->mul, dst);
  }
  // The product's integers, as far as anybody reads them.
  FileQuantizer of_product;
  of_product.type = DataType::kInt32;
  of_product.scales = {src->quantizer.scales[0]};
  of_product.zero_points = {0};
  reader.PassOn(node.outputs[0], {dst, std::move(of_product)});
  return true;
}

// Adds a bias of floats, where there is one, and hands the sum on.
void FinishProduct(std::string dst, absl::string_view bias, PartsBuilder& builder) {
  if (!bias.empty()) dst = builder.Add(dst, std::string(bias));
  builder.Result(0, dst);
}

// Of ONNX Runtime: A, B, their scales, their zero points, a bias.
absl::StatusOr<bool> ReadProductToFloat(FloatReader& reader, const Node& node,
                                        PartsBuilder& builder) {
  HT_ASSIGN_OR_RETURN(const auto src, reader.Input(node, {0, 2, 4}, -1, builder));
  HT_ASSIGN_OR_RETURN(const auto weights, reader.Input(node, {1, 3, 5}, -1, builder));
  if (!src.has_value() || !weights.has_value()) return false;
  const std::string dst = builder.MatMul(src->value, weights->value, "product");
  builder.Name(dst);
  MarkProduct(src->quantizer, weights->quantizer, builder);
  FinishProduct(dst, node.Input(6), builder);
  return true;
}

// A in float, B, its scale and zero point, a bias.
absl::StatusOr<bool> ReadDynamicProduct(FloatReader& reader, const Node& node,
                                        PartsBuilder& builder) {
  HT_ASSIGN_OR_RETURN(const auto weights, reader.Input(node, {1, 2, 3}, -1, builder));
  if (!weights.has_value() || reader.Find(node.inputs[0]) != nullptr) return false;
  FileQuantizer src;
  src.type = DataType::kUint8;
  src.scales = {1};
  src.zero_points = {0};
  src.is_dynamic = true;
  const std::string dst = builder.MatMul(node.inputs[0], weights->value, "product");
  builder.Name(dst);
  MarkProduct(src, weights->quantizer, builder);
  FinishProduct(dst, node.Input(4), builder);
  return true;
}

constexpr std::array kProductOperators = {
    QuantizedOperator{"", "MatMulInteger", ReadProduct},
    QuantizedOperator{"", "ConvInteger", ReadProduct},
    QuantizedOperator{kMicrosoft, "MatMulIntegerToFloat", ReadProductToFloat},
    QuantizedOperator{kMicrosoft, "DynamicQuantizeMatMul", ReadDynamicProduct},
};

}  // namespace

absl::Span<const QuantizedOperator> ProductOperators() { return kProductOperators; }

}  // namespace halftone
