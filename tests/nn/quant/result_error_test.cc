#include "nn/quant/result_error.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "nn/quant/source_moments.h"
#include "tests/nn/quant/sources.h"

namespace halftone {
namespace {

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

// w'Me / w'Mw of the share that is missing, from the rows themselves.
TEST(ChannelError, AddsWhatMakesTheResultSmaller) {
  for (const size_t size : {1, 9, 40}) {
    const std::vector<float> rows = Sources(300, size, 1);
    const SourceMoments moments = MomentsOf(rows, 1, static_cast<int64_t>(size));
    const std::vector<float> weights = Normal(size, 2);
    std::vector<float> error = Normal(size, 3, 0.1);
    for (size_t i = 0; i < size; ++i) error[i] += 0.2f * weights[i];
    const ResultError result(moments, 0, true);
    double cross = 0, power = 0;
    for (size_t r = 0; r < rows.size(); r += size) {
      double of_weights = 0, of_error = 0;
      for (size_t i = 0; i < size; ++i) {
        of_weights += static_cast<double>(weights[i]) * static_cast<double>(rows[r + i]);
        of_error += static_cast<double>(error[i]) * static_cast<double>(rows[r + i]);
      }
      cross += of_weights * of_error / 300;
      power += of_weights * of_weights / 300;
    }
    const double expected =
        Squared(result, error) + ChannelError::kAlikeLayers * cross * cross / power;
    // What is added to the diagonal is not in the rows.
    EXPECT_NEAR(Squared(ChannelError(result, weights), error), expected, 0.05 * expected) << size;
  }
}

TEST(ChannelError, IsEstimatedWellWhereSourcesAreUnrelated) {
  constexpr size_t kSize = 30;
  SourceMoments moments;
  moments.size = kSize;
  moments.means = std::vector<double>(kSize, 0.5);
  moments.covariances = std::vector<float>(kSize * kSize);
  for (size_t i = 0; i < kSize; ++i) {
    moments.covariances[i * kSize + i] = 1 + static_cast<float>(i);
  }
  const std::vector<float> weights = Normal(kSize, 4), error = Normal(kSize, 5, 0.1);
  const ResultError result(moments, 0, false);
  const ChannelError channel(result, weights);
  EXPECT_NEAR(channel.Estimate(error), Squared(channel, error), 1e-5);
}

TEST(ChannelError, IsThatOfTheResultWhereWeightsAreZeros) {
  const SourceMoments moments = MomentsOf(Sources(20, 4, 6), 1, 4);
  const std::vector<float> zeros(4), error = {1, 2, 3, 4};
  const ResultError result(moments, 0, true);
  EXPECT_DOUBLE_EQ(Squared(ChannelError(result, zeros), error), Squared(result, error));
}

}  // namespace
}  // namespace halftone
