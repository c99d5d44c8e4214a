#ifndef HALFTONE_NN_QUANT_WEIGHT_BYTES_H_
#define HALFTONE_NN_QUANT_WEIGHT_BYTES_H_

#include "nn/graph/layer.h"
#include "nn/quant/precision.h"

namespace halftone {

// The size of a layer in a model file: weights packed by their own bits, 4 bytes per bias, and 4
// per scale (one per output channel) where the weights are integers. 0 where both sources are
// activations.
double PackedWeightBytes(const Layer& layer, const Precision& precision);

// Those of its bias, in float32, which are part of that. 0 where there is none.
double BiasBytes(const Layer& layer);

}  // namespace halftone

#endif  // HALFTONE_NN_QUANT_WEIGHT_BYTES_H_
