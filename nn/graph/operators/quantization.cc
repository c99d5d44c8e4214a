#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/narrow_float.h"
#include "nn/graph/operators/operator.h"

// Operators between floats and what stands for them, integers and narrow floats:
// real = (quantized - zero) * scale.
namespace halftone {
namespace {

// Which scale an element has. Along one axis of `size` indices, `inner` elements apart, each block
// of them has scales of its own: for each index elsewhere, or (`is_shared`) one for all.
struct Scales {
  int64_t inner = 1, size = 1, block = 1;
  bool is_shared = true;

  size_t IndexOf(int64_t element) const {
    const int64_t at = element / inner % size / block;
    if (is_shared) return static_cast<size_t>(at);
    const int64_t blocks = (size - 1) / block + 1;
    const int64_t outer = element / inner / size;
    return static_cast<size_t>((outer * blocks + at) * inner + element % inner);
  }
};

// Scales of blocks have the source's shape but along the axis.
absl::Status CheckBlocks(const Shape& scale, const Shape& src, int axis, int64_t block) {
  if (block < 0) return absl::InvalidArgumentError(absl::StrCat("a block_size of ", block));
  Shape expected = src;
  expected.set_dim(axis, src.dim(axis) / block + (src.dim(axis) % block != 0 ? 1 : 0));
  if (scale == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("scales of shape ", scale.ToString(),
                                                 " for blocks of ", block, " along axis ", axis,
                                                 " of a source of shape ", src.ToString()));
}

absl::Status CheckZeroPoints(const NodeContext& context, const Shape& scale) {
  if (!context.HasInput(2) || context.infos[2]->shape.Elements() == scale.Elements()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(context.infos[2]->shape.Elements(),
                                                 " zero points for ", scale.Elements(), " scales"));
}

// OK if scale and zero point fit the source: one number, one for each index of the axis, or one for
// each block along it.
absl::StatusOr<Scales> ReadScales(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(const ValueInfo scale, context.Input(1));
  HT_ASSIGN_OR_RETURN(const int64_t block, context.node.Int("block_size", 0));
  if (!IsFloat(scale.type)) {
    return absl::InvalidArgumentError(
        absl::StrCat("its scale is of type ", DataTypeName(scale.type)));
  }
  HT_RETURN_IF_ERROR(CheckZeroPoints(context, scale.shape));
  if (scale.shape.Elements() == 1 && block == 0) return Scales();
  HT_ASSIGN_OR_RETURN(const int64_t asked, context.node.Int("axis", 1));
  HT_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(asked, src.shape.rank()));
  const bool is_one_each = scale.shape.rank() == 1 && src.shape.dim(axis) == scale.shape.dim(0);
  if (block == 0 && !is_one_each) {
    return absl::InvalidArgumentError(absl::StrCat("scales of shape ", scale.shape.ToString(),
                                                   " for axis ", axis, " of a source of shape ",
                                                   src.shape.ToString()));
  }
  if (block != 0) HT_RETURN_IF_ERROR(CheckBlocks(scale.shape, src.shape, axis, block));
  Scales scales{1, src.shape.dim(axis), std::max<int64_t>(block, 1), block == 0};
  for (int i = axis + 1; i < src.shape.rank(); ++i) scales.inner *= src.shape.dim(i);
  return scales;
}

// That of the zero point, or the one that the node names.
absl::StatusOr<DataType> QuantizedType(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const int64_t asked, context.node.Int("output_dtype", 0));
  if (asked == 0) return context.HasInput(2) ? context.infos[2]->type : DataType::kUint8;
  HT_ASSIGN_OR_RETURN(const DataType type, TypeOfNumber(asked));
  if (!context.HasInput(2) || context.infos[2]->type == type) return type;
  return absl::InvalidArgumentError(absl::StrCat("zero points of type ",
                                                 DataTypeName(context.infos[2]->type),
                                                 " for a result of type ", DataTypeName(type)));
}

// Whether values are quantized to that type.
absl::Status CheckQuantized(DataType type) {
  if (LimitsOf(type).has_value() || IsNarrowFloat(type)) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat(IsFloat(type) ? "floats" : "integers", " of type ", DataTypeName(type)));
}

absl::StatusOr<ValueInfos> InferQuantize(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(0));
  HT_RETURN_IF_ERROR(ReadScales(context).status());
  HT_ASSIGN_OR_RETURN(const DataType type, QuantizedType(context));
  HT_RETURN_IF_ERROR(CheckQuantized(type));
  return ValueInfos{{type, src.shape}};
}

// Whatever float its result is said to be, it is computed in float32.
absl::StatusOr<ValueInfos> InferDequantize(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(0));
  HT_RETURN_IF_ERROR(ReadScales(context).status());
  if (src.type != DataType::kInt32) HT_RETURN_IF_ERROR(CheckQuantized(src.type));
  return ValueInfos{{DataType::kFloat32, src.shape}};
}

// Of any type, exactly: of integers of up to 32 bits.
absl::StatusOr<std::vector<double>> Elements(const Tensor& tensor) {
  if (IsFloat(tensor.type())) return tensor.ToDoubles();
  HT_ASSIGN_OR_RETURN(const std::vector<int64_t> integers, tensor.ToInts());
  return std::vector<double>(integers.begin(), integers.end());
}

absl::StatusOr<std::vector<double>> ZeroPoints(const NodeContext& context, size_t count) {
  if (!context.HasInput(2)) return std::vector<double>(count, 0);
  return Elements(*context.Constant(2));
}

absl::StatusOr<double> Saturated(double quotient, double zero, const IntegerLimits& limits) {
  const double level = std::nearbyint(quotient);
  if (std::isnan(level)) return absl::InvalidArgumentError("it quantizes what is no number");
  return std::clamp<double>(level + zero, limits.least, limits.most);
}

// In float32, as ONNX Runtime does it.
absl::StatusOr<Tensors> EvaluateQuantize(const NodeContext& context,
                                         absl::Span<const ValueInfo> infos) {
  const ValueInfo& info = infos[0];
  HT_ASSIGN_OR_RETURN(const Scales index, ReadScales(context));
  HT_ASSIGN_OR_RETURN(const std::vector<float> values, context.Constant(0)->ToFloats());
  HT_ASSIGN_OR_RETURN(const std::vector<float> scales, context.Constant(1)->ToFloats());
  HT_ASSIGN_OR_RETURN(const std::vector<double> zeros, ZeroPoints(context, scales.size()));
  HT_ASSIGN_OR_RETURN(const int64_t saturate, context.node.Int("saturate", 1));
  const std::optional<NarrowFloat> format = NarrowFloatOf(info.type);
  std::vector<double> quantized(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t at = index.IndexOf(static_cast<int64_t>(i));
    const auto quotient = static_cast<double>(values[i] / scales[at]);
    if (format.has_value()) {
      quantized[i] = format->Round(quotient + zeros[at], saturate != 0);
    } else {
      HT_ASSIGN_OR_RETURN(quantized[i], Saturated(quotient, zeros[at], *LimitsOf(info.type)));
    }
  }
  if (format.has_value()) return Tensors{Tensor::FromDoubles(info.type, info.shape, quantized)};
  const std::vector<int64_t> integers(quantized.begin(), quantized.end());
  return Tensors{Tensor::FromInts(info.type, info.shape, integers)};
}

absl::StatusOr<Tensors> EvaluateDequantize(const NodeContext& context,
                                           absl::Span<const ValueInfo> infos) {
  HT_ASSIGN_OR_RETURN(const Scales index, ReadScales(context));
  HT_ASSIGN_OR_RETURN(const std::vector<double> quantized, Elements(*context.Constant(0)));
  HT_ASSIGN_OR_RETURN(const std::vector<float> scales, context.Constant(1)->ToFloats());
  HT_ASSIGN_OR_RETURN(const std::vector<double> zeros, ZeroPoints(context, scales.size()));
  std::vector<float> values(quantized.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t at = index.IndexOf(static_cast<int64_t>(i));
    values[i] = scales[at] * static_cast<float>(quantized[i] - zeros[at]);
  }
  return Tensors{Tensor::Of(infos[0].shape, std::move(values))};
}

constexpr std::array kQuantizationOperators = {
    Operator{"QuantizeLinear", InferQuantize, EvaluateQuantize, Runs::kAnything},
    Operator{"DequantizeLinear", InferDequantize, EvaluateDequantize, Runs::kAnything},
};

}  // namespace

absl::Span<const Operator> QuantizationOperators() { return kQuantizationOperators; }

}  // namespace halftone
