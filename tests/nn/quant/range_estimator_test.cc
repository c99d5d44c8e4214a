#include "nn/quant/range_estimator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>

#include "tests/nn/quant/reference.h"

namespace halftone {
namespace {

using ::testing::HasSubstr;

double MeanSquaredError(const std::vector<float>& values, const UniformQuantizer& quantizer) {
  const Tensor src = Tensor::Of<float>({static_cast<int64_t>(values.size())}, values);
  const Tensor fake = *quantizer.FakeQuantize(src);
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    sum += std::pow(double{values[i]} - fake.data<float>()[i], 2);
  }
  return sum / static_cast<double>(values.size());
}

RangeEstimator Observed(const std::vector<float>& values) {
  RangeEstimator estimator;
  EXPECT_TRUE(estimator.Observe(values).ok());
  return estimator;
}

// Values 1, 2, ..., count, each negated if `both`, too.
std::vector<float> Ramp(int count, bool both) {
  std::vector<float> values;
  for (int i = 1; i <= count; ++i) {
    values.push_back(static_cast<float>(i));
    if (both) values.push_back(static_cast<float>(-i));
  }
  return values;
}

TEST(RangeEstimator, FindsTheLeastSquaredErrorOfBruteForce) {
  const auto& reference = QuantReference();
  int cases = 0;
  for (const auto& entry : reference["mse"]) {
    SCOPED_TRACE(entry.dump());
    const std::vector<float> values = reference["distributions"][entry["name"].get<std::string>()];
    const Symmetry symmetry = SymmetryNamed(entry["symmetry"]);
    const int bits = entry["bits"];
    const auto range = Observed(values).Estimate({.method = RangeMethod::kMse}, bits, symmetry);
    ASSERT_TRUE(range.ok()) << range.status();
    const auto quantizer = UniformQuantizer::Create(bits, symmetry, -1, {*range});
    const double error = MeanSquaredError(values, *quantizer);
    // 2,000 values in 2,048 bins: the histogram's optimum is not quite that of the values.
    EXPECT_LE(error, 1.05 * entry["best"].get<double>());
    EXPECT_LE(error, 1.02 * entry["extremes"].get<double>());
    ++cases;
  }
  EXPECT_EQ(cases, 30);
}

TEST(CalibrateWeights, FindsTheLeastSquaredErrorOfBruteForce) {
  const auto& reference = QuantReference();
  for (const auto& entry : reference["mse"]) {
    SCOPED_TRACE(entry.dump());
    const std::vector<float> values = reference["distributions"][entry["name"].get<std::string>()];
    const auto size = static_cast<int64_t>(values.size());
    const auto quantizer =
        CalibrateWeights(Tensor::Of<float>({size}, values), entry["bits"],
                         SymmetryNamed(entry["symmetry"]), -1, {.method = RangeMethod::kMse});
    ASSERT_TRUE(quantizer.ok()) << quantizer.status();
    EXPECT_LE(MeanSquaredError(values, *quantizer), 1.005 * entry["best"].get<double>());
  }
}

TEST(RangeEstimator, DoesNotDependOnTheBatches) {
  const std::vector<float> values = QuantReference()["distributions"]["laplace"];
  const RangeEstimator whole = Observed(values);
  RangeEstimator pieces;
  for (size_t i = 0; i < values.size(); i += 7) {
    const size_t size = std::min<size_t>(7, values.size() - i);
    ASSERT_TRUE(pieces.Observe(absl::MakeConstSpan(values).subspan(i, size)).ok());
  }
  EXPECT_EQ(pieces.count(), 2000);
  for (const RangeMethod method :
       {RangeMethod::kMinMax, RangeMethod::kPercentile, RangeMethod::kMse}) {
    for (const Symmetry symmetry : {Symmetry::kSymmetricRestricted, Symmetry::kAsymmetric}) {
      const Range a = *whole.Estimate({method, 99}, 4, symmetry);
      const Range b = *pieces.Estimate({method, 99}, 4, symmetry);
      EXPECT_EQ(a.lower, b.lower);
      EXPECT_EQ(a.upper, b.upper);
    }
  }
}

// Of each value by its share of them, and by its share of their importance.
double WeighedError(const std::vector<float>& values, const std::vector<float>& importance,
                    const UniformQuantizer& quantizer) {
  double alike = 0, weighed = 0, total = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double error = MeanSquaredError({values[i]}, quantizer);
    alike += error / static_cast<double>(values.size());
    weighed += double{importance[i]} * error;
    total += double{importance[i]};
  }
  return alike + weighed / total;
}

TEST(RangeEstimator, WeighsValuesByTheirImportance) {
  std::vector<float> values = Ramp(500, false), importance(500, 1e-4f);
  values[250] = 2000;
  importance[250] = 9;
  RangeEstimator estimator;
  // The histogram's range grows: what is important moves with the values.
  for (size_t i = 0; i < values.size(); i += 50) {
    ASSERT_TRUE(estimator
                    .Observe(absl::MakeConstSpan(values).subspan(i, 50),
                             absl::MakeConstSpan(importance).subspan(i, 50))
                    .ok());
  }
  const auto error = [&](float upper) {
    const Range range{0, upper};
    return WeighedError(values, importance,
                        *UniformQuantizer::Create(3, Symmetry::kAsymmetric, -1, {range}));
  };
  double least = error(2000);
  for (float upper = 10; upper < 2000; upper += 10) least = std::min(least, error(upper));
  const auto end = [&](RangeMethod method) {
    return estimator.Estimate({.method = method}, 3, Symmetry::kAsymmetric)->upper;
  };
  EXPECT_LT(error(end(RangeMethod::kResult)), 1.05 * least);
  EXPECT_GT(error(end(RangeMethod::kMse)), 10 * least) << "cuts the important one";
  const Range without =
      *Observed(values).Estimate({.method = RangeMethod::kResult}, 3, Symmetry::kAsymmetric);
  EXPECT_EQ(without.upper, end(RangeMethod::kMse)) << "without it all count alike";
}

TEST(RangeEstimator, KnowsTheExtremes) {
  const RangeEstimator estimator = Observed({0.5f, -3, 8, 2});
  EXPECT_EQ(estimator.MinMax().lower, -3);
  EXPECT_EQ(estimator.MinMax().upper, 8);
  const Range range =
      *estimator.Estimate({.method = RangeMethod::kMinMax}, 8, Symmetry::kAsymmetric);
  EXPECT_EQ(range.lower, -3);
  EXPECT_EQ(range.upper, 8);
  EXPECT_EQ(Observed({2, 3}).MinMax().lower, 0) << "a range contains 0";
}

TEST(RangeEstimator, CutsThePercentile) {
  const RangeOptions options = {.method = RangeMethod::kPercentile, .percentile = 90};
  const RangeEstimator both = Observed(Ramp(1000, true));
  const float bin = 1.0f;  // 2,048 bins from -1024 to 1024
  const Range symmetric = *both.Estimate(options, 8, Symmetry::kSymmetricRestricted);
  EXPECT_NEAR(symmetric.upper, 900, bin);
  EXPECT_EQ(symmetric.lower, -symmetric.upper);
  const Range asymmetric = *both.Estimate(options, 8, Symmetry::kAsymmetric);
  EXPECT_NEAR(asymmetric.lower, -900, bin);
  EXPECT_NEAR(asymmetric.upper, 900, bin);
  const Range positive = *Observed(Ramp(1000, false)).Estimate(options, 8, Symmetry::kAsymmetric);
  EXPECT_EQ(positive.lower, 0);
  EXPECT_NEAR(positive.upper, 900, bin);
  const Range all = *both.Estimate({RangeMethod::kPercentile, 100}, 8, Symmetry::kAsymmetric);
  EXPECT_EQ(all.lower, -1000);
  EXPECT_EQ(all.upper, 1000);
}

TEST(RangeEstimator, CountsZerosInThePercentile) {
  std::vector<float> values = Ramp(100, false);
  values.resize(1000, 0.0f);  // 900 zeros: the upper tenth are the numbers from 1
  const RangeEstimator estimator = Observed(values);
  const Range range = *estimator.Estimate({RangeMethod::kPercentile, 95}, 8, Symmetry::kAsymmetric);
  EXPECT_NEAR(range.upper, 50, 1);
  const Range none = *estimator.Estimate({RangeMethod::kPercentile, 50}, 8, Symmetry::kAsymmetric);
  EXPECT_EQ(none.upper, 0);
}

TEST(RangeEstimator, KeepsNonNegativeDataAtZero) {
  const std::vector<float> relu = QuantReference()["distributions"]["relu"];
  for (const int bits : {1, 2, 4, 8, 16}) {
    const Range range = *Observed(relu).Estimate({}, bits, Symmetry::kAsymmetric);
    EXPECT_EQ(range.lower, 0);
    const auto quantizer = UniformQuantizer::Create(bits, Symmetry::kAsymmetric, -1, {range});
    EXPECT_EQ(quantizer->zero_points[0], 0);
  }
}

TEST(RangeEstimator, GivesTheBinaryQuantizerTheMeanMagnitude) {
  const RangeEstimator estimator = Observed({1, -2, 3, -4});
  const Range range = *estimator.Estimate({}, 1, Symmetry::kSymmetricRestricted);
  EXPECT_NEAR(range.upper, 2.5, 0.01);
  const auto weights = CalibrateWeights(Tensor::Of<float>({4}, {1, -2, 3, -4}), 1,
                                        Symmetry::kSymmetricRestricted, -1, {});
  EXPECT_FLOAT_EQ(weights->scales[0], 2.5f);
}

TEST(RangeEstimator, LivesWithExtremeValues) {
  for (const std::vector<float>& values :
       {std::vector<float>{0, 0}, std::vector<float>{FLT_MAX, -FLT_MAX},
        std::vector<float>{FLT_TRUE_MIN}, std::vector<float>{FLT_TRUE_MIN, FLT_MAX},
        std::vector<float>{-1.0f}}) {
    const RangeEstimator estimator = Observed(values);
    for (const RangeMethod method :
         {RangeMethod::kMinMax, RangeMethod::kPercentile, RangeMethod::kMse}) {
      for (const Symmetry symmetry : {Symmetry::kSymmetricFull, Symmetry::kAsymmetric}) {
        const auto range = estimator.Estimate({.method = method}, 8, symmetry);
        ASSERT_TRUE(range.ok()) << range.status();
        EXPECT_TRUE(UniformQuantizer::Create(8, symmetry, -1, {*range}).ok());
      }
    }
  }
}

TEST(RangeEstimator, RefusesWhatIsNoData) {
  RangeEstimator estimator;
  EXPECT_EQ(estimator.Estimate({}, 8, Symmetry::kAsymmetric).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(estimator.Observe({}).ok());
  const float bad[] = {1, std::numeric_limits<float>::quiet_NaN()};
  const absl::Status status = estimator.Observe(bad);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("value 1 is not a number"));
  EXPECT_EQ(estimator.count(), 0);
  const RangeEstimator observed = Observed({1, 2});
  const auto code = [&](const RangeOptions& options, int bits) {
    return observed.Estimate(options, bits, Symmetry::kAsymmetric).status().code();
  };
  EXPECT_EQ(code({}, 0), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({}, 17), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({RangeMethod::kPercentile, 0}, 8), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({RangeMethod::kPercentile, 101}, 8), absl::StatusCode::kInvalidArgument);
}

TEST(CalibrateWeights, SplitsChannelsAlongItsAxis) {
  const Tensor weights = Tensor::Of<float>({2, 3}, {1, -2, 4, 8, 16, -32});
  const RangeOptions options = {.method = RangeMethod::kMinMax};
  const auto rows = CalibrateWeights(weights, 2, Symmetry::kSymmetricRestricted, 0, options);
  EXPECT_THAT(rows->scales, testing::ElementsAre(4, 32));
  const auto columns = CalibrateWeights(weights, 2, Symmetry::kSymmetricRestricted, 1, options);
  EXPECT_THAT(columns->scales, testing::ElementsAre(8, 16, 32));
  const auto whole = CalibrateWeights(weights, 2, Symmetry::kSymmetricRestricted, -1, options);
  EXPECT_THAT(whole->scales, testing::ElementsAre(32));
}

TEST(CalibrateWeights, CutsThePercentile) {
  const Tensor weights = Tensor::Of<float>({200}, Ramp(100, true));
  const RangeOptions options = {.method = RangeMethod::kPercentile, .percentile = 90};
  const auto symmetric = CalibrateWeights(weights, 2, Symmetry::kSymmetricRestricted, -1, options);
  EXPECT_NEAR(symmetric->scales[0], 90, 1);
  const auto asymmetric = CalibrateWeights(weights, 1, Symmetry::kAsymmetric, -1, options);
  EXPECT_NEAR(asymmetric->scales[0], 180, 2);
}

// Of so small a share nothing is left when it is taken from 1.
TEST(CalibrateWeights, APercentileNextToZeroKeepsAValue) {
  const RangeOptions options = {.method = RangeMethod::kPercentile, .percentile = 1e-15};
  for (const std::vector<float>& values :
       {std::vector<float>{3}, std::vector<float>{1, 2, 4}, std::vector<float>{-4, -2, 2, 4}}) {
    const Tensor weights = Tensor::Of<float>({static_cast<int64_t>(values.size())}, values);
    for (const Symmetry symmetry :
         {Symmetry::kSymmetricRestricted, Symmetry::kSymmetricFull, Symmetry::kAsymmetric}) {
      const auto quantizer = CalibrateWeights(weights, 8, symmetry, -1, options);
      ASSERT_TRUE(quantizer.ok()) << quantizer.status();
      EXPECT_LE(quantizer->scales[0], 4.0f / 127);
    }
  }
}

TEST(CalibrateWeights, KeepsADeadChannel) {
  const Tensor weights = Tensor::Of<float>({2, 2}, {0, 0, 1, -1});
  for (const int bits : {1, 4, 8}) {
    const auto quantizer = CalibrateWeights(weights, bits, Symmetry::kSymmetricRestricted, 0, {});
    ASSERT_TRUE(quantizer.ok()) << quantizer.status();
    EXPECT_NEAR(quantizer->FakeQuantize(weights)->data<float>()[0], 0, 1e-30);
  }
}

TEST(CalibrateWeights, RefusesWhatAreNoWeights) {
  const auto code = [](const Tensor& weights, int axis) {
    return CalibrateWeights(weights, 8, Symmetry::kSymmetricRestricted, axis, {}).status().code();
  };
  const Tensor weights = Tensor::Of<float>({2, 2}, {0, 0, 1, -1});
  EXPECT_EQ(code(weights, 2), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(weights, -2), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Tensor::Of<double>({1}, {1}), -1), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Tensor::Of<float>({0, 2}, {}), 0), absl::StatusCode::kInvalidArgument);
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(code(Tensor::Of<float>({1}, {infinity}), -1), absl::StatusCode::kInvalidArgument);
}

// Searching the ranges of a large tensor takes seconds.
TEST(CalibrateWeightsTest, StopsWhenCancelled) {
  const Tensor weights = Tensor::Of<float>({2, 2}, {1, -2, 3, -4});
  Cancellation cancellation;
  cancellation.Cancel();
  for (const int axis : {-1, 0}) {
    EXPECT_EQ(CalibrateWeights(weights, 4, Symmetry::kSymmetricRestricted, axis, {}, cancellation)
                  .status()
                  .code(),
              absl::StatusCode::kCancelled);
  }
}

}  // namespace
}  // namespace halftone
