#include "nn/engine/ops.h"

#include <memory>
#include <numeric>
#include <vector>

#include "base/status_macros.h"
#include "nn/engine/ops/matmul.h"
#include "nn/engine/ops/quantize.h"
#include "nn/engine/ops/reduction.h"
#include "nn/engine/ops/shape_ops.h"
#include "nn/engine/ops/softmax.h"

namespace halftone::ops {

absl::StatusOr<ValueId> Binary(ProgramBuilder& builder, BinaryFunction function, ValueId a,
                               ValueId b) {
  return builder.Apply1(std::make_shared<BinaryOp>(function), {a, b});
}

absl::StatusOr<ValueId> Add(ProgramBuilder& builder, ValueId a, ValueId b) {
  return Binary(builder, BinaryFunction::kAdd, a, b);
}

absl::StatusOr<ValueId> Sub(ProgramBuilder& builder, ValueId a, ValueId b) {
  return Binary(builder, BinaryFunction::kSub, a, b);
}

absl::StatusOr<ValueId> Mul(ProgramBuilder& builder, ValueId a, ValueId b) {
  return Binary(builder, BinaryFunction::kMul, a, b);
}

absl::StatusOr<ValueId> Div(ProgramBuilder& builder, ValueId a, ValueId b) {
  return Binary(builder, BinaryFunction::kDiv, a, b);
}

absl::StatusOr<ValueId> Unary(ProgramBuilder& builder, UnaryFunction function, ValueId src,
                              float alpha, float beta) {
  return builder.Apply1(std::make_shared<UnaryOp>(function, alpha, beta), {src});
}

absl::StatusOr<ValueId> Gate(ProgramBuilder& builder, ValueId src, ValueId cotangent, float lower,
                             float upper, float inside, float outside) {
  return builder.Apply1(std::make_shared<GateOp>(lower, upper, inside, outside), {src, cotangent});
}

absl::StatusOr<ValueId> Select(ProgramBuilder& builder, ValueId condition, ValueId a, ValueId b) {
  return builder.Apply1(std::make_shared<SelectOp>(), {condition, a, b});
}

absl::StatusOr<ValueId> Scale(ProgramBuilder& builder, ValueId src, float factor) {
  if (factor == 1.0f) return src;
  return Unary(builder, UnaryFunction::kLinear, src, factor, 0.0f);
}

absl::StatusOr<ValueId> MatMul(ProgramBuilder& builder, ValueId a, ValueId b, bool transpose_a,
                               bool transpose_b) {
  return builder.Apply1(std::make_shared<MatMulOp>(transpose_a, transpose_b), {a, b});
}

absl::StatusOr<ValueId> Reshape(ProgramBuilder& builder, ValueId src, const Shape& shape) {
  if (builder.shape(src) == shape) return src;
  return builder.Apply1(std::make_shared<ReshapeOp>(shape), {src});
}

absl::StatusOr<ValueId> Transpose(ProgramBuilder& builder, ValueId src,
                                  absl::Span<const int> permutation) {
  return builder.Apply1(
      std::make_shared<TransposeOp>(std::vector<int>(permutation.begin(), permutation.end())),
      {src});
}

absl::StatusOr<ValueId> ReduceSum(ProgramBuilder& builder, ValueId src, absl::Span<const int> axes,
                                  bool keep_dims) {
  if (axes.empty()) return src;
  return builder.Apply1(
      std::make_shared<ReduceOp>(ReduceFunction::kSum, std::vector<int>(axes.begin(), axes.end()),
                                 keep_dims),
      {src});
}

absl::StatusOr<ValueId> SumTo(ProgramBuilder& builder, ValueId src, const Shape& shape) {
  const Shape from = builder.shape(src);
  const int extra = from.rank() - shape.rank();
  std::vector<int> axes;
  for (int axis = 0; axis < from.rank(); ++axis) {
    if (axis < extra || (shape.dim(axis - extra) == 1 && from.dim(axis) != 1)) {
      axes.push_back(axis);
    }
  }
  HT_ASSIGN_OR_RETURN(ValueId sum, ReduceSum(builder, src, axes, /*keep_dims=*/true));
  return Reshape(builder, sum, shape);
}

absl::StatusOr<ValueId> BroadcastTo(ProgramBuilder& builder, ValueId src, const Shape& shape) {
  if (builder.shape(src) == shape) return src;
  return builder.Apply1(std::make_shared<BroadcastToOp>(shape), {src});
}

absl::StatusOr<ValueId> Softmax(ProgramBuilder& builder, ValueId src, int axis) {
  return builder.Apply1(std::make_shared<SoftmaxOp>(axis, /*logarithm=*/false), {src});
}

absl::StatusOr<ValueId> LogSoftmax(ProgramBuilder& builder, ValueId src, int axis) {
  return builder.Apply1(std::make_shared<SoftmaxOp>(axis, /*logarithm=*/true), {src});
}

absl::StatusOr<ValueId> SumAll(ProgramBuilder& builder, ValueId src) {
  std::vector<int> axes(static_cast<size_t>(builder.shape(src).rank()));
  std::iota(axes.begin(), axes.end(), 0);
  return ReduceSum(builder, src, axes, /*keep_dims=*/false);
}

absl::StatusOr<ValueId> InnerProductPerSample(ProgramBuilder& builder, ValueId a, ValueId b) {
  HT_ASSIGN_OR_RETURN(ValueId product, Mul(builder, a, b));
  std::vector<int> axes;
  for (int axis = 1; axis < builder.shape(product).rank(); ++axis) axes.push_back(axis);
  return ReduceSum(builder, product, axes, /*keep_dims=*/false);
}

absl::StatusOr<ValueId> FakeQuantize(ProgramBuilder& builder, ValueId src,
                                     const UniformQuantizer& quantizer) {
  return builder.Apply1(std::make_shared<FakeQuantizeOp>(quantizer), {src});
}

absl::StatusOr<ValueId> RoundToBFloat16(ProgramBuilder& builder, ValueId src) {
  return builder.Apply1(std::make_shared<RoundToBFloat16Op>(), {src});
}

absl::StatusOr<ValueId> RoundToNarrowFloat(ProgramBuilder& builder, ValueId src,
                                           const NarrowFloat& format, bool saturate) {
  return builder.Apply1(std::make_shared<RoundToNarrowFloatOp>(format, saturate), {src});
}

}  // namespace halftone::ops
