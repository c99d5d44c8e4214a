#include <memory>

#include "base/status_macros.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/checks.h"
#include "nn/engine/ops/elementwise.h"

namespace halftone {

absl::StatusOr<std::vector<Shape>> GateOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 2));
  HT_RETURN_IF_ERROR(CheckSameShape(srcs[1], srcs[0], "cotangent"));
  return std::vector<Shape>{srcs[0]};
}

absl::StatusOr<std::vector<ValueId>> GateOp::Vjp(ProgramBuilder& builder,
                                                 const VjpRequest& request) const {
  std::vector<ValueId> diffs(2, kNoValue);
  if (request.needed[1]) {
    HT_ASSIGN_OR_RETURN(diffs[1], ops::Gate(builder, request.srcs[0], request.diff_dsts[0], lower,
                                            upper, inside, outside));
  }
  return diffs;
}

absl::StatusOr<std::vector<Shape>> SelectOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 3));
  HT_ASSIGN_OR_RETURN(Shape dst, BroadcastShapes(srcs[0], srcs[1]));
  HT_ASSIGN_OR_RETURN(dst, BroadcastShapes(dst, srcs[2]));
  return std::vector<Shape>{dst};
}

// Zeros are selected, not multiplied: what is not selected may be infinite.
absl::StatusOr<std::vector<ValueId>> SelectOp::Vjp(ProgramBuilder& builder,
                                                   const VjpRequest& request) const {
  const ValueId condition = request.srcs[0], diff_dst = request.diff_dsts[0];
  std::vector<ValueId> diffs(3, kNoValue);
  for (const size_t source : {size_t{1}, size_t{2}}) {
    if (!request.needed[source]) continue;
    const ValueId zero = builder.AddScalar(0.0f);
    HT_ASSIGN_OR_RETURN(ValueId diff, source == 1
                                          ? ops::Select(builder, condition, diff_dst, zero)
                                          : ops::Select(builder, condition, zero, diff_dst));
    const Shape shape = builder.shape(request.srcs[source]);
    HT_ASSIGN_OR_RETURN(diffs[source], ops::SumTo(builder, diff, shape));
  }
  return diffs;
}

}  // namespace halftone
