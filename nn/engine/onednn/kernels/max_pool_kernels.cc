#include "nn/engine/onednn/kernels/max_pool_kernels.h"

#include <algorithm>

#include "nn/engine/onednn/kernels/parallel.h"

namespace halftone {
namespace {

// The kernel positions [begin, end) of one window that lie inside of src on one axis.
struct Reach {
  int64_t origin;  // of kernel position 0, in src
  int64_t begin;
  int64_t end;
};

Reach ReachOf(const PoolGeometry& pool, size_t axis, int64_t position) {
  const int64_t dilation = pool.dilations[axis];
  const int64_t origin = position * pool.strides[axis] - pool.pads[axis];
  const int64_t begin = origin < 0 ? (-origin + dilation - 1) / dilation : 0;
  const int64_t inside = pool.src[axis] - origin;
  const int64_t end =
      inside <= 0 ? 0 : std::min(pool.kernel[axis], (inside + dilation - 1) / dilation);
  return {origin, begin, end};
}

// The offset of the window's first largest element in a plane of src; -1 for an empty window.
int64_t FindMaximum(const PoolGeometry& pool, const float* plane,
                    const std::array<Reach, 3>& reach) {
  int64_t best = -1;
  for (int64_t d = reach[0].begin; d < reach[0].end; ++d) {
    const int64_t depth = (reach[0].origin + d * pool.dilations[0]) * pool.src[1];
    for (int64_t h = reach[1].begin; h < reach[1].end; ++h) {
      const int64_t row = (depth + reach[1].origin + h * pool.dilations[1]) * pool.src[2];
      for (int64_t w = reach[2].begin; w < reach[2].end; ++w) {
        const int64_t offset = row + reach[2].origin + w * pool.dilations[2];
        if (best < 0 || plane[offset] > plane[best]) best = offset;
      }
    }
  }
  return best;
}

int64_t Volume(const std::array<int64_t, 3>& sizes) { return sizes[0] * sizes[1] * sizes[2]; }

// Calls visit(place in a plane of dst, place in a plane of src) for every window of a plane.
template <typename Visit>
void ForEachMaximum(const PoolGeometry& pool, const float* plane, const Visit& visit) {
  int64_t place = 0;
  for (int64_t d = 0; d < pool.dst[0]; ++d) {
    for (int64_t h = 0; h < pool.dst[1]; ++h) {
      std::array<Reach, 3> reach{ReachOf(pool, 0, d), ReachOf(pool, 1, h), Reach{}};
      for (int64_t w = 0; w < pool.dst[2]; ++w, ++place) {
        reach[2] = ReachOf(pool, 2, w);
        if (const int64_t best = FindMaximum(pool, plane, reach); best >= 0) visit(place, best);
      }
    }
  }
}

template <typename Visit>
void ForEachPlane(const PoolGeometry& pool, const Visit& visit) {
  const int64_t work = std::max<int64_t>(1, Volume(pool.dst) * Volume(pool.kernel));
  ParallelFor(pool.planes, std::max<int64_t>(1, kParallelGrain / work),
              [&](int64_t begin, int64_t end) {
                for (int64_t plane = begin; plane < end; ++plane) visit(plane);
              });
}

}  // namespace

PoolGeometry::PoolGeometry(const Shape& src_shape, const Shape& dst_shape, const PoolWindow& window)
    : planes(src_shape.dim(0) * src_shape.dim(1)) {
  const auto axes = static_cast<size_t>(src_shape.rank() - 2);
  for (size_t i = 0; i < axes; ++i) {
    const size_t axis = i + 3 - axes;
    src[axis] = src_shape.dim(static_cast<int>(i) + 2);
    dst[axis] = dst_shape.dim(static_cast<int>(i) + 2);
    kernel[axis] = window.kernel[i];
    strides[axis] = window.strides[i];
    dilations[axis] = window.dilations[i];
    pads[axis] = window.pads_begin[i];
  }
}

void MaxPoolKernel(const PoolGeometry& pool, const float* src, float* dst) {
  MaxPoolGatherKernel(pool, src, src, dst);
}

void MaxPoolScatterKernel(const PoolGeometry& pool, const float* diff_dst, const float* src,
                          float* diff_src) {
  const int64_t src_size = Volume(pool.src), dst_size = Volume(pool.dst);
  ForEachPlane(pool, [&](int64_t plane) {
    float* to = diff_src + plane * src_size;
    const float* from = diff_dst + plane * dst_size;
    std::fill(to, to + src_size, 0.0f);
    ForEachMaximum(pool, src + plane * src_size,
                   [&](int64_t place, int64_t best) { to[best] += from[place]; });
  });
}

void MaxPoolGatherKernel(const PoolGeometry& pool, const float* tensor, const float* src,
                         float* dst) {
  const int64_t src_size = Volume(pool.src), dst_size = Volume(pool.dst);
  ForEachPlane(pool, [&](int64_t plane) {
    const float* from = tensor + plane * src_size;
    float* to = dst + plane * dst_size;
    ForEachMaximum(pool, src + plane * src_size,
                   [&](int64_t place, int64_t best) { to[place] = from[best]; });
  });
}

}  // namespace halftone
