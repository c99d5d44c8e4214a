#include "nn/engine/ops/normalize.h"

#include <memory>
#include <numeric>

#include "base/status_macros.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/checks.h"

namespace halftone {
namespace {

Shape StatisticsShape(const Shape& src, int first_axis) {
  Shape shape = src;
  for (int axis = first_axis; axis < src.rank(); ++axis) shape.set_dim(axis, 1);
  return shape;
}

int64_t RowSize(const Shape& src, int first_axis) {
  int64_t size = 1;
  for (int axis = first_axis; axis < src.rank(); ++axis) size *= src.dim(axis);
  return size;
}

absl::StatusOr<ValueId> RowSum(ProgramBuilder& builder, ValueId src, int first_axis) {
  std::vector<int> axes(static_cast<size_t>(builder.shape(src).rank() - first_axis));
  std::iota(axes.begin(), axes.end(), first_axis);
  return ops::ReduceSum(builder, src, axes, /*keep_dims=*/true);
}

// The mean of a b over each row.
absl::StatusOr<ValueId> RowMoment(ProgramBuilder& builder, ValueId a, ValueId b, int first_axis) {
  const auto count = static_cast<float>(RowSize(builder.shape(a), first_axis));
  HT_ASSIGN_OR_RETURN(ValueId product, ops::Mul(builder, a, b));
  HT_ASSIGN_OR_RETURN(ValueId sum, RowSum(builder, product, first_axis));
  return ops::Scale(builder, sum, 1.0f / count);
}

// -diff_inverse inverse^2 y / n: what comes through the inverse.
absl::StatusOr<ValueId> DiffThroughInverse(ProgramBuilder& builder, ValueId diff_inverse,
                                           ValueId inverse, ValueId y, int first_axis) {
  const auto count = static_cast<float>(RowSize(builder.shape(y), first_axis));
  HT_ASSIGN_OR_RETURN(ValueId square, ops::Mul(builder, inverse, inverse));
  HT_ASSIGN_OR_RETURN(ValueId product, ops::Mul(builder, diff_inverse, square));
  HT_ASSIGN_OR_RETURN(ValueId factor, ops::Scale(builder, product, -1.0f / count));
  return ops::Mul(builder, y, factor);
}

}  // namespace

absl::StatusOr<std::vector<Shape>> NormalizeOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 1));
  HT_RETURN_IF_ERROR(CheckAxis(first_axis, srcs[0].rank()));
  return std::vector<Shape>{srcs[0], StatisticsShape(srcs[0], first_axis)};
}

absl::StatusOr<std::vector<ValueId>> NormalizeOp::Vjp(ProgramBuilder& builder,
                                                      const VjpRequest& request) const {
  const ValueId y = request.dsts[0], inverse = request.dsts[1];
  ValueId diff = kNoValue;
  if (request.diff_dsts[0] != kNoValue) {
    HT_ASSIGN_OR_RETURN(diff, builder.Apply1(std::make_shared<NormalizeBackwardOp>(first_axis),
                                             {request.diff_dsts[0], y, inverse}));
  }
  if (request.diff_dsts[1] != kNoValue) {
    HT_ASSIGN_OR_RETURN(ValueId through,
                        DiffThroughInverse(builder, request.diff_dsts[1], inverse, y, first_axis));
    if (diff != kNoValue) {
      HT_ASSIGN_OR_RETURN(through, ops::Add(builder, diff, through));
    }
    diff = through;
  }
  return std::vector<ValueId>{diff};
}

absl::StatusOr<std::vector<Shape>> NormalizeBackwardOp::InferShapes(
    absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 3));
  HT_RETURN_IF_ERROR(CheckAxis(first_axis, srcs[1].rank()));
  HT_RETURN_IF_ERROR(CheckSameShape(srcs[0], srcs[1], "diff_y"));
  HT_RETURN_IF_ERROR(CheckSameShape(srcs[2], StatisticsShape(srcs[1], first_axis), "inverse"));
  return std::vector<Shape>{srcs[1]};
}

// With the cotangent c: in diff_y the op itself, in y -inverse (c mean(diff_y y) + diff_y mean(c
// y)), in the inverse sum(c dst) / inverse.
absl::StatusOr<std::vector<ValueId>> NormalizeBackwardOp::Vjp(ProgramBuilder& builder,
                                                              const VjpRequest& request) const {
  const ValueId diff_y = request.srcs[0], y = request.srcs[1], inverse = request.srcs[2];
  const ValueId cotangent = request.diff_dsts[0];
  std::vector<ValueId> diffs(3, kNoValue);
  if (request.needed[0]) {
    HT_ASSIGN_OR_RETURN(diffs[0], builder.Apply1(std::make_shared<NormalizeBackwardOp>(first_axis),
                                                 {cotangent, y, inverse}));
  }
  if (request.needed[1]) {
    HT_ASSIGN_OR_RETURN(ValueId of_diff, RowMoment(builder, diff_y, y, first_axis));
    HT_ASSIGN_OR_RETURN(ValueId of_cotangent, RowMoment(builder, cotangent, y, first_axis));
    HT_ASSIGN_OR_RETURN(ValueId first, ops::Mul(builder, cotangent, of_diff));
    HT_ASSIGN_OR_RETURN(ValueId second, ops::Mul(builder, diff_y, of_cotangent));
    HT_ASSIGN_OR_RETURN(ValueId sum, ops::Add(builder, first, second));
    HT_ASSIGN_OR_RETURN(ValueId negative, ops::Scale(builder, inverse, -1.0f));
    HT_ASSIGN_OR_RETURN(diffs[1], ops::Mul(builder, sum, negative));
  }
  if (request.needed[2]) {
    HT_ASSIGN_OR_RETURN(ValueId product, ops::Mul(builder, cotangent, request.dsts[0]));
    HT_ASSIGN_OR_RETURN(ValueId sum, RowSum(builder, product, first_axis));
    HT_ASSIGN_OR_RETURN(diffs[2], ops::Div(builder, sum, inverse));
  }
  return diffs;
}

}  // namespace halftone
