#ifndef HALFTONE_NN_ENGINE_PIECEWISE_LINEAR_H_
#define HALFTONE_NN_ENGINE_PIECEWISE_LINEAR_H_

#include <vector>

#include "absl/types/span.h"
#include "nn/engine/program.h"

namespace halftone {

// For each value of `wrt` by itself, all else held: whether the ops show every value of `dsts` to
// be a piecewise linear function of it, so that its second derivative is zero wherever it exists.
// Rectifiers, maxima, pooling, and products with what does not depend on the value keep that;
// products of two values that both do, and smooth functions (softmax, sigmoid, erf, powers), do
// not. `false` means "not shown": x * x / x is not seen through.
std::vector<bool> PiecewiseLinearIn(const Program& program, absl::Span<const ValueId> wrt,
                                    absl::Span<const ValueId> dsts);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_PIECEWISE_LINEAR_H_
