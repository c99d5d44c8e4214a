#ifndef HALFTONE_NN_QUANT_WEIGHT_CHANNELS_H_
#define HALFTONE_NN_QUANT_WEIGHT_CHANNELS_H_

#include <vector>

#include "absl/status/status.h"
#include "nn/graph/tensor.h"

namespace halftone {

// INVALID_ARGUMENT for weights that are not float32 or not finite, or an axis (-1: none) that they
// have not.
absl::Status CheckWeights(const Tensor& weights, int axis);

// The values of each index of `axis` (all values for -1), in order.
std::vector<std::vector<float>> SplitWeights(const Tensor& weights, int axis);

}  // namespace halftone

#endif  // HALFTONE_NN_QUANT_WEIGHT_CHANNELS_H_
