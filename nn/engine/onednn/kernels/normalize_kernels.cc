#include "nn/engine/onednn/kernels/normalize_kernels.h"

#include <algorithm>
#include <cmath>

#include "nn/engine/onednn/kernels/parallel.h"

namespace halftone {
namespace {

// Independent partial sums of a row, always the same number: the order of additions is fixed.
constexpr int kLanes = 16;

// The sum of term(i) over [0, count).
template <typename Term>
[[gnu::always_inline]] inline double Sum(int64_t count, Term term) {
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] += term(i + lane);
  }
  double sum = 0;
  for (; i < count; ++i) sum += term(i);
  for (const double lane : lanes) sum += lane;
  return sum;
}

HT_TARGET_CLONES float NormalizeRow(int64_t count, float epsilon, const float* src, float* dst) {
  const auto size = static_cast<double>(count);
  const double mean = Sum(count, [=](int64_t i) { return double{src[i]}; }) / size;
  const double variance = Sum(count,
                              [=](int64_t i) {
                                const double d = src[i] - mean;
                                return d * d;
                              }) /
                          size;
  const auto inverse = static_cast<float>(1 / std::sqrt(variance + epsilon));
  const auto centre = static_cast<float>(mean);
  for (int64_t i = 0; i < count; ++i) dst[i] = (src[i] - centre) * inverse;
  return inverse;
}

HT_TARGET_CLONES void BackwardRow(int64_t count, const float* diff, const float* y, float inverse,
                                  float* dst) {
  const auto size = static_cast<double>(count);
  const auto mean =
      static_cast<float>(Sum(count, [=](int64_t i) { return double{diff[i]}; }) / size);
  const auto moment =
      static_cast<float>(Sum(count, [=](int64_t i) { return double{diff[i]} * y[i]; }) / size);
  for (int64_t i = 0; i < count; ++i) dst[i] = inverse * (diff[i] - mean - y[i] * moment);
}

int64_t RowGrain(int64_t columns) {
  return std::max<int64_t>(1, kParallelGrain / std::max<int64_t>(columns, 1));
}

}  // namespace

void NormalizeKernel(int64_t rows, int64_t columns, float epsilon, const float* src, float* dst,
                     float* inverse) {
  ParallelFor(rows, RowGrain(columns), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      inverse[row] = NormalizeRow(columns, epsilon, src + row * columns, dst + row * columns);
    }
  });
}

void NormalizeBackwardKernel(int64_t rows, int64_t columns, const float* diff, const float* y,
                             const float* inverse, float* dst) {
  ParallelFor(rows, RowGrain(columns), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t at = row * columns;
      BackwardRow(columns, diff + at, y + at, inverse[row], dst + at);
    }
  });
}

}  // namespace halftone
