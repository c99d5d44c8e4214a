#include <array>
#include <cmath>
#include <memory>
#include <numeric>

#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/lowering/softmax_axis.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/normalize.h"
#include "nn/engine/ops/pooling.h"
#include "nn/engine/ops/softmax.h"

// Operators that bring elements to a common scale.
namespace halftone {
namespace {

template <bool logarithm>
Values LowerSoftmax(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  ProgramBuilder& builder = lowering.builder;
  const Shape shape = builder.shape(src);
  HT_ASSIGN_OR_RETURN(const FlattenedAxis flattened, FlattenForSoftmax(lowering, src));
  HT_ASSIGN_OR_RETURN(
      ValueId dst,
      builder.Apply1(std::make_shared<SoftmaxOp>(flattened.axis, logarithm), {flattened.src}));
  return Single(ops::Reshape(builder, dst, shape));
}

// A parameter [C] of a batch normalization, to broadcast along axis 1 of `src`.
absl::StatusOr<ValueId> PerChannel(ProgramBuilder& builder, ValueId parameter, const Shape& src) {
  if (src.rank() <= 2) return parameter;
  std::vector<int64_t> dims(static_cast<size_t>(src.rank()) - 1, 1);
  dims[0] = builder.shape(parameter).dim(0);
  return ops::Reshape(builder, parameter, Shape(dims));
}

// src * a + (bias - mean * a) with a = scale / sqrt(variance + epsilon).
Values LowerBatchNormalization(const NodeLowering& lowering) {
  ProgramBuilder& builder = lowering.builder;
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(ValueId scale, lowering.Input(1));
  HT_ASSIGN_OR_RETURN(ValueId bias, lowering.Input(2));
  HT_ASSIGN_OR_RETURN(ValueId mean, lowering.Input(3));
  HT_ASSIGN_OR_RETURN(ValueId variance, lowering.Input(4));
  HT_ASSIGN_OR_RETURN(float epsilon, lowering.node().Float("epsilon", 1e-5f));
  HT_ASSIGN_OR_RETURN(ValueId spread,
                      ops::Unary(builder, UnaryFunction::kLinear, variance, 1.0f, epsilon));
  HT_ASSIGN_OR_RETURN(ValueId inverse,
                      ops::Unary(builder, UnaryFunction::kPower, spread, 1.0f, -0.5f));
  HT_ASSIGN_OR_RETURN(ValueId factor, ops::Mul(builder, scale, inverse));
  HT_ASSIGN_OR_RETURN(ValueId shift, ops::Mul(builder, mean, factor));
  HT_ASSIGN_OR_RETURN(ValueId offset, ops::Sub(builder, bias, shift));
  const Shape shape = builder.shape(src);
  HT_ASSIGN_OR_RETURN(factor, PerChannel(builder, factor, shape));
  HT_ASSIGN_OR_RETURN(offset, PerChannel(builder, offset, shape));
  HT_ASSIGN_OR_RETURN(ValueId product, ops::Mul(builder, src, factor));
  return Single(ops::Add(builder, product, offset));
}

// What a normalization by mean and variance computes; the statistics have size 1 on the axes.
struct Normalized {
  ValueId dst = kNoValue;  // (src - mean) inverse
  ValueId mean = kNoValue;
  ValueId inverse = kNoValue;  // 1 / sqrt(variance + epsilon)
};

absl::StatusOr<ValueId> MeanOver(ProgramBuilder& builder, ValueId src,
                                 const std::vector<int>& axes) {
  HT_ASSIGN_OR_RETURN(ValueId sum, ops::ReduceSum(builder, src, axes, /*keep_dims=*/true));
  int64_t count = 1;
  for (const int axis : axes) count *= builder.shape(src).dim(axis);
  return ops::Scale(builder, sum, 1.0f / static_cast<float>(count));
}

absl::StatusOr<Normalized> Normalize(ProgramBuilder& builder, ValueId src,
                                     const std::vector<int>& axes, float epsilon) {
  Normalized normalized;
  HT_ASSIGN_OR_RETURN(normalized.mean, MeanOver(builder, src, axes));
  HT_ASSIGN_OR_RETURN(ValueId centred, ops::Sub(builder, src, normalized.mean));
  HT_ASSIGN_OR_RETURN(ValueId square, ops::Mul(builder, centred, centred));
  HT_ASSIGN_OR_RETURN(ValueId variance, MeanOver(builder, square, axes));
  HT_ASSIGN_OR_RETURN(ValueId spread,
                      ops::Unary(builder, UnaryFunction::kLinear, variance, 1.0f, epsilon));
  HT_ASSIGN_OR_RETURN(normalized.inverse,
                      ops::Unary(builder, UnaryFunction::kPower, spread, 1.0f, -0.5f));
  HT_ASSIGN_OR_RETURN(normalized.dst, ops::Mul(builder, centred, normalized.inverse));
  return normalized;
}

// The same over the axes from `first` on, in one op; the mean is computed apart, for those who read
// it.
absl::StatusOr<Normalized> NormalizeFrom(ProgramBuilder& builder, ValueId src, int first,
                                         float epsilon) {
  std::vector<int> axes(static_cast<size_t>(builder.shape(src).rank() - first));
  std::iota(axes.begin(), axes.end(), first);
  HT_ASSIGN_OR_RETURN(const std::vector<ValueId> results,
                      builder.Apply(std::make_shared<NormalizeOp>(first, epsilon), {src}));
  HT_ASSIGN_OR_RETURN(const ValueId mean, MeanOver(builder, src, axes));
  return Normalized{results[0], mean, results[1]};
}

Values LowerLayerNormalization(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(ValueId scale, lowering.Input(1));
  ProgramBuilder& builder = lowering.builder;
  const int rank = builder.shape(src).rank();
  HT_ASSIGN_OR_RETURN(const int64_t asked, lowering.node().Int("axis", -1));
  HT_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(asked, rank));
  HT_ASSIGN_OR_RETURN(const float epsilon, lowering.node().Float("epsilon", 1e-5f));
  HT_ASSIGN_OR_RETURN(const Normalized normalized, NormalizeFrom(builder, src, axis, epsilon));
  HT_ASSIGN_OR_RETURN(ValueId dst, ops::Mul(builder, normalized.dst, scale));
  if (lowering.HasInput(2)) {
    HT_ASSIGN_OR_RETURN(ValueId bias, lowering.Input(2));
    HT_ASSIGN_OR_RETURN(dst, ops::Add(builder, dst, bias));
  }
  return std::vector<ValueId>{dst, normalized.mean, normalized.inverse};
}

// src * scale + bias, with a parameter for each index of axis 1.
Values ScaleChannels(const NodeLowering& lowering, ValueId src, ValueId scale, ValueId bias) {
  ProgramBuilder& builder = lowering.builder;
  const Shape shape = builder.shape(src);
  HT_ASSIGN_OR_RETURN(scale, PerChannel(builder, scale, shape));
  HT_ASSIGN_OR_RETURN(bias, PerChannel(builder, bias, shape));
  HT_ASSIGN_OR_RETURN(ValueId product, ops::Mul(builder, src, scale));
  return Single(ops::Add(builder, product, bias));
}

Values LowerInstanceNormalization(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(ValueId scale, lowering.Input(1));
  HT_ASSIGN_OR_RETURN(ValueId bias, lowering.Input(2));
  HT_ASSIGN_OR_RETURN(const float epsilon, lowering.node().Float("epsilon", 1e-5f));
  ProgramBuilder& builder = lowering.builder;
  HT_ASSIGN_OR_RETURN(const Normalized normalized, NormalizeFrom(builder, src, 2, epsilon));
  return ScaleChannels(lowering, normalized.dst, scale, bias);
}

Values LowerGroupNormalization(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(ValueId scale, lowering.Input(1));
  HT_ASSIGN_OR_RETURN(ValueId bias, lowering.Input(2));
  HT_ASSIGN_OR_RETURN(const float epsilon, lowering.node().Float("epsilon", 1e-5f));
  HT_ASSIGN_OR_RETURN(const int64_t groups, lowering.node().Int("num_groups", 1));
  ProgramBuilder& builder = lowering.builder;
  const Shape shape = builder.shape(src);
  const int64_t rows = shape.dim(0) * groups;
  const int64_t columns = rows == 0 ? 0 : shape.Elements() / rows;
  const Shape grouped = {shape.dim(0), groups, columns};
  HT_ASSIGN_OR_RETURN(src, ops::Reshape(builder, src, grouped));
  HT_ASSIGN_OR_RETURN(const Normalized normalized, NormalizeFrom(builder, src, 2, epsilon));
  ValueId dst = normalized.dst;
  // Parameters of groups scale them as they are, those of channels the source's own shape.
  const bool per_group = builder.shape(scale).dim(0) == groups && lowering.graph.opset < 21;
  if (!per_group) {
    HT_ASSIGN_OR_RETURN(dst, ops::Reshape(builder, dst, shape));
  }
  HT_ASSIGN_OR_RETURN(const std::vector<ValueId> scaled, ScaleChannels(lowering, dst, scale, bias));
  return Single(ops::Reshape(builder, scaled[0], shape));
}

// ONNX divides by the deviation and 1e-9, which only matters where that is 0.
Values LowerMeanVarianceNormalization(const NodeLowering& lowering) {
  constexpr float kLeastVariance = 1e-18f;
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> named, lowering.node().Ints("axes", {0, 2, 3}));
  const int rank = lowering.builder.shape(src).rank();
  std::vector<bool> reduced(static_cast<size_t>(rank), false);
  for (const int64_t axis : named) {
    HT_ASSIGN_OR_RETURN(const int at, NormalizeAxis(axis, rank));
    reduced[static_cast<size_t>(at)] = true;
  }
  std::vector<int> axes;
  for (int axis = 0; axis < rank; ++axis) {
    if (reduced[static_cast<size_t>(axis)]) axes.push_back(axis);
  }
  HT_ASSIGN_OR_RETURN(const Normalized normalized,
                      Normalize(lowering.builder, src, axes, kLeastVariance));
  return std::vector<ValueId>{normalized.dst};
}

// src / (bias + alpha mean)^beta with the mean of the squares of `size` neighbouring channels,
// those beyond the border counted as zeros: an average pooling over the channels.
Values LowerLrn(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const int64_t size, lowering.node().Int("size", 1));
  HT_ASSIGN_OR_RETURN(const float alpha, lowering.node().Float("alpha", 1e-4f));
  HT_ASSIGN_OR_RETURN(const float beta, lowering.node().Float("beta", 0.75f));
  HT_ASSIGN_OR_RETURN(const float bias, lowering.node().Float("bias", 1.0f));
  ProgramBuilder& builder = lowering.builder;
  const Shape shape = builder.shape(src);
  const int64_t rows = shape.dim(0) * shape.dim(1);
  const Shape image = {shape.dim(0), 1, shape.dim(1), rows == 0 ? 0 : shape.Elements() / rows};
  HT_ASSIGN_OR_RETURN(ValueId square, ops::Mul(builder, src, src));
  HT_ASSIGN_OR_RETURN(square, ops::Reshape(builder, square, image));
  const PoolWindow window = {{size, 1}, {1, 1}, {1, 1}, {(size - 1) / 2, 0}, {size / 2, 0}};
  HT_ASSIGN_OR_RETURN(
      ValueId mean,
      builder.Apply1(std::make_shared<AveragePoolOp>(window, /*count_padding=*/true), {square}));
  HT_ASSIGN_OR_RETURN(ValueId divisor,
                      ops::Unary(builder, UnaryFunction::kLinear, mean, alpha, bias));
  HT_ASSIGN_OR_RETURN(ValueId factor,
                      ops::Unary(builder, UnaryFunction::kPower, divisor, 1.0f, -beta));
  HT_ASSIGN_OR_RETURN(factor, ops::Reshape(builder, factor, shape));
  return Single(ops::Mul(builder, src, factor));
}

Values LowerLpNormalization(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  ProgramBuilder& builder = lowering.builder;
  HT_ASSIGN_OR_RETURN(const int64_t asked, lowering.node().Int("axis", -1));
  HT_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(asked, builder.shape(src).rank()));
  HT_ASSIGN_OR_RETURN(const int64_t p, lowering.node().Int("p", 2));
  HT_ASSIGN_OR_RETURN(ValueId power, p == 1 ? ops::Unary(builder, UnaryFunction::kAbs, src)
                                            : ops::Mul(builder, src, src));
  HT_ASSIGN_OR_RETURN(ValueId norm, ops::ReduceSum(builder, power, {axis}, /*keep_dims=*/true));
  // What vanishes stays as it is, with a derivative of 1: it is divided by 1.
  HT_ASSIGN_OR_RETURN(const ValueId vanishes,
                      ops::Binary(builder, BinaryFunction::kEqual, norm, builder.AddScalar(0.0f)));
  HT_ASSIGN_OR_RETURN(norm, ops::Select(builder, vanishes, builder.AddScalar(1.0f), norm));
  if (p == 2) {
    HT_ASSIGN_OR_RETURN(norm, ops::Unary(builder, UnaryFunction::kPower, norm, 1.0f, 0.5f));
  }
  return Single(ops::Div(builder, src, norm));
}

constexpr std::array kNormalizationLowerings = {
    Lowering{"Softmax", LowerSoftmax<false>},
    Lowering{"LogSoftmax", LowerSoftmax<true>},
    Lowering{"BatchNormalization", LowerBatchNormalization},
    Lowering{"LayerNormalization", LowerLayerNormalization},
    Lowering{"InstanceNormalization", LowerInstanceNormalization},
    Lowering{"GroupNormalization", LowerGroupNormalization},
    Lowering{"MeanVarianceNormalization", LowerMeanVarianceNormalization},
    Lowering{"LRN", LowerLrn},
    Lowering{"LpNormalization", LowerLpNormalization},
};

}  // namespace

absl::StatusOr<FlattenedAxis> FlattenForSoftmax(const NodeLowering& lowering, ValueId src) {
  const Shape shape = lowering.builder.shape(src);
  const bool flattens = lowering.graph.opset < 13;
  HT_ASSIGN_OR_RETURN(const int64_t asked, lowering.node().Int("axis", flattens ? 1 : -1));
  FlattenedAxis flattened{src, 0};
  if (!flattens) {
    HT_ASSIGN_OR_RETURN(flattened.axis, NormalizeAxis(asked, shape.rank()));
    return flattened;
  }
  const int64_t split = asked < 0 ? asked + shape.rank() : asked;
  int64_t columns = 1;
  for (int axis = static_cast<int>(split); axis < shape.rank(); ++axis) columns *= shape.dim(axis);
  const int64_t rows = columns == 0 ? 0 : shape.Elements() / columns;
  HT_ASSIGN_OR_RETURN(flattened.src, ops::Reshape(lowering.builder, src, Shape{rows, columns}));
  flattened.axis = 1;
  return flattened;
}

absl::Span<const Lowering> NormalizationLowerings() { return kNormalizationLowerings; }

}  // namespace halftone
