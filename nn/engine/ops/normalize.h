#ifndef HALFTONE_NN_ENGINE_OPS_NORMALIZE_H_
#define HALFTONE_NN_ENGINE_OPS_NORMALIZE_H_

#include <string>
#include <vector>

#include "nn/engine/op.h"

// Normalization by mean and variance over the trailing axes (Ba et al., 2016), from `first_axis`
// on, each of which is a row of n elements to the leading ones.
namespace halftone {

// src -> y = (src - mean) inverse and inverse = 1 / sqrt(variance + epsilon), with the variance
// over n. The inverse has size 1 on the normalized axes.
class NormalizeOp final : public Op {
 public:
  NormalizeOp(int first_axis, float epsilon) : first_axis(first_axis), epsilon(epsilon) {}
  OpKind kind() const override { return OpKind::kNormalize; }
  std::string name() const override { return "Normalize"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const int first_axis;
  const float epsilon;
};

// (diff_y, y, inverse) -> inverse (diff_y - mean(diff_y) - y mean(diff_y y)): what of a Normalize's
// derivative comes through y. Linear and symmetric in diff_y.
class NormalizeBackwardOp final : public Op {
 public:
  explicit NormalizeBackwardOp(int first_axis) : first_axis(first_axis) {}
  OpKind kind() const override { return OpKind::kNormalizeBackward; }
  std::string name() const override { return "NormalizeBackward"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const int first_axis;
};

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_OPS_NORMALIZE_H_
