#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/rewrites/parts_builder.h"
#include "nn/graph/rewrites/rewrite.h"

// ONNX's operators on integers, where they are not read as the float ones that they approximate: by
// floats that are whole, which are exact up to 2^24.
namespace halftone {
namespace {

absl::Status CheckInputs(const NodeContext& context, std::initializer_list<size_t> indices) {
  for (const size_t index : indices) HT_RETURN_IF_ERROR(context.Input(index).status());
  return absl::OkStatus();
}

// Writes a product of integers, with what scales its real result.
class ProductWriter {
 public:
  ProductWriter(const NodeContext& context, UniqueNames& names)
      : context_(context), builder_(context, names) {}

  // An input in float; of a list of several numbers, each with `after` axes after it.
  std::string Float(size_t index, int after) {
    const std::string value = builder_.Cast(context_.node.inputs[index], DataType::kFloat32);
    const Shape& shape = context_.infos[index]->shape;
    if (shape.rank() != 1 || shape.dim(0) == 1 || after == 0) return value;
    std::vector<int64_t> sizes(static_cast<size_t>(after) + 1, 1);
    sizes[0] = shape.dim(0);
    return builder_.Reshape(value, std::move(sizes));
  }

  // The integers of an input without their zero point, where there is one.
  std::string Integers(size_t index, size_t zero_point, int after) {
    const std::string integers = Float(index, 0);
    if (!context_.HasInput(zero_point)) return integers;
    return builder_.Op("Sub", {integers, Float(zero_point, after)});
  }

  PartsBuilder& builder() { return builder_; }

 private:
  const NodeContext& context_;
  PartsBuilder builder_;
};

// Of A's scales and zero points there may be one for each row, of B's one for each column.
absl::StatusOr<Parts> RewriteMatMulInteger(const NodeContext& context, UniqueNames& names) {
  HT_RETURN_IF_ERROR(CheckInputs(context, {0, 1}));
  ProductWriter writer(context, names);
  PartsBuilder& builder = writer.builder();
  const std::string product =
      builder.MatMul(writer.Integers(0, 2, 1), writer.Integers(1, 3, 0), "product");
  builder.Name(product);
  builder.Result(0, builder.Cast(product, DataType::kInt32));
  return builder.Take();
}

absl::StatusOr<Parts> RewriteQLinearMatMul(const NodeContext& context, UniqueNames& names) {
  HT_RETURN_IF_ERROR(CheckInputs(context, {0, 1, 2, 3, 4, 5, 6, 7}));
  ProductWriter writer(context, names);
  PartsBuilder& builder = writer.builder();
  const std::string product =
      builder.MatMul(writer.Integers(0, 2, 1), writer.Integers(3, 5, 0), "product");
  builder.Name(product);
  const std::string rows = builder.Mul(product, writer.Float(1, 1));
  const std::string real = builder.Mul(rows, writer.Float(4, 0));
  const std::vector<std::string>& inputs = context.node.inputs;
  builder.Result(
      0, builder.Op("QuantizeLinear", {real, inputs[6], inputs[7]}, {{"axis", int64_t{-2}}}));
  return builder.Take();
}

// Axes after that of the channels, in the weights and in the result.
int SpatialAxes(const NodeContext& context, size_t weights) {
  return std::max(context.infos[weights]->shape.rank() - 1, 0);
}

absl::StatusOr<Parts> RewriteConvInteger(const NodeContext& context, UniqueNames& names) {
  HT_RETURN_IF_ERROR(CheckInputs(context, {0, 1}));
  ProductWriter writer(context, names);
  PartsBuilder& builder = writer.builder();
  const std::string weights = writer.Integers(1, 3, SpatialAxes(context, 1));
  const std::string product =
      builder.Op("Conv", {writer.Integers(0, 2, 0), weights}, context.node.attributes);
  builder.Name(product);
  builder.Result(0, builder.Cast(product, DataType::kInt32));
  return builder.Take();
}

// Of the weights there may be a scale for each channel; the bias has the scale of the product.
absl::StatusOr<Parts> RewriteQLinearConv(const NodeContext& context, UniqueNames& names) {
  HT_RETURN_IF_ERROR(CheckInputs(context, {0, 1, 2, 3, 4, 5, 6, 7}));
  ProductWriter writer(context, names);
  PartsBuilder& builder = writer.builder();
  const int after = SpatialAxes(context, 3);
  PartsBuilder::Inputs sources = {writer.Integers(0, 2, 0), writer.Integers(3, 5, after)};
  if (context.HasInput(8)) sources.push_back(writer.Float(8, 0));
  const std::string product = builder.Op("Conv", std::move(sources), context.node.attributes);
  builder.Name(product);
  const std::string scaled = builder.Mul(product, writer.Float(1, 0));
  const std::string real = builder.Mul(scaled, writer.Float(4, after - 1));
  const std::vector<std::string>& inputs = context.node.inputs;
  builder.Result(0, builder.Op("QuantizeLinear", {real, inputs[6], inputs[7]}));
  return builder.Take();
}

// The smallest range of 0 to 255 that has the source's numbers and 0. One of nothing has the scale
// 1, as in ONNX Runtime, where the formula of ONNX divides by zero.
absl::StatusOr<Parts> RewriteDynamicQuantize(const NodeContext& context, UniqueNames& names) {
  HT_RETURN_IF_ERROR(CheckInputs(context, {0}));
  PartsBuilder builder(context, names);
  const std::string& x = context.node.inputs[0];
  const PartsBuilder::Attributes to_scalar = {{"keepdims", int64_t{0}}};
  const std::string nothing = builder.Float(0), last = builder.Float(255);
  const std::string low = builder.Op("Min", {builder.Op("ReduceMin", {x}, to_scalar), nothing});
  const std::string high = builder.Op("Max", {builder.Op("ReduceMax", {x}, to_scalar), nothing});
  const std::string range = builder.Op("Sub", {high, low});
  const std::string scale = builder.Op(
      "Where",
      {builder.Op("Equal", {range, nothing}), builder.Float(1), builder.Op("Div", {range, last})});
  const std::string below = builder.Op("Sub", {nothing, builder.Op("Div", {low, scale})});
  const std::string clipped = builder.Op("Clip", {below, nothing, last});
  const std::string zero = builder.Cast(builder.Op("Round", {clipped}), DataType::kUint8);
  const std::string dst = builder.Op("QuantizeLinear", {x, scale, zero});
  builder.Result(0, dst);
  builder.Result(1, scale);
  builder.Result(2, zero);
  return builder.Take();
}

constexpr std::array kIntegerRewrites = {
    Rewrite{"", "MatMulInteger", RewriteMatMulInteger},
    Rewrite{"", "QLinearMatMul", RewriteQLinearMatMul},
    Rewrite{"", "ConvInteger", RewriteConvInteger},
    Rewrite{"", "QLinearConv", RewriteQLinearConv},
    Rewrite{"", "DynamicQuantizeLinear", RewriteDynamicQuantize},
};

}  // namespace

absl::Span<const Rewrite> IntegerRewrites() { return kIntegerRewrites; }

}  // namespace halftone
