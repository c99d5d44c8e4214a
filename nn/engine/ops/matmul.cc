#include "nn/engine/ops/matmul.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/checks.h"

namespace halftone {
namespace {

Shape LeadingAxes(const Shape& shape) {
  return Shape(absl::MakeConstSpan(shape.dims()).subspan(0, shape.dims().size() - 2));
}

// [..., M, K] -> [everything * M, K].
absl::StatusOr<ValueId> Flatten(ProgramBuilder& builder, ValueId value) {
  const Shape shape = builder.shape(value);
  const int64_t columns = shape.dim(shape.rank() - 1);
  if (columns == 0) return ops::Reshape(builder, value, Shape{0, 0});
  return ops::Reshape(builder, value, Shape{shape.Elements() / columns, columns});
}

}  // namespace

absl::StatusOr<std::vector<Shape>> MatMulOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 2));
  const Shape &a = srcs[0], &b = srcs[1];
  if (a.rank() < 2 || b.rank() < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("sources ", a.ToString(), " and ", b.ToString(), " must have rank 2 or more"));
  }
  const int64_t m = a.dim(a.rank() - (transpose_a ? 1 : 2));
  const int64_t k = a.dim(a.rank() - (transpose_a ? 2 : 1));
  const int64_t k_of_b = b.dim(b.rank() - (transpose_b ? 1 : 2));
  const int64_t n = b.dim(b.rank() - (transpose_b ? 2 : 1));
  if (k != k_of_b) {
    return absl::InvalidArgumentError(absl::StrCat("inner sizes ", k, " and ", k_of_b, " of ",
                                                   a.ToString(), " and ", b.ToString(), " differ"));
  }
  HT_ASSIGN_OR_RETURN(const Shape batch, BroadcastShapes(LeadingAxes(a), LeadingAxes(b)));
  std::vector<int64_t> dims = batch.dims();
  dims.push_back(m);
  dims.push_back(n);
  return std::vector<Shape>{Shape(dims)};
}

absl::StatusOr<std::vector<ValueId>> MatMulOp::Vjp(ProgramBuilder& builder,
                                                   const VjpRequest& request) const {
  const ValueId a = request.srcs[0], b = request.srcs[1], diff_dst = request.diff_dsts[0];
  const Shape a_shape = builder.shape(a), b_shape = builder.shape(b);
  std::vector<ValueId> diffs(2, kNoValue);
  if (request.needed[0]) {
    HT_ASSIGN_OR_RETURN(ValueId diff, transpose_a
                                          ? ops::MatMul(builder, b, diff_dst, transpose_b, true)
                                          : ops::MatMul(builder, diff_dst, b, false, !transpose_b));
    HT_ASSIGN_OR_RETURN(diffs[0], ops::SumTo(builder, diff, a_shape));
  }
  if (request.needed[1]) {
    ValueId rows = a, diff_rows = diff_dst;
    // One product over all rows instead of one per leading index and their sum.
    if (!transpose_a && b_shape.rank() == 2 && a_shape.rank() > 2) {
      HT_ASSIGN_OR_RETURN(rows, Flatten(builder, a));
      HT_ASSIGN_OR_RETURN(diff_rows, Flatten(builder, diff_dst));
    }
    HT_ASSIGN_OR_RETURN(ValueId diff,
                        transpose_b ? ops::MatMul(builder, diff_rows, rows, true, transpose_a)
                                    : ops::MatMul(builder, rows, diff_rows, !transpose_a, false));
    HT_ASSIGN_OR_RETURN(diffs[1], ops::SumTo(builder, diff, b_shape));
  }
  return diffs;
}

}  // namespace halftone
