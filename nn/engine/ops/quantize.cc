#include "nn/engine/ops/quantize.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/ops/checks.h"

namespace halftone {
namespace {

absl::Status CheckFits(const UniformQuantizer& quantizer, const Shape& src) {
  const size_t scales = quantizer.scales.size();
  if (quantizer.zero_points.size() != scales) {
    return absl::InvalidArgumentError(absl::StrCat("quantizer has ", scales, " scales but ",
                                                   quantizer.zero_points.size(), " zero points"));
  }
  if (quantizer.axis == -1) {
    if (scales == 1) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("quantizer of a whole tensor has ", scales, " scales"));
  }
  HT_RETURN_IF_ERROR(CheckAxis(quantizer.axis, src.rank()));
  if (static_cast<int64_t>(scales) == src.dim(quantizer.axis)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("quantizer has ", scales, " scales for axis ",
                                                 quantizer.axis, " of ", src.ToString()));
}

absl::StatusOr<ValueId> Gate(ProgramBuilder& builder, const UniformQuantizer& quantizer,
                             ValueId src, ValueId cotangent) {
  return builder.Apply1(std::make_shared<FakeQuantizeGateOp>(quantizer), {src, cotangent});
}

}  // namespace

absl::StatusOr<std::vector<Shape>> FakeQuantizeOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 1));
  HT_RETURN_IF_ERROR(CheckFits(quantizer, srcs[0]));
  return std::vector<Shape>{srcs[0]};
}

absl::StatusOr<std::vector<ValueId>> FakeQuantizeOp::Vjp(ProgramBuilder& builder,
                                                         const VjpRequest& request) const {
  HT_ASSIGN_OR_RETURN(ValueId diff_src,
                      Gate(builder, quantizer, request.srcs[0], request.diff_dsts[0]));
  return std::vector<ValueId>{diff_src};
}

absl::StatusOr<std::vector<Shape>> FakeQuantizeGateOp::InferShapes(
    absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 2));
  HT_RETURN_IF_ERROR(CheckFits(quantizer, srcs[0]));
  HT_RETURN_IF_ERROR(CheckSameShape(srcs[1], srcs[0], "cotangent"));
  return std::vector<Shape>{srcs[0]};
}

absl::StatusOr<std::vector<ValueId>> FakeQuantizeGateOp::Vjp(ProgramBuilder& builder,
                                                             const VjpRequest& request) const {
  std::vector<ValueId> diffs(2, kNoValue);
  if (request.needed[1]) {
    HT_ASSIGN_OR_RETURN(diffs[1], Gate(builder, quantizer, request.srcs[0], request.diff_dsts[0]));
  }
  return diffs;
}

absl::StatusOr<std::vector<Shape>> RoundToBFloat16Op::InferShapes(
    absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 1));
  return std::vector<Shape>{srcs[0]};
}

absl::StatusOr<std::vector<ValueId>> RoundToBFloat16Op::Vjp(ProgramBuilder&,
                                                            const VjpRequest& request) const {
  return std::vector<ValueId>{request.diff_dsts[0]};
}

absl::StatusOr<std::vector<Shape>> RoundToNarrowFloatOp::InferShapes(
    absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 1));
  return std::vector<Shape>{srcs[0]};
}

absl::StatusOr<std::vector<ValueId>> RoundToNarrowFloatOp::Vjp(ProgramBuilder&,
                                                               const VjpRequest& request) const {
  return std::vector<ValueId>{request.diff_dsts[0]};
}

}  // namespace halftone
