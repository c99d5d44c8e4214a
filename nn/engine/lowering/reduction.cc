#include "nn/engine/ops/reduction.h"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/lowering/softmax_axis.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/shape_ops.h"

// Reductions.
namespace halftone {
namespace {

// Positions are floats, which are exact up to there.
constexpr int64_t kMaxPositions = int64_t{1} << 24;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

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

// What a Reduce node reduces.
struct Reduction {
  ValueId src;
  std::vector<int> axes;
  bool keep_dims;
};

absl::StatusOr<Reduction> ReadReduction(const NodeLowering& lowering) {
  Reduction reduction;
  HT_ASSIGN_OR_RETURN(reduction.src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(reduction.axes,
                      ReducedAxes(lowering, lowering.builder.shape(reduction.src).rank()));
  HT_ASSIGN_OR_RETURN(const int64_t keep_dims, lowering.node().Int("keepdims", 1));
  reduction.keep_dims = keep_dims != 0;
  return reduction;
}

absl::StatusOr<ValueId> Sum(ProgramBuilder& builder, ValueId src, const Reduction& reduction) {
  return ops::ReduceSum(builder, src, reduction.axes, reduction.keep_dims);
}

absl::StatusOr<ValueId> Maximum(ProgramBuilder& builder, ValueId src, const std::vector<int>& axes,
                                bool keep_dims) {
  return builder.Apply1(std::make_shared<ReduceOp>(ReduceFunction::kMax, axes, keep_dims), {src});
}

Values LowerReduceSum(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(const Reduction reduction, ReadReduction(lowering));
  return Single(Sum(lowering.builder, reduction.src, reduction));
}

Values LowerReduceMean(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(const Reduction reduction, ReadReduction(lowering));
  HT_ASSIGN_OR_RETURN(ValueId sum, Sum(lowering.builder, reduction.src, reduction));
  int64_t count = 1;
  for (int axis : reduction.axes) count *= lowering.builder.shape(reduction.src).dim(axis);
  return Single(ops::Scale(lowering.builder, sum, 1.0f / static_cast<float>(count)));
}

// Whether each result is of no elements.
absl::StatusOr<bool> IsOfNothing(const NodeLowering& lowering, const Reduction& reduction) {
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  return lowering.builder.shape(reduction.src).Elements() == 0 && dst.Elements() > 0;
}

Values Fill(const NodeLowering& lowering, float value) {
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  return Single(ops::BroadcastTo(lowering.builder, lowering.builder.AddScalar(value), dst));
}

// The lowest number of the result's type, which is the largest of no elements; its highest, which
// is the smallest of them.
template <bool highest>
Values FillWithEnd(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(const DataType type, lowering.DstType());
  if (type == DataType::kFloat32) return Fill(lowering, highest ? kInfinity : -kInfinity);
  if (type == DataType::kBool) return Fill(lowering, highest ? 1.0f : 0.0f);
  const std::optional<IntegerLimits> limits = LimitsOf(type);
  if (!limits.has_value()) {
    return absl::UnimplementedError(
        absl::StrCat("the end of the type ", DataTypeName(type), ", of no elements"));
  }
  return Fill(lowering, static_cast<float>(highest ? limits->most : limits->least));
}

Values LowerReduceMax(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(const Reduction reduction, ReadReduction(lowering));
  HT_ASSIGN_OR_RETURN(const bool is_of_nothing, IsOfNothing(lowering, reduction));
  if (is_of_nothing) return FillWithEnd<false>(lowering);
  return Single(Maximum(lowering.builder, reduction.src, reduction.axes, reduction.keep_dims));
}

Values LowerReduceMin(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(const Reduction reduction, ReadReduction(lowering));
  HT_ASSIGN_OR_RETURN(const bool is_of_nothing, IsOfNothing(lowering, reduction));
  if (is_of_nothing) return FillWithEnd<true>(lowering);
  ProgramBuilder& builder = lowering.builder;
  HT_ASSIGN_OR_RETURN(ValueId negative, ops::Scale(builder, reduction.src, -1.0f));
  HT_ASSIGN_OR_RETURN(ValueId largest,
                      Maximum(builder, negative, reduction.axes, reduction.keep_dims));
  return Single(ops::Scale(builder, largest, -1.0f));
}

Values LowerReduceL1(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(const Reduction reduction, ReadReduction(lowering));
  HT_ASSIGN_OR_RETURN(ValueId size,
                      ops::Unary(lowering.builder, UnaryFunction::kAbs, reduction.src));
  return Single(Sum(lowering.builder, size, reduction));
}

Values LowerReduceSumSquare(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(const Reduction reduction, ReadReduction(lowering));
  HT_ASSIGN_OR_RETURN(ValueId square, ops::Mul(lowering.builder, reduction.src, reduction.src));
  return Single(Sum(lowering.builder, square, reduction));
}

// The root of a sum of squares. Where that is 0 the derivative is 0, as torch has it: the root is
// taken of 1 there, so that no infinite slope arises.
Values LowerReduceL2(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(std::vector<ValueId> sum, LowerReduceSumSquare(lowering));
  ProgramBuilder& builder = lowering.builder;
  const ValueId zero = builder.AddScalar(0.0f), one = builder.AddScalar(1.0f);
  HT_ASSIGN_OR_RETURN(ValueId vanishes, ops::Binary(builder, BinaryFunction::kEqual, sum[0], zero));
  HT_ASSIGN_OR_RETURN(ValueId positive, ops::Select(builder, vanishes, one, sum[0]));
  HT_ASSIGN_OR_RETURN(ValueId root,
                      ops::Unary(builder, UnaryFunction::kPower, positive, 1.0f, 0.5f));
  return Single(ops::Select(builder, vanishes, zero, root));
}

Values LowerReduceLogSum(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(std::vector<ValueId> sum, LowerReduceSum(lowering));
  return Single(ops::Unary(lowering.builder, UnaryFunction::kLog, sum[0]));
}

// maximum + log(sum(exp(src - maximum)))
Values LowerReduceLogSumExp(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(const Reduction reduction, ReadReduction(lowering));
  HT_ASSIGN_OR_RETURN(const bool is_of_nothing, IsOfNothing(lowering, reduction));
  if (is_of_nothing) return Fill(lowering, -kInfinity);
  ProgramBuilder& builder = lowering.builder;
  HT_ASSIGN_OR_RETURN(ValueId largest, Maximum(builder, reduction.src, reduction.axes, true));
  HT_ASSIGN_OR_RETURN(ValueId below, ops::Sub(builder, reduction.src, largest));
  HT_ASSIGN_OR_RETURN(ValueId powers, ops::Unary(builder, UnaryFunction::kExp, below));
  HT_ASSIGN_OR_RETURN(ValueId sum, ops::ReduceSum(builder, powers, reduction.axes, true));
  HT_ASSIGN_OR_RETURN(ValueId log, ops::Unary(builder, UnaryFunction::kLog, sum));
  HT_ASSIGN_OR_RETURN(ValueId kept, ops::Add(builder, largest, log));
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  return Single(ops::Reshape(builder, kept, dst));
}

// Elements [begin, begin + count) of a matrix's columns.
absl::StatusOr<ValueId> Columns(ProgramBuilder& builder, ValueId src, int64_t begin,
                                int64_t count) {
  const int64_t rows = builder.shape(src).dim(0);
  return builder.Apply1(std::make_shared<SliceOp>(std::vector<int64_t>{0, begin},
                                                  std::vector<int64_t>{1, 1}, Shape{rows, count}),
                        {src});
}

// As a tree of products, whose derivatives hold where factors are 0.
Values LowerReduceProd(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(const Reduction reduction, ReadReduction(lowering));
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  ProgramBuilder& builder = lowering.builder;
  const Shape shape = builder.shape(reduction.src);
  if (shape.Elements() == 0) return Fill(lowering, 1.0f);
  std::vector<int> order;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (!std::count(reduction.axes.begin(), reduction.axes.end(), axis)) order.push_back(axis);
  }
  order.insert(order.end(), reduction.axes.begin(), reduction.axes.end());
  HT_ASSIGN_OR_RETURN(ValueId rows, ops::Transpose(builder, reduction.src, order));
  int64_t count = shape.Elements() / dst.Elements();
  HT_ASSIGN_OR_RETURN(rows, ops::Reshape(builder, rows, Shape{dst.Elements(), count}));
  while (count > 1) {
    const int64_t half = count / 2;
    HT_ASSIGN_OR_RETURN(ValueId first, Columns(builder, rows, 0, half));
    HT_ASSIGN_OR_RETURN(ValueId second, Columns(builder, rows, half, half));
    HT_ASSIGN_OR_RETURN(ValueId products, ops::Mul(builder, first, second));
    if (count % 2 != 0) {
      HT_ASSIGN_OR_RETURN(ValueId last, Columns(builder, rows, count - 1, 1));
      HT_ASSIGN_OR_RETURN(products,
                          builder.Apply1(std::make_shared<ConcatOp>(1), {products, last}));
    }
    rows = products;
    count = half + count % 2;
  }
  return Single(ops::Reshape(builder, rows, dst));
}

// 0, 1, ... along one axis of a tensor of rank `rank`.
absl::StatusOr<ValueId> Positions(ProgramBuilder& builder, int64_t size, int axis, int rank) {
  if (size > kMaxPositions) return absl::UnimplementedError(absl::StrCat(size, " positions"));
  std::vector<float> positions(static_cast<size_t>(size));
  std::iota(positions.begin(), positions.end(), 0.0f);
  Shape shape(std::vector<int64_t>(static_cast<size_t>(rank), 1));
  shape.set_dim(axis, size);
  return builder.AddConstant(Tensor::Of<float>(shape, std::move(positions)));
}

// Along `axis`, kept with size 1: the position of the first (or last) of the largest elements. Its
// derivative is 0.
absl::StatusOr<ValueId> PositionOfMaximum(ProgramBuilder& builder, ValueId src, int axis,
                                          bool last) {
  const Shape shape = builder.shape(src);
  const auto size = static_cast<float>(shape.dim(axis));
  HT_ASSIGN_OR_RETURN(ValueId positions, Positions(builder, shape.dim(axis), axis, shape.rank()));
  HT_ASSIGN_OR_RETURN(ValueId largest, Maximum(builder, src, {axis}, true));
  HT_ASSIGN_OR_RETURN(ValueId is_largest,
                      ops::Binary(builder, BinaryFunction::kEqual, src, largest));
  // The first position is the largest of the negative ones.
  HT_ASSIGN_OR_RETURN(positions, ops::Scale(builder, positions, last ? 1.0f : -1.0f));
  HT_ASSIGN_OR_RETURN(ValueId candidates,
                      ops::Select(builder, is_largest, positions, builder.AddScalar(-size)));
  HT_ASSIGN_OR_RETURN(ValueId position, Maximum(builder, candidates, {axis}, true));
  return ops::Scale(builder, position, last ? 1.0f : -1.0f);
}

template <bool minimum>
Values LowerArgMax(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  ProgramBuilder& builder = lowering.builder;
  HT_ASSIGN_OR_RETURN(const int64_t asked, lowering.node().Int("axis", 0));
  HT_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(asked, builder.shape(src).rank()));
  HT_ASSIGN_OR_RETURN(const int64_t last, lowering.node().Int("select_last_index", 0));
  HT_ASSIGN_OR_RETURN(src, ops::Scale(builder, src, minimum ? -1.0f : 1.0f));
  HT_ASSIGN_OR_RETURN(ValueId position, PositionOfMaximum(builder, src, axis, last != 0));
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  return Single(ops::Reshape(builder, position, dst));
}

// 1 at the first of the largest elements, else 0.
Values LowerHardmax(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  ProgramBuilder& builder = lowering.builder;
  const Shape shape = builder.shape(src);
  HT_ASSIGN_OR_RETURN(const FlattenedAxis flattened, FlattenForSoftmax(lowering, src));
  HT_ASSIGN_OR_RETURN(ValueId position,
                      PositionOfMaximum(builder, flattened.src, flattened.axis, false));
  const Shape flat = builder.shape(flattened.src);
  HT_ASSIGN_OR_RETURN(ValueId positions,
                      Positions(builder, flat.dim(flattened.axis), flattened.axis, flat.rank()));
  HT_ASSIGN_OR_RETURN(ValueId dst,
                      ops::Binary(builder, BinaryFunction::kEqual, positions, position));
  return Single(ops::Reshape(builder, dst, shape));
}

constexpr std::array kReductionLowerings = {
    Lowering{"ReduceSum", LowerReduceSum},
    Lowering{"ReduceMean", LowerReduceMean},
    Lowering{"ReduceMax", LowerReduceMax},
    Lowering{"ReduceMin", LowerReduceMin},
    Lowering{"ReduceProd", LowerReduceProd},
    Lowering{"ReduceL1", LowerReduceL1},
    Lowering{"ReduceL2", LowerReduceL2},
    Lowering{"ReduceLogSum", LowerReduceLogSum},
    Lowering{"ReduceLogSumExp", LowerReduceLogSumExp},
    Lowering{"ReduceSumSquare", LowerReduceSumSquare},
    Lowering{"ArgMax", LowerArgMax<false>},
    Lowering{"ArgMin", LowerArgMax<true>},
    Lowering{"Hardmax", LowerHardmax},
};

}  // namespace

absl::Span<const Lowering> ReductionLowerings() { return kReductionLowerings; }

}  // namespace halftone
