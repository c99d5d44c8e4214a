#ifndef HALFTONE_NN_QUANT_RANGE_SEARCH_H_
#define HALFTONE_NN_QUANT_RANGE_SEARCH_H_

#include <functional>

#include "absl/status/statusor.h"
#include "nn/quant/uniform.h"

namespace halftone {

// The squared error of all values under a quantizer of one scale.
using SquaredErrorFunction = std::function<double(const UniformQuantizer&)>;

// Searches the range within `extremes` whose quantizer has the least `squared_error`. Both ends
// move together when symmetric; when asymmetric they are searched in turn, and an end at 0 stays.
// Signed: the level more is tried on both sides, and reaches past an extreme where it is.
// Clipping thresholds are tried on a grid, then between the neighbours of the best by golden
// section. Deterministic. INVALID_ARGUMENT for bits that no quantizer has.
absl::StatusOr<Range> SearchRange(const Range& extremes, int bits, Symmetry symmetry,
                                  const SquaredErrorFunction& squared_error);

// The range for which UniformQuantizer makes a quantizer of 2 to 7 bits that is kSymmetricSigned,
// with a scale that reaches `end` (> 0) without the level more: positive, or negative if `turned`.
Range SignedRange(double end, int bits, bool turned);

// The binary quantizer of least squared error has the mean magnitude as its scale (Rastegari et
// al. 2016, XNOR-Net, equation 6): no search is needed.
Range BinaryRange(double mean_magnitude);

}  // namespace halftone

#endif  // HALFTONE_NN_QUANT_RANGE_SEARCH_H_
