#include "nn/quant/calibrate_by_result.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status_macros.h"
#include "base/target_clones.h"
#include "nn/quant/result_error.h"
#include "nn/quant/round_level.h"
#include "nn/quant/weight_channels.h"

namespace halftone {
namespace {

// Parts of the scale that reaches the largest weight: at two bits the best one is far from it. The
// error of few weights has more and deeper valleys, and takes less time.
constexpr int kGridPoints = 64, kFineGridPoints = 512;
constexpr size_t kFewWeights = 40;
// How many scales are weighed by the whole error: as many as this many multiplications allow.
constexpr int64_t kWeighingWork = int64_t{1} << 20;
constexpr int64_t kLeastWeighed = 12;
// Of the best scales to where their integers fit best.
constexpr size_t kMoved = 3, kMovedOfFewWeights = 24;
constexpr int kMoves = 2;

constexpr size_t kAtOnce = ResultError::kAtOnce;

struct Candidate {
  float scale = 0;
  double error = 0;
};

struct Levels {
  float low = 0, high = 0;
};

// The integers of `values` by a scale, as UniformQuantizer rounds them, and what they miss.
HT_TARGET_CLONES void Round(const float* values, int64_t count, float scale, Levels levels,
                            float* integers, float* errors) {
  for (int64_t i = 0; i < count; ++i) {
    integers[i] = RoundLevel(values[i] / scale, levels.low, levels.high);
    errors[i] = values[i] - scale * integers[i];
  }
}

// Finds the scale of one channel.
class ScaleSearch {
 public:
  // Borrows `values` and what `error` borrows.
  ScaleSearch(const std::vector<float>& values, ChannelError error, Levels levels, bool either_sign)
      : values_(values), error_(std::move(error)), levels_(levels), either_sign_(either_sign) {
    rounded_.fill({std::vector<float>(values.size()), std::vector<float>(values.size())});
  }

  // 0 where all weights are.
  float Find() {
    std::vector<Candidate> candidates = Grid();
    if (candidates.empty()) return 0;
    const auto less = [](const Candidate& a, const Candidate& b) { return a.error < b.error; };
    const int64_t work =
        std::max<int64_t>(1, error_.size() * std::min(error_.size(), SourceMoments::kBlock));
    const auto weighed = static_cast<size_t>(std::max(kWeighingWork / work, kLeastWeighed));
    std::stable_sort(candidates.begin(), candidates.end(), less);
    candidates.resize(std::min(weighed, candidates.size()));
    Weigh(candidates);
    std::stable_sort(candidates.begin(), candidates.end(), less);
    const size_t moved = values_.size() > kFewWeights ? kMoved : kMovedOfFewWeights;
    candidates.resize(std::min(moved, candidates.size()));
    Move(candidates);
    return std::min_element(candidates.begin(), candidates.end(), less)->scale;
  }

 private:
  // Weights by some scale, and what they miss.
  struct Rounded {
    std::vector<float> integers, errors;
  };

  std::vector<Candidate> Grid() {
    float magnitude = 0;
    for (const float value : values_) magnitude = std::max(magnitude, std::abs(value));
    std::vector<Candidate> grid;
    const int points = values_.size() > kFewWeights ? kGridPoints : kFineGridPoints;
    for (int i = points; i >= 1; --i) {
      const float scale =
          magnitude / levels_.high * static_cast<float>(i) / static_cast<float>(points);
      if (!std::isnormal(scale)) break;
      for (const float sign : {1.0f, -1.0f}) {
        if (sign > 0 || either_sign_) grid.push_back({sign * scale, Estimate(sign * scale)});
      }
    }
    return grid;
  }

  double Estimate(float scale) {
    RoundBy(scale, rounded_[0]);
    return Ordered(error_.Estimate(rounded_[0].errors));
  }

  void RoundBy(float scale, Rounded& rounded) const {
    Round(values_.data(), static_cast<int64_t>(values_.size()), scale, levels_,
          rounded.integers.data(), rounded.errors.data());
  }

  void Weigh(std::vector<Candidate>& candidates) {
    for (size_t begin = 0; begin < candidates.size(); begin += kAtOnce) {
      const size_t count = std::min(kAtOnce, candidates.size() - begin);
      std::vector<ResultError::Pair> pairs;
      for (size_t i = 0; i < count; ++i) {
        RoundBy(candidates[begin + i].scale, rounded_[i]);
        pairs.emplace_back(rounded_[i].errors, rounded_[i].errors);
      }
      const std::vector<double> errors = error_.Products(pairs);
      for (size_t i = 0; i < count; ++i) candidates[begin + i].error = Ordered(errors[i]);
    }
  }

  // Errors of huge weights are not finite; nor would they be in an order.
  static double Ordered(double error) {
    return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
  }

  // The error w - sq is quadratic in the scale as long as no integer changes: least where it is
  // orthogonal to q, q'M(w - sq) / q'Mq further. Some candidates go side by side, so that the
  // covariances are read once for all of them.
  void Move(std::vector<Candidate>& candidates) {
    constexpr size_t kSideBySide = kAtOnce / 2;
    for (size_t begin = 0; begin < candidates.size(); begin += kSideBySide) {
      std::vector<Mover> movers;
      const size_t end = std::min(begin + kSideBySide, candidates.size());
      for (size_t i = begin; i < end; ++i) movers.push_back({&candidates[i], candidates[i].scale});
      for (int i = 0; i <= kMoves && !movers.empty(); ++i) MoveOnce(/*is_first=*/i == 0, movers);
    }
  }

  // A candidate on its way: where it was best, and the scale to try next.
  struct Mover {
    Candidate* best = nullptr;
    float scale = 0;
  };

  // Tries the next scale of each; those that can go no further are dropped.
  void MoveOnce(bool is_first, std::vector<Mover>& movers) {
    std::vector<ResultError::Pair> pairs;
    for (size_t i = 0; i < movers.size(); ++i) {
      Rounded& rounded = rounded_[i];
      RoundBy(movers[i].scale, rounded);
      pairs.emplace_back(rounded.errors, rounded.errors);
      pairs.emplace_back(rounded.integers, rounded.errors);
      pairs.emplace_back(rounded.integers, rounded.integers);
    }
    const std::vector<double> products = error_.Products(pairs);
    std::vector<Mover> left;
    for (size_t i = 0; i < movers.size(); ++i) {
      const Candidate candidate = {movers[i].scale, Ordered(products[3 * i])};
      Candidate& best = *movers[i].best;
      if (!is_first && !(candidate.error < best.error)) continue;
      best = candidate;
      const double further = products[3 * i + 1] / products[3 * i + 2];
      const auto scale = static_cast<float>(static_cast<double>(candidate.scale) + further);
      // The sign stays: another one means another grid.
      if (!std::isnormal(scale) || (scale < 0) != (best.scale < 0)) continue;
      left.push_back({&best, scale});
    }
    movers = std::move(left);
  }

  const std::vector<float>& values_;
  const ChannelError error_;
  const Levels levels_;
  const bool either_sign_;
  std::array<Rounded, kAtOnce> rounded_;
};

// The scale of least error of the signs of one channel's weights: no integer changes with it. 0
// where all weights are.
float BinaryScale(const std::vector<float>& values, const ChannelError& error) {
  std::vector<float> signs;
  double magnitude = 0;
  for (const float value : values) {
    signs.push_back(value < 0 ? -1.0f : 1.0f);
    magnitude += static_cast<double>(std::abs(value));
  }
  const std::vector<double> products =
      error.Products({ResultError::Pair{values, signs}, {signs, signs}});
  const auto scale = static_cast<float>(products[0] / products[1]);
  if (std::isnormal(scale) && scale > 0) return scale;
  return static_cast<float>(magnitude / static_cast<double>(values.size()));
}

}  // namespace

bool FitsMoments(const Tensor& weights, int bits, Symmetry symmetry, int axis,
                 const SourceMoments& moments) {
  if (symmetry == Symmetry::kAsymmetric || bits < 1 || axis < 0 || axis >= weights.shape().rank()) {
    return false;
  }
  const int64_t channels = weights.shape().dim(axis);
  return channels > 0 && channels % moments.groups == 0 &&
         weights.elements() == channels * moments.size;
}

absl::StatusOr<UniformQuantizer> CalibrateWeightsByResult(const Tensor& weights, int bits,
                                                          Symmetry symmetry, int axis,
                                                          const SourceMoments& moments,
                                                          bool keeps_mean,
                                                          const Cancellation& cancellation) {
  HT_RETURN_IF_ERROR(CheckWeights(weights, axis));
  if (!FitsMoments(weights, bits, symmetry, axis, moments)) {
    return absl::InvalidArgumentError(absl::StrCat("weights of shape ", weights.shape().ToString(),
                                                   " do not fit the moments of ", moments.size,
                                                   " sources in ", moments.groups, " groups"));
  }
  const std::vector<std::vector<float>> channels = SplitWeights(weights, axis);
  const std::vector<Range> zeros(channels.size());
  HT_ASSIGN_OR_RETURN(UniformQuantizer quantizer,
                      UniformQuantizer::Create(bits, symmetry, axis, zeros));
  const Levels levels{static_cast<float>(quantizer.qmin), static_cast<float>(quantizer.qmax)};
  const bool either_sign = symmetry == Symmetry::kSymmetricSigned && levels.low != -levels.high;
  const size_t in_group = channels.size() / static_cast<size_t>(moments.groups);
  for (size_t begin = 0; begin < channels.size(); begin += in_group) {
    const ResultError error(moments, static_cast<int64_t>(begin / in_group), keeps_mean);
    for (size_t first = begin; first < begin + in_group; first += kAtOnce) {
      const auto some =
          absl::MakeConstSpan(channels).subspan(first, std::min(kAtOnce, begin + in_group - first));
      std::vector<std::vector<float>> responses =
          error.Times(std::vector<absl::Span<const float>>(some.begin(), some.end()));
      for (size_t i = 0; i < some.size(); ++i) {
        HT_RETURN_IF_ERROR(cancellation.Check());
        ChannelError of_channel(error, some[i], std::move(responses[i]));
        const float scale =
            bits == 1 ? BinaryScale(some[i], of_channel)
                      : ScaleSearch(some[i], std::move(of_channel), levels, either_sign).Find();
        if (scale != 0) quantizer.scales[first + i] = scale;
      }
    }
  }
  return quantizer;
}

}  // namespace halftone
