#include "nn/engine/lowering/resampling.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

using Coordinates = ResizeModes::Coordinates;
using Interpolation = ResizeModes::Interpolation;
using Rounding = ResizeModes::Rounding;
using Tap = Resampling::Tap;

absl::StatusOr<Coordinates> ParseCoordinates(const std::string& mode) {
  if (mode == "half_pixel") return Coordinates::kHalfPixel;
  if (mode == "pytorch_half_pixel") return Coordinates::kPytorchHalfPixel;
  if (mode == "half_pixel_symmetric") return Coordinates::kHalfPixelSymmetric;
  if (mode == "align_corners") return Coordinates::kAlignCorners;
  if (mode == "asymmetric") return Coordinates::kAsymmetric;
  if (mode == "tf_half_pixel_for_nn") return Coordinates::kTfHalfPixel;
  if (mode == "tf_crop_and_resize") return Coordinates::kCropAndResize;
  return absl::UnimplementedError(absl::StrCat("coordinate_transformation_mode '", mode, "'"));
}

absl::StatusOr<Rounding> ParseRounding(const std::string& mode) {
  if (mode == "round_prefer_floor") return Rounding::kPreferFloor;
  if (mode == "round_prefer_ceil") return Rounding::kPreferCeil;
  if (mode == "floor") return Rounding::kFloor;
  if (mode == "ceil") return Rounding::kCeil;
  return absl::UnimplementedError(absl::StrCat("nearest_mode '", mode, "'"));
}

absl::StatusOr<Interpolation> ParseInterpolation(const std::string& mode) {
  if (mode == "nearest") return Interpolation::kNearest;
  if (mode == "linear") return Interpolation::kLinear;
  if (mode == "cubic") return Interpolation::kCubic;
  return absl::UnimplementedError(absl::StrCat("mode '", mode, "'"));
}

struct Axis {
  int64_t src_size, dst_size;
  double scale;
  Resampling::Region region;
};

double Position(Coordinates coordinates, const Axis& axis, int64_t dst) {
  const auto x = static_cast<double>(dst);
  const auto last_src = static_cast<double>(axis.src_size - 1);
  // Before it was rounded down to a whole one, as ONNX's reference has it.
  const double exact_dst_size = axis.scale * static_cast<double>(axis.src_size);
  const double last_dst = exact_dst_size - 1.0;
  switch (coordinates) {
    case Coordinates::kHalfPixel:
      return (x + 0.5) / axis.scale - 0.5;
    case Coordinates::kPytorchHalfPixel:
      return axis.dst_size > 1 ? (x + 0.5) / axis.scale - 0.5 : 0.0;
    case Coordinates::kHalfPixelSymmetric: {
      const double lost = 1 - static_cast<double>(axis.dst_size) / exact_dst_size;
      return 0.5 * static_cast<double>(axis.src_size) * lost + (x + 0.5) / axis.scale - 0.5;
    }
    case Coordinates::kAlignCorners:
      return axis.dst_size > 1 ? x * last_src / last_dst : 0.0;
    case Coordinates::kAsymmetric:
      // In single precision, as runtimes compute it: 7 / 0.7f is 10, not the number above it.
      return static_cast<double>(static_cast<float>(dst) / static_cast<float>(axis.scale));
    case Coordinates::kTfHalfPixel:
      return (x + 0.5) / axis.scale;
    case Coordinates::kCropAndResize: {
      const double begin = axis.region.begin, end = axis.region.end;
      if (axis.dst_size == 1) return 0.5 * (begin + end) * last_src;
      return begin * last_src + x * (end - begin) * last_src / last_dst;
    }
  }
  return 0.0;
}

double Round(Rounding rounding, double position) {
  switch (rounding) {
    case Rounding::kPreferFloor:
      return std::ceil(position - 0.5);
    case Rounding::kPreferCeil:
      return std::floor(position + 0.5);
    case Rounding::kFloor:
      return std::floor(position);
    case Rounding::kCeil:
    case Rounding::kCeilWhereSmaller:
      return std::ceil(position);
  }
  return 0.0;
}

// What an element at that distance counts.
double Kernel(const ResizeModes& modes, double distance) {
  const double t = std::fabs(distance), a = modes.cubic_coefficient;
  if (modes.interpolation == Interpolation::kLinear) return std::max(1 - t, 0.0);
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0.0;
}

// How many elements on each side of a position the kernel reaches, where it is drawn out by the
// step from one element of the dst to the next.
int64_t Reach(const ResizeModes& modes, double shrinking) {
  const double support = modes.interpolation == Interpolation::kCubic ? 2 : 1;
  return static_cast<int64_t>(std::min(std::ceil(support / shrinking), 500'000.0));
}

// The weights of the 2 * reach elements around a position, from floor(position) + 1 - reach on,
// where `rest` is what is left of the position. Those of a kernel that is drawn out sum to 1.
std::vector<double> Weights(const ResizeModes& modes, double rest, double shrinking) {
  const int64_t reach = Reach(modes, shrinking);
  std::vector<double> weights;
  double sum = 0;
  for (int64_t i = 1 - reach; i <= reach; ++i) {
    weights.push_back(Kernel(modes, (static_cast<double>(i) - rest) * shrinking));
    sum += weights.back();
  }
  if (shrinking == 1.0) return weights;
  for (double& weight : weights) weight /= sum;
  return weights;
}

// 1 for the kernels as they are, less where antialiasing draws them out.
double Shrinking(const ResizeModes& modes, double scale) {
  return modes.antialias ? std::min(scale, 1.0) : 1.0;
}

// Adds what position `at` takes to the taps.
void AddInterpolated(const ResizeModes& modes, const Axis& axis, double position, size_t at,
                     std::vector<Tap>& taps) {
  const int64_t src_size = axis.src_size;
  // A wide kernel on a whole position reaches one further to the left than to the right, as ONNX's
  // reference has it.
  const double shrinking = Shrinking(modes, axis.scale);
  const double base = shrinking < 1 ? std::ceil(position) - 1 : std::floor(position);
  std::vector<double> weights = Weights(modes, position - base, shrinking);
  const int64_t first = static_cast<int64_t>(base) + 1 - Reach(modes, shrinking);
  double sum = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const int64_t index = first + static_cast<int64_t>(i);
    if (modes.exclude_outside && (index < 0 || index >= src_size)) weights[i] = 0;
    sum += weights[i];
    taps[i].indices[at] = std::clamp<int64_t>(index, 0, src_size - 1);
  }
  const double divisor = modes.exclude_outside && sum != 0 ? sum : 1.0;
  for (size_t i = 0; i < weights.size(); ++i) {
    taps[i].weights[at] = static_cast<float>(weights[i] / divisor);
  }
}

}  // namespace

absl::StatusOr<ResizeModes> ReadResizeModes(const Node& node, int64_t opset) {
  ResizeModes modes;
  const absl::StatusOr<std::string> mode = node.String("mode", "nearest");
  HT_RETURN_IF_ERROR(mode.status());
  HT_ASSIGN_OR_RETURN(modes.interpolation, ParseInterpolation(*mode));
  if (opset < 11) {
    modes.coordinates = Coordinates::kAsymmetric;
    modes.rounding = Rounding::kCeilWhereSmaller;
    return modes;
  }
  const absl::StatusOr<std::string> coordinates =
      node.String("coordinate_transformation_mode", "half_pixel");
  HT_RETURN_IF_ERROR(coordinates.status());
  HT_ASSIGN_OR_RETURN(modes.coordinates, ParseCoordinates(*coordinates));
  const absl::StatusOr<std::string> rounding = node.String("nearest_mode", "round_prefer_floor");
  HT_RETURN_IF_ERROR(rounding.status());
  HT_ASSIGN_OR_RETURN(modes.rounding, ParseRounding(*rounding));
  HT_ASSIGN_OR_RETURN(modes.cubic_coefficient, node.Float("cubic_coeff_a", -0.75f));
  HT_ASSIGN_OR_RETURN(const int64_t excludes, node.Int("exclude_outside", 0));
  modes.exclude_outside = excludes != 0;
  HT_ASSIGN_OR_RETURN(modes.extrapolation_value, node.Float("extrapolation_value", 0.0f));
  HT_ASSIGN_OR_RETURN(const int64_t antialias, node.Int("antialias", 0));
  modes.antialias = antialias != 0;
  return modes;
}

bool Resampling::IsIdentity(int64_t src_size) const {
  if (taps.size() != 1 || !inside.empty()) return false;
  const std::vector<int64_t>& indices = taps[0].indices;
  if (static_cast<int64_t>(indices.size()) != src_size) return false;
  for (size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] != static_cast<int64_t>(i)) return false;
  }
  return true;
}

size_t TapsOf(const ResizeModes& modes, double scale) {
  if (modes.interpolation == Interpolation::kNearest) return 1;
  return static_cast<size_t>(2 * Reach(modes, Shrinking(modes, scale)));
}

Resampling Resample(const ResizeModes& modes, int64_t src_size, int64_t dst_size, double scale,
                    const Resampling::Region& region) {
  const Axis axis = {src_size, dst_size, scale, region};
  const auto count = static_cast<size_t>(dst_size);
  // Where positions are elements, they are what every interpolation gives.
  const bool copies = src_size == dst_size && scale == 1.0 &&
                      modes.coordinates != Coordinates::kTfHalfPixel &&
                      modes.coordinates != Coordinates::kCropAndResize;
  const bool grows = scale >= 1 && modes.rounding == Rounding::kCeilWhereSmaller;
  const Rounding rounding = grows ? Rounding::kFloor : modes.rounding;
  const bool nearest = copies || modes.interpolation == Interpolation::kNearest;
  Resampling resampling;
  resampling.outside_value = modes.extrapolation_value;
  const size_t taps = nearest ? 1 : TapsOf(modes, scale);
  resampling.taps.assign(taps,
                         {std::vector<int64_t>(count), std::vector<float>(nearest ? 0 : count)});
  bool all_inside = true;
  std::vector<float> inside(count, 1.0f);
  for (size_t i = 0; i < count; ++i) {
    const double position = Position(modes.coordinates, axis, static_cast<int64_t>(i));
    if (modes.coordinates == Coordinates::kCropAndResize &&
        (position < 0 || position > static_cast<double>(src_size - 1))) {
      inside[i] = 0.0f;
      all_inside = false;
    }
    // Far outside it is the border that counts; a huge region must not overflow.
    const double bounded = std::clamp(position, -4.0, static_cast<double>(src_size) + 4.0);
    if (nearest) {
      const double rounded = copies ? static_cast<double>(i) : Round(rounding, bounded);
      resampling.taps[0].indices[i] =
          std::clamp<int64_t>(static_cast<int64_t>(rounded), 0, src_size - 1);
    } else {
      AddInterpolated(modes, axis, bounded, i, resampling.taps);
    }
  }
  if (!all_inside) resampling.inside = std::move(inside);
  return resampling;
}

}  // namespace halftone
