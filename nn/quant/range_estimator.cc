#include "nn/quant/range_estimator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/target_clones.h"
#include "nn/quant/range_search.h"

namespace halftone {
namespace {

absl::Status CheckFinite(absl::Span<const float> values) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      return absl::InvalidArgumentError(
          absl::StrCat("value ", i, " is ", std::isnan(values[i]) ? "not a number" : "infinite"));
    }
  }
  return absl::OkStatus();
}

// Values whose bins are found at once.
constexpr size_t kTile = 1024;

// Widens `range` to the values; false where one of them is not finite.
HT_TARGET_CLONES bool FindExtremes(size_t count, const float* values, Range& range) {
  constexpr size_t kLanes = 32;
  float lowest[kLanes] = {}, highest[kLanes] = {}, checks[kLanes] = {};
  const auto observe = [&](float value, size_t lane) {
    lowest[lane] = value < lowest[lane] ? value : lowest[lane];
    highest[lane] = value > highest[lane] ? value : highest[lane];
    checks[lane] += value * 0.0f;  // 0, and not a number once one is not finite
  };
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) observe(values[i + lane], lane);
  }
  for (size_t lane = 0; i < count; ++i, ++lane) observe(values[i], lane);
  bool finite = true;
  for (size_t lane = 0; lane < kLanes; ++lane) {
    range.lower = std::min(range.lower, lowest[lane]);
    range.upper = std::max(range.upper, highest[lane]);
    finite &= checks[lane] == 0;
  }
  return finite;
}

// Scaling by a power of two is exact, so a value always lands between the same borders.
HT_TARGET_CLONES void FindBins(size_t count, const float* values, double bins_per_unit,
                               int32_t middle, int32_t* bins) {
  for (size_t i = 0; i < count; ++i) {
    const double place = std::floor(static_cast<double>(values[i]) * bins_per_unit);
    bins[i] = static_cast<int32_t>(place) + middle;
  }
}

// The integral of the squared quantization error of values spread with density 1, from 0 to
// `value`, for a quantizer of one scale whose grid reaches from `low` to `high`. Within the grid
// every whole step of width s contributes s^3 / 12.
double IntegratedError(double value, double scale, double low, double high) {
  const double inside = std::clamp(value, low, high);
  const double steps = std::nearbyint(inside / scale);
  const double rest = inside - steps * scale;
  const double beyond = value - inside;
  return steps * scale * scale * scale / 12 + (rest * rest * rest + beyond * beyond * beyond) / 3;
}

// Where the cumulated counts reach `target`, walking the bins from `from` outwards in direction
// `step`; `position(distance)` maps the distance from `from`, in bins, to a value.
template <typename Position>
float Quantile(const std::vector<int64_t>& bins, int from, int step, int bin_count, double target,
               const Position& position) {
  double cumulated = 0;
  for (int i = 0; i < bin_count; ++i) {
    const int at = from + step * i;
    const auto bin = static_cast<double>(bins[size_t(at)]);
    if (bin > 0 && cumulated + bin >= target) {
      return static_cast<float>(position(i + std::max(0.0, target - cumulated) / bin));
    }
    cumulated += bin;
  }
  return static_cast<float>(position(bin_count));
}

// The bins of twice the range.
template <typename Count>
std::vector<Count> Merged(const std::vector<Count>& bins) {
  std::vector<Count> merged(bins.size());
  for (size_t i = 0; i < bins.size(); ++i) merged[bins.size() / 4 + i / 2] += bins[i];
  return merged;
}

absl::Status CheckPercentile(const RangeOptions& options) {
  if (options.method == RangeMethod::kPercentile &&
      !(options.percentile > 0 && options.percentile <= 100)) {
    return absl::InvalidArgumentError(
        absl::StrCat("percentile ", options.percentile, " is outside of (0, 100]"));
  }
  return absl::OkStatus();
}

}  // namespace

RangeEstimator::RangeEstimator() : bins_(kBins, 0) {}

absl::Status RangeEstimator::Observe(absl::Span<const float> values,
                                     absl::Span<const float> importance) {
  if (values.empty()) return absl::OkStatus();
  Range extremes;
  if (!FindExtremes(values.size(), values.data(), extremes)) return CheckFinite(values);
  extremes_.lower = std::min(extremes_.lower, extremes.lower);
  extremes_.upper = std::max(extremes_.upper, extremes.upper);
  Grow(std::max(-extremes_.lower, extremes_.upper));
  if (!importance.empty()) importance_.resize(kBins);
  const double bins_per_unit = limit_ > 0 ? kBins / (2 * limit_) : 0;
  std::array<int32_t, kTile> bins;
  for (size_t begin = 0; begin < values.size(); begin += kTile) {
    const size_t count = std::min(kTile, values.size() - begin);
    FindBins(count, values.data() + begin, bins_per_unit, kBins / 2, bins.data());
    for (size_t i = 0; i < count; ++i) {
      if (values[begin + i] == 0) {
        ++zeros_;
      } else {
        ++bins_[static_cast<size_t>(bins[i])];
        if (importance.empty()) continue;
        importance_[static_cast<size_t>(bins[i])] += static_cast<double>(importance[begin + i]);
      }
    }
  }
  count_ += static_cast<int64_t>(values.size());
  return absl::OkStatus();
}

void RangeEstimator::Grow(float magnitude) {
  if (magnitude == 0 || magnitude < limit_) return;
  if (limit_ == 0) {
    int exponent;
    std::frexp(magnitude, &exponent);
    limit_ = std::ldexp(1.0, exponent);
    return;
  }
  for (; limit_ <= magnitude; limit_ *= 2) {
    bins_ = Merged(bins_);
    importance_ = Merged(importance_);
  }
}

Range RangeEstimator::Percentile(double percentile, Symmetry symmetry) const {
  constexpr int kHalf = kBins / 2;
  const double width = limit_ / kHalf;
  const double cut = static_cast<double>(count_) * (1 - percentile / 100);
  const auto distance = [&](double bins) { return bins * width; };
  if (symmetry != Symmetry::kAsymmetric) {
    std::vector<int64_t> folded(kHalf);
    for (int i = 0; i < kHalf; ++i) {
      const int above = kHalf + i, below = kHalf - 1 - i;
      folded[size_t(i)] = bins_[size_t(above)] + bins_[size_t(below)];
    }
    const double kept = static_cast<double>(count_ - zeros_) - cut;
    const float end = std::min(Quantile(folded, 0, 1, kHalf, kept, distance),
                               std::max(-extremes_.lower, extremes_.upper));
    return {-end, end};
  }
  // An end at 0 has nothing to cut: the other one takes the whole share.
  const bool both = extremes_.lower < 0 && extremes_.upper > 0;
  const double share = both ? cut / 2 : cut;
  double negative = 0, positive = 0;
  for (int i = 0; i < kHalf; ++i) {
    negative += static_cast<double>(bins_[size_t(i)]);
    const int above = kHalf + i;
    positive += static_cast<double>(bins_[size_t(above)]);
  }
  Range range;
  if (extremes_.upper > 0 && positive > share) {
    range.upper =
        std::min(extremes_.upper, Quantile(bins_, kHalf, 1, kHalf, positive - share, distance));
  }
  if (extremes_.lower < 0 && negative > share) {
    range.lower = std::max(extremes_.lower,
                           -Quantile(bins_, kHalf - 1, -1, kHalf, negative - share, distance));
  }
  return range;
}

std::vector<double> RangeEstimator::Density(bool by_importance) const {
  std::vector<double> density;
  for (const int64_t bin : bins_) {
    density.push_back(static_cast<double>(bin) / static_cast<double>(count_));
  }
  const double total = std::accumulate(importance_.begin(), importance_.end(), 0.0);
  if (!by_importance || !(total > 0)) return density;
  // What the output does not depend on in the data may count elsewhere: both.
  for (size_t i = 0; i < kBins; ++i) density[i] += importance_[i] / total;
  return density;
}

double RangeEstimator::SquaredError(const UniformQuantizer& quantizer,
                                    const std::vector<double>& density) const {
  const double scale = quantizer.scales[0];
  const double low = scale * (quantizer.qmin - quantizer.zero_points[0]);
  const double high = scale * (quantizer.qmax - quantizer.zero_points[0]);
  const double width = 2 * limit_ / kBins;
  double sum = 0, before = 0;
  bool known = false;  // whether `before` is the integral up to this bin's left border
  for (int i = 0; i < kBins; ++i) {
    const double bin = density[static_cast<size_t>(i)];
    if (bin == 0) {
      known = false;
      continue;
    }
    const int from_middle = i - kBins / 2;
    const double left = from_middle * width;
    if (!known) before = IntegratedError(left, scale, low, high);
    const double after = IntegratedError(left + width, scale, low, high);
    sum += bin * (after - before) / width;
    before = after;
    known = true;
  }
  return sum;
}

double RangeEstimator::MeanMagnitude() const {
  const double width = 2 * limit_ / kBins;
  double sum = 0;
  for (int i = 0; i < kBins; ++i) {
    const int from_middle = i - kBins / 2;
    sum +=
        static_cast<double>(bins_[static_cast<size_t>(i)]) * std::abs((from_middle + 0.5) * width);
  }
  return sum / static_cast<double>(count_);
}

absl::StatusOr<Range> RangeEstimator::Estimate(const RangeOptions& options, int bits,
                                               Symmetry symmetry) const {
  if (count_ == 0) return absl::FailedPreconditionError("no values were observed");
  HT_RETURN_IF_ERROR(CheckPercentile(options));
  if (symmetry == Symmetry::kSymmetricSigned) {
    return absl::InvalidArgumentError("only weights have scales of either sign");
  }
  HT_RETURN_IF_ERROR(UniformQuantizer::Create(bits, symmetry, -1, {extremes_}).status());
  switch (options.method) {
    case RangeMethod::kMinMax:
      return extremes_;
    case RangeMethod::kPercentile:
      return Percentile(options.percentile, symmetry);
    case RangeMethod::kMse:
    case RangeMethod::kResult:
      break;
  }
  if (bits == 1 && symmetry != Symmetry::kAsymmetric) return BinaryRange(MeanMagnitude());
  const std::vector<double> density = Density(options.method == RangeMethod::kResult);
  return SearchRange(extremes_, bits, symmetry, [&](const UniformQuantizer& quantizer) {
    return SquaredError(quantizer, density);
  });
}

}  // namespace halftone
