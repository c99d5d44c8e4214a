#include "nn/engine/ops/gather.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/ops/checks.h"

namespace halftone {
namespace {

absl::Status CheckIndices(const Shape& indices) {
  if (indices.rank() == 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("indices ", indices.ToString(), " are not a list"));
}

}  // namespace

absl::StatusOr<std::vector<Shape>> GatherOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 2));
  HT_RETURN_IF_ERROR(CheckAxis(axis, srcs[0].rank()));
  HT_RETURN_IF_ERROR(CheckIndices(srcs[1]));
  Shape dst = srcs[0];
  dst.set_dim(axis, srcs[1].dim(0));
  return std::vector<Shape>{dst};
}

absl::StatusOr<std::vector<ValueId>> GatherOp::Vjp(ProgramBuilder& builder,
                                                   const VjpRequest& request) const {
  std::vector<ValueId> diffs(2, kNoValue);
  if (request.needed[0]) {
    const int64_t size = builder.shape(request.srcs[0]).dim(axis);
    HT_ASSIGN_OR_RETURN(diffs[0], builder.Apply1(std::make_shared<GatherAddOp>(axis, size),
                                                 {request.diff_dsts[0], request.srcs[1]}));
  }
  return diffs;
}

absl::StatusOr<std::vector<Shape>> GatherAddOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 2));
  HT_RETURN_IF_ERROR(CheckAxis(axis, srcs[0].rank()));
  HT_RETURN_IF_ERROR(CheckIndices(srcs[1]));
  if (srcs[0].dim(axis) != srcs[1].dim(0)) {
    return absl::InvalidArgumentError(
        absl::StrCat(srcs[1].dim(0), " indices for axis ", axis, " of ", srcs[0].ToString()));
  }
  Shape dst = srcs[0];
  dst.set_dim(axis, size);
  return std::vector<Shape>{dst};
}

absl::StatusOr<std::vector<ValueId>> GatherAddOp::Vjp(ProgramBuilder& builder,
                                                      const VjpRequest& request) const {
  std::vector<ValueId> diffs(2, kNoValue);
  if (request.needed[0]) {
    HT_ASSIGN_OR_RETURN(diffs[0], builder.Apply1(std::make_shared<GatherOp>(axis),
                                                 {request.diff_dsts[0], request.srcs[1]}));
  }
  return diffs;
}

}  // namespace halftone
