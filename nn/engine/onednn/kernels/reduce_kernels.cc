#include "nn/engine/onednn/kernels/reduce_kernels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "nn/engine/onednn/kernels/parallel.h"

namespace halftone {
namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();
// Columns that one pass accumulates side by side.
constexpr int64_t kTile = 64;
// Independent partial sums of a row: as many as keep vector units busy, and always the same number,
// so that the order of additions is fixed.
constexpr int kLanes = 32;

HT_TARGET_CLONES double SumRow(int64_t count, const float* src) {
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] += src[i + lane];
  }
  double sum = 0;
  for (; i < count; ++i) sum += src[i];
  for (double lane : lanes) sum += lane;
  return sum;
}

HT_TARGET_CLONES double DotRow(int64_t count, const float* a, const float* b) {
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] += double{a[i + lane]} * b[i + lane];
  }
  double sum = 0;
  for (; i < count; ++i) sum += double{a[i]} * b[i];
  for (double lane : lanes) sum += lane;
  return sum;
}

HT_TARGET_CLONES float MaxRow(int64_t count, const float* src) {
  float largest = kLowest;
  for (int64_t i = 0; i < count; ++i) largest = src[i] > largest ? src[i] : largest;
  return largest;
}

HT_TARGET_CLONES void AddToTile(int64_t count, const float* src, double* tile) {
  for (int64_t i = 0; i < count; ++i) tile[i] += src[i];
}

HT_TARGET_CLONES void MaxToTile(int64_t count, const float* src, float* tile) {
  for (int64_t i = 0; i < count; ++i) tile[i] = src[i] > tile[i] ? src[i] : tile[i];
}

// The offset of the index-th element of a nest of loops.
template <typename Loops>
int64_t Offset(const Loops& loops, int64_t index) {
  int64_t offset = 0;
  for (size_t i = loops.size(); i-- > 0;) {
    offset += index % loops[i].size * loops[i].stride;
    index /= loops[i].size;
  }
  return offset;
}

}  // namespace

ReduceKernel::ReduceKernel(ReduceFunction function, const std::vector<ReduceAxis>& axes)
    : function_(function) {
  std::vector<ReduceAxis> joined;
  for (const ReduceAxis& axis : axes) {
    if (axis.size == 1) continue;
    if (!joined.empty() && joined.back().reduced == axis.reduced) {
      joined.back().size *= axis.size;
    } else {
      joined.push_back(axis);
    }
  }
  if (joined.empty()) joined.push_back({1, true});
  inner_ = joined.back().size;
  inner_reduced_ = joined.back().reduced;
  int64_t stride = inner_;
  for (size_t i = joined.size() - 1; i-- > 0;) {
    std::vector<Loop>& loops = joined[i].reduced ? reduced_ : kept_;
    (joined[i].reduced ? reduced_size_ : kept_size_) *= joined[i].size;
    loops.insert(loops.begin(), {joined[i].size, stride});
    stride *= joined[i].size;
  }
}

void ReduceKernel::Run(const float* src, float* dst) const {
  if (inner_reduced_) {
    ReduceRows(src, dst);
  } else {
    ReduceColumns(src, dst);
  }
}

void ReduceKernel::ReduceRows(const float* src, float* dst) const {
  const int64_t work = std::max<int64_t>(1, reduced_size_ * inner_);
  ParallelFor(
      kept_size_, std::max<int64_t>(1, kParallelGrain / work), [&](int64_t begin, int64_t end) {
        for (int64_t index = begin; index < end; ++index) {
          const float* base = src + Offset(kept_, index);
          double sum = 0;
          float largest = kLowest;
          for (int64_t i = 0; i < reduced_size_; ++i) {
            const float* row = base + Offset(reduced_, i);
            if (function_ == ReduceFunction::kSum) {
              sum += SumRow(inner_, row);
            } else {
              largest = std::max(largest, MaxRow(inner_, row));
            }
          }
          dst[index] = function_ == ReduceFunction::kSum ? static_cast<float>(sum) : largest;
        }
      });
}

void ReduceKernel::ReduceColumns(const float* src, float* dst) const {
  const int64_t tiles = (inner_ + kTile - 1) / kTile;
  const int64_t work = std::max<int64_t>(1, reduced_size_ * std::min(inner_, kTile));
  ParallelFor(kept_size_ * tiles, std::max<int64_t>(1, kParallelGrain / work),
              [&](int64_t begin, int64_t end) {
                for (int64_t index = begin; index < end; ++index) {
                  const int64_t kept = index / tiles;
                  const int64_t column = index % tiles * kTile;
                  const int64_t count = std::min(kTile, inner_ - column);
                  const float* base = src + Offset(kept_, kept) + column;
                  float* out = dst + kept * inner_ + column;
                  if (function_ == ReduceFunction::kSum) {
                    std::array<double, kTile> tile{};
                    for (int64_t i = 0; i < reduced_size_; ++i) {
                      AddToTile(count, base + Offset(reduced_, i), tile.data());
                    }
                    for (int64_t i = 0; i < count; ++i) {
                      out[i] = static_cast<float>(tile[static_cast<size_t>(i)]);
                    }
                  } else {
                    std::fill(out, out + count, kLowest);
                    for (int64_t i = 0; i < reduced_size_; ++i) {
                      MaxToTile(count, base + Offset(reduced_, i), out);
                    }
                  }
                }
              });
}

void InnerProductKernel(int64_t rows, int64_t columns, const float* a, const float* b, float* dst) {
  ParallelFor(rows, std::max<int64_t>(1, kParallelGrain / std::max<int64_t>(columns, 1)),
              [&](int64_t begin, int64_t end) {
                for (int64_t row = begin; row < end; ++row) {
                  dst[row] =
                      static_cast<float>(DotRow(columns, a + row * columns, b + row * columns));
                }
              });
}

void LogSoftmaxKernel(int64_t outer, int64_t size, int64_t inner, const float* src, float* dst) {
  if (size == 0) return;
  const int64_t grain = std::max<int64_t>(1, kParallelGrain / (16 * size));
  ParallelFor(outer * inner, grain, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      const int64_t offset = index / inner * size * inner + index % inner;
      int64_t largest = 0;
      for (int64_t i = 1; i < size; ++i) {
        if (src[offset + i * inner] > src[offset + largest * inner]) largest = i;
      }
      const double maximum = src[offset + largest * inner];
      double others = 0;
      for (int64_t i = 0; i < size; ++i) {
        if (i != largest) others += std::exp(src[offset + i * inner] - maximum);
      }
      const double log_sum = std::log1p(others);
      for (int64_t i = 0; i < size; ++i) {
        dst[offset + i * inner] = static_cast<float>(src[offset + i * inner] - maximum - log_sum);
      }
    }
  });
}

}  // namespace halftone
