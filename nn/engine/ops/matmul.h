#ifndef HALFTONE_NN_ENGINE_OPS_MATMUL_H_
#define HALFTONE_NN_ENGINE_OPS_MATMUL_H_

#include <string>
#include <vector>

#include "nn/engine/op.h"

namespace halftone {

// a [..., M, K] (or [..., K, M] when transposed), b [..., K, N] (or [..., N, K]) -> [..., M, N].
// Both have rank 2 or more; the leading axes broadcast as in numpy.
class MatMulOp final : public Op {
 public:
  MatMulOp(bool transpose_a, bool transpose_b)
      : transpose_a(transpose_a), transpose_b(transpose_b) {}
  OpKind kind() const override { return OpKind::kMatMul; }
  std::string name() const override { return "MatMul"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const bool transpose_a;
  const bool transpose_b;
};

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_OPS_MATMUL_H_
