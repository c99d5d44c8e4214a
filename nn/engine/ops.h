#ifndef HALFTONE_NN_ENGINE_OPS_H_
#define HALFTONE_NN_ENGINE_OPS_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "nn/engine/ops/elementwise.h"
#include "nn/engine/program.h"
#include "nn/graph/narrow_float.h"
#include "nn/quant/uniform.h"

// Short names to append the common ops; each returns the value of its result. The op classes
// themselves are in nn/engine/ops/, one file per family.
namespace halftone::ops {

absl::StatusOr<ValueId> Add(ProgramBuilder& builder, ValueId a,
                            ValueId b);  // all with broadcasting
absl::StatusOr<ValueId> Sub(ProgramBuilder& builder, ValueId a, ValueId b);
absl::StatusOr<ValueId> Mul(ProgramBuilder& builder, ValueId a, ValueId b);
absl::StatusOr<ValueId> Div(ProgramBuilder& builder, ValueId a, ValueId b);
absl::StatusOr<ValueId> Binary(ProgramBuilder& builder, BinaryFunction function, ValueId a,
                               ValueId b);
absl::StatusOr<ValueId> Unary(ProgramBuilder& builder, UnaryFunction function, ValueId src,
                              float alpha = 0, float beta = 0);
absl::StatusOr<ValueId> Gate(ProgramBuilder& builder, ValueId src, ValueId cotangent, float lower,
                             float upper, float inside, float outside);
// `a` where the condition is not 0, else `b`; with broadcasting.
absl::StatusOr<ValueId> Select(ProgramBuilder& builder, ValueId condition, ValueId a, ValueId b);
absl::StatusOr<ValueId> Scale(ProgramBuilder& builder, ValueId src, float factor);
// [M, K] x [K, N], or batched over leading axes with broadcasting.
absl::StatusOr<ValueId> MatMul(ProgramBuilder& builder, ValueId a, ValueId b,
                               bool transpose_a = false, bool transpose_b = false);
// `src` itself where it has that shape.
absl::StatusOr<ValueId> Reshape(ProgramBuilder& builder, ValueId src, const Shape& shape);
absl::StatusOr<ValueId> Transpose(ProgramBuilder& builder, ValueId src,
                                  absl::Span<const int> permutation);
absl::StatusOr<ValueId> ReduceSum(ProgramBuilder& builder, ValueId src, absl::Span<const int> axes,
                                  bool keep_dims);
// Sums where `src` was broadcast from `shape`, to that shape: the adjoint of broadcasting.
absl::StatusOr<ValueId> SumTo(ProgramBuilder& builder, ValueId src, const Shape& shape);
absl::StatusOr<ValueId> BroadcastTo(ProgramBuilder& builder, ValueId src, const Shape& shape);
absl::StatusOr<ValueId> Softmax(ProgramBuilder& builder, ValueId src, int axis);
absl::StatusOr<ValueId> LogSoftmax(ProgramBuilder& builder, ValueId src, int axis);
// The sum of all elements, a scalar.
absl::StatusOr<ValueId> SumAll(ProgramBuilder& builder, ValueId src);
// Per sample (axis 0), the inner product of all else: [N, ...] x [N, ...] -> [N].
absl::StatusOr<ValueId> InnerProductPerSample(ProgramBuilder& builder, ValueId a, ValueId b);
// Rounds to the grid of `quantizer`, as floats. Its derivative is the straight-through estimate:
// that of clamping to the grid's range.
absl::StatusOr<ValueId> FakeQuantize(ProgramBuilder& builder, ValueId src,
                                     const UniformQuantizer& quantizer);
absl::StatusOr<ValueId> RoundToBFloat16(ProgramBuilder& builder, ValueId src);
absl::StatusOr<ValueId> RoundToNarrowFloat(ProgramBuilder& builder, ValueId src,
                                           const NarrowFloat& format, bool saturate);

}  // namespace halftone::ops

#endif  // HALFTONE_NN_ENGINE_OPS_H_
