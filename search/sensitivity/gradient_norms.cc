#include "search/sensitivity/gradient_norms.h"

#include <functional>
#include <memory>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/derivative.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/shape_ops.h"
#include "nn/graph/window.h"

namespace halftone {
namespace {

// The sources of one layer as matrices for every sample n and group g.
struct Columns {
  ValueId src = kNoValue;        // [N, G, I, T]: what is multiplied with the weights of an output
  ValueId diff_dsts = kNoValue;  // [N, G, cotangents * O, T]
  int64_t groups = 1, inputs = 1, outputs = 1, positions = 1, cotangents = 1;
};

// Rows of a product's src or dst with the last axis moved before the others that follow the sample:
// [N, last, rest]. `src`: the layout of the src, whose rows are those of the dst.
absl::StatusOr<ValueId> LastAxisFirst(ProgramBuilder& builder, ValueId value,
                                      const SampleLayout& src, int64_t src_last, int64_t batch) {
  const Shape shape = builder.shape(value);
  const int64_t last = shape.dim(shape.rank() - 1);
  const int64_t rest = shape.Elements() / batch / last;
  const SampleLayout layout = {src.outer, src.inner / src_last * last};
  HT_ASSIGN_OR_RETURN(const ValueId apart, PutSamplesFirst(builder, value, layout, batch));
  HT_ASSIGN_OR_RETURN(const ValueId matrix, ops::Reshape(builder, apart, Shape{batch, rest, last}));
  if (rest == 1) return ops::Reshape(builder, matrix, Shape{batch, last, 1});
  return ops::Transpose(builder, matrix, {0, 2, 1});
}

absl::StatusOr<ValueId> Concat(ProgramBuilder& builder, const std::vector<ValueId>& values,
                               int axis) {
  if (values.size() == 1) return values[0];
  return builder.Apply1(std::make_shared<ConcatOp>(axis), values);
}

// A convolution's src padded with zeros.
absl::StatusOr<ValueId> Pad(ProgramBuilder& builder, ValueId src, const Window& window) {
  const Shape shape = builder.shape(src);
  Shape padded = shape;
  std::vector<int64_t> starts(static_cast<size_t>(shape.rank()), 0);
  for (size_t axis = 0; axis < window.pads_begin.size(); ++axis) {
    const int spatial = static_cast<int>(axis) + 2;
    starts[axis + 2] = window.pads_begin[axis];
    padded.set_dim(spatial, shape.dim(spatial) + window.pads_begin[axis] + window.pads_end[axis]);
  }
  if (padded == shape) return src;
  const std::vector<int64_t> steps(starts.size(), 1);
  return builder.Apply1(std::make_shared<SliceScatterOp>(starts, steps, padded), {src});
}

// What each output position of a convolution reads: [N, groups, C / groups * kernel, positions],
// ordered as the weights are.
absl::StatusOr<ValueId> Unfold(ProgramBuilder& builder, ValueId src, const Window& window,
                               absl::Span<const int64_t> kernel, const Shape& dst, int64_t groups) {
  HT_ASSIGN_OR_RETURN(const ValueId padded, Pad(builder, src, window));
  const int64_t batch = dst.dim(0), channels = builder.shape(src).dim(1);
  Shape sizes = dst;
  sizes.set_dim(1, channels);
  const int64_t positions = sizes.Elements() / batch / channels;
  const int64_t taps =
      std::accumulate(kernel.begin(), kernel.end(), int64_t{1}, std::multiplies<>());
  if (taps == 1 && sizes == builder.shape(padded)) {
    return ops::Reshape(builder, padded, Shape{batch, groups, channels / groups, positions});
  }
  std::vector<int64_t> steps = {1, 1};
  steps.insert(steps.end(), window.strides.begin(), window.strides.end());
  std::vector<ValueId> slices;
  for (int64_t tap = 0; tap < taps; ++tap) {
    std::vector<int64_t> starts(steps.size(), 0);
    int64_t rest = tap;
    for (size_t axis = kernel.size(); axis-- > 0;) {
      starts[axis + 2] = rest % kernel[axis] * window.dilations[axis];
      rest /= kernel[axis];
    }
    HT_ASSIGN_OR_RETURN(const ValueId slice,
                        builder.Apply1(std::make_shared<SliceOp>(starts, steps, sizes), {padded}));
    HT_ASSIGN_OR_RETURN(const ValueId row,
                        ops::Reshape(builder, slice, Shape{batch, channels, 1, positions}));
    slices.push_back(row);
  }
  HT_ASSIGN_OR_RETURN(const ValueId stacked, Concat(builder, slices, 2));
  return ops::Reshape(builder, stacked, Shape{batch, groups, channels / groups * taps, positions});
}

absl::StatusOr<Columns> ConvolutionColumns(ProgramBuilder& builder, const WeightUse& use,
                                           int64_t batch) {
  const Shape src = builder.shape(use.src), weights = builder.shape(use.weights);
  const Shape dst = builder.shape(use.diff_dsts[0]);
  const std::vector<int64_t> kernel(weights.dims().begin() + 2, weights.dims().end());
  HT_ASSIGN_OR_RETURN(const Window window, ResolveWindow(*use.node, src, kernel));
  Columns columns;
  HT_ASSIGN_OR_RETURN(columns.groups, use.node->Int("group", 1));
  columns.inputs = weights.Elements() / weights.dim(0);
  columns.outputs = dst.dim(1) / columns.groups;
  columns.positions = dst.Elements() / dst.dim(0) / dst.dim(1);
  HT_ASSIGN_OR_RETURN(columns.src, Unfold(builder, use.src, window, kernel, dst, columns.groups));
  std::vector<ValueId> rows;
  for (const ValueId diff : use.diff_dsts) {
    HT_ASSIGN_OR_RETURN(const ValueId row, ops::Reshape(builder, diff,
                                                        Shape{batch, columns.groups,
                                                              columns.outputs, columns.positions}));
    rows.push_back(row);
  }
  HT_ASSIGN_OR_RETURN(columns.diff_dsts, Concat(builder, rows, 2));
  return columns;
}

absl::StatusOr<Columns> ProductColumns(ProgramBuilder& builder, const WeightUse& use,
                                       int64_t batch) {
  Columns columns;
  const Shape src = builder.shape(use.src), dst = builder.shape(use.diff_dsts[0]);
  columns.inputs = src.dim(src.rank() - 1);
  columns.outputs = dst.dim(dst.rank() - 1);
  columns.positions = src.Elements() / batch / columns.inputs;
  HT_ASSIGN_OR_RETURN(const float alpha, use.node->Float("alpha", 1.0f));
  ValueId scaled = use.src;
  if (alpha != 1.0f) {
    HT_ASSIGN_OR_RETURN(scaled, ops::Scale(builder, scaled, alpha));
  }
  HT_ASSIGN_OR_RETURN(columns.src,
                      LastAxisFirst(builder, scaled, *use.layout, columns.inputs, batch));
  HT_ASSIGN_OR_RETURN(
      columns.src,
      ops::Reshape(builder, columns.src, Shape{batch, 1, columns.inputs, columns.positions}));
  std::vector<ValueId> rows;
  for (const ValueId diff : use.diff_dsts) {
    HT_ASSIGN_OR_RETURN(const ValueId row,
                        LastAxisFirst(builder, diff, *use.layout, columns.inputs, batch));
    rows.push_back(row);
  }
  HT_ASSIGN_OR_RETURN(const ValueId stacked, Concat(builder, rows, 1));
  const auto cotangents = static_cast<int64_t>(rows.size());
  HT_ASSIGN_OR_RETURN(columns.diff_dsts, ops::Reshape(builder, stacked,
                                                      Shape{batch, 1, cotangents * columns.outputs,
                                                            columns.positions}));
  return columns;
}

absl::StatusOr<Columns> ColumnsOf(ProgramBuilder& builder, const WeightUse& use, int64_t batch) {
  HT_ASSIGN_OR_RETURN(Columns columns, use.node->op == "Conv"
                                           ? ConvolutionColumns(builder, use, batch)
                                           : ProductColumns(builder, use, batch));
  columns.cotangents = static_cast<int64_t>(use.diff_dsts.size());
  return columns;
}

// Whether the products of positions are cheaper than the gradient itself. Writing an element and
// reading it again is counted as some multiplications.
bool PositionsPay(const Columns& columns) {
  constexpr double kMemory = 16;
  const auto inputs = static_cast<double>(columns.inputs);
  const auto positions = static_cast<double>(columns.positions);
  const auto outputs = static_cast<double>(columns.outputs * columns.cotangents);
  const double of_positions =
      positions * positions * (inputs + outputs) + kMemory * positions * (positions + outputs);
  const double of_gradient = outputs * inputs * (positions + kMemory);
  return of_positions < of_gradient;
}

// Of two [N, groups, cotangents * outputs, ...]: < a, b > per sample and cotangent.
absl::StatusOr<ValueId> InnerProducts(ProgramBuilder& builder, ValueId a, ValueId b,
                                      int64_t cotangents) {
  const Shape shape = builder.shape(a);
  const int64_t batch = shape.dim(0), groups = shape.dim(1);
  if (groups == 1) {
    const Shape rows{batch * cotangents, shape.Elements() / batch / cotangents};
    HT_ASSIGN_OR_RETURN(a, ops::Reshape(builder, a, rows));
    HT_ASSIGN_OR_RETURN(b, ops::Reshape(builder, b, rows));
    HT_ASSIGN_OR_RETURN(const ValueId products, ops::InnerProductPerSample(builder, a, b));
    return ops::Reshape(builder, products, Shape{batch, cotangents});
  }
  HT_ASSIGN_OR_RETURN(const ValueId product, ops::Mul(builder, a, b));
  const int64_t rest = shape.Elements() / batch / groups / cotangents;
  HT_ASSIGN_OR_RETURN(const ValueId rows,
                      ops::Reshape(builder, product, Shape{batch, groups, cotangents, rest}));
  return ops::ReduceSum(builder, rows, {1, 3}, /*keep_dims=*/false);
}

// The gradient of every sample and cotangent: [N, groups, cotangents * O, I].
absl::StatusOr<ValueId> Gradient(ProgramBuilder& builder, const Columns& columns) {
  return ops::MatMul(builder, columns.diff_dsts, columns.src, /*transpose_a=*/false,
                     /*transpose_b=*/true);
}

}  // namespace

bool SeparatesSamples(const Graph& graph, const Node& node, absl::string_view weights,
                      const std::optional<SampleLayout>& layout) {
  if (!layout.has_value() || node.Input(1) != weights || node.Input(0) == weights) return false;
  const auto src = graph.values.find(node.Input(0));
  const auto shape_of_weights = graph.values.find(node.Input(1));
  if (src == graph.values.end() || shape_of_weights == graph.values.end()) return false;
  const Shape& shape = src->second.shape;
  const int weights_rank = shape_of_weights->second.shape.rank();
  if (shape.rank() < 2 || shape.Elements() == 0) return false;
  if (node.op == "Conv") {
    return weights_rank >= 3 && layout->outer == 1 &&
           layout->inner == shape.Elements() / shape.dim(0);
  }
  if (layout->inner % shape.dim(shape.rank() - 1) != 0) return false;
  if (node.op == "Gemm") return !node.Has("transA") || node.Int("transA", 0).value_or(1) == 0;
  return node.op == "MatMul" && weights_rank == 2;
}

absl::StatusOr<ValueId> AppendGradientNorms(ProgramBuilder& builder,
                                            absl::Span<const WeightUse> uses, int64_t batch) {
  std::vector<Columns> columns;
  for (const WeightUse& use : uses) {
    HT_ASSIGN_OR_RETURN(Columns of_use, ColumnsOf(builder, use, batch));
    columns.push_back(of_use);
  }
  const Columns& first = columns[0];
  if (columns.size() == 1 && PositionsPay(first)) {
    HT_ASSIGN_OR_RETURN(const ValueId positions, ops::MatMul(builder, first.src, first.src,
                                                             /*transpose_a=*/true));
    HT_ASSIGN_OR_RETURN(const ValueId spread, ops::MatMul(builder, first.diff_dsts, positions));
    return InnerProducts(builder, first.diff_dsts, spread, first.cotangents);
  }
  HT_ASSIGN_OR_RETURN(ValueId gradient, Gradient(builder, first));
  for (size_t i = 1; i < columns.size(); ++i) {
    HT_ASSIGN_OR_RETURN(const ValueId other, Gradient(builder, columns[i]));
    if (builder.shape(other) != builder.shape(gradient)) {
      return absl::UnimplementedError(absl::StrCat("layers '", uses[0].node->name, "' and '",
                                                   uses[i].node->name,
                                                   "' read the same weights in different layouts"));
    }
    HT_ASSIGN_OR_RETURN(gradient, ops::Add(builder, gradient, other));
  }
  return InnerProducts(builder, gradient, gradient, first.cotangents);
}

absl::StatusOr<ValueId> AppendWholeGradientNorms(ProgramBuilder& builder,
                                                 absl::Span<const ValueId> heads,
                                                 absl::Span<const std::vector<ValueId>> cotangents,
                                                 ValueId weights) {
  std::vector<ValueId> norms;
  for (const std::vector<ValueId>& cotangent : cotangents) {
    HT_ASSIGN_OR_RETURN(const std::vector<ValueId> gradient,
                        AppendVjp(builder, heads, cotangent, {weights}));
    HT_ASSIGN_OR_RETURN(
        const ValueId row,
        ops::Reshape(builder, gradient[0], Shape{1, builder.shape(gradient[0]).Elements()}));
    HT_ASSIGN_OR_RETURN(const ValueId norm, ops::InnerProductPerSample(builder, row, row));
    HT_ASSIGN_OR_RETURN(const ValueId column, ops::Reshape(builder, norm, Shape{1, 1}));
    norms.push_back(column);
  }
  return Concat(builder, norms, 1);
}

}  // namespace halftone
