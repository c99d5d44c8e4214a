#include "nn/engine/ops/shape_ops.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/checks.h"

namespace halftone {
namespace {

// OK if the grid of starts and steps of `part`'s size lies inside `whole`.
absl::Status CheckGrid(const Shape& whole, const Shape& part, const std::vector<int64_t>& starts,
                       const std::vector<int64_t>& steps) {
  const size_t rank = static_cast<size_t>(whole.rank());
  if (starts.size() != rank || steps.size() != rank || part.dims().size() != rank) {
    return absl::InvalidArgumentError(absl::StrCat("slice of ", starts.size(), " axes of ",
                                                   whole.ToString(), " into ", part.ToString()));
  }
  for (size_t i = 0; i < rank; ++i) {
    const int64_t size = part.dims()[i], limit = whole.dims()[i];
    const bool inside = starts[i] >= 0 && steps[i] >= 1 &&
                        steps[i] <= std::max<int64_t>(limit, 1) && starts[i] <= limit &&
                        (size <= 0 || (size <= limit && starts[i] + (size - 1) * steps[i] < limit));
    if (!inside) {
      return absl::InvalidArgumentError(absl::StrCat("slice [", starts[i], ":+", size, ":",
                                                     steps[i], "] leaves axis ", i, " of ",
                                                     whole.ToString()));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckIndices(absl::Span<const int64_t> indices, int64_t size) {
  for (int64_t index : indices) {
    if (index >= 0 && index < size) continue;
    return absl::InvalidArgumentError(absl::StrCat("index ", index, " on an axis of size ", size));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Shape>> ReshapeOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 1));
  HT_RETURN_IF_ERROR(shape.Check());
  if (srcs[0].Elements() != shape.Elements()) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot reshape ", srcs[0].ToString(), " to ", shape.ToString()));
  }
  return std::vector<Shape>{shape};
}

absl::StatusOr<std::vector<ValueId>> ReshapeOp::Vjp(ProgramBuilder& builder,
                                                    const VjpRequest& request) const {
  HT_ASSIGN_OR_RETURN(ValueId diff_src, ops::Reshape(builder, request.diff_dsts[0],
                                                     Shape(builder.shape(request.srcs[0]))));
  return std::vector<ValueId>{diff_src};
}

absl::StatusOr<std::vector<Shape>> TransposeOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 1));
  const int rank = srcs[0].rank();
  std::vector<bool> used(static_cast<size_t>(rank), false);
  std::vector<int64_t> dims;
  for (int axis : permutation) {
    if (axis < 0 || axis >= rank || used[static_cast<size_t>(axis)]) break;
    used[static_cast<size_t>(axis)] = true;
    dims.push_back(srcs[0].dim(axis));
  }
  if (dims.size() != used.size() || permutation.size() != used.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("not a permutation of the axes of ", srcs[0].ToString()));
  }
  return std::vector<Shape>{Shape(dims)};
}

absl::StatusOr<std::vector<ValueId>> TransposeOp::Vjp(ProgramBuilder& builder,
                                                      const VjpRequest& request) const {
  std::vector<int> inverse(permutation.size());
  for (size_t i = 0; i < permutation.size(); ++i) {
    inverse[static_cast<size_t>(permutation[i])] = static_cast<int>(i);
  }
  HT_ASSIGN_OR_RETURN(ValueId diff_src, ops::Transpose(builder, request.diff_dsts[0], inverse));
  return std::vector<ValueId>{diff_src};
}

absl::StatusOr<std::vector<Shape>> ConcatOp::InferShapes(absl::Span<const Shape> srcs) const {
  if (srcs.empty()) return absl::InvalidArgumentError("no sources");
  HT_RETURN_IF_ERROR(CheckAxis(axis, srcs[0].rank()));
  Shape dst = srcs[0];
  for (const Shape& src : srcs.subspan(1)) {
    HT_RETURN_IF_ERROR(CheckAxis(axis, src.rank()));
    Shape same = src;
    same.set_dim(axis, srcs[0].dim(axis));
    HT_RETURN_IF_ERROR(CheckSameShape(same, srcs[0], "concatenated source, but for its axis,"));
    dst.set_dim(axis, dst.dim(axis) + src.dim(axis));
  }
  return std::vector<Shape>{dst};
}

absl::StatusOr<std::vector<ValueId>> ConcatOp::Vjp(ProgramBuilder& builder,
                                                   const VjpRequest& request) const {
  const size_t rank = static_cast<size_t>(builder.shape(request.dsts[0]).rank());
  std::vector<int64_t> starts(rank, 0);
  const std::vector<int64_t> steps(rank, 1);
  std::vector<ValueId> diffs(request.srcs.size(), kNoValue);
  for (size_t i = 0; i < request.srcs.size(); ++i) {
    const Shape size = builder.shape(request.srcs[i]);
    if (request.needed[i]) {
      HT_ASSIGN_OR_RETURN(diffs[i], builder.Apply1(std::make_shared<SliceOp>(starts, steps, size),
                                                   {request.diff_dsts[0]}));
    }
    starts[static_cast<size_t>(axis)] += size.dim(axis);
  }
  return diffs;
}

absl::StatusOr<std::vector<Shape>> SliceOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 1));
  HT_RETURN_IF_ERROR(CheckGrid(srcs[0], sizes, starts, steps));
  return std::vector<Shape>{sizes};
}

absl::StatusOr<std::vector<ValueId>> SliceOp::Vjp(ProgramBuilder& builder,
                                                  const VjpRequest& request) const {
  const Shape src_shape = builder.shape(request.srcs[0]);
  HT_ASSIGN_OR_RETURN(ValueId diff_src,
                      builder.Apply1(std::make_shared<SliceScatterOp>(starts, steps, src_shape),
                                     {request.diff_dsts[0]}));
  return std::vector<ValueId>{diff_src};
}

absl::StatusOr<std::vector<Shape>> SliceScatterOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 1));
  HT_RETURN_IF_ERROR(CheckGrid(shape, srcs[0], starts, steps));
  return std::vector<Shape>{shape};
}

absl::StatusOr<std::vector<ValueId>> SliceScatterOp::Vjp(ProgramBuilder& builder,
                                                         const VjpRequest& request) const {
  const Shape sizes = builder.shape(request.srcs[0]);
  HT_ASSIGN_OR_RETURN(
      ValueId diff_src,
      builder.Apply1(std::make_shared<SliceOp>(starts, steps, sizes), {request.diff_dsts[0]}));
  return std::vector<ValueId>{diff_src};
}

absl::StatusOr<std::vector<Shape>> IndexSelectOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 1));
  HT_RETURN_IF_ERROR(CheckAxis(axis, srcs[0].rank()));
  HT_RETURN_IF_ERROR(CheckIndices(indices, srcs[0].dim(axis)));
  Shape dst = srcs[0];
  dst.set_dim(axis, static_cast<int64_t>(indices.size()));
  return std::vector<Shape>{dst};
}

absl::StatusOr<std::vector<ValueId>> IndexSelectOp::Vjp(ProgramBuilder& builder,
                                                        const VjpRequest& request) const {
  const int64_t size = builder.shape(request.srcs[0]).dim(axis);
  HT_ASSIGN_OR_RETURN(
      ValueId diff_src,
      builder.Apply1(std::make_shared<IndexAddOp>(axis, indices, size), {request.diff_dsts[0]}));
  return std::vector<ValueId>{diff_src};
}

absl::StatusOr<std::vector<Shape>> IndexAddOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 1));
  HT_RETURN_IF_ERROR(CheckAxis(axis, srcs[0].rank()));
  HT_RETURN_IF_ERROR(CheckIndices(indices, size));
  if (srcs[0].dim(axis) != static_cast<int64_t>(indices.size())) {
    return absl::InvalidArgumentError(
        absl::StrCat(indices.size(), " indices for axis ", axis, " of ", srcs[0].ToString()));
  }
  Shape dst = srcs[0];
  dst.set_dim(axis, size);
  return std::vector<Shape>{dst};
}

absl::StatusOr<std::vector<ValueId>> IndexAddOp::Vjp(ProgramBuilder& builder,
                                                     const VjpRequest& request) const {
  HT_ASSIGN_OR_RETURN(
      ValueId diff_src,
      builder.Apply1(std::make_shared<IndexSelectOp>(axis, indices), {request.diff_dsts[0]}));
  return std::vector<ValueId>{diff_src};
}

}  // namespace halftone
