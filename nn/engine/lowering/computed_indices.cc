#include "nn/engine/lowering/computed_indices.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/gather_nd.h"
#include "nn/engine/ops/shape_ops.h"

namespace halftone {
namespace {

// What GatherNd reads: rows [B, D1, .., Dk, I], and tuples [B, N, k] that name some of them.
struct Rows {
  ValueId data = kNoValue;
  ValueId indices = kNoValue;
};

// Rows that the last axis of the indices names, on the axes after the first `batch`.
absl::StatusOr<Rows> RowsOfTuples(ProgramBuilder& builder, ValueId data, ValueId indices,
                                  size_t batch) {
  const Shape data_shape = builder.shape(data), index_shape = builder.shape(indices);
  const absl::Span<const int64_t> dims = data_shape.dims(), shape = index_shape.dims();
  const auto axes = static_cast<size_t>(shape.back());
  const absl::Span<const int64_t> named = dims.subspan(batch, axes);
  const int64_t batches = Product(dims.first(batch));
  std::vector<int64_t> view = {batches};
  view.insert(view.end(), named.begin(), named.end());
  view.push_back(Product(dims.subspan(batch + axes)));
  const int64_t each = Product(shape.first(shape.size() - 1).subspan(batch));
  const Shape tuples = {batches, each, shape.back()};
  Rows rows;
  HT_ASSIGN_OR_RETURN(rows.data, ops::Reshape(builder, data, Shape(view)));
  HT_ASSIGN_OR_RETURN(rows.indices, ops::Reshape(builder, indices, tuples));
  return rows;
}

// Elements along the last axis, in all others the same.
absl::StatusOr<Rows> RowsOfElements(ProgramBuilder& builder, ValueId data, ValueId indices) {
  const Shape shape = builder.shape(data), tuples = builder.shape(indices);
  const auto last = static_cast<size_t>(shape.rank()) - 1;
  const int64_t batches = Product(absl::MakeConstSpan(tuples.dims()).first(last));
  Rows rows;
  HT_ASSIGN_OR_RETURN(rows.data,
                      ops::Reshape(builder, data, Shape{batches, shape.dims()[last], 1}));
  HT_ASSIGN_OR_RETURN(rows.indices,
                      ops::Reshape(builder, indices, Shape{batches, tuples.dims()[last], 1}));
  return rows;
}

absl::StatusOr<ValueId> Gather(ProgramBuilder& builder, const Rows& rows) {
  return builder.Apply1(std::make_shared<GatherNdOp>(), {rows.data, rows.indices});
}

// The first elements of each axis, as many as `sizes` says.
absl::StatusOr<ValueId> Crop(ProgramBuilder& builder, ValueId src, const Shape& sizes) {
  if (builder.shape(src) == sizes) return src;
  const std::vector<int64_t> starts(sizes.dims().size(), 0), steps(sizes.dims().size(), 1);
  return builder.Apply1(std::make_shared<SliceOp>(starts, steps, sizes), {src});
}

absl::StatusOr<int> AxisOf(const NodeLowering& lowering, int rank) {
  HT_ASSIGN_OR_RETURN(const int64_t asked, lowering.node().Int("axis", 0));
  return NormalizeAxis(asked, rank);
}

// The part of the data that indices of that shape speak of: all of the axis, and of the others as
// much as there are indices.
Shape SpokenOf(const Shape& data, const Shape& indices, int axis) {
  Shape part = indices;
  part.set_dim(axis, data.dim(axis));
  return part;
}

Values GatherElements(const NodeLowering& lowering, ValueId data, ValueId indices) {
  ProgramBuilder& builder = lowering.builder;
  const Shape shape = builder.shape(data);
  HT_ASSIGN_OR_RETURN(const int axis, AxisOf(lowering, shape.rank()));
  HT_ASSIGN_OR_RETURN(data, Crop(builder, data, SpokenOf(shape, builder.shape(indices), axis)));
  const std::vector<int> to_last = AxisToLast(shape.rank(), axis);
  HT_ASSIGN_OR_RETURN(data, Permute(builder, data, to_last));
  HT_ASSIGN_OR_RETURN(indices, Permute(builder, indices, to_last));
  HT_ASSIGN_OR_RETURN(const ValueId taken, TakeAlongLast(builder, data, indices));
  return Single(Permute(builder, taken, AxisFromLast(shape.rank(), axis)));
}

// 0, 1, ... in a row.
ValueId Positions(ProgramBuilder& builder, int64_t size) {
  std::vector<float> positions(static_cast<size_t>(size));
  std::iota(positions.begin(), positions.end(), 0.0f);
  return builder.AddConstant(Tensor::Of<float>(Shape{size}, std::move(positions)));
}

// Of a sequence of length n, step t < n comes from n - 1 - t.
Values ReverseSequence(const NodeLowering& lowering, ValueId src, ValueId lengths) {
  ProgramBuilder& builder = lowering.builder;
  HT_ASSIGN_OR_RETURN(const int64_t time_axis, lowering.node().Int("time_axis", 0));
  std::vector<int> order(static_cast<size_t>(builder.shape(src).rank()));
  std::iota(order.begin(), order.end(), 0);
  if (time_axis == 0) std::swap(order[0], order[1]);
  HT_ASSIGN_OR_RETURN(src, Permute(builder, src, order));
  const Shape shape = builder.shape(src);  // [batch, time, ...]
  const int64_t batch = shape.dim(0), steps = shape.dim(1);
  const ValueId positions = Positions(builder, steps);
  HT_ASSIGN_OR_RETURN(lengths, ops::Reshape(builder, lengths, Shape{batch, 1}));
  HT_ASSIGN_OR_RETURN(const ValueId is_reversed,
                      ops::Binary(builder, BinaryFunction::kGreater, lengths, positions));
  HT_ASSIGN_OR_RETURN(ValueId mirrored, ops::Sub(builder, lengths, positions));
  HT_ASSIGN_OR_RETURN(mirrored, ops::Sub(builder, mirrored, builder.AddScalar(1.0f)));
  HT_ASSIGN_OR_RETURN(ValueId from, ops::Select(builder, is_reversed, mirrored, positions));
  HT_ASSIGN_OR_RETURN(from, ops::Reshape(builder, from, Shape{batch, steps, 1}));
  HT_ASSIGN_OR_RETURN(const Rows rows, RowsOfTuples(builder, src, from, 1));
  HT_ASSIGN_OR_RETURN(ValueId dst, Gather(builder, rows));
  HT_ASSIGN_OR_RETURN(dst, ops::Reshape(builder, dst, shape));
  return Single(Permute(builder, dst, order));
}

// `rows.data` with the updates [B, N, I].
absl::StatusOr<ValueId> Scatter(ProgramBuilder& builder, const Rows& rows, ValueId updates,
                                const std::string& reduction) {
  const Shape shape = builder.shape(rows.data);
  const std::vector<int64_t> sizes(shape.dims().begin() + 1, shape.dims().end() - 1);
  if (reduction == "add") {
    HT_ASSIGN_OR_RETURN(const ValueId sums, builder.Apply1(std::make_shared<ScatterNdAddOp>(sizes),
                                                           {updates, rows.indices}));
    return ops::Add(builder, rows.data, sums);
  }
  if (reduction != "none") {
    return absl::UnimplementedError(
        absl::StrCat("reduction '", reduction, "' at indices that are not constant"));
  }
  const Shape written = builder.shape(updates);
  if (written.Elements() == 0) return rows.data;
  HT_ASSIGN_OR_RETURN(ValueId writer,
                      builder.Apply1(std::make_shared<LastWriterOp>(sizes), {rows.indices}));
  const int64_t count = Product(sizes);
  HT_ASSIGN_OR_RETURN(writer, ops::Reshape(builder, writer, Shape{shape.dim(0), count, 1}));
  // What has no writer, -1, takes the last update, which is not selected.
  HT_ASSIGN_OR_RETURN(ValueId update, Gather(builder, {updates, writer}));
  HT_ASSIGN_OR_RETURN(const ValueId is_written, ops::Binary(builder, BinaryFunction::kAtLeast,
                                                            writer, builder.AddScalar(0.0f)));
  HT_ASSIGN_OR_RETURN(const ValueId old,
                      ops::Reshape(builder, rows.data, Shape{shape.dim(0), count, written.dim(2)}));
  HT_ASSIGN_OR_RETURN(const ValueId dst, ops::Select(builder, is_written, update, old));
  return ops::Reshape(builder, dst, shape);
}

Values ScatterTuples(const NodeLowering& lowering, ValueId data, ValueId indices, ValueId updates,
                     const std::string& reduction) {
  ProgramBuilder& builder = lowering.builder;
  const Shape shape = builder.shape(data);
  HT_ASSIGN_OR_RETURN(const Rows rows, RowsOfTuples(builder, data, indices, 0));
  const int64_t tuples = builder.shape(rows.indices).dim(1);
  const int64_t inner = builder.shape(rows.data).dims().back();
  HT_ASSIGN_OR_RETURN(updates, ops::Reshape(builder, updates, Shape{1, tuples, inner}));
  HT_ASSIGN_OR_RETURN(const ValueId dst, Scatter(builder, rows, updates, reduction));
  return Single(ops::Reshape(builder, dst, shape));
}

// `src` with `part` in the place of its first elements on each axis.
absl::StatusOr<ValueId> Replace(ProgramBuilder& builder, ValueId src, ValueId part) {
  const Shape shape = builder.shape(src), sizes = builder.shape(part);
  if (shape == sizes) return part;
  const std::vector<int64_t> starts(sizes.dims().size(), 0), steps(sizes.dims().size(), 1);
  auto place = std::make_shared<SliceScatterOp>(starts, steps, shape);
  HT_ASSIGN_OR_RETURN(const ValueId ones,
                      ops::BroadcastTo(builder, builder.AddScalar(1.0f), sizes));
  HT_ASSIGN_OR_RETURN(const ValueId is_part, builder.Apply1(place, {ones}));
  HT_ASSIGN_OR_RETURN(const ValueId placed, builder.Apply1(place, {part}));
  return ops::Select(builder, is_part, placed, src);
}

Values ScatterElements(const NodeLowering& lowering, ValueId data, ValueId indices, ValueId updates,
                       const std::string& reduction) {
  ProgramBuilder& builder = lowering.builder;
  const Shape shape = builder.shape(data);
  HT_ASSIGN_OR_RETURN(const int axis, AxisOf(lowering, shape.rank()));
  HT_ASSIGN_OR_RETURN(ValueId part,
                      Crop(builder, data, SpokenOf(shape, builder.shape(indices), axis)));
  const std::vector<int> to_last = AxisToLast(shape.rank(), axis);
  HT_ASSIGN_OR_RETURN(part, Permute(builder, part, to_last));
  HT_ASSIGN_OR_RETURN(indices, Permute(builder, indices, to_last));
  HT_ASSIGN_OR_RETURN(updates, Permute(builder, updates, to_last));
  const Shape permuted = builder.shape(part);
  HT_ASSIGN_OR_RETURN(const Rows rows, RowsOfElements(builder, part, indices));
  const Shape tuples = builder.shape(rows.indices);
  HT_ASSIGN_OR_RETURN(updates, ops::Reshape(builder, updates, tuples));
  HT_ASSIGN_OR_RETURN(part, Scatter(builder, rows, updates, reduction));
  HT_ASSIGN_OR_RETURN(part, ops::Reshape(builder, part, permuted));
  HT_ASSIGN_OR_RETURN(part, Permute(builder, part, AxisFromLast(shape.rank(), axis)));
  return Single(Replace(builder, data, part));
}

}  // namespace

std::vector<int> AxisToLast(int rank, int axis) {
  std::vector<int> order(static_cast<size_t>(rank));
  std::iota(order.begin(), order.end(), 0);
  std::rotate(order.begin() + axis, order.begin() + axis + 1, order.end());
  return order;
}

std::vector<int> AxisFromLast(int rank, int axis) {
  std::vector<int> order(static_cast<size_t>(rank));
  std::iota(order.begin(), order.end(), 0);
  std::rotate(order.begin() + axis, order.end() - 1, order.end());
  return order;
}

absl::StatusOr<ValueId> Permute(ProgramBuilder& builder, ValueId src,
                                const std::vector<int>& permutation) {
  if (std::is_sorted(permutation.begin(), permutation.end())) return src;
  return ops::Transpose(builder, src, permutation);
}

absl::StatusOr<ValueId> TakeAlongLast(ProgramBuilder& builder, ValueId src, ValueId positions) {
  const Shape dst = builder.shape(positions);
  HT_ASSIGN_OR_RETURN(const Rows rows, RowsOfElements(builder, src, positions));
  HT_ASSIGN_OR_RETURN(const ValueId taken, Gather(builder, rows));
  return ops::Reshape(builder, taken, dst);
}

Values LowerComputedGather(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(const ValueId data, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const ValueId indices, lowering.Input(1));
  const std::string& op = lowering.node().op;
  if (op == "GatherElements") return GatherElements(lowering, data, indices);
  if (op == "ReverseSequence") return ReverseSequence(lowering, data, indices);
  HT_ASSIGN_OR_RETURN(const int64_t batch, lowering.node().Int("batch_dims", 0));
  HT_ASSIGN_OR_RETURN(const Rows rows,
                      RowsOfTuples(lowering.builder, data, indices, static_cast<size_t>(batch)));
  HT_ASSIGN_OR_RETURN(const ValueId picked, Gather(lowering.builder, rows));
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  return Single(ops::Reshape(lowering.builder, picked, dst));
}

Values LowerComputedScatter(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(const ValueId data, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const ValueId indices, lowering.Input(1));
  HT_ASSIGN_OR_RETURN(const ValueId updates, lowering.Input(2));
  HT_ASSIGN_OR_RETURN(const std::string reduction, lowering.node().String("reduction", "none"));
  if (lowering.node().op == "ScatterND") {
    return ScatterTuples(lowering, data, indices, updates, reduction);
  }
  return ScatterElements(lowering, data, indices, updates, reduction);
}

}  // namespace halftone
