#include <array>
#include <memory>

#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/softmax.h"

// Reductions, and what is computed from them: softmax, batch normalization.
namespace halftone {
namespace {

using Values = absl::StatusOr<std::vector<ValueId>>;

// The axes that a Reduce node names, ascending; all of them where it names none.
absl::StatusOr<std::vector<int>> ReducedAxes(const NodeLowering& lowering, int rank) {
  HT_ASSIGN_OR_RETURN(auto named, lowering.context.IntsFromEither("axes", 1));
  HT_ASSIGN_OR_RETURN(int64_t noop, lowering.node().Int("noop_with_empty_axes", 0));
  const std::vector<int64_t> asked = named.value_or(std::vector<int64_t>());
  std::vector<bool> reduced(static_cast<size_t>(rank), asked.empty() && noop == 0);
  for (int64_t axis : asked) {
    HT_ASSIGN_OR_RETURN(int at, NormalizeAxis(axis, rank));
    reduced[static_cast<size_t>(at)] = true;
  }
  std::vector<int> axes;
  for (int axis = 0; axis < rank; ++axis) {
    if (reduced[static_cast<size_t>(axis)]) axes.push_back(axis);
  }
  return axes;
}

Values LowerReduce(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  const Shape shape = lowering.builder.shape(src);
  HT_ASSIGN_OR_RETURN(std::vector<int> axes, ReducedAxes(lowering, shape.rank()));
  HT_ASSIGN_OR_RETURN(int64_t keep_dims, lowering.node().Int("keepdims", 1));
  HT_ASSIGN_OR_RETURN(ValueId sum, ops::ReduceSum(lowering.builder, src, axes, keep_dims != 0));
  if (lowering.node().op == "ReduceSum") return std::vector<ValueId>{sum};
  int64_t count = 1;
  for (int axis : axes) count *= shape.dim(axis);
  return Single(ops::Scale(lowering.builder, sum, 1.0f / static_cast<float>(count)));
}

Values LowerSoftmax(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  ProgramBuilder& builder = lowering.builder;
  const Shape shape = builder.shape(src);
  const bool logarithm = lowering.node().op == "LogSoftmax";
  const bool flattens = lowering.graph.opset < 13;
  HT_ASSIGN_OR_RETURN(int64_t asked, lowering.node().Int("axis", flattens ? 1 : -1));
  // Up to opset 12 all axes from `axis` on are one, and `axis` may be the rank.
  if (flattens) {
    const int rank = shape.rank();
    const int64_t split = asked < 0 ? asked + rank : asked;
    int64_t columns = 1;
    for (int axis = static_cast<int>(split); axis < rank; ++axis) columns *= shape.dim(axis);
    const int64_t rows = columns == 0 ? 0 : shape.Elements() / columns;
    HT_ASSIGN_OR_RETURN(ValueId flat, ops::Reshape(builder, src, Shape{rows, columns}));
    HT_ASSIGN_OR_RETURN(ValueId dst,
                        builder.Apply1(std::make_shared<SoftmaxOp>(1, logarithm), {flat}));
    return Single(ops::Reshape(builder, dst, shape));
  }
  HT_ASSIGN_OR_RETURN(int axis, NormalizeAxis(asked, shape.rank()));
  return Single(builder.Apply1(std::make_shared<SoftmaxOp>(axis, logarithm), {src}));
}

// A parameter [C] of a batch normalization, to broadcast along axis 1 of `src`.
absl::StatusOr<ValueId> PerChannel(ProgramBuilder& builder, ValueId parameter, const Shape& src) {
  if (src.rank() <= 2) return parameter;
  std::vector<int64_t> dims(static_cast<size_t>(src.rank()) - 1, 1);
  dims[0] = builder.shape(parameter).dim(0);
  return ops::Reshape(builder, parameter, Shape(dims));
}

// src * a + (bias - mean * a) with a = scale / sqrt(variance + epsilon).
Values LowerBatchNormalization(const NodeLowering& lowering) {
  ProgramBuilder& builder = lowering.builder;
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(ValueId scale, lowering.Input(1));
  HT_ASSIGN_OR_RETURN(ValueId bias, lowering.Input(2));
  HT_ASSIGN_OR_RETURN(ValueId mean, lowering.Input(3));
  HT_ASSIGN_OR_RETURN(ValueId variance, lowering.Input(4));
  HT_ASSIGN_OR_RETURN(float epsilon, lowering.node().Float("epsilon", 1e-5f));
  HT_ASSIGN_OR_RETURN(ValueId spread,
                      ops::Unary(builder, UnaryFunction::kLinear, variance, 1.0f, epsilon));
  HT_ASSIGN_OR_RETURN(ValueId inverse,
                      ops::Unary(builder, UnaryFunction::kPower, spread, 1.0f, -0.5f));
  HT_ASSIGN_OR_RETURN(ValueId factor, ops::Mul(builder, scale, inverse));
  HT_ASSIGN_OR_RETURN(ValueId shift, ops::Mul(builder, mean, factor));
  HT_ASSIGN_OR_RETURN(ValueId offset, ops::Sub(builder, bias, shift));
  const Shape shape = builder.shape(src);
  HT_ASSIGN_OR_RETURN(factor, PerChannel(builder, factor, shape));
  HT_ASSIGN_OR_RETURN(offset, PerChannel(builder, offset, shape));
  HT_ASSIGN_OR_RETURN(ValueId product, ops::Mul(builder, src, factor));
  return Single(ops::Add(builder, product, offset));
}

constexpr std::array kLowerings = {
    Lowering{"ReduceMean", LowerReduce},
    Lowering{"ReduceSum", LowerReduce},
    Lowering{"Softmax", LowerSoftmax},
    Lowering{"LogSoftmax", LowerSoftmax},
    Lowering{"BatchNormalization", LowerBatchNormalization},
};

}  // namespace

absl::Span<const Lowering> ReductionLowerings() { return kLowerings; }

}  // namespace halftone
