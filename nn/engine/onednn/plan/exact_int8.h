#ifndef HALFTONE_NN_ENGINE_ONEDNN_PLAN_EXACT_INT8_H_
#define HALFTONE_NN_ENGINE_ONEDNN_PLAN_EXACT_INT8_H_

#include "nn/graph/layer.h"
#include "nn/quant/uniform.h"

namespace halftone::plan {

// The largest magnitude of weights that this processor's 8-bit kernels multiply by unsigned sources
// and add up exactly: 128, or 64 where they add pairs of products in saturating 16 bits (x86
// without VNNI), or 0. Found by multiplying, once per process.
int LargestExactWeight();

// Whether kernels of signed sources are exact, too: without VNNI those of convolutions halve the
// weights, so that signed sources have to be stored as unsigned ones.
bool AreSignedSourcesExact();

// Whether the layer's 8-bit kernel is exact with weights of that magnitude.
bool IsExactInt8(const Layer& layer, int magnitude);

}  // namespace halftone::plan

#endif  // HALFTONE_NN_ENGINE_ONEDNN_PLAN_EXACT_INT8_H_
