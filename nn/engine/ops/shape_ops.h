#ifndef HALFTONE_NN_ENGINE_OPS_SHAPE_OPS_H_
#define HALFTONE_NN_ENGINE_OPS_SHAPE_OPS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nn/engine/op.h"

// Ops that move elements and compute nothing.
namespace halftone {

// The same elements in C order under another shape.
class ReshapeOp final : public Op {
 public:
  explicit ReshapeOp(Shape shape) : shape(std::move(shape)) {}
  OpKind kind() const override { return OpKind::kReshape; }
  std::string name() const override { return "Reshape"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const Shape shape;
};

// dst axis i is src axis permutation[i].
class TransposeOp final : public Op {
 public:
  explicit TransposeOp(std::vector<int> permutation) : permutation(std::move(permutation)) {}
  OpKind kind() const override { return OpKind::kTranspose; }
  std::string name() const override { return "Transpose"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const std::vector<int> permutation;
};

// The sources one after the other along `axis`; one source or more.
class ConcatOp final : public Op {
 public:
  explicit ConcatOp(int axis) : axis(axis) {}
  OpKind kind() const override { return OpKind::kConcat; }
  std::string name() const override { return "Concat"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const int axis;
};

// dst[i] = src[starts + i * steps], of shape `sizes`; one entry per axis, steps >= 1.
class SliceOp final : public Op {
 public:
  SliceOp(std::vector<int64_t> starts, std::vector<int64_t> steps, Shape sizes)
      : starts(std::move(starts)), steps(std::move(steps)), sizes(std::move(sizes)) {}
  OpKind kind() const override { return OpKind::kSlice; }
  std::string name() const override { return "Slice"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const std::vector<int64_t> starts;
  const std::vector<int64_t> steps;
  const Shape sizes;
};

// dst of shape `shape`, with dst[starts + i * steps] = src[i] and `fill` everywhere else: the
// adjoint of a slice, and padding with a constant.
class SliceScatterOp final : public Op {
 public:
  SliceScatterOp(std::vector<int64_t> starts, std::vector<int64_t> steps, Shape shape,
                 float fill = 0)
      : starts(std::move(starts)), steps(std::move(steps)), shape(std::move(shape)), fill(fill) {}
  OpKind kind() const override { return OpKind::kSliceScatter; }
  std::string name() const override { return "SliceScatter"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const std::vector<int64_t> starts;
  const std::vector<int64_t> steps;
  const Shape shape;
  const float fill;
};

// dst[.., i, ..] = src[.., indices[i], ..] along `axis`; indices may repeat. Nearest-neighbour
// resizing, gathering, reversing, and padding with copies of the src.
class IndexSelectOp final : public Op {
 public:
  IndexSelectOp(int axis, std::vector<int64_t> indices) : axis(axis), indices(std::move(indices)) {}
  OpKind kind() const override { return OpKind::kIndexSelect; }
  std::string name() const override { return "IndexSelect"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const int axis;
  const std::vector<int64_t> indices;
};

// dst[.., indices[i], ..] += src[.., i, ..] on zeros, with `size` elements along `axis`: the
// adjoint of IndexSelect.
class IndexAddOp final : public Op {
 public:
  IndexAddOp(int axis, std::vector<int64_t> indices, int64_t size)
      : axis(axis), indices(std::move(indices)), size(size) {}
  OpKind kind() const override { return OpKind::kIndexAdd; }
  std::string name() const override { return "IndexAdd"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const int axis;
  const std::vector<int64_t> indices;
  const int64_t size;
};

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_OPS_SHAPE_OPS_H_
