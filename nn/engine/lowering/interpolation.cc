#include "nn/engine/lowering/interpolation.h"

#include <memory>

#include "base/status_macros.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/gather_nd.h"
#include "nn/engine/ops/shape_ops.h"

namespace halftone {

ValueId Arithmetic::Keep(absl::StatusOr<ValueId> value) {
  if (value.ok()) return *value;
  status_.Update(value.status());
  return kNoValue;
}

ValueId Arithmetic::Add(ValueId a, ValueId b) {
  return status_.ok() ? Keep(ops::Add(builder_, a, b)) : kNoValue;
}
ValueId Arithmetic::Sub(ValueId a, ValueId b) {
  return status_.ok() ? Keep(ops::Sub(builder_, a, b)) : kNoValue;
}
ValueId Arithmetic::Mul(ValueId a, ValueId b) {
  return status_.ok() ? Keep(ops::Mul(builder_, a, b)) : kNoValue;
}
ValueId Arithmetic::Linear(ValueId src, float factor, float summand) {
  if (!status_.ok()) return kNoValue;
  return Keep(ops::Unary(builder_, UnaryFunction::kLinear, src, factor, summand));
}
ValueId Arithmetic::Floor(ValueId src) {
  return status_.ok() ? Keep(ops::Unary(builder_, UnaryFunction::kFloor, src)) : kNoValue;
}
ValueId Arithmetic::Round(ValueId src) {
  return status_.ok() ? Keep(ops::Unary(builder_, UnaryFunction::kRound, src)) : kNoValue;
}
ValueId Arithmetic::Abs(ValueId src) {
  return status_.ok() ? Keep(ops::Unary(builder_, UnaryFunction::kAbs, src)) : kNoValue;
}
ValueId Arithmetic::Clamp(ValueId src, float lower, float upper) {
  if (!status_.ok()) return kNoValue;
  return Keep(ops::Unary(builder_, UnaryFunction::kClip, src, lower, upper));
}
ValueId Arithmetic::AtLeast(ValueId a, float bound) {
  if (!status_.ok()) return kNoValue;
  return Keep(ops::Binary(builder_, BinaryFunction::kAtLeast, a, Number(bound)));
}
ValueId Arithmetic::AtMost(ValueId a, float bound) {
  if (!status_.ok()) return kNoValue;
  return Keep(ops::Binary(builder_, BinaryFunction::kAtLeast, Number(bound), a));
}

namespace {

// [B, P] -> [B, P, 1]
absl::StatusOr<ValueId> Column(ProgramBuilder& builder, ValueId value) {
  const Shape shape = builder.shape(value);
  return ops::Reshape(builder, value, Shape{shape.dim(0), shape.dim(1), 1});
}

// One combination: the tap `which[i]` of axis i.
absl::StatusOr<ValueId> ReadTap(ProgramBuilder& builder, ValueId image,
                                absl::Span<const AxisTaps> axes, const std::vector<size_t>& which) {
  std::vector<ValueId> indices;
  ValueId weight = kNoValue;
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    const AxisTap& tap = axes[axis][which[axis]];
    HT_ASSIGN_OR_RETURN(indices.emplace_back(), Column(builder, tap.index));
    if (tap.weight == kNoValue) continue;
    if (weight == kNoValue) {
      weight = tap.weight;
    } else {
      HT_ASSIGN_OR_RETURN(weight, ops::Mul(builder, weight, tap.weight));
    }
  }
  HT_ASSIGN_OR_RETURN(const ValueId tuples, builder.Apply1(std::make_shared<ConcatOp>(2), indices));
  HT_ASSIGN_OR_RETURN(const ValueId read,
                      builder.Apply1(std::make_shared<GatherNdOp>(), {image, tuples}));
  if (weight == kNoValue) return read;
  HT_ASSIGN_OR_RETURN(weight, Column(builder, weight));
  return ops::Mul(builder, read, weight);
}

}  // namespace

absl::StatusOr<ValueId> ChannelsLast(ProgramBuilder& builder, ValueId src) {
  std::vector<int> order = {0};
  for (int axis = 2; axis < builder.shape(src).rank(); ++axis) order.push_back(axis);
  order.push_back(1);
  return ops::Transpose(builder, src, order);
}
absl::StatusOr<ValueId> ChannelsSecond(ProgramBuilder& builder, ValueId src) {
  std::vector<int> order = {0, builder.shape(src).rank() - 1};
  for (int axis = 1; axis + 1 < builder.shape(src).rank(); ++axis) order.push_back(axis);
  return ops::Transpose(builder, src, order);
}

absl::StatusOr<std::vector<ValueId>> ReadTaps(ProgramBuilder& builder, ValueId image,
                                              absl::Span<const AxisTaps> axes) {
  std::vector<ValueId> reads;
  std::vector<size_t> which(axes.size(), 0);
  while (true) {
    HT_ASSIGN_OR_RETURN(reads.emplace_back(), ReadTap(builder, image, axes, which));
    size_t axis = axes.size();
    while (axis > 0 && ++which[axis - 1] == axes[axis - 1].size()) which[--axis] = 0;
    if (axis == 0) return reads;
  }
}

absl::StatusOr<ValueId> Interpolate(ProgramBuilder& builder, ValueId image,
                                    absl::Span<const AxisTaps> axes) {
  HT_ASSIGN_OR_RETURN(const std::vector<ValueId> reads, ReadTaps(builder, image, axes));
  ValueId sum = reads[0];
  for (size_t i = 1; i < reads.size(); ++i) {
    HT_ASSIGN_OR_RETURN(sum, ops::Add(builder, sum, reads[i]));
  }
  return sum;
}

}  // namespace halftone
