#include "nn/quant/calibrate_by_result.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "nn/quant/range_estimator.h"

namespace halftone {
namespace {

std::vector<float> Normal(size_t count, unsigned seed, double scale = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0, scale);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(normal(random));
  return values;
}

// Sources that have something in common, and a mean.
std::vector<float> Sources(size_t rows, size_t width, unsigned seed) {
  std::vector<float> values = Normal(rows * width, seed);
  for (size_t r = 0; r < rows; ++r) {
    const float common = values[r * width];
    for (size_t i = 0; i < width; ++i) values[r * width + i] += common + 0.5f;
  }
  return values;
}

// The mean over the rows of the squared error of a result, its mean taken off or not.
double ErrorOnRows(const std::vector<float>& rows, const std::vector<double>& error, bool mean) {
  double sum = 0, squares = 0;
  const size_t count = rows.size() / error.size();
  for (size_t r = 0; r < count; ++r) {
    double result = 0;
    for (size_t i = 0; i < error.size(); ++i) {
      result += error[i] * static_cast<double>(rows[r * error.size() + i]);
    }
    sum += result;
    squares += result * result;
  }
  const auto n = static_cast<double>(count);
  return squares / n - (mean ? 0 : sum / n * sum / n);
}

SourceMoments MomentsOf(const std::vector<float>& rows, int64_t groups, int64_t size) {
  MomentAccumulator accumulator(groups, size);
  accumulator.Add(rows);
  return accumulator.Moments();
}

double Squared(const ResultError& error, const std::vector<float>& of) {
  return error.Products({ResultError::Pair{of, of}, {of, of}, {of, of}})[1];
}

TEST(SourceMoments, GiveTheSquaredErrorOfAResult) {
  for (const int64_t size : {1, 9, 40}) {
    const std::vector<float> rows = Sources(200, static_cast<size_t>(size), 1);
    const SourceMoments moments = MomentsOf(rows, 1, size);
    const std::vector<float> error = Normal(static_cast<size_t>(size), 2);
    const std::vector<double> precise(error.begin(), error.end());
    for (const bool keeps_mean : {false, true}) {
      const ResultError result(moments, 0, keeps_mean);
      double diagonal = 0, squares = 0;
      for (size_t i = 0; i < error.size(); ++i) {
        diagonal += static_cast<double>(result.diagonal()[i]) / 1.01;
        squares += precise[i] * precise[i];
      }
      const double ridge = 0.01 * diagonal / static_cast<double>(size) * squares;
      const double expected = ErrorOnRows(rows, precise, keeps_mean) + ridge;
      EXPECT_NEAR(Squared(result, error), expected, 1e-4 * expected) << size << " " << keeps_mean;
    }
  }
}

TEST(SourceMoments, OfGroupsAreApart) {
  const std::vector<float> rows = Sources(100, 6, 3);
  const SourceMoments both = MomentsOf(rows, 2, 3);
  std::vector<float> second;
  for (size_t r = 0; r < 100; ++r) {
    second.insert(second.end(), rows.begin() + static_cast<std::ptrdiff_t>(6 * r + 3),
                  rows.begin() + static_cast<std::ptrdiff_t>(6 * r + 6));
  }
  const SourceMoments alone = MomentsOf(second, 1, 3);
  const std::vector<float> error = {1, -2, 0.5f};
  EXPECT_NEAR(Squared(ResultError(both, 1, true), error),
              Squared(ResultError(alone, 0, true), error), 1e-5);
}

TEST(SourceMoments, OfFarSourcesAreLeftOut) {
  const int64_t size = SourceMoments::kBlock + 10;
  std::vector<float> rows;  // all sources alike
  for (const float value : Normal(50, 4)) {
    rows.insert(rows.end(), static_cast<size_t>(size), value);
  }
  const SourceMoments moments = MomentsOf(rows, 1, size);
  EXPECT_EQ(static_cast<int64_t>(moments.covariances.size()),
            SourceMoments::CovarianceElements(size));
  std::vector<float> error(static_cast<size_t>(size), 0.0f);
  error.front() = 1;
  const ResultError result(moments, 0, false);
  const double one = Squared(result, error);
  error.back() = -1;
  EXPECT_NEAR(Squared(result, error), 2 * one, 1e-4) << "else they would cancel";
}

double ErrorOf(const std::vector<float>& weights, const ResultError& error, double scale,
               int bits) {
  const double half = std::pow(2.0, bits - 1);
  std::vector<float> difference;
  for (const float weight : weights) {
    const double level =
        std::clamp(std::nearbyint(static_cast<double>(weight) / scale), -half, half - 1);
    difference.push_back(static_cast<float>(static_cast<double>(weight) - scale * level));
  }
  return Squared(error, difference);
}

// The least error of the scales of either sign that are such parts of the largest one.
double LeastError(const std::vector<float>& weights, const ResultError& error, int bits,
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
    const ResultError error(moments, 0, keeps_mean);
    const double reached = ErrorOf(weights, error, static_cast<double>(found->scales[0]), bits);
    EXPECT_LE(reached, 1.001 * LeastError(weights, error, bits, 512)) << "seed " << seed;
    const double dense = LeastError(weights, error, bits, 5000);
    EXPECT_LT(reached, 1.5 * dense) << "seed " << seed;
    excess += std::log(reached / dense) / kChannels;
  }
  EXPECT_LT(excess, std::log(1.03));
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
  EXPECT_FALSE(FitsMoments(weights, 1, Symmetry::kSymmetricSigned, 0, moments));
  EXPECT_FALSE(FitsMoments(weights, 4, Symmetry::kSymmetricSigned, -1, moments));
  EXPECT_EQ(CalibrateWeightsByResult(weights, 4, Symmetry::kSymmetricSigned, 1, moments, true)
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace halftone
