#ifndef HALFTONE_NN_QUANT_CALIBRATE_BY_RESULT_H_
#define HALFTONE_NN_QUANT_CALIBRATE_BY_RESULT_H_

#include "absl/status/statusor.h"
#include "base/cancellation.h"
#include "nn/graph/tensor.h"
#include "nn/quant/source_moments.h"
#include "nn/quant/uniform.h"

namespace halftone {

// Whether CalibrateWeightsByResult knows these weights: symmetric, with a scale for each
// channel, whose other elements are what the moments speak of.
bool FitsMoments(const Tensor& weights, int bits, Symmetry symmetry, int axis,
                 const SourceMoments& moments);

// The quantizer of a weight tensor (float32) with one scale per index of `axis`, the output
// channels, in `moments.groups` groups of equally many: each of least ChannelError (`keeps_mean`:
// no bias takes the mean error off). Scales on a grid, of both signs where they may have either,
// are ordered by its estimate; the best ones are weighed by all of it, and moved to where their own
// integers fit best. Deterministic.
// INVALID_ARGUMENT as CalibrateWeights, and for weights that do not fit; CANCELLED within one
// channel.
absl::StatusOr<UniformQuantizer> CalibrateWeightsByResult(const Tensor& weights, int bits,
                                                          Symmetry symmetry, int axis,
                                                          const SourceMoments& moments,
                                                          bool keeps_mean,
                                                          const Cancellation& cancellation = {});

}  // namespace halftone

#endif  // HALFTONE_NN_QUANT_CALIBRATE_BY_RESULT_H_
