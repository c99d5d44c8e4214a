#include "search/sensitivity/memory_estimate.h"

#include <string>

#include "base/memory_budget.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/sensitivity/evaluate.h"
#include "tests/search/sensitivity/digits.h"

namespace halftone {
namespace {

using testing::Digits;
using ::testing::HasSubstr;
using testing::LoadDigits;
using ::testing::Not;

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

TEST_F(MemoryEstimateTest, CalibrationAndEvaluationAreChecked) {
  MemoryBudget::SetLimitBytes(1e3);
  const absl::Status calibrated =
      Calibrate(digits_.network, digits_.calibration, kPrecisions, {}, {}).status();
  EXPECT_EQ(calibrated.code(), absl::StatusCode::kResourceExhausted) << calibrated;
  EXPECT_EQ(CheckEvaluationMemory(digits_.network, digits_.calibration).code(),
            absl::StatusCode::kResourceExhausted);
  MemoryBudget::SetLimitBytes(0);
  EXPECT_TRUE(CheckEvaluationMemory(digits_.network, digits_.calibration).ok());
}

TEST_F(MemoryEstimateTest, AnEvaluationCountsItsBatchAndItsOutputs) {
  const auto estimate = [&](int64_t samples) {
    const int64_t batch = digits_.network.BatchFor(kEvaluationBatch, samples);
    return EstimateEvaluation(*digits_.network.Bind(batch), batch,
                              digits_.calibration.Take(samples));
  };
  const MemoryEstimate one = estimate(1), few = estimate(16), many = estimate(64);
  EXPECT_DOUBLE_EQ(few.activations, 16 * one.activations);
  EXPECT_DOUBLE_EQ(many.activations, 32 * one.activations) << "the batch is 32";
  EXPECT_DOUBLE_EQ(many.outputs, 64 * 10 * 4) << "ten classes";
  EXPECT_DOUBLE_EQ(many.data, 64 * one.data);
}

TEST_F(MemoryEstimateTest, WhoeverEvaluatesIsRefusedBeforeAnythingIsRun) {
  const Dataset data = digits_.calibration.Take(64);
  const double needed =
      EstimateEvaluation(*digits_.network.Bind(kEvaluationBatch), kEvaluationBatch, data).Total();
  const auto create = [&](double limit) {
    MemoryBudget::SetLimitBytes(limit);
    return AssignmentEvaluator::Create(digits_.network, data, {}, {}).status();
  };
  const absl::Status refused = create(needed - 1);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("it would fit with fewer samples"));
  // What it keeps to be faster is what is left.
  EXPECT_TRUE(create(needed + 1).ok());
}

}  // namespace
}  // namespace halftone
