#ifndef HALFTONE_NN_ENGINE_ONEDNN_KERNELS_QUANTIZE_KERNELS_H_
#define HALFTONE_NN_ENGINE_ONEDNN_KERNELS_QUANTIZE_KERNELS_H_

#include <cstdint>

#include "nn/engine/onednn/kernels/movement_kernels.h"
#include "nn/graph/narrow_float.h"
#include "nn/quant/uniform.h"

// What UniformQuantizer::FakeQuantize gives, bit for bit (a NaN stays NaN), in parallel. dst may be
// a source.
namespace halftone {

// One scale for `count` elements in any order.
void FakeQuantizeKernel(const UniformQuantizer& quantizer, int64_t count, const float* src,
                        float* dst);
// One scale per index of `view`'s axis.
void FakeQuantizeChannelsKernel(const UniformQuantizer& quantizer, const AxisView& view,
                                const float* src, float* dst);

// RoundToBFloat16, and NarrowFloat::Round, of each element.
void RoundToBFloat16Kernel(int64_t count, const float* src, float* dst);
void RoundToNarrowFloatKernel(const NarrowFloat& format, bool saturate, int64_t count,
                              const float* src, float* dst);

// cotangent where x lies in the range of the grid, bounds included, else 0; as above.
void FakeQuantizeGateKernel(const UniformQuantizer& quantizer, int64_t count, const float* x,
                            const float* cotangent, float* dst);
void FakeQuantizeGateChannelsKernel(const UniformQuantizer& quantizer, const AxisView& view,
                                    const float* x, const float* cotangent, float* dst);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_KERNELS_QUANTIZE_KERNELS_H_
