#ifndef HALFTONE_NN_ENGINE_OPS_CONVOLUTION_H_
#define HALFTONE_NN_ENGINE_OPS_CONVOLUTION_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nn/engine/op.h"

// Convolution and its two derivatives. Each of the three is linear in both of its tensors, and its
// Vjp is written in the other two. Spatial rank 1 to 3.
namespace halftone {

// How the kernel moves; one entry per spatial axis.
struct ConvolutionAttributes {
  std::vector<int64_t> strides;
  std::vector<int64_t> dilations;  // 1 is a dense kernel (as ONNX counts; oneDNN's is less 1)
  std::vector<int64_t> pads_begin;
  std::vector<int64_t> pads_end;
  int64_t groups = 1;
};

// src [N, C, spatial...], weights [O, C / groups, kernel...] (ONNX's layout; output channel o
// belongs to group o / (O / groups)), optionally bias [O] -> dst [N, O, spatial...].
class ConvolutionOp final : public Op {
 public:
  explicit ConvolutionOp(ConvolutionAttributes attributes) : attributes(std::move(attributes)) {}
  OpKind kind() const override { return OpKind::kConvolution; }
  std::string name() const override { return "Convolution"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const ConvolutionAttributes attributes;
};

// diff_dst [N, O, spatial...], weights -> diff_src of shape `src_shape`.
class ConvolutionBackwardDataOp final : public Op {
 public:
  ConvolutionBackwardDataOp(ConvolutionAttributes attributes, Shape src_shape)
      : attributes(std::move(attributes)), src_shape(std::move(src_shape)) {}
  OpKind kind() const override { return OpKind::kConvolutionBackwardData; }
  std::string name() const override { return "ConvolutionBackwardData"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const ConvolutionAttributes attributes;
  const Shape src_shape;
};

// src, diff_dst -> diff_weights of shape `weights_shape`.
class ConvolutionBackwardWeightsOp final : public Op {
 public:
  ConvolutionBackwardWeightsOp(ConvolutionAttributes attributes, Shape weights_shape)
      : attributes(std::move(attributes)), weights_shape(std::move(weights_shape)) {}
  OpKind kind() const override { return OpKind::kConvolutionBackwardWeights; }
  std::string name() const override { return "ConvolutionBackwardWeights"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const ConvolutionAttributes attributes;
  const Shape weights_shape;
};

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_OPS_CONVOLUTION_H_
