#include "nn/engine/ops/reduction.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/checks.h"

namespace halftone {
namespace {

Shape Reduced(const Shape& src, const std::vector<int>& axes, bool keep_dims) {
  std::vector<int64_t> dims;
  size_t next = 0;
  for (int axis = 0; axis < src.rank(); ++axis) {
    const bool reduced = next < axes.size() && axes[next] == axis;
    if (reduced) ++next;
    if (!reduced) dims.push_back(src.dim(axis));
    if (reduced && keep_dims) dims.push_back(1);
  }
  return Shape(dims);
}

// 1 where `src` equals `maximum` (which broadcasts), else 0.
absl::StatusOr<ValueId> IsMaximum(ProgramBuilder& builder, ValueId src, ValueId maximum) {
  HT_ASSIGN_OR_RETURN(ValueId difference, ops::Sub(builder, src, maximum));
  HT_ASSIGN_OR_RETURN(ValueId sign, ops::Unary(builder, UnaryFunction::kSign, difference));
  return ops::Unary(builder, UnaryFunction::kLinear, sign, 1.0f, 1.0f);
}

}  // namespace

absl::StatusOr<std::vector<Shape>> ReduceOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 1));
  for (size_t i = 0; i < axes.size(); ++i) {
    HT_RETURN_IF_ERROR(CheckAxis(axes[i], srcs[0].rank()));
    if (i > 0 && axes[i] <= axes[i - 1]) {
      return absl::InvalidArgumentError("axes are not ascending");
    }
    if (function == ReduceFunction::kMax && srcs[0].dim(axes[i]) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("no maximum over an empty axis of ", srcs[0].ToString()));
    }
  }
  return std::vector<Shape>{Reduced(srcs[0], axes, keep_dims)};
}

absl::StatusOr<std::vector<ValueId>> ReduceOp::Vjp(ProgramBuilder& builder,
                                                   const VjpRequest& request) const {
  const ValueId src = request.srcs[0];
  const Shape src_shape = builder.shape(src);
  const Shape kept = Reduced(src_shape, axes, /*keep_dims=*/true);
  HT_ASSIGN_OR_RETURN(ValueId diff, ops::Reshape(builder, request.diff_dsts[0], kept));
  if (function == ReduceFunction::kMax) {
    HT_ASSIGN_OR_RETURN(ValueId maximum, ops::Reshape(builder, request.dsts[0], kept));
    HT_ASSIGN_OR_RETURN(ValueId mask, IsMaximum(builder, src, maximum));
    HT_ASSIGN_OR_RETURN(ValueId count, ops::ReduceSum(builder, mask, axes, /*keep_dims=*/true));
    HT_ASSIGN_OR_RETURN(ValueId share, ops::Div(builder, diff, count));
    HT_ASSIGN_OR_RETURN(ValueId diff_src, ops::Mul(builder, mask, share));
    return std::vector<ValueId>{diff_src};
  }
  HT_ASSIGN_OR_RETURN(ValueId diff_src, ops::BroadcastTo(builder, diff, src_shape));
  return std::vector<ValueId>{diff_src};
}

absl::StatusOr<std::vector<Shape>> BroadcastToOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 1));
  HT_ASSIGN_OR_RETURN(const Shape both, BroadcastShapes(srcs[0], shape));
  HT_RETURN_IF_ERROR(CheckSameShape(both, shape, "broadcast src"));
  return std::vector<Shape>{shape};
}

absl::StatusOr<std::vector<ValueId>> BroadcastToOp::Vjp(ProgramBuilder& builder,
                                                        const VjpRequest& request) const {
  const Shape src_shape = builder.shape(request.srcs[0]);
  HT_ASSIGN_OR_RETURN(ValueId diff_src, ops::SumTo(builder, request.diff_dsts[0], src_shape));
  return std::vector<ValueId>{diff_src};
}

}  // namespace halftone
