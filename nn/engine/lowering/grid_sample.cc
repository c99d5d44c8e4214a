#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/lowering/interpolation.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/shape_ops.h"

// Operators that read images where a grid of positions says, and that make such grids.
namespace halftone {
namespace {

struct GridModes {
  enum class Padding { kZeros, kBorder, kReflection };
  enum class Interpolation { kNearest, kLinear, kCubic };
  Padding padding = Padding::kZeros;
  Interpolation interpolation = Interpolation::kLinear;
  bool align_corners = false;
};

// Opset 16 has other names than those from 20 on.
absl::StatusOr<GridModes> ReadGridModes(const Node& node) {
  GridModes modes;
  HT_ASSIGN_OR_RETURN(const std::string mode, node.String("mode", "linear"));
  HT_ASSIGN_OR_RETURN(const std::string padding, node.String("padding_mode", "zeros"));
  HT_ASSIGN_OR_RETURN(const int64_t align_corners, node.Int("align_corners", 0));
  modes.align_corners = align_corners != 0;
  if (mode == "nearest") {
    modes.interpolation = GridModes::Interpolation::kNearest;
  } else if (mode == "cubic" || mode == "bicubic") {
    modes.interpolation = GridModes::Interpolation::kCubic;
  } else if (mode != "linear" && mode != "bilinear") {
    return absl::UnimplementedError(absl::StrCat("mode '", mode, "'"));
  }
  if (padding == "border") {
    modes.padding = GridModes::Padding::kBorder;
  } else if (padding == "reflection") {
    modes.padding = GridModes::Padding::kReflection;
  } else if (padding != "zeros") {
    return absl::UnimplementedError(absl::StrCat("padding_mode '", padding, "'"));
  }
  return modes;
}

// `x` mirrored at the ends of an axis until it lies between them: at the first and last element
// where corners are aligned, else half an element further out.
ValueId Reflect(Arithmetic& math, ValueId x, float size, bool align_corners) {
  const float lower = align_corners ? 0.0f : -0.5f;
  const float range = align_corners ? size - 1 : size;
  if (range <= 0) return math.Linear(x, 0.0f, 0.0f);
  // range - |range - phase| with the phase in a period of twice the range.
  const ValueId periods = math.Floor(math.Linear(x, 0.5f / range, -0.5f * lower / range));
  const ValueId phase = math.Sub(math.Linear(x, 1.0f, -lower), math.Linear(periods, 2 * range, 0));
  const ValueId distance = math.Abs(math.Linear(phase, -1.0f, range));
  return math.Linear(distance, -1.0f, range + lower);
}

// An element of the axis for whole numbers that may lie beside it; what they weigh there.
AxisTap Inside(Arithmetic& math, ValueId index, ValueId weight, float size,
               const GridModes& modes) {
  if (modes.padding == GridModes::Padding::kReflection) {
    index = math.Round(Reflect(math, index, size, modes.align_corners));
  }
  const ValueId inside = math.Clamp(index, 0.0f, size - 1);
  if (modes.padding != GridModes::Padding::kZeros) return {inside, weight};
  const ValueId counts = math.Mul(math.AtLeast(index, 0.0f), math.AtMost(index, size - 1));
  return {inside, weight == kNoValue ? counts : math.Mul(weight, counts)};
}

// Keys (1981) with a = -3/4: the weight at a distance below 1, and from 1 to 2.
constexpr float kCubic = -0.75f;
ValueId NearWeight(Arithmetic& math, ValueId t) {
  const ValueId inner = math.Linear(t, kCubic + 2, -(kCubic + 3));
  return math.Linear(math.Mul(math.Mul(inner, t), t), 1.0f, 1.0f);
}
ValueId FarWeight(Arithmetic& math, ValueId t) {
  const ValueId inner =
      math.Linear(math.Mul(math.Linear(t, kCubic, -5 * kCubic), t), 1.0f, 8 * kCubic);
  return math.Linear(math.Mul(inner, t), 1.0f, -4 * kCubic);
}

// What positions in [-1, 1] take from an axis of `size` elements.
AxisTaps TapsOf(Arithmetic& math, ValueId position, float size, const GridModes& modes) {
  const float half = (modes.align_corners ? size - 1 : size) / 2;
  ValueId x = math.Linear(position, half, (size - 1) / 2);
  // A cubic's taps are put back on the axis each by itself.
  const bool is_cubic = modes.interpolation == GridModes::Interpolation::kCubic;
  if (modes.padding == GridModes::Padding::kBorder && !is_cubic) {
    x = math.Clamp(x, 0.0f, size - 1);
  }
  if (modes.padding == GridModes::Padding::kReflection && !is_cubic) {
    x = Reflect(math, x, size, modes.align_corners);
  }
  if (modes.interpolation == GridModes::Interpolation::kNearest) {
    return {Inside(math, math.Round(x), kNoValue, size, modes)};
  }
  const ValueId below = math.Floor(x), fraction = math.Sub(x, below);
  const auto tap = [&](float offset, ValueId weight) {
    return Inside(math, math.Linear(below, 1.0f, offset), weight, size, modes);
  };
  const ValueId rest = math.Linear(fraction, -1.0f, 1.0f);
  if (modes.interpolation == GridModes::Interpolation::kLinear) {
    return {tap(0, rest), tap(1, fraction)};
  }
  return {tap(-1, FarWeight(math, math.Linear(fraction, 1.0f, 1.0f))),
          tap(0, NearWeight(math, fraction)), tap(1, NearWeight(math, rest)),
          tap(2, FarWeight(math, math.Linear(fraction, -1.0f, 2.0f)))};
}

// The last axis of the grid says the position on each spatial axis, the last of them first.
Values LowerGridSample(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const ValueId grid, lowering.Input(1));
  HT_ASSIGN_OR_RETURN(const GridModes modes, ReadGridModes(lowering.node()));
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  ProgramBuilder& builder = lowering.builder;
  const Shape shape = builder.shape(src);
  if (shape.Elements() == 0) return absl::UnimplementedError("a source without elements");
  const int64_t batch = shape.dim(0), axes = shape.rank() - 2;
  const int64_t positions = dst.Elements() / std::max<int64_t>(batch * shape.dim(1), 1);
  HT_ASSIGN_OR_RETURN(const ValueId rows,
                      ops::Reshape(builder, grid, Shape{batch, positions, axes}));
  Arithmetic math(builder);
  std::vector<AxisTaps> taps;
  for (int64_t axis = 0; axis < axes; ++axis) {
    auto pick =
        std::make_shared<SliceOp>(std::vector<int64_t>{0, 0, axes - 1 - axis},
                                  std::vector<int64_t>{1, 1, 1}, Shape{batch, positions, 1});
    HT_ASSIGN_OR_RETURN(ValueId position, builder.Apply1(std::move(pick), {rows}));
    HT_ASSIGN_OR_RETURN(position, ops::Reshape(builder, position, Shape{batch, positions}));
    const auto size = static_cast<float>(shape.dim(static_cast<int>(axis) + 2));
    taps.push_back(TapsOf(math, position, size, modes));
  }
  HT_RETURN_IF_ERROR(math.status());
  HT_ASSIGN_OR_RETURN(src, ChannelsLast(builder, src));
  HT_ASSIGN_OR_RETURN(ValueId read, Interpolate(builder, src, taps));
  std::vector<int64_t> dims = {batch};
  dims.insert(dims.end(), dst.dims().begin() + 2, dst.dims().end());
  dims.push_back(dst.dim(1));
  HT_ASSIGN_OR_RETURN(read, ops::Reshape(builder, read, Shape(dims)));
  return Single(ChannelsSecond(builder, read));
}

// The middles of an axis's elements, or its ends too, in [-1, 1].
std::vector<float> GridPositions(int64_t size, bool align_corners) {
  std::vector<float> positions(static_cast<size_t>(size));
  const auto count = static_cast<float>(size);
  for (size_t i = 0; i < positions.size(); ++i) {
    const auto at = static_cast<float>(i);
    positions[i] =
        align_corners ? (size == 1 ? 0.0f : 2 * at / (count - 1) - 1) : (2 * at + 1) / count - 1;
  }
  return positions;
}

// Each position (x, y, .., 1) times the sample's matrix.
Values LowerAffineGrid(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(const ValueId theta, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  HT_ASSIGN_OR_RETURN(const int64_t align_corners, lowering.node().Int("align_corners", 0));
  ProgramBuilder& builder = lowering.builder;
  const int axes = dst.rank() - 2;
  Shape positions(std::vector<int64_t>(dst.dims().begin() + 1, dst.dims().end()));
  std::vector<ValueId> coordinates;
  for (int axis = axes - 1; axis >= 0; --axis) {
    Shape along(std::vector<int64_t>(static_cast<size_t>(axes) + 1, 1));
    along.set_dim(axis, positions.dim(axis));
    const ValueId line = builder.AddConstant(
        Tensor::Of<float>(along, GridPositions(positions.dim(axis), align_corners != 0)));
    Shape plane = positions;
    plane.set_dim(axes, 1);
    HT_ASSIGN_OR_RETURN(coordinates.emplace_back(), ops::BroadcastTo(builder, line, plane));
  }
  Shape plane = positions;
  plane.set_dim(axes, 1);
  HT_ASSIGN_OR_RETURN(coordinates.emplace_back(),
                      ops::BroadcastTo(builder, builder.AddScalar(1.0f), plane));
  HT_ASSIGN_OR_RETURN(ValueId base, builder.Apply1(std::make_shared<ConcatOp>(axes), coordinates));
  HT_ASSIGN_OR_RETURN(base,
                      ops::Reshape(builder, base, Shape{positions.Elements() / axes, axes + 1}));
  HT_ASSIGN_OR_RETURN(const ValueId grid, ops::MatMul(builder, base, theta, false, true));
  return Single(ops::Reshape(builder, grid, dst));
}

constexpr std::array kGridLowerings = {
    Lowering{"GridSample", LowerGridSample},
    Lowering{"AffineGrid", LowerAffineGrid},
};

}  // namespace

absl::Span<const Lowering> GridLowerings() { return kGridLowerings; }

}  // namespace halftone
