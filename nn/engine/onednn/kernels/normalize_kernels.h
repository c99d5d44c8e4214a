#ifndef HALFTONE_NN_ENGINE_ONEDNN_KERNELS_NORMALIZE_KERNELS_H_
#define HALFTONE_NN_ENGINE_ONEDNN_KERNELS_NORMALIZE_KERNELS_H_

#include <cstdint>

// Normalization of the rows of a matrix in C order (nn/engine/ops/normalize.h), in parallel. Sums
// are accumulated in double precision. dst may be a source.
namespace halftone {

void NormalizeKernel(int64_t rows, int64_t columns, float epsilon, const float* src, float* dst,
                     float* inverse);
void NormalizeBackwardKernel(int64_t rows, int64_t columns, const float* diff, const float* y,
                             const float* inverse, float* dst);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_KERNELS_NORMALIZE_KERNELS_H_
