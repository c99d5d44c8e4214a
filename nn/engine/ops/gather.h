#ifndef HALFTONE_NN_ENGINE_OPS_GATHER_H_
#define HALFTONE_NN_ENGINE_OPS_GATHER_H_

#include <string>
#include <vector>

#include "nn/engine/op.h"

// Picking by indices that are computed while the program runs. Indices are whole numbers as floats
// (exact up to 2^24); those in [-size, 0) count from the end of the axis. A run in which there is
// any other index, a fraction or NaN, fails and names it. Derivatives in the indices are 0.
namespace halftone {

// (src, indices [K]) -> dst with K elements along `axis`: dst[.., k, ..] = src[.., indices[k], ..].
class GatherOp final : public Op {
 public:
  explicit GatherOp(int axis) : axis(axis) {}
  OpKind kind() const override { return OpKind::kGather; }
  std::string name() const override { return "Gather"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const int axis;
};

// (src, indices [K]) -> zeros of `size` elements along `axis`, plus src[.., k, ..] at index
// indices[k]: the adjoint of Gather.
class GatherAddOp final : public Op {
 public:
  GatherAddOp(int axis, int64_t size) : axis(axis), size(size) {}
  OpKind kind() const override { return OpKind::kGatherAdd; }
  std::string name() const override { return "GatherAdd"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const int axis;
  const int64_t size;
};

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_OPS_GATHER_H_
