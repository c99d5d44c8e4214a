#ifndef HALFTONE_NN_ENGINE_OPS_GATHER_ND_H_
#define HALFTONE_NN_ENGINE_OPS_GATHER_ND_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nn/engine/op.h"

// Reading and writing rows by tuples of indices that are computed while the program runs, one index
// for each of some axes. Indices are as those of GatherOp: floats, from the end where negative, and
// a run fails at one that is outside. Derivatives in the indices are 0.
namespace halftone {

// (src [B, D1, .., Dk, I], indices [B, N, k]) -> [B, N, I]:
// dst[b, n, :] = src[b, indices[b, n, 0], .., indices[b, n, k - 1], :].
class GatherNdOp final : public Op {
 public:
  OpKind kind() const override { return OpKind::kGatherNd; }
  std::string name() const override { return "GatherNd"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;
};

// (src [B, N, I], indices [B, N, k]) -> [B, D1, .., Dk, I] with `sizes` D1 .. Dk: zeros, plus
// src[b, n, :] at the row that indices[b, n, :] names. The adjoint of GatherNd.
class ScatterNdAddOp final : public Op {
 public:
  explicit ScatterNdAddOp(std::vector<int64_t> sizes) : sizes(std::move(sizes)) {}
  OpKind kind() const override { return OpKind::kScatterNdAdd; }
  std::string name() const override { return "ScatterNdAdd"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const std::vector<int64_t> sizes;
};

// indices [B, N, k] -> [B, D1, .., Dk] with `sizes` D1 .. Dk: the largest n whose tuple names that
// place, or -1 where none does. N is at most 2^24. Its derivative is 0.
class LastWriterOp final : public Op {
 public:
  explicit LastWriterOp(std::vector<int64_t> sizes) : sizes(std::move(sizes)) {}
  OpKind kind() const override { return OpKind::kLastWriter; }
  std::string name() const override { return "LastWriter"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const std::vector<int64_t> sizes;
};

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_OPS_GATHER_ND_H_
