#ifndef HALFTONE_NN_GRAPH_OPERATORS_SIGNAL_H_
#define HALFTONE_NN_GRAPH_OPERATORS_SIGNAL_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "nn/graph/operators/operator.h"

namespace halftone {

// A discrete Fourier transform along one axis of values [.., 1] that are real, or [.., 2] complex.
struct FourierTransform {
  int axis = 1;
  int64_t length = 0;   // of the transform; the source is cut to it, or filled up with zeros
  int64_t results = 0;  // frequencies, or samples of an inverse
  int64_t parts = 1;    // of a source's value: 1 or 2
  int64_t result_parts = 2;
  bool inverse = false;
  // Of an inverse: the source has the frequencies up to half of `length`, the results are real.
  bool of_one_side = false;
};
absl::StatusOr<FourierTransform> ResolveDft(const NodeContext& context);

// Transforms of frames of a signal [N, samples] or [N, samples, parts].
struct FramedTransform {
  int64_t frames = 0;
  int64_t step = 1;
  FourierTransform transform;  // of each frame
};
absl::StatusOr<FramedTransform> ResolveStft(const NodeContext& context);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_OPERATORS_SIGNAL_H_
