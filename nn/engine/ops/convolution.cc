#include "nn/engine/ops/convolution.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/checks.h"

namespace halftone {
namespace {

absl::Status CheckChannels(const Shape& src, const Shape& weights, int64_t groups) {
  if (src.rank() < 3 || src.rank() > 5 || weights.rank() != src.rank()) {
    return absl::InvalidArgumentError(absl::StrCat("src ", src.ToString(), " and weights ",
                                                   weights.ToString(),
                                                   " must both have the same rank, 3 to 5"));
  }
  if (groups < 1 || src.dim(1) % groups != 0 || weights.dim(0) % groups != 0 ||
      src.dim(1) / groups != weights.dim(1)) {
    return absl::InvalidArgumentError(absl::StrCat("src ", src.ToString(), " and weights ",
                                                   weights.ToString(), " do not fit in ", groups,
                                                   " groups"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Shape> DstShape(const Shape& src, const Shape& weights,
                               const ConvolutionAttributes& attributes) {
  HT_RETURN_IF_ERROR(CheckChannels(src, weights, attributes.groups));
  const PoolWindow window = {std::vector<int64_t>(weights.dims().begin() + 2, weights.dims().end()),
                             attributes.strides, attributes.dilations, attributes.pads_begin,
                             attributes.pads_end};
  HT_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, WindowedSizes(src, window));
  std::vector<int64_t> dims = {src.dim(0), weights.dim(0)};
  dims.insert(dims.end(), sizes.begin(), sizes.end());
  return Shape(dims);
}

absl::StatusOr<ValueId> Forward(ProgramBuilder& builder, const ConvolutionAttributes& attributes,
                                ValueId src, ValueId weights) {
  return builder.Apply1(std::make_shared<ConvolutionOp>(attributes), {src, weights});
}

absl::StatusOr<ValueId> BackwardData(ProgramBuilder& builder,
                                     const ConvolutionAttributes& attributes, ValueId diff_dst,
                                     ValueId weights, const Shape& src_shape) {
  return builder.Apply1(std::make_shared<ConvolutionBackwardDataOp>(attributes, src_shape),
                        {diff_dst, weights});
}

absl::StatusOr<ValueId> BackwardWeights(ProgramBuilder& builder,
                                        const ConvolutionAttributes& attributes, ValueId src,
                                        ValueId diff_dst, const Shape& weights_shape) {
  return builder.Apply1(std::make_shared<ConvolutionBackwardWeightsOp>(attributes, weights_shape),
                        {src, diff_dst});
}

}  // namespace

absl::StatusOr<std::vector<Shape>> ConvolutionOp::InferShapes(absl::Span<const Shape> srcs) const {
  const bool has_bias = srcs.size() == 3;
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, has_bias ? 3 : 2));
  HT_ASSIGN_OR_RETURN(const Shape dst, DstShape(srcs[0], srcs[1], attributes));
  if (has_bias) {
    HT_RETURN_IF_ERROR(CheckSameShape(srcs[2], Shape{dst.dim(1)}, "bias"));
  }
  return std::vector<Shape>{dst};
}

absl::StatusOr<std::vector<ValueId>> ConvolutionOp::Vjp(ProgramBuilder& builder,
                                                        const VjpRequest& request) const {
  const ValueId src = request.srcs[0], weights = request.srcs[1];
  const ValueId diff_dst = request.diff_dsts[0];
  std::vector<ValueId> diffs(request.srcs.size(), kNoValue);
  if (request.needed[0]) {
    HT_ASSIGN_OR_RETURN(
        diffs[0], BackwardData(builder, attributes, diff_dst, weights, Shape(builder.shape(src))));
  }
  if (request.needed[1]) {
    HT_ASSIGN_OR_RETURN(diffs[1], BackwardWeights(builder, attributes, src, diff_dst,
                                                  Shape(builder.shape(weights))));
  }
  if (diffs.size() == 3 && request.needed[2]) {
    std::vector<int> axes = {0};
    for (int axis = 2; axis < builder.shape(diff_dst).rank(); ++axis) axes.push_back(axis);
    HT_ASSIGN_OR_RETURN(diffs[2], ops::ReduceSum(builder, diff_dst, axes, /*keep_dims=*/false));
  }
  return diffs;
}

absl::StatusOr<std::vector<Shape>> ConvolutionBackwardDataOp::InferShapes(
    absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 2));
  HT_ASSIGN_OR_RETURN(const Shape dst, DstShape(src_shape, srcs[1], attributes));
  HT_RETURN_IF_ERROR(CheckSameShape(srcs[0], dst, "diff_dst"));
  return std::vector<Shape>{src_shape};
}

absl::StatusOr<std::vector<ValueId>> ConvolutionBackwardDataOp::Vjp(
    ProgramBuilder& builder, const VjpRequest& request) const {
  const ValueId diff_dst = request.srcs[0], weights = request.srcs[1];
  const ValueId cotangent = request.diff_dsts[0];
  std::vector<ValueId> diffs(2, kNoValue);
  if (request.needed[0]) {
    HT_ASSIGN_OR_RETURN(diffs[0], Forward(builder, attributes, cotangent, weights));
  }
  if (request.needed[1]) {
    HT_ASSIGN_OR_RETURN(diffs[1], BackwardWeights(builder, attributes, cotangent, diff_dst,
                                                  Shape(builder.shape(weights))));
  }
  return diffs;
}

absl::StatusOr<std::vector<Shape>> ConvolutionBackwardWeightsOp::InferShapes(
    absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 2));
  HT_ASSIGN_OR_RETURN(const Shape dst, DstShape(srcs[0], weights_shape, attributes));
  HT_RETURN_IF_ERROR(CheckSameShape(srcs[1], dst, "diff_dst"));
  return std::vector<Shape>{weights_shape};
}

absl::StatusOr<std::vector<ValueId>> ConvolutionBackwardWeightsOp::Vjp(
    ProgramBuilder& builder, const VjpRequest& request) const {
  const ValueId src = request.srcs[0], diff_dst = request.srcs[1];
  const ValueId cotangent = request.diff_dsts[0];
  std::vector<ValueId> diffs(2, kNoValue);
  if (request.needed[0]) {
    HT_ASSIGN_OR_RETURN(diffs[0], BackwardData(builder, attributes, diff_dst, cotangent,
                                               Shape(builder.shape(src))));
  }
  if (request.needed[1]) {
    HT_ASSIGN_OR_RETURN(diffs[1], Forward(builder, attributes, src, cotangent));
  }
  return diffs;
}

}  // namespace halftone
