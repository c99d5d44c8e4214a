#include "nn/engine/onednn/kernels/quantize_kernels.h"

#include <algorithm>

#include "nn/quant/bfloat16.h"
#include "nn/quant/round_level.h"

namespace halftone {
namespace {

// The quantizer of one channel; levels are counted from the zero point.
struct Grid {
  float scale;
  float low;
  float high;
};

Grid GridOf(const UniformQuantizer& quantizer, int64_t channel) {
  const auto index = static_cast<size_t>(channel);
  const int32_t zero_point = quantizer.zero_points[index];
  return {quantizer.scales[index], static_cast<float>(quantizer.qmin - zero_point),
          static_cast<float>(quantizer.qmax - zero_point)};
}

bool IsBinary(const UniformQuantizer& quantizer) {
  return quantizer.bits == 1 && quantizer.symmetry != Symmetry::kAsymmetric;
}

// Adding 0 turns a rounded -0 into the 0 that the integer stands for.
HT_TARGET_CLONES void RoundToGrid(const Grid& grid, int64_t count, const float* src, float* dst) {
  const Grid g = grid;
  for (int64_t i = 0; i < count; ++i) {
    dst[i] = g.scale * (RoundLevel(src[i] / g.scale, g.low, g.high) + 0.0f);
  }
}

HT_TARGET_CLONES void RoundToSign(const Grid& grid, int64_t count, const float* src, float* dst) {
  const float scale = grid.scale;
  for (int64_t i = 0; i < count; ++i) dst[i] = src[i] < 0 ? -scale : scale;
}

HT_TARGET_CLONES void GateToGrid(const Grid& grid, int64_t count, const float* x,
                                 const float* cotangent, float* dst) {
  const float a = grid.scale * grid.low;
  const float b = grid.scale * grid.high;
  const float lower = std::min(a, b);  // a scale may be negative
  const float upper = std::max(a, b);
  for (int64_t i = 0; i < count; ++i) {
    dst[i] = ((lower <= x[i]) & (x[i] <= upper)) ? cotangent[i] : 0.0f;
  }
}

HT_TARGET_CLONES void RoundEach(int64_t count, const float* src, float* dst) {
  for (int64_t i = 0; i < count; ++i) dst[i] = RoundToBFloat16(src[i]);
}

// Calls row(grid, offset, count) for pieces whose elements share a scale.
template <typename Row>
void ForEachChannelRow(const UniformQuantizer& quantizer, const AxisView& view, const Row& row) {
  const int64_t grain = std::max<int64_t>(1, kParallelGrain / std::max<int64_t>(view.inner, 1));
  ParallelFor(view.outer * view.size, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      row(GridOf(quantizer, i % view.size), i * view.inner, view.inner);
    }
  });
}

}  // namespace

void FakeQuantizeKernel(const UniformQuantizer& quantizer, int64_t count, const float* src,
                        float* dst) {
  const Grid grid = GridOf(quantizer, 0);
  const auto round = IsBinary(quantizer) ? RoundToSign : RoundToGrid;
  ParallelFor(count, kParallelGrain, [&](int64_t begin, int64_t end) {
    round(grid, end - begin, src + begin, dst + begin);
  });
}

void FakeQuantizeChannelsKernel(const UniformQuantizer& quantizer, const AxisView& view,
                                const float* src, float* dst) {
  const auto round = IsBinary(quantizer) ? RoundToSign : RoundToGrid;
  ForEachChannelRow(quantizer, view, [&](const Grid& grid, int64_t offset, int64_t count) {
    round(grid, count, src + offset, dst + offset);
  });
}

void RoundToBFloat16Kernel(int64_t count, const float* src, float* dst) {
  ParallelFor(count, kParallelGrain, [&](int64_t begin, int64_t end) {
    RoundEach(end - begin, src + begin, dst + begin);
  });
}

void RoundToNarrowFloatKernel(const NarrowFloat& format, bool saturate, int64_t count,
                              const float* src, float* dst) {
  ParallelFor(count, kParallelGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      dst[i] = static_cast<float>(format.Round(static_cast<double>(src[i]), saturate));
    }
  });
}

void FakeQuantizeGateKernel(const UniformQuantizer& quantizer, int64_t count, const float* x,
                            const float* cotangent, float* dst) {
  const Grid grid = GridOf(quantizer, 0);
  ParallelFor(count, kParallelGrain, [&](int64_t begin, int64_t end) {
    GateToGrid(grid, end - begin, x + begin, cotangent + begin, dst + begin);
  });
}

void FakeQuantizeGateChannelsKernel(const UniformQuantizer& quantizer, const AxisView& view,
                                    const float* x, const float* cotangent, float* dst) {
  ForEachChannelRow(quantizer, view, [&](const Grid& grid, int64_t offset, int64_t count) {
    GateToGrid(grid, count, x + offset, cotangent + offset, dst + offset);
  });
}

}  // namespace halftone
