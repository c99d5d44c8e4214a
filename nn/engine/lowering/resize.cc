#include "nn/graph/operators/resize.h"

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/lowering/resampling.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/shape_ops.h"

namespace halftone {
namespace {

// Longest axis that is resampled.
constexpr int64_t kMaxSize = int64_t{1} << 24;
// Elements that an antialiasing filter takes for one, each of them by ops of its own.
constexpr size_t kMaxTaps = 64;

// The scale of every axis: given, or (where sizes were given) what the sizes come to.
absl::StatusOr<std::vector<double>> ResizeScales(const NodeLowering& lowering, const Shape& src,
                                                 const Shape& dst) {
  std::vector<double> scales;
  scales.reserve(src.dims().size());
  for (int axis = 0; axis < src.rank(); ++axis) {
    scales.push_back(static_cast<double>(dst.dim(axis)) / static_cast<double>(src.dim(axis)));
  }
  HT_ASSIGN_OR_RETURN(const std::vector<int> axes, ResizedAxes(lowering.context, src.rank()));
  HT_ASSIGN_OR_RETURN(const std::optional<double> kept, KeptAspectScale(lowering.context, src));
  if (kept.has_value()) {
    for (const int axis : axes) scales[static_cast<size_t>(axis)] = *kept;
    return scales;
  }
  const Tensor* given = lowering.context.Constant(lowering.graph.opset < 11 ? 1 : 2);
  if (given == nullptr || given->elements() == 0) return scales;
  HT_ASSIGN_OR_RETURN(std::vector<float> factors, given->ToFloats());
  if (axes.size() != factors.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(factors.size(), " scales for ", axes.size(), " axes"));
  }
  for (size_t i = 0; i < axes.size(); ++i) scales[static_cast<size_t>(axes[i])] = factors[i];
  return scales;
}

// The regions of interest of each axis, in parts of its length: all of it where none is given.
absl::StatusOr<std::vector<Resampling::Region>> ResizeRegions(const NodeLowering& lowering,
                                                              int rank) {
  std::vector<Resampling::Region> regions(static_cast<size_t>(rank));
  if (lowering.graph.opset < 11 || !lowering.HasInput(1)) return regions;
  const Tensor* given = lowering.context.Constant(1);
  if (given == nullptr) return absl::UnimplementedError("its region of interest is not constant");
  if (given->elements() == 0) return regions;
  HT_ASSIGN_OR_RETURN(std::vector<float> bounds, given->ToFloats());
  HT_ASSIGN_OR_RETURN(const std::vector<int> axes, ResizedAxes(lowering.context, rank));
  if (bounds.size() != 2 * axes.size()) {
    return absl::UnimplementedError(
        absl::StrCat(bounds.size(), " bounds of a region of ", axes.size(), " axes"));
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    regions[static_cast<size_t>(axes[i])] = {bounds[i], bounds[axes.size() + i]};
  }
  return regions;
}

ValueId AlongAxis(ProgramBuilder& builder, std::vector<float> values, int axis, int rank) {
  Shape shape(std::vector<int64_t>(static_cast<size_t>(rank), 1));
  shape.set_dim(axis, static_cast<int64_t>(values.size()));
  return builder.AddConstant(Tensor::Of<float>(shape, std::move(values)));
}

// The weighted sum of the elements that each position takes along one axis.
absl::StatusOr<ValueId> ResampleAxis(ProgramBuilder& builder, ValueId src, int axis,
                                     const Resampling& resampling) {
  const int rank = builder.shape(src).rank();
  ValueId sum = kNoValue;
  for (const Resampling::Tap& tap : resampling.taps) {
    HT_ASSIGN_OR_RETURN(ValueId part,
                        builder.Apply1(std::make_shared<IndexSelectOp>(axis, tap.indices), {src}));
    if (!tap.weights.empty()) {
      HT_ASSIGN_OR_RETURN(part,
                          ops::Mul(builder, part, AlongAxis(builder, tap.weights, axis, rank)));
    }
    if (sum != kNoValue) {
      HT_ASSIGN_OR_RETURN(part, ops::Add(builder, sum, part));
    }
    sum = part;
  }
  if (resampling.inside.empty()) return sum;
  return ops::Select(builder, AlongAxis(builder, resampling.inside, axis, rank), sum,
                     builder.AddScalar(resampling.outside_value));
}

Values LowerResize(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  for (const int64_t size : dst.dims()) {
    if (size > kMaxSize) {
      return absl::UnimplementedError(
          absl::StrCat("picking ", size, " elements along one axis (limit ", kMaxSize, ")"));
    }
  }
  HT_ASSIGN_OR_RETURN(const ResizeModes modes,
                      ReadResizeModes(lowering.node(), lowering.graph.opset));
  const Shape shape = lowering.builder.shape(src);
  if (shape.Elements() == 0) return absl::UnimplementedError("resizing no elements");
  HT_ASSIGN_OR_RETURN(const std::vector<double> scales, ResizeScales(lowering, shape, dst));
  HT_ASSIGN_OR_RETURN(const std::vector<Resampling::Region> regions,
                      ResizeRegions(lowering, shape.rank()));
  for (int axis = 0; axis < dst.rank(); ++axis) {
    const auto at = static_cast<size_t>(axis);
    if (const size_t taps = TapsOf(modes, scales[at]); taps > kMaxTaps) {
      return absl::UnimplementedError(
          absl::StrCat("antialiasing over ", taps, " elements (limit ", kMaxTaps, ")"));
    }
    const Resampling resampling =
        Resample(modes, shape.dim(axis), dst.dim(axis), scales[at], regions[at]);
    if (resampling.IsIdentity(shape.dim(axis))) continue;
    HT_ASSIGN_OR_RETURN(src, ResampleAxis(lowering.builder, src, axis, resampling));
  }
  return std::vector<ValueId>{src};
}

constexpr std::array kResizeLowerings = {Lowering{"Resize", LowerResize}};

}  // namespace

absl::Span<const Lowering> ResizeLowerings() { return kResizeLowerings; }

}  // namespace halftone
