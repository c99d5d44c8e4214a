#ifndef HALFTONE_NN_ENGINE_OPS_POOLING_H_
#define HALFTONE_NN_ENGINE_OPS_POOLING_H_

#include <string>
#include <utility>
#include <vector>

#include "nn/engine/op.h"
#include "nn/engine/ops/checks.h"

// Pooling over the spatial axes of src [N, C, spatial...], spatial rank 1 to 3.
namespace halftone {

// The largest element under each window; padding never wins. The element that counts is the first
// of the largest, in C order: MaxPoolScatter and MaxPoolGather find it again from src. Every window
// must meet at least one element of src.
class MaxPoolOp final : public Op {
 public:
  explicit MaxPoolOp(PoolWindow window) : window(std::move(window)) {}
  OpKind kind() const override { return OpKind::kMaxPool; }
  std::string name() const override { return "MaxPool"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const PoolWindow window;
};

// (diff_dst, src) -> diff_src: adds each element of diff_dst where its window's maximum is in src.
// Its derivative in src is 0.
class MaxPoolScatterOp final : public Op {
 public:
  explicit MaxPoolScatterOp(PoolWindow window) : window(std::move(window)) {}
  OpKind kind() const override { return OpKind::kMaxPoolScatter; }
  std::string name() const override { return "MaxPoolScatter"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const PoolWindow window;
};

// (tensor of src's shape, src) -> tensor of dst's shape: takes, for each window, the element at the
// place where src has its maximum. Its derivative in src is 0.
class MaxPoolGatherOp final : public Op {
 public:
  explicit MaxPoolGatherOp(PoolWindow window) : window(std::move(window)) {}
  OpKind kind() const override { return OpKind::kMaxPoolGather; }
  std::string name() const override { return "MaxPoolGather"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const PoolWindow window;
};

// The mean under each window: over the whole kernel with `count_padding` (padding counts as
// zeros), else over the elements of src that the window meets (at least one). Dilations are 1.
class AveragePoolOp final : public Op {
 public:
  AveragePoolOp(PoolWindow window, bool count_padding)
      : window(std::move(window)), count_padding(count_padding) {}
  OpKind kind() const override { return OpKind::kAveragePool; }
  std::string name() const override { return "AveragePool"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const PoolWindow window;
  const bool count_padding;
};

// diff_dst -> diff_src of shape `src_shape`.
class AveragePoolBackwardOp final : public Op {
 public:
  AveragePoolBackwardOp(PoolWindow window, bool count_padding, Shape src_shape)
      : window(std::move(window)), count_padding(count_padding), src_shape(std::move(src_shape)) {}
  OpKind kind() const override { return OpKind::kAveragePoolBackward; }
  std::string name() const override { return "AveragePoolBackward"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const PoolWindow window;
  const bool count_padding;
  const Shape src_shape;
};

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_OPS_POOLING_H_
