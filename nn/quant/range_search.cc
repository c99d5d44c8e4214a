#include "nn/quant/range_search.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdint>

#include "base/status_macros.h"

namespace halftone {
namespace {

constexpr int kGridPoints = 64;
constexpr int kGoldenSteps = 12;
constexpr int kRounds = 3;  // of lower end, upper end
constexpr double kGolden = 0.6180339887498949;

// The share of an end (0 to 1) with the least error, where error(share) is asked.
template <typename Error>
double MinimizeShare(const Error& error) {
  double best = 1, best_error = error(1.0);
  for (int i = kGridPoints - 1; i >= 1; --i) {
    const double share = double(i) / kGridPoints;
    const double candidate = error(share);
    if (candidate < best_error) {
      best = share;
      best_error = candidate;
    }
  }
  double low = std::max(best - 1.0 / kGridPoints, 0.25 / kGridPoints);
  double high = std::min(best + 1.0 / kGridPoints, 1.0);
  double a = high - kGolden * (high - low), b = low + kGolden * (high - low);
  double error_a = error(a), error_b = error(b);
  for (int step = 0; step < kGoldenSteps; ++step) {
    if (error_a < best_error) best = a, best_error = error_a;
    if (error_b < best_error) best = b, best_error = error_b;
    if (error_a < error_b) {
      high = b, b = a, error_b = error_a;
      a = high - kGolden * (high - low), error_a = error(a);
    } else {
      low = a, a = b, error_a = error_b;
      b = low + kGolden * (high - low), error_b = error(b);
    }
  }
  return best;
}

}  // namespace

Range SignedRange(double end, int bits, bool turned) {
  const auto levels = static_cast<double>((int64_t{1} << (bits - 1)) - 1);
  const auto near = static_cast<float>(end);
  const auto far = static_cast<float>(std::min(end * (levels + 1) / levels, double{FLT_MAX}));
  return turned ? Range{-near, far} : Range{-far, near};
}

Range BinaryRange(double mean_magnitude) {
  const auto magnitude = static_cast<float>(mean_magnitude);
  return {-magnitude, magnitude};
}

absl::StatusOr<Range> SearchRange(const Range& extremes, int bits, Symmetry symmetry,
                                  const SquaredErrorFunction& squared_error) {
  // Shows here that the bits and the extremes are legal, so that no candidate can fail below.
  HT_RETURN_IF_ERROR(UniformQuantizer::Create(bits, symmetry, -1, {extremes}).status());
  const auto error = [&](const Range& range) {
    return squared_error(*UniformQuantizer::Create(bits, symmetry, -1, {range}));
  };
  if (extremes.lower == extremes.upper) return extremes;
  if (symmetry != Symmetry::kAsymmetric) {
    const double magnitude = std::max(-extremes.lower, extremes.upper);
    const auto best = [&](const auto& scaled) {
      return scaled(MinimizeShare([&](double share) { return error(scaled(share)); }));
    };
    if (symmetry != Symmetry::kSymmetricSigned || bits == 1 || bits > kMaxSignedBits) {
      return best([&](double share) {
        const auto end = static_cast<float>(share * magnitude);
        return Range{-end, end};
      });
    }
    const auto side = [&](bool turned) {
      return best([&](double share) { return SignedRange(share * magnitude, bits, turned); });
    };
    const Range below = side(false), above = side(true);
    return error(above) < error(below) ? above : below;
  }
  Range best = extremes;
  const bool both = extremes.lower < 0 && extremes.upper > 0;
  for (int round = 0; round < (both ? kRounds : 1); ++round) {
    if (extremes.upper > 0) {
      const auto end = [&](double share) { return static_cast<float>(share * extremes.upper); };
      const double share = MinimizeShare([&](double s) { return error({best.lower, end(s)}); });
      best.upper = end(share);
    }
    if (extremes.lower < 0) {
      const auto end = [&](double share) { return static_cast<float>(share * extremes.lower); };
      const double share = MinimizeShare([&](double s) { return error({end(s), best.upper}); });
      best.lower = end(share);
    }
  }
  return best;
}

}  // namespace halftone
