#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/operators/operator.h"

// Operators between floats and the integers that stand for them: real = (integer - zero) * scale.
namespace halftone {
namespace {

// Which scale an element has: blocks of `inner` elements share one, in turn.
struct Scales {
  int64_t count = 1, inner = 1;
  size_t IndexOf(int64_t element) const { return static_cast<size_t>(element / inner % count); }
};

// OK if scale and zero point fit the source: one number, or one for each index of the axis.
absl::StatusOr<Scales> ReadScales(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(const ValueInfo scale, context.Input(1));
  HT_ASSIGN_OR_RETURN(const int64_t block, context.node.Int("block_size", 0));
  if (block != 0) return absl::UnimplementedError("scales of blocks");
  if (!IsFloat(scale.type)) {
    return absl::InvalidArgumentError(
        absl::StrCat("its scale is of type ", DataTypeName(scale.type)));
  }
  if (context.HasInput(2) && context.infos[2]->shape.Elements() != scale.shape.Elements()) {
    return absl::InvalidArgumentError(absl::StrCat(context.infos[2]->shape.Elements(),
                                                   " zero points for ", scale.shape.Elements(),
                                                   " scales"));
  }
  Scales scales;
  scales.count = scale.shape.Elements();
  if (scales.count == 1) return scales;
  HT_ASSIGN_OR_RETURN(const int64_t asked, context.node.Int("axis", 1));
  HT_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(asked, src.shape.rank()));
  if (scale.shape.rank() != 1 || src.shape.dim(axis) != scales.count) {
    return absl::InvalidArgumentError(absl::StrCat("scales of shape ", scale.shape.ToString(),
                                                   " for axis ", axis, " of a source of shape ",
                                                   src.shape.ToString()));
  }
  for (int i = axis + 1; i < src.shape.rank(); ++i) scales.inner *= src.shape.dim(i);
  return scales;
}

absl::StatusOr<ValueInfos> InferQuantize(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(0));
  HT_RETURN_IF_ERROR(ReadScales(context).status());
  HT_ASSIGN_OR_RETURN(const int64_t asked, context.node.Int("output_dtype", 0));
  const DataType type = context.HasInput(2) ? context.infos[2]->type : DataType::kUint8;
  if (!context.HasInput(2) && asked != 0) {
    return absl::UnimplementedError("a type of its result without a zero point");
  }
  if (!LimitsOf(type).has_value()) {
    return absl::UnimplementedError(absl::StrCat("integers of type ", DataTypeName(type)));
  }
  return ValueInfos{{type, src.shape}};
}

absl::StatusOr<ValueInfos> InferDequantize(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(0));
  HT_RETURN_IF_ERROR(ReadScales(context).status());
  if (!LimitsOf(src.type).has_value() && src.type != DataType::kInt32) {
    return absl::UnimplementedError(absl::StrCat("integers of type ", DataTypeName(src.type)));
  }
  return ValueInfos{{DataType::kFloat32, src.shape}};
}

absl::StatusOr<std::vector<int64_t>> ZeroPoints(const NodeContext& context, size_t count) {
  if (!context.HasInput(2)) return std::vector<int64_t>(count, 0);
  return context.Constant(2)->ToInts();
}

// In float32, as ONNX Runtime does it.
absl::StatusOr<Tensors> EvaluateQuantize(const NodeContext& context,
                                         absl::Span<const ValueInfo> infos) {
  HT_ASSIGN_OR_RETURN(const Scales index, ReadScales(context));
  HT_ASSIGN_OR_RETURN(const std::vector<float> values, context.Constant(0)->ToFloats());
  HT_ASSIGN_OR_RETURN(const std::vector<float> scales, context.Constant(1)->ToFloats());
  HT_ASSIGN_OR_RETURN(const std::vector<int64_t> zeros, ZeroPoints(context, scales.size()));
  const IntegerLimits limits = *LimitsOf(infos[0].type);
  std::vector<int64_t> integers;
  integers.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t at = index.IndexOf(static_cast<int64_t>(i));
    const double level = static_cast<double>(std::nearbyint(values[i] / scales[at]));
    if (std::isnan(level)) return absl::InvalidArgumentError("it quantizes what is no number");
    const double integer = level + static_cast<double>(zeros[at]);
    integers.push_back(
        static_cast<int64_t>(std::clamp<double>(integer, limits.least, limits.most)));
  }
  return Tensors{Tensor::FromInts(infos[0].type, infos[0].shape, integers)};
}

absl::StatusOr<Tensors> EvaluateDequantize(const NodeContext& context,
                                           absl::Span<const ValueInfo> infos) {
  HT_ASSIGN_OR_RETURN(const Scales index, ReadScales(context));
  HT_ASSIGN_OR_RETURN(const std::vector<int64_t> integers, context.Constant(0)->ToInts());
  HT_ASSIGN_OR_RETURN(const std::vector<float> scales, context.Constant(1)->ToFloats());
  HT_ASSIGN_OR_RETURN(const std::vector<int64_t> zeros, ZeroPoints(context, scales.size()));
  std::vector<float> values;
  values.reserve(integers.size());
  for (size_t i = 0; i < integers.size(); ++i) {
    const size_t at = index.IndexOf(static_cast<int64_t>(i));
    values.push_back(scales[at] * static_cast<float>(integers[i] - zeros[at]));
  }
  return Tensors{Tensor::Of(infos[0].shape, std::move(values))};
}

constexpr std::array kQuantizationOperators = {
    Operator{"QuantizeLinear", InferQuantize, EvaluateQuantize, Runs::kFloats},
    Operator{"DequantizeLinear", InferDequantize, EvaluateDequantize, Runs::kAnything},
};

}  // namespace

absl::Span<const Operator> QuantizationOperators() { return kQuantizationOperators; }

}  // namespace halftone
