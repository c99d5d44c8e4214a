#ifndef HALFTONE_NN_ENGINE_ONEDNN_KERNELS_MAX_POOL_KERNELS_H_
#define HALFTONE_NN_ENGINE_ONEDNN_KERNELS_MAX_POOL_KERNELS_H_

#include <array>
#include <cstdint>

#include "nn/engine/ops/checks.h"
#include "nn/graph/shape.h"

// Max pooling, in parallel over planes. The element that counts is the first of the largest, in the
// order of the window.
namespace halftone {

// A pooling window of spatial rank 1 to 3, told for rank 3, on tensors that lie in memory as
// [planes, spatial axes, lanes]: C order has batch times channels planes of one lane, and layouts
// with channels behind the spatial axes have as many lanes as there are channels side by side.
struct PoolGeometry {
  int64_t planes = 1;
  int64_t lanes = 1;
  std::array<int64_t, 3> src{1, 1, 1};
  std::array<int64_t, 3> dst{1, 1, 1};
  std::array<int64_t, 3> kernel{1, 1, 1};
  std::array<int64_t, 3> strides{1, 1, 1};
  std::array<int64_t, 3> dilations{1, 1, 1};
  std::array<int64_t, 3> pads{0, 0, 0};

  // `channels`: with the padding of a blocked layout; divides by `lanes`.
  PoolGeometry(const Shape& src_shape, const Shape& dst_shape, const PoolWindow& window,
               int64_t channels, int64_t lanes);
};

void MaxPoolKernel(const PoolGeometry& pool, const float* src, float* dst);
void MaxPoolScatterKernel(const PoolGeometry& pool, const float* diff_dst, const float* src,
                          float* diff_src);
void MaxPoolGatherKernel(const PoolGeometry& pool, const float* tensor, const float* src,
                         float* dst);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_KERNELS_MAX_POOL_KERNELS_H_
