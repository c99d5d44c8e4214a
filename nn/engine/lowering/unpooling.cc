#include "nn/graph/operators/unpooling.h"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/gather_nd.h"
#include "nn/engine/ops/shape_ops.h"

// Operators that put pooled values, or blocks, back to where they came from.
namespace halftone {
namespace {

// Places are floats, which are exact up to there.
constexpr int64_t kMaxUnpooled = int64_t{1} << 24;
// Elements of a table of indices.
constexpr int64_t kMaxColumns = int64_t{1} << 26;

Values LowerMaxUnpool(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(ValueId indices, lowering.Input(1));
  HT_ASSIGN_OR_RETURN(const Shape pooled, PooledFrom(lowering.context));
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  if (pooled.Elements() > kMaxUnpooled) {
    return absl::UnimplementedError(
        absl::StrCat("places among ", pooled.Elements(), " elements (limit ", kMaxUnpooled, ")"));
  }
  ProgramBuilder& builder = lowering.builder;
  const Shape list = {1, builder.shape(src).Elements(), 1};
  HT_ASSIGN_OR_RETURN(src, ops::Reshape(builder, src, list));
  HT_ASSIGN_OR_RETURN(indices, ops::Reshape(builder, indices, list));
  auto put = std::make_shared<ScatterNdAddOp>(std::vector<int64_t>{pooled.Elements()});
  HT_ASSIGN_OR_RETURN(ValueId back, builder.Apply1(std::move(put), {src, indices}));
  HT_ASSIGN_OR_RETURN(back, ops::Reshape(builder, back, pooled));
  if (pooled == dst) return std::vector<ValueId>{back};
  const std::vector<int64_t> starts(dst.dims().size(), 0), steps(dst.dims().size(), 1);
  return Single(builder.Apply1(std::make_shared<SliceScatterOp>(starts, steps, dst), {back}));
}

std::vector<int64_t> PaddedSizes(const BlockMoves& moves) {
  std::vector<int64_t> padded = moves.image;
  for (size_t i = 0; i < padded.size(); ++i) padded[i] += moves.pads_begin[i] + moves.pads_end[i];
  return padded;
}

// For every place in a block and every block, where it lies in the padded image, in C order.
std::vector<int64_t> BlockPlaces(const BlockMoves& moves) {
  const std::vector<int64_t> padded = PaddedSizes(moves);
  std::vector<int64_t> within = {0}, blocks = {0};
  const auto extend = [&](std::vector<int64_t>& places, size_t axis, int64_t count, int64_t step) {
    std::vector<int64_t> extended;
    for (const int64_t place : places) {
      for (int64_t i = 0; i < count; ++i) extended.push_back(place * padded[axis] + i * step);
    }
    places = std::move(extended);
  };
  for (size_t axis = 0; axis < padded.size(); ++axis) {
    extend(within, axis, moves.block[axis], moves.dilations[axis]);
    extend(blocks, axis, moves.counts[axis], moves.strides[axis]);
  }
  std::vector<int64_t> places;
  for (const int64_t place : within) {
    for (const int64_t block : blocks) places.push_back(place + block);
  }
  return places;
}

Values LowerCol2Im(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const BlockMoves moves, ResolveCol2Im(lowering.context));
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  ProgramBuilder& builder = lowering.builder;
  const int64_t images = dst.dim(0) * dst.dim(1);
  const int64_t columns = builder.shape(src).Elements() / std::max<int64_t>(images, 1);
  if (columns > kMaxColumns) return absl::UnimplementedError(absl::StrCat(columns, " columns"));
  std::vector<int64_t> padded = PaddedSizes(moves);
  const int64_t size =
      std::accumulate(padded.begin(), padded.end(), int64_t{1}, std::multiplies<>());
  HT_ASSIGN_OR_RETURN(src, ops::Reshape(builder, src, Shape{images, columns}));
  auto add = std::make_shared<IndexAddOp>(1, BlockPlaces(moves), size);
  HT_ASSIGN_OR_RETURN(ValueId image, builder.Apply1(std::move(add), {src}));
  padded.insert(padded.begin(), {dst.dim(0), dst.dim(1)});
  HT_ASSIGN_OR_RETURN(image, ops::Reshape(builder, image, Shape(padded)));
  std::vector<int64_t> starts = {0, 0};
  starts.insert(starts.end(), moves.pads_begin.begin(), moves.pads_begin.end());
  const std::vector<int64_t> steps(starts.size(), 1);
  return Single(builder.Apply1(std::make_shared<SliceOp>(starts, steps, dst), {image}));
}

constexpr std::array kUnpoolingLowerings = {
    Lowering{"MaxUnpool", LowerMaxUnpool},
    Lowering{"Col2Im", LowerCol2Im},
};

}  // namespace

absl::Span<const Lowering> UnpoolingLowerings() { return kUnpoolingLowerings; }

}  // namespace halftone
