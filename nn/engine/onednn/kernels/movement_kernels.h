#ifndef HALFTONE_NN_ENGINE_ONEDNN_KERNELS_MOVEMENT_KERNELS_H_
#define HALFTONE_NN_ENGINE_ONEDNN_KERNELS_MOVEMENT_KERNELS_H_

#include <cstdint>
#include <vector>

#include "nn/engine/onednn/kernels/strided.h"
#include "nn/graph/shape.h"

// Kernels that move elements, in parallel.
namespace halftone {

void FillKernel(float value, int64_t count, float* dst);
// dst[..] = src[..]; operands: dst, src.
void CopyKernel(const StridedLoop<2>& loop, const float* src, float* dst);

// A tensor in C order seen from one of its axes.
struct AxisView {
  int64_t outer = 1;
  int64_t size = 1;  // of the axis
  int64_t inner = 1;
};
AxisView ViewOf(const Shape& shape, int axis);
// dst[o, i, n] = src[o, indices[i], n]; `src` describes src.
void IndexSelectKernel(const AxisView& src_view, const std::vector<int64_t>& indices,
                       const float* src, float* dst);
// dst = 0; dst[o, indices[i], n] += src[o, i, n]; `dst_view` describes dst.
void IndexAddKernel(const AxisView& dst_view, const std::vector<int64_t>& indices, const float* src,
                    float* dst);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_KERNELS_MOVEMENT_KERNELS_H_
