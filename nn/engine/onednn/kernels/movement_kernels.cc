#include "nn/engine/onednn/kernels/movement_kernels.h"

#include <algorithm>
#include <cstring>

namespace halftone {
namespace {

void CopyRow(int64_t count, const float* src, int64_t src_stride, float* dst, int64_t dst_stride) {
  if (src_stride == 1 && dst_stride == 1) {
    std::memmove(dst, src, static_cast<size_t>(count) * sizeof(float));
  } else if (src_stride == 0 && dst_stride == 1) {
    std::fill(dst, dst + count, *src);
  } else {
    for (int64_t i = 0; i < count; ++i) dst[i * dst_stride] = src[i * src_stride];
  }
}

int64_t RowGrain(int64_t row) {
  return std::max<int64_t>(1, kParallelGrain / std::max<int64_t>(row, 1));
}

}  // namespace

void FillKernel(float value, int64_t count, float* dst) {
  ParallelFor(count, kParallelGrain,
              [&](int64_t begin, int64_t end) { std::fill(dst + begin, dst + end, value); });
}

void CopyKernel(const StridedLoop<2>& loop, const float* src, float* dst) {
  const auto& strides = loop.axes.back().strides;
  RunStrided(loop, [&](int64_t count, const StridedLoop<2>::Offsets& offsets) {
    CopyRow(count, src + offsets[1], strides[1], dst + offsets[0], strides[0]);
  });
}

AxisView ViewOf(const Shape& shape, int axis) {
  AxisView view;
  for (int i = 0; i < axis; ++i) view.outer *= shape.dim(i);
  view.size = shape.dim(axis);
  for (int i = axis + 1; i < shape.rank(); ++i) view.inner *= shape.dim(i);
  return view;
}

void IndexSelectKernel(const AxisView& src_view, const std::vector<int64_t>& indices,
                       const float* src, float* dst) {
  const auto count = static_cast<int64_t>(indices.size());
  const int64_t inner = src_view.inner;
  ParallelFor(src_view.outer * count, RowGrain(inner), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t index = indices[static_cast<size_t>(row % count)];
      const float* from = src + ((row / count) * src_view.size + index) * inner;
      std::copy(from, from + inner, dst + row * inner);
    }
  });
}

void IndexAddKernel(const AxisView& dst_view, const std::vector<int64_t>& indices, const float* src,
                    float* dst) {
  const auto count = static_cast<int64_t>(indices.size());
  const int64_t inner = dst_view.inner;
  ParallelFor(dst_view.outer, RowGrain(count * inner), [&](int64_t begin, int64_t end) {
    for (int64_t outer = begin; outer < end; ++outer) {
      float* block = dst + outer * dst_view.size * inner;
      std::fill(block, block + dst_view.size * inner, 0.0f);
      for (int64_t i = 0; i < count; ++i) {
        const float* from = src + (outer * count + i) * inner;
        float* to = block + indices[static_cast<size_t>(i)] * inner;
        for (int64_t n = 0; n < inner; ++n) to[n] += from[n];
      }
    }
  });
}

}  // namespace halftone
