#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/gather.h"
#include "nn/engine/ops/shape_ops.h"
#include "nn/graph/layer.h"
#include "nn/graph/operators/slice.h"

// Operators that pick elements: slices, gathers, padding.
namespace halftone {
namespace {

// Longest axis for which a table of indices is made.
constexpr int64_t kMaxIndices = int64_t{1} << 26;

// OK if every axis that a table of indices may be made for is bounded.
absl::Status CheckTableSizes(const Shape& dst) {
  for (int64_t size : dst.dims()) {
    if (size > kMaxIndices) {
      return absl::UnimplementedError(
          absl::StrCat("picking ", size, " elements along one axis (limit ", kMaxIndices, ")"));
    }
  }
  return absl::OkStatus();
}

bool IsIdentity(const std::vector<int64_t>& indices, int64_t size) {
  if (static_cast<int64_t>(indices.size()) != size) return false;
  for (int64_t i = 0; i < size; ++i) {
    if (indices[static_cast<size_t>(i)] != i) return false;
  }
  return true;
}

absl::StatusOr<ValueId> Select(ProgramBuilder& builder, ValueId src, int axis,
                               std::vector<int64_t> indices) {
  if (IsIdentity(indices, builder.shape(src).dim(axis))) return src;
  return builder.Apply1(std::make_shared<IndexSelectOp>(axis, std::move(indices)), {src});
}

Values LowerSlice(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(ResolvedSlice slice, ResolveSlice(lowering.context));
  HT_RETURN_IF_ERROR(CheckTableSizes(slice.dst));
  ProgramBuilder& builder = lowering.builder;
  // Backward steps become a list of indices first; what is left goes forward.
  for (int axis = 0; axis < slice.dst.rank(); ++axis) {
    const auto at = static_cast<size_t>(axis);
    if (slice.steps[at] > 0) continue;
    std::vector<int64_t> indices(static_cast<size_t>(slice.dst.dim(axis)));
    for (size_t i = 0; i < indices.size(); ++i) {
      indices[i] = slice.begins[at] + static_cast<int64_t>(i) * slice.steps[at];
    }
    HT_ASSIGN_OR_RETURN(src, Select(builder, src, axis, std::move(indices)));
    slice.begins[at] = 0;
    slice.steps[at] = 1;
  }
  if (builder.shape(src) == slice.dst) return std::vector<ValueId>{src};
  return Single(
      builder.Apply1(std::make_shared<SliceOp>(slice.begins, slice.steps, slice.dst), {src}));
}

Values LowerSplit(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(int64_t asked, lowering.node().Int("axis", 0));
  const auto rank = static_cast<size_t>(lowering.builder.shape(src).rank());
  HT_ASSIGN_OR_RETURN(int axis, NormalizeAxis(asked, static_cast<int>(rank)));
  std::vector<int64_t> starts(rank, 0);
  const std::vector<int64_t> steps(rank, 1);
  std::vector<ValueId> parts;
  for (size_t i = 0; i < lowering.node().outputs.size(); ++i) {
    HT_ASSIGN_OR_RETURN(const Shape shape, lowering.DstShape(i));
    HT_ASSIGN_OR_RETURN(ValueId part, lowering.builder.Apply1(
                                          std::make_shared<SliceOp>(starts, steps, shape), {src}));
    parts.push_back(part);
    starts[static_cast<size_t>(axis)] += shape.dim(axis);
  }
  return parts;
}

Values GatherAtRuntime(const NodeLowering& lowering, ValueId src, int axis) {
  HT_ASSIGN_OR_RETURN(ValueId indices, lowering.Input(1));
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  ProgramBuilder& builder = lowering.builder;
  const int64_t count = builder.shape(indices).Elements();
  HT_ASSIGN_OR_RETURN(indices, ops::Reshape(builder, indices, Shape{count}));
  HT_ASSIGN_OR_RETURN(ValueId picked,
                      builder.Apply1(std::make_shared<GatherOp>(axis), {src, indices}));
  return Single(ops::Reshape(builder, picked, dst));
}

Values LowerGather(const NodeLowering& lowering) {
  if (IsEmbedding(lowering.graph, lowering.node())) return LowerLayerNode(lowering);
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(int64_t asked, lowering.node().Int("axis", 0));
  const Shape shape = lowering.builder.shape(src);
  HT_ASSIGN_OR_RETURN(int axis, NormalizeAxis(asked, shape.rank()));
  const Tensor* constant = lowering.context.Constant(1);
  if (constant == nullptr) return GatherAtRuntime(lowering, src, axis);
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> indices, constant->ToInts());
  for (int64_t& index : indices) {
    if (index < 0) index += shape.dim(axis);
  }
  HT_ASSIGN_OR_RETURN(ValueId picked, Select(lowering.builder, src, axis, std::move(indices)));
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  return Single(ops::Reshape(lowering.builder, picked, dst));
}

// What Pad adds before each axis, with 0 for the axes that it does not name; what it adds after
// follows from the shape of its result.
absl::StatusOr<std::vector<int64_t>> PadsBefore(const NodeLowering& lowering, int rank) {
  HT_ASSIGN_OR_RETURN(auto pads, lowering.context.IntsFromEither("pads", 1));
  HT_ASSIGN_OR_RETURN(auto axes, lowering.context.ConstantInts(3, "axes"));
  std::vector<int64_t> before(static_cast<size_t>(rank), 0);
  const size_t count = axes.has_value() ? axes->size() : before.size();
  if (!pads.has_value() || pads->size() != 2 * count) {
    return absl::InvalidArgumentError(absl::StrCat("'pads' do not fit a tensor of rank ", rank));
  }
  for (size_t i = 0; i < count; ++i) {
    HT_ASSIGN_OR_RETURN(
        int axis, NormalizeAxis(axes.has_value() ? (*axes)[i] : static_cast<int64_t>(i), rank));
    before[static_cast<size_t>(axis)] = (*pads)[i];
  }
  return before;
}

int64_t FloorMod(int64_t dividend, int64_t divisor) {
  return ((dividend % divisor) + divisor) % divisor;
}

// The index that a position shows which may lie outside of [0, size).
using Extension = int64_t (*)(int64_t position, int64_t size);

int64_t Nearest(int64_t position, int64_t size) {
  return std::clamp<int64_t>(position, 0, size - 1);
}

// At the first and last element, which are not repeated.
int64_t Mirrored(int64_t position, int64_t size) {
  if (size == 1) return 0;
  const int64_t period = 2 * (size - 1);
  const int64_t phase = FloorMod(position, period);
  return std::min(phase, period - phase);
}

Values Extend(const NodeLowering& lowering, ValueId src, const Shape& dst,
              const std::vector<int64_t>& before, Extension extension) {
  HT_RETURN_IF_ERROR(CheckTableSizes(dst));
  for (int axis = 0; axis < dst.rank(); ++axis) {
    const int64_t size = lowering.builder.shape(src).dim(axis);
    if (size == 0) return absl::InvalidArgumentError("nothing to repeat in an empty tensor");
    std::vector<int64_t> indices(static_cast<size_t>(dst.dim(axis)));
    for (size_t i = 0; i < indices.size(); ++i) {
      const int64_t position = static_cast<int64_t>(i) - before[static_cast<size_t>(axis)];
      indices[i] = extension(position, size);
    }
    HT_ASSIGN_OR_RETURN(src, Select(lowering.builder, src, axis, std::move(indices)));
  }
  return std::vector<ValueId>{src};
}

// To `dst`, with `before` elements of `fill` before the first of each axis.
Values PadWith(const NodeLowering& lowering, ValueId src, const Shape& dst,
               const std::vector<int64_t>& before, float fill) {
  // Negative padding crops: first the part that stays, then where it goes.
  const Shape shape = lowering.builder.shape(src);
  const std::vector<int64_t> steps(before.size(), 1);
  std::vector<int64_t> crop = before, starts = before;
  Shape kept = shape;
  for (int axis = 0; axis < dst.rank(); ++axis) {
    const auto at = static_cast<size_t>(axis);
    crop[at] = std::max<int64_t>(-before[at], 0);
    starts[at] = std::max<int64_t>(before[at], 0);
    kept.set_dim(axis, std::min(shape.dim(axis) - crop[at], dst.dim(axis) - starts[at]));
    if (kept.dim(axis) < 0) {
      return absl::UnimplementedError(absl::StrCat("padding that crops all of axis ", axis));
    }
  }
  if (kept != shape) {
    HT_ASSIGN_OR_RETURN(
        src, lowering.builder.Apply1(std::make_shared<SliceOp>(crop, steps, kept), {src}));
  }
  if (kept == dst) return std::vector<ValueId>{src};
  return Single(
      lowering.builder.Apply1(std::make_shared<SliceScatterOp>(starts, steps, dst, fill), {src}));
}

Values LowerConstantPad(const NodeLowering& lowering, ValueId src, const Shape& dst,
                        const std::vector<int64_t>& before) {
  HT_ASSIGN_OR_RETURN(float fill, lowering.node().Float("value", 0.0f));
  HT_ASSIGN_OR_RETURN(fill, lowering.ConstantScalar(2, fill));
  return PadWith(lowering, src, dst, before, fill);
}

// Half of what is missing comes before, half of what is too much goes; of an odd number the
// smaller half.
Values LowerCenterCropPad(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  const Shape shape = lowering.builder.shape(src);
  std::vector<int64_t> before;
  for (int axis = 0; axis < dst.rank(); ++axis) {
    before.push_back((dst.dim(axis) - shape.dim(axis)) / 2);
  }
  return PadWith(lowering, src, dst, before, 0.0f);
}

Values LowerPad(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  HT_ASSIGN_OR_RETURN(const std::vector<int64_t> before, PadsBefore(lowering, dst.rank()));
  HT_ASSIGN_OR_RETURN(const std::string mode, lowering.node().String("mode", "constant"));
  if (mode == "constant") return LowerConstantPad(lowering, src, dst, before);
  if (mode == "edge") return Extend(lowering, src, dst, before, Nearest);
  if (mode == "reflect") return Extend(lowering, src, dst, before, Mirrored);
  if (mode == "wrap") return Extend(lowering, src, dst, before, FloorMod);
  return absl::UnimplementedError(absl::StrCat("mode '", mode, "'"));
}

constexpr std::array kSelectionLowerings = {
    Lowering{"Slice", LowerSlice},
    Lowering{"Split", LowerSplit},
    Lowering{"Gather", LowerGather},
    Lowering{"Pad", LowerPad},
    Lowering{"CenterCropPad", LowerCenterCropPad},
};

}  // namespace

absl::Span<const Lowering> SelectionLowerings() { return kSelectionLowerings; }

}  // namespace halftone
