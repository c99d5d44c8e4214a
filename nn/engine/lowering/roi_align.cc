#include <array>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/lowering/interpolation.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/reduction.h"
#include "nn/engine/ops/shape_ops.h"

// RoiAlign: what lies in boxes of an image, in bins of one number.
namespace halftone {
namespace {

// One axis of the boxes of a RoiAlign.
struct BoxAxis {
  int begin, end;  // columns of the boxes
  int64_t bins;
  float size;  // of the image
};

struct RoiModes {
  int64_t ratio = 1;  // samples along a side of a bin
  float scale = 1;
  bool half_pixel = true;
};

absl::StatusOr<RoiModes> ReadRoiModes(const NodeLowering& lowering) {
  RoiModes modes;
  const bool is_old = lowering.graph.opset < 16;
  HT_ASSIGN_OR_RETURN(modes.ratio, lowering.node().Int("sampling_ratio", 0));
  HT_ASSIGN_OR_RETURN(modes.scale, lowering.node().Float("spatial_scale", 1.0f));
  HT_ASSIGN_OR_RETURN(const std::string coordinates,
                      lowering.node().String("coordinate_transformation_mode",
                                             is_old ? "output_half_pixel" : "half_pixel"));
  modes.half_pixel = coordinates == "half_pixel";
  if (!modes.half_pixel && coordinates != "output_half_pixel") {
    return absl::UnimplementedError(absl::StrCat("coordinates '", coordinates, "'"));
  }
  return modes;
}

// The middle of each sample, in bins from the box's begin: [1, bins x ratio].
ValueId SampleMiddles(ProgramBuilder& builder, int64_t bins, int64_t ratio) {
  std::vector<float> middles(static_cast<size_t>(bins * ratio));
  for (size_t i = 0; i < middles.size(); ++i) {
    middles[i] = (static_cast<float>(i) + 0.5f) / static_cast<float>(ratio);
  }
  return builder.AddConstant(Tensor::Of<float>(Shape{1, bins * ratio}, std::move(middles)));
}

absl::StatusOr<ValueId> BoxColumn(ProgramBuilder& builder, ValueId boxes, int column) {
  return builder.Apply1(
      std::make_shared<SliceOp>(std::vector<int64_t>{0, column}, std::vector<int64_t>{1, 1},
                                Shape{builder.shape(boxes).dim(0), 1}),
      {boxes});
}

// Two neighbours of each sample, [R, bins x ratio]: nothing further out than one element, and the
// border between it and there.
absl::StatusOr<AxisTaps> BoxTaps(ProgramBuilder& builder, ValueId boxes, const BoxAxis& axis,
                                 const RoiModes& modes) {
  Arithmetic math(builder);
  HT_ASSIGN_OR_RETURN(const ValueId first, BoxColumn(builder, boxes, axis.begin));
  HT_ASSIGN_OR_RETURN(const ValueId last, BoxColumn(builder, boxes, axis.end));
  const ValueId begin = math.Linear(first, modes.scale, modes.half_pixel ? -0.5f : 0.0f);
  ValueId length = math.Linear(math.Sub(last, first), modes.scale, 0.0f);
  if (!modes.half_pixel) {
    length = math.Clamp(length, 1.0f, std::numeric_limits<float>::infinity());
  }
  const ValueId bin = math.Linear(length, 1.0f / static_cast<float>(axis.bins), 0.0f);
  const ValueId middles = SampleMiddles(builder, axis.bins, modes.ratio);
  const ValueId place = math.Add(math.Mul(bin, middles), begin);
  const ValueId counts = math.Mul(math.AtLeast(place, -1.0f), math.AtMost(place, axis.size));
  const ValueId x = math.Clamp(place, 0.0f, axis.size - 1);
  const ValueId below = math.Floor(x), fraction = math.Sub(x, below);
  const ValueId above = math.Clamp(math.Linear(below, 1.0f, 1.0f), 0.0f, axis.size - 1);
  const AxisTaps taps = {{below, math.Mul(math.Linear(fraction, -1.0f, 1.0f), counts)},
                         {above, math.Mul(fraction, counts)}};
  HT_RETURN_IF_ERROR(math.status());
  return taps;
}

// The taps of two axes, [R, a] and [R, b], as those of all positions [1, R x a x b].
absl::StatusOr<ValueId> Spread(ProgramBuilder& builder, ValueId value, bool is_first,
                               int64_t other) {
  const Shape shape = builder.shape(value);
  const int64_t boxes = shape.dim(0), own = shape.dim(1);
  const Shape narrow = is_first ? Shape{boxes, own, 1} : Shape{boxes, 1, own};
  const Shape wide = is_first ? Shape{boxes, own, other} : Shape{boxes, other, own};
  HT_ASSIGN_OR_RETURN(value, ops::Reshape(builder, value, narrow));
  HT_ASSIGN_OR_RETURN(value, ops::BroadcastTo(builder, value, wide));
  return ops::Reshape(builder, value, Shape{1, boxes * own * other});
}

absl::StatusOr<AxisTaps> SpreadTaps(ProgramBuilder& builder, AxisTaps taps, bool is_first,
                                    int64_t other) {
  for (AxisTap& tap : taps) {
    HT_ASSIGN_OR_RETURN(tap.index, Spread(builder, tap.index, is_first, other));
    if (tap.weight == kNoValue) continue;
    HT_ASSIGN_OR_RETURN(tap.weight, Spread(builder, tap.weight, is_first, other));
  }
  return taps;
}

// The samples [1, P, C] of which each bin takes the mean; or the largest of them, which themselves
// are the largest weighted neighbour, as ONNX has it.
absl::StatusOr<ValueId> ReadSamples(ProgramBuilder& builder, ValueId image,
                                    absl::Span<const AxisTaps> taps, bool maximum) {
  if (!maximum) return Interpolate(builder, image, taps);
  HT_ASSIGN_OR_RETURN(const std::vector<ValueId> reads, ReadTaps(builder, image, taps));
  ValueId largest = reads[0];
  for (size_t i = 1; i < reads.size(); ++i) {
    HT_ASSIGN_OR_RETURN(largest, ops::Binary(builder, BinaryFunction::kMax, largest, reads[i]));
  }
  return largest;
}

Values LowerRoiAlign(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const ValueId boxes, lowering.Input(1));
  HT_ASSIGN_OR_RETURN(const ValueId samples, lowering.Input(2));
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  HT_ASSIGN_OR_RETURN(const RoiModes modes, ReadRoiModes(lowering));
  HT_ASSIGN_OR_RETURN(const std::string mode, lowering.node().String("mode", "avg"));
  if (mode != "avg" && mode != "max") {
    return absl::UnimplementedError(absl::StrCat("mode '", mode, "'"));
  }
  ProgramBuilder& builder = lowering.builder;
  const Shape shape = builder.shape(src);
  if (shape.Elements() == 0) return absl::UnimplementedError("a source without elements");
  const int64_t count = dst.dim(0), channels = dst.dim(1), ratio = modes.ratio;
  const int64_t height = dst.dim(2), width = dst.dim(3);
  const BoxAxis rows = {1, 3, height, static_cast<float>(shape.dim(2))};
  const BoxAxis columns = {0, 2, width, static_cast<float>(shape.dim(3))};
  const int64_t per_box = height * ratio * width * ratio;
  HT_ASSIGN_OR_RETURN(ValueId sample, ops::Reshape(builder, samples, Shape{count, 1}));
  HT_ASSIGN_OR_RETURN(sample, ops::BroadcastTo(builder, sample, Shape{count, per_box}));
  HT_ASSIGN_OR_RETURN(sample, ops::Reshape(builder, sample, Shape{1, count * per_box}));
  HT_ASSIGN_OR_RETURN(AxisTaps down, BoxTaps(builder, boxes, rows, modes));
  HT_ASSIGN_OR_RETURN(down, SpreadTaps(builder, std::move(down), true, width * ratio));
  HT_ASSIGN_OR_RETURN(AxisTaps across, BoxTaps(builder, boxes, columns, modes));
  HT_ASSIGN_OR_RETURN(across, SpreadTaps(builder, std::move(across), false, height * ratio));
  HT_ASSIGN_OR_RETURN(src, ChannelsLast(builder, src));
  Shape image = builder.shape(src);
  HT_ASSIGN_OR_RETURN(
      src,
      ops::Reshape(builder, src, Shape{1, image.dim(0), image.dim(1), image.dim(2), image.dim(3)}));
  const std::array<AxisTaps, 3> taps = {AxisTaps{AxisTap{sample, kNoValue}}, down, across};
  HT_ASSIGN_OR_RETURN(ValueId read, ReadSamples(builder, src, taps, mode == "max"));
  HT_ASSIGN_OR_RETURN(
      read, ops::Reshape(builder, read, Shape{count, height, ratio, width, ratio, channels}));
  const std::vector<int> within = {2, 4};
  if (mode == "max") {
    HT_ASSIGN_OR_RETURN(
        read,
        builder.Apply1(std::make_shared<ReduceOp>(ReduceFunction::kMax, within, false), {read}));
  } else {
    HT_ASSIGN_OR_RETURN(read, ops::ReduceSum(builder, read, within, false));
    HT_ASSIGN_OR_RETURN(read, ops::Scale(builder, read, 1.0f / static_cast<float>(ratio * ratio)));
  }
  return Single(ChannelsSecond(builder, read));
}

constexpr std::array kRoiLowerings = {Lowering{"RoiAlign", LowerRoiAlign}};

}  // namespace

absl::Span<const Lowering> RoiLowerings() { return kRoiLowerings; }

}  // namespace halftone
