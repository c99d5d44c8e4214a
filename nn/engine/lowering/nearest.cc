#include "nn/engine/lowering/nearest.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

using Coordinates = NearestModes::Coordinates;
using Rounding = NearestModes::Rounding;

absl::StatusOr<Coordinates> ParseCoordinates(const std::string& mode) {
  if (mode == "half_pixel") return Coordinates::kHalfPixel;
  if (mode == "pytorch_half_pixel") return Coordinates::kPytorchHalfPixel;
  if (mode == "align_corners") return Coordinates::kAlignCorners;
  if (mode == "asymmetric") return Coordinates::kAsymmetric;
  if (mode == "tf_half_pixel_for_nn") return Coordinates::kTfHalfPixel;
  return absl::UnimplementedError(absl::StrCat("coordinate_transformation_mode '", mode, "'"));
}

absl::StatusOr<Rounding> ParseRounding(const std::string& mode) {
  if (mode == "round_prefer_floor") return Rounding::kPreferFloor;
  if (mode == "round_prefer_ceil") return Rounding::kPreferCeil;
  if (mode == "floor") return Rounding::kFloor;
  if (mode == "ceil") return Rounding::kCeil;
  return absl::UnimplementedError(absl::StrCat("nearest_mode '", mode, "'"));
}

double Position(Coordinates coordinates, int64_t dst, int64_t src_size, int64_t dst_size,
                double scale) {
  const auto x = static_cast<double>(dst);
  switch (coordinates) {
    case Coordinates::kHalfPixel:
      return (x + 0.5) / scale - 0.5;
    case Coordinates::kPytorchHalfPixel:
      return dst_size > 1 ? (x + 0.5) / scale - 0.5 : 0.0;
    case Coordinates::kAlignCorners:
      if (dst_size == 1) return 0.0;
      return x * static_cast<double>(src_size - 1) / static_cast<double>(dst_size - 1);
    case Coordinates::kAsymmetric:
      return x / scale;
    case Coordinates::kTfHalfPixel:
      return (x + 0.5) / scale;
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
      return std::ceil(position);
  }
  return 0.0;
}

}  // namespace

absl::StatusOr<NearestModes> ReadNearestModes(const Node& node, int64_t opset) {
  if (opset < 11) return NearestModes{Coordinates::kAsymmetric, Rounding::kFloor};
  NearestModes modes;
  HT_ASSIGN_OR_RETURN(std::string coordinates,
                      node.String("coordinate_transformation_mode", "half_pixel"));
  HT_ASSIGN_OR_RETURN(modes.coordinates, ParseCoordinates(coordinates));
  HT_ASSIGN_OR_RETURN(std::string rounding, node.String("nearest_mode", "round_prefer_floor"));
  HT_ASSIGN_OR_RETURN(modes.rounding, ParseRounding(rounding));
  return modes;
}

std::vector<int64_t> NearestIndices(const NearestModes& modes, int64_t src_size, int64_t dst_size,
                                    double scale) {
  std::vector<int64_t> indices(static_cast<size_t>(dst_size));
  for (int64_t i = 0; i < dst_size; ++i) {
    const double position = Position(modes.coordinates, i, src_size, dst_size, scale);
    const double rounded = Round(modes.rounding, position);
    indices[static_cast<size_t>(i)] =
        std::clamp<int64_t>(static_cast<int64_t>(rounded), 0, src_size - 1);
  }
  return indices;
}

}  // namespace halftone
