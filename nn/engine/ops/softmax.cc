#include "nn/engine/ops/softmax.h"

#include "base/status_macros.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/checks.h"

namespace halftone {

absl::StatusOr<std::vector<Shape>> SoftmaxOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 1));
  HT_RETURN_IF_ERROR(CheckAxis(axis, srcs[0].rank()));
  return std::vector<Shape>{srcs[0]};
}

absl::StatusOr<std::vector<ValueId>> SoftmaxOp::Vjp(ProgramBuilder& builder,
                                                    const VjpRequest& request) const {
  const ValueId dst = request.dsts[0], diff_dst = request.diff_dsts[0];
  if (logarithm) {
    HT_ASSIGN_OR_RETURN(ValueId sum, ops::ReduceSum(builder, diff_dst, {axis}, true));
    HT_ASSIGN_OR_RETURN(ValueId probability, ops::Unary(builder, UnaryFunction::kExp, dst));
    HT_ASSIGN_OR_RETURN(ValueId mean, ops::Mul(builder, probability, sum));
    HT_ASSIGN_OR_RETURN(ValueId diff_src, ops::Sub(builder, diff_dst, mean));
    return std::vector<ValueId>{diff_src};
  }
  HT_ASSIGN_OR_RETURN(ValueId weighted, ops::Mul(builder, dst, diff_dst));
  HT_ASSIGN_OR_RETURN(ValueId mean, ops::ReduceSum(builder, weighted, {axis}, true));
  HT_ASSIGN_OR_RETURN(ValueId centred, ops::Sub(builder, diff_dst, mean));
  HT_ASSIGN_OR_RETURN(ValueId diff_src, ops::Mul(builder, dst, centred));
  return std::vector<ValueId>{diff_src};
}

}  // namespace halftone
