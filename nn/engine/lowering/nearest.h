#ifndef HALFTONE_NN_ENGINE_LOWERING_NEAREST_H_
#define HALFTONE_NN_ENGINE_LOWERING_NEAREST_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/graph/graph.h"

namespace halftone {

// How a Resize to the nearest neighbour maps positions of the dst to positions of the src (ONNX's
// coordinate_transformation_mode) and rounds them (nearest_mode).
struct NearestModes {
  enum class Coordinates {
    kHalfPixel,
    kPytorchHalfPixel,
    kAlignCorners,
    kAsymmetric,
    kTfHalfPixel,  // tf_half_pixel_for_nn, opset 11 and 12
  };
  enum class Rounding { kPreferFloor, kPreferCeil, kFloor, kCeil };
  Coordinates coordinates = Coordinates::kHalfPixel;
  Rounding rounding = Rounding::kPreferFloor;
};

// UNIMPLEMENTED names a mode that is not known. Opset 10 has neither attribute: its Resize is
// asymmetric and takes the floor.
absl::StatusOr<NearestModes> ReadNearestModes(const Node& node, int64_t opset);

// For each of `dst_size` positions the index in [0, src_size) that it shows.
std::vector<int64_t> NearestIndices(const NearestModes& modes, int64_t src_size, int64_t dst_size,
                                    double scale);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_LOWERING_NEAREST_H_
