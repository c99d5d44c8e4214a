#include "nn/quant/calibrate_by_result.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "nn/quant/range_estimator.h"
#include "nn/quant/result_error.h"
#include "nn/quant/source_moments.h"
#include "tests/nn/quant/sources.h"

namespace halftone {
namespace {

// The error that a scale is chosen by, of one channel's weights as a quantizer has them.
double ErrorOf(const std::vector<float>& weights, const ChannelError& error, double scale,
               int bits) {
  const double half = std::pow(2.0, bits - 1);
  std::vector<float> difference;
  for (const float weight : weights) {
    const double nearest = std::nearbyint(static_cast<double>(weight) / scale);
    const double sign = weight < 0 ? -1 : 1;
    const double level = bits == 1 ? sign : std::clamp(nearest, -half, half - 1);
    difference.push_back(static_cast<float>(static_cast<double>(weight) - scale * level));
  }
  return Squared(error, difference);
}

// The least error of the scales of either sign that are such parts of the largest one.
double LeastError(const std::vector<float>& weights, const ChannelError& error, int bits,
                  int parts) {
  double largest = 0, least = std::numeric_limits<double>::infinity();
  for (const float weight : weights) {
    largest = std::max(largest, std::abs(static_cast<double>(weight)));
  }
  for (int i = 1; i <= parts; ++i) {
    const double scale = largest / (std::pow(2.0, bits - 1) - 1) * i / parts;
    least = std::min(
        {least, ErrorOf(weights, error, scale, bits), ErrorOf(weights, error, -scale, bits)});
  }
  return least;
}

// No scale on its own grid is better; on a much denser one, some valleys are too narrow to be hit.
TEST(CalibrateByResult, FindsTheScaleOfLeastError) {
  double excess = 0;
  constexpr unsigned kChannels = 30;
  for (unsigned seed = 0; seed < kChannels; ++seed) {
    const int bits = 2 + static_cast<int>(seed % 4);
    const size_t size = 4 + seed;
    const std::vector<float> weights = Normal(size, 100 + seed, 0.2);
    const SourceMoments moments = MomentsOf(Sources(64, size, seed), 1, static_cast<int64_t>(size));
    const bool keeps_mean = seed % 2 == 0;
    const Tensor tensor = Tensor::Of(Shape{1, static_cast<int64_t>(size)}, weights);
    const auto found =
        CalibrateWeightsByResult(tensor, bits, Symmetry::kSymmetricSigned, 0, moments, keeps_mean);
    ASSERT_TRUE(found.ok()) << found.status();
    const ResultError result(moments, 0, keeps_mean);
    const ChannelError error(result, weights);
    const double reached = ErrorOf(weights, error, static_cast<double>(found->scales[0]), bits);
    EXPECT_LE(reached, 1.001 * LeastError(weights, error, bits, 512)) << "seed " << seed;
    const double dense = LeastError(weights, error, bits, 5000);
    EXPECT_LT(reached, 1.5 * dense) << "seed " << seed;
    excess += std::log(reached / dense) / kChannels;
  }
  EXPECT_LT(excess, std::log(1.03));
}

TEST(CalibrateByResult, FindsTheScaleOfSigns) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    const size_t size = 3 + 5 * seed;
    const std::vector<float> weights = Normal(size, 200 + seed, 0.2);
    const SourceMoments moments = MomentsOf(Sources(64, size, seed), 1, static_cast<int64_t>(size));
    const Tensor tensor = Tensor::Of(Shape{1, static_cast<int64_t>(size)}, weights);
    const auto found =
        CalibrateWeightsByResult(tensor, 1, Symmetry::kSymmetricSigned, 0, moments, false);
    ASSERT_TRUE(found.ok()) << found.status();
    const ResultError result(moments, 0, false);
    const ChannelError error(result, weights);
    const auto scale = static_cast<double>(found->scales[0]);
    EXPECT_GT(scale, 0);
    for (const double other : {0.5, 0.9, 0.99, 1.01, 1.1, 2.0}) {
      EXPECT_LT(ErrorOf(weights, error, scale, 1), ErrorOf(weights, error, other * scale, 1))
          << "seed " << seed << ", " << other;
    }
  }
}

// Least squares alone would make results smaller, by the error's share of their power: a tenth at
// two bits.
TEST(CalibrateByResult, KeepsTheSizeOfResults) {
  constexpr int64_t kSize = 64, kChannels = 20;
  const std::vector<float> weights = Normal(kSize * kChannels, 8);
  const std::vector<float> rows = Normal(500 * kSize, 9);
  const Tensor tensor = Tensor::Of(Shape{kChannels, kSize}, weights);
  const auto quantizer = CalibrateWeightsByResult(tensor, 2, Symmetry::kSymmetricSigned, 0,
                                                  MomentsOf(rows, 1, kSize), true);
  ASSERT_TRUE(quantizer.ok()) << quantizer.status();
  const auto by_weights = CalibrateWeights(tensor, 2, Symmetry::kSymmetricSigned, 0, {});
  ASSERT_TRUE(by_weights.ok()) << by_weights.status();
  const auto size_left = [&](const UniformQuantizer& by) {
    const Tensor rounded = by.FakeQuantize(tensor).value();
    double along = 0, power = 0;
    for (size_t row = 0; row < rows.size(); row += kSize) {
      for (size_t channel = 0; channel < weights.size(); channel += kSize) {
        double before = 0, after = 0;
        for (size_t i = 0; i < kSize; ++i) {
          const auto source = static_cast<double>(rows[row + i]);
          before += source * static_cast<double>(weights[channel + i]);
          after += source * static_cast<double>(rounded.data<float>()[channel + i]);
        }
        along += before * after;
        power += before * before;
      }
    }
    return along / power;
  };
  EXPECT_LT(size_left(*by_weights), 0.92);
  EXPECT_NEAR(size_left(*quantizer), 1, 0.04);
}

TEST(CalibrateByResult, PutsTheLevelMoreWhereItIsNeeded) {
  const std::vector<float> up = {2, 1, -1, 0}, down = {-2, -1, 1, 0};
  const SourceMoments moments = MomentsOf(Normal(400, 5), 1, 4);
  std::vector<float> both = up;
  both.insert(both.end(), down.begin(), down.end());
  const Tensor weights = Tensor::Of(Shape{2, 4}, both);
  const auto quantizer =
      CalibrateWeightsByResult(weights, 2, Symmetry::kSymmetricSigned, 0, moments, false);
  ASSERT_TRUE(quantizer.ok()) << quantizer.status();
  EXPECT_NEAR(quantizer->scales[0], -1, 1e-5);
  EXPECT_NEAR(quantizer->scales[1], 1, 1e-5);
  EXPECT_EQ(quantizer->Quantize(weights).value(),
            (std::vector<int32_t>{-2, -1, 1, 0, -2, -1, 1, 0}));
  const auto by_weights = CalibrateWeights(weights, 2, Symmetry::kSymmetricSigned, 0, {});
  ASSERT_TRUE(by_weights.ok()) << by_weights.status();
  EXPECT_NEAR(by_weights->scales[0], -1, 1e-2);
  EXPECT_NEAR(by_weights->scales[1], 1, 1e-2);
}

TEST(CalibrateByResult, KeepsItsGridAndDeadChannels) {
  const SourceMoments moments = MomentsOf(Normal(400, 6), 1, 4);
  std::vector<float> values = Normal(8, 7);
  std::fill(values.begin() + 4, values.end(), 0.0f);
  const Tensor weights = Tensor::Of(Shape{2, 4}, values);
  for (const int bits : {2, 7, 8, 12}) {
    const auto quantizer =
        CalibrateWeightsByResult(weights, bits, Symmetry::kSymmetricSigned, 0, moments, true);
    ASSERT_TRUE(quantizer.ok()) << quantizer.status();
    EXPECT_EQ(quantizer->qmin, bits < 8 ? -(1 << (bits - 1)) : -(1 << (bits - 1)) + 1);
    EXPECT_EQ(quantizer->scales[1], 1.0f) << "a channel of zeros";
  }
  EXPECT_FALSE(FitsMoments(weights, 4, Symmetry::kAsymmetric, 0, moments));
  EXPECT_FALSE(FitsMoments(weights, 4, Symmetry::kSymmetricSigned, -1, moments));
  EXPECT_EQ(CalibrateWeightsByResult(weights, 4, Symmetry::kSymmetricSigned, 1, moments, true)
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace halftone
