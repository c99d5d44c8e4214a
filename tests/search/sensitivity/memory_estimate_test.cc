#include "search/sensitivity/memory_estimate.h"

#include <string>

#include "base/memory_budget.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/search/sensitivity/digits.h"
#include "tests/search/sensitivity/small_networks.h"

namespace halftone {
namespace {

using testing::Digits;
using ::testing::HasSubstr;
using testing::Ints;
using testing::LoadDigits;
using testing::NetworkBuilder;
using ::testing::Not;
using testing::Subject;

const std::vector<Precision> kPrecisions = {Precision::Int(8, 8), Precision::Int(4, 4),
                                            Precision::Int(2, 2)};

class MemoryEstimateTest : public ::testing::Test {
 protected:
  MemoryEstimateTest() {
    options_.method = SensitivityMethod::kFisher;
    options_.batch = 1;
  }
  ~MemoryEstimateTest() override { MemoryBudget::SetLimitBytes(0); }

  MemoryEstimate Estimate(int64_t samples, size_t precisions) const {
    const std::vector<Precision> some(kPrecisions.begin(),
                                      kPrecisions.begin() + static_cast<int>(precisions));
    return EstimateSensitivity(digits_.network, digits_.calibration, samples, some, options_)
        .value();
  }
  std::string Refused(double limit) const {
    MemoryBudget::SetLimitBytes(limit);
    // What was not calibrated would be refused otherwise.
    const absl::Status status =
        MeasureSensitivity(digits_.network, digits_.calibration, {}, kPrecisions, options_, {})
            .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    return std::string(status.message());
  }

  const Digits digits_ = LoadDigits();
  SensitivityOptions options_;
};

TEST_F(MemoryEstimateTest, GrowsWithWhatIsAsked) {
  options_.interactions = true;
  options_.resamples = 10;
  const double layers = static_cast<double>(digits_.network.layers.layers.size());
  const MemoryEstimate all = Estimate(100, 3), fewer = Estimate(50, 2);
  EXPECT_EQ(all.matrix, 4 * 8 * 9 * layers * layers);
  EXPECT_EQ(all.data, 2 * fewer.data);
  EXPECT_EQ(all.choices, 1.5 * fewer.choices);
  EXPECT_EQ(all.weights, fewer.weights);
  EXPECT_EQ(all.resamples, 3 * layers * (4 * 100 + 8 * 10));
  EXPECT_GT(all.activations, fewer.activations);
  EXPECT_EQ(all.basis, 0);
  options_.method = SensitivityMethod::kHessianEigenvalue;
  EXPECT_GT(Estimate(100, 3).basis, 0);
  EXPECT_EQ(Estimate(100, 3).matrix, 0);
}

TEST_F(MemoryEstimateTest, WhatDoesNotFitIsRefusedWithWhatWouldFit) {
  options_.interactions = true;
  const int64_t samples = digits_.calibration.samples();
  const double whole = Estimate(samples, 3).Total(), matrix = Estimate(samples, 3).matrix;
  EXPECT_THAT(Refused(whole - matrix), HasSubstr("it would fit without interactions"));
  EXPECT_THAT(Refused(Estimate(samples, 2).Total()), HasSubstr("with 2 precisions"));
  EXPECT_THAT(Refused(Estimate(samples / 2, 3).Total()),
              HasSubstr("with " + std::to_string(samples / 2) + " samples"));
  EXPECT_THAT(Refused(Estimate(1, 3).Total()), HasSubstr("with 1 sample (`--samples 1`)"));
  EXPECT_THAT(Refused(1e3), HasSubstr("needs a higher limit"));
  options_.interactions = false;
  EXPECT_THAT(Refused(Estimate(samples, 2).Total()), Not(HasSubstr("without interactions")));
}

TEST_F(MemoryEstimateTest, AnEigenvaluesBasisIsRefusedWithItsFigure) {
  options_.method = SensitivityMethod::kHessianEigenvalue;
  const MemoryEstimate estimate = Estimate(digits_.calibration.samples(), 3);
  EXPECT_THAT(Refused(estimate.Total() - 1),
              AllOf(HasSubstr("hessian-eigenvalue"), HasSubstr("eigenvectors")));
}

TEST_F(MemoryEstimateTest, PaddingAsWideAsTheKernelCounts) {
  const auto estimate = [&](int64_t padding) {
    NetworkBuilder builder;
    builder.Input("x", Shape{Shape::kDynamic, 16, 20, 20})
        .Output("y")
        .Op("Conv", {"x", "w1"}, {"c1"}, {{"pads", Ints(4, padding)}})
        .Op("GlobalAveragePool", {"c1"}, {"p"})
        .Op("Flatten", {"p"}, {"f"})
        .Op("Gemm", {"f", "w2"}, {"y"});
    builder.Weights("w1", Shape{8, 16, 3, 3}).Weights("w2", Shape{8, 4});
    const Subject subject = builder.Make(Shape{16, 20, 20}, 4);
    return EstimateSensitivity(subject.network, subject.data, 24, kPrecisions, options_).value();
  };
  // Of one sample: the copy, and what the layer's result grows by, which there is three times more
  // for each of four classes' gradients and each precision.
  const double grown = 8 * (34 * 34 - 22 * 22);
  const double times = 1 + 3 * (4 + static_cast<double>(kPrecisions.size()));
  EXPECT_EQ(estimate(8).activations - estimate(2).activations, 4 * (16 * 36 * 36 + times * grown));
}

}  // namespace
}  // namespace halftone
