#ifndef HALFTONE_NN_ENGINE_LOWERING_RESAMPLING_H_
#define HALFTONE_NN_ENGINE_LOWERING_RESAMPLING_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/graph/graph.h"

namespace halftone {

// How a Resize maps positions of the dst to positions of the src (ONNX's
// coordinate_transformation_mode) and what it takes from there.
struct ResizeModes {
  enum class Coordinates {
    kHalfPixel,
    kPytorchHalfPixel,
    kHalfPixelSymmetric,  // around the center of the size before it was rounded to a whole one
    kAlignCorners,
    kAsymmetric,
    kTfHalfPixel,   // tf_half_pixel_for_nn, opset 11 and 12
    kCropAndResize  // tf_crop_and_resize: of a region of interest
  };
  enum class Interpolation { kNearest, kLinear, kCubic };
  enum class Rounding { kPreferFloor, kPreferCeil, kFloor, kCeil, kCeilWhereSmaller };
  Coordinates coordinates = Coordinates::kHalfPixel;
  Interpolation interpolation = Interpolation::kNearest;
  Rounding rounding = Rounding::kPreferFloor;  // of the nearest
  float cubic_coefficient = -0.75f;            // Keys (1981)
  bool exclude_outside = false;                // beyond the border weights are 0
  // Where the dst is smaller, the linear and cubic kernels are as wide as the step from one of its
  // elements to the next, so that no element of the src goes unseen.
  bool antialias = false;
  float extrapolation_value = 0.0f;  // outside of a region's source
};

// UNIMPLEMENTED names a mode that is not known. Opset 10 has only `mode`: its Resize is asymmetric,
// and the nearest element is not said. As ONNX Runtime has it, it is rounded up along axes that
// become smaller, and down along others.
absl::StatusOr<ResizeModes> ReadResizeModes(const Node& node, int64_t opset);

// What each position of an axis of the dst takes from the src.
struct Resampling {
  // Part of the axis, in parts of its length.
  struct Region {
    float begin = 0.0f;
    float end = 1.0f;
  };
  // One element of the src for each position, times a weight; no weights: all are 1.
  struct Tap {
    std::vector<int64_t> indices;  // in [0, src_size)
    std::vector<float> weights;
  };
  std::vector<Tap> taps;
  // 1 where the position lies on the src, 0 where it has `outside_value`; empty: all lie there.
  std::vector<float> inside;
  float outside_value = 0.0f;

  // Whether the dst is a src of that size.
  bool IsIdentity(int64_t src_size) const;
};

// How many elements of the src an interpolated position takes: more the further `scale` is below 1
// with antialiasing. A million stands for more.
size_t TapsOf(const ResizeModes& modes, double scale);

// Of an axis of `src_size` >= 1 elements; `region` counts in kCropAndResize.
Resampling Resample(const ResizeModes& modes, int64_t src_size, int64_t dst_size, double scale,
                    const Resampling::Region& region);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_LOWERING_RESAMPLING_H_
