#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/target_clones.h"
#include "nn/quant/range_estimator.h"
#include "nn/quant/range_search.h"
#include "nn/quant/round_level.h"
#include "nn/quant/weight_channels.h"

namespace halftone {
namespace {

struct Grid {
  float scale, low, high;  // levels are counted from the zero point
};

[[gnu::always_inline]] inline float SquaredErrorOf(float value, const Grid& grid) {
  const float level = RoundLevel(value / grid.scale, grid.low, grid.high);
  const float difference = value - grid.scale * level;
  return difference * difference;
}

// Independent partial sums let the compiler use vector registers.
HT_TARGET_CLONES double SumSquaredErrors(const Grid& grid, size_t count, const float* values) {
  constexpr size_t kLanes = 16;
  const Grid g = grid;
  double total = 0;
  size_t i = 0;
  while (i + kLanes <= count) {
    // Floats are summed over at most 64 rows, so that rounding stays far below what is compared.
    float sums[kLanes] = {};
    const size_t end = std::min(count - kLanes + 1, i + 64 * kLanes);
    for (; i < end; i += kLanes) {
      for (size_t lane = 0; lane < kLanes; ++lane)
        sums[lane] += SquaredErrorOf(values[i + lane], g);
    }
    for (const float sum : sums) total += sum;
  }
  for (; i < count; ++i) total += SquaredErrorOf(values[i], g);
  return total;
}

// The squared error of the values themselves, as UniformQuantizer rounds them (but for the binary
// one).
double ExactSquaredError(absl::Span<const float> values, const UniformQuantizer& quantizer) {
  const auto zero_point = static_cast<int64_t>(quantizer.zero_points[0]);
  const Grid grid{quantizer.scales[0], static_cast<float>(quantizer.qmin - zero_point),
                  static_cast<float>(quantizer.qmax - zero_point)};
  return SumSquaredErrors(grid, values.size(), values.data());
}

Range ExtremesOf(absl::Span<const float> values) {
  Range range;
  for (const float value : values) {
    range.lower = std::min(range.lower, value);
    range.upper = std::max(range.upper, value);
  }
  return range;
}

double MeanMagnitude(absl::Span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += std::abs(value);
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

// The element of rank `count` from the front after sorting; `values` are reordered.
float Nth(std::vector<float>& values, size_t rank) {
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(rank);
  std::nth_element(values.begin(), nth, values.end());
  return *nth;
}

Range PercentileRange(std::vector<float> values, double percentile, Symmetry symmetry) {
  const Range extremes = ExtremesOf(values);
  if (values.empty()) return extremes;
  // A percentile too small to be told from 0 cuts all but one.
  const double cut = std::min(static_cast<double>(values.size()) * (1 - percentile / 100),
                              static_cast<double>(values.size() - 1));
  if (symmetry != Symmetry::kAsymmetric) {
    for (float& value : values) value = std::abs(value);
    const float end = Nth(values, values.size() - 1 - static_cast<size_t>(cut));
    return {-end, end};
  }
  const bool both = extremes.lower < 0 && extremes.upper > 0;
  const auto share = static_cast<size_t>(both ? cut / 2 : cut);
  Range range;
  if (extremes.lower < 0) range.lower = std::min(0.0f, Nth(values, share));
  if (extremes.upper > 0) range.upper = std::max(0.0f, Nth(values, values.size() - 1 - share));
  return range;
}

absl::StatusOr<Range> WeightRange(const std::vector<float>& values, int bits, Symmetry symmetry,
                                  const RangeOptions& options, const Cancellation& cancellation) {
  switch (options.method) {
    case RangeMethod::kMinMax:
      return ExtremesOf(values);
    case RangeMethod::kPercentile:
      if (!(options.percentile > 0 && options.percentile <= 100)) {
        return absl::InvalidArgumentError(
            absl::StrCat("percentile ", options.percentile, " is outside of (0, 100]"));
      }
      return PercentileRange(values, options.percentile, symmetry);
    case RangeMethod::kMse:
    case RangeMethod::kResult:  // the result's error is not known here
      if (bits == 1 && symmetry != Symmetry::kAsymmetric) {
        return BinaryRange(MeanMagnitude(values));
      }
      // Once cancelled, the search goes on without looking at the values, and its result is
      // dropped.
      return SearchRange(
          ExtremesOf(values), bits, symmetry, [&](const UniformQuantizer& quantizer) {
            return cancellation.IsCancelled() ? 0.0 : ExactSquaredError(values, quantizer);
          });
  }
  return absl::InvalidArgumentError("unknown range method");
}

}  // namespace

absl::StatusOr<UniformQuantizer> CalibrateWeights(const Tensor& weights, int bits,
                                                  Symmetry symmetry, int axis,
                                                  const RangeOptions& options,
                                                  const Cancellation& cancellation) {
  HT_RETURN_IF_ERROR(CheckWeights(weights, axis));
  std::vector<Range> ranges;
  for (const std::vector<float>& channel : SplitWeights(weights, axis)) {
    HT_RETURN_IF_ERROR(cancellation.Check());
    HT_ASSIGN_OR_RETURN(const Range range,
                        WeightRange(channel, bits, symmetry, options, cancellation));
    ranges.push_back(range);
  }
  HT_RETURN_IF_ERROR(cancellation.Check());
  return UniformQuantizer::Create(bits, symmetry, axis, ranges);
}

}  // namespace halftone
