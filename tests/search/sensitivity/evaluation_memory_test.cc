#include "search/sensitivity/evaluation_memory.h"

#include <cstdint>
#include <map>
#include <string>

#include "base/memory_budget.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/engine/onednn/onednn.h"
#include "tests/allocations.h"
#include "tests/search/sensitivity/digits.h"
#include "tests/search/sensitivity/memory_subjects.h"
#include "tests/search/sensitivity/small_networks.h"

namespace halftone {
namespace {

using testing::AllocationsAreCounted;
using testing::Digits;
using testing::ExpectEstimates;
using ::testing::HasSubstr;
using testing::LoadDigits;
using testing::MemorySubject;
using testing::PeakAllocation;
using testing::Subject;

class EvaluationMemoryTest : public ::testing::Test {
 protected:
  ~EvaluationMemoryTest() override { MemoryBudget::SetLimitBytes(0); }

  MemoryEstimate Estimate(int64_t samples, SampleValues values = SampleValues::kNone) const {
    const int64_t batch = digits_.network.BatchFor(kEvaluationBatch, samples);
    return EstimateEvaluation(digits_.network, *digits_.network.Bind(batch), batch,
                              digits_.calibration.Take(samples), values)
        .value();
  }

  const Digits digits_ = LoadDigits();
};

TEST_F(EvaluationMemoryTest, CalibrationAndEvaluationAreChecked) {
  MemoryBudget::SetLimitBytes(1e3);
  const absl::Status calibrated =
      Calibrate(digits_.network, digits_.calibration, {Precision::Int(8, 8)}, {}, {}).status();
  EXPECT_EQ(calibrated.code(), absl::StatusCode::kResourceExhausted) << calibrated;
  EXPECT_THAT(std::string(calibrated.message()),
              AllOf(HasSubstr("calibration ("), HasSubstr("needs a higher limit")));
  EXPECT_EQ(CheckEvaluationMemory(digits_.network, digits_.calibration).code(),
            absl::StatusCode::kResourceExhausted);
  MemoryBudget::SetLimitBytes(0);
  EXPECT_TRUE(CheckEvaluationMemory(digits_.network, digits_.calibration).ok());
}

// 64 MB of activations for each sample and more.
TEST(EvaluationBatchTest, IsSmallerWhereSamplesAreLarge) {
  testing::NetworkBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 16, 1024, 1024})
      .Output("y")
      .Op("Conv", {"x", "w"}, {"h"})
      .Op("Relu", {"h"}, {"r"})
      .Op("GlobalAveragePool", {"r"}, {"y"});
  builder.Weights("w", Shape{16, 16, 1, 1});
  const absl::StatusOr<PreparedNetwork> network = PrepareNetwork(builder.graph());
  ASSERT_TRUE(network.ok()) << network.status();
  const int64_t batch = *EvaluationBatch(*network, 1000);
  EXPECT_GE(batch, 1);
  EXPECT_LE(batch, 2);
  EXPECT_EQ(*EvaluationBatch(LoadDigits().network, 1000), kEvaluationBatch);
  EXPECT_EQ(*EvaluationBatch(LoadDigits().network, 10), 10);
}

TEST_F(EvaluationMemoryTest, AnEvaluationCountsItsBatchAndItsOutputs) {
  const MemoryEstimate one = Estimate(1), few = Estimate(16), many = Estimate(64);
  EXPECT_DOUBLE_EQ(few.activations, 16 * one.activations);
  EXPECT_DOUBLE_EQ(many.activations, 32 * one.activations) << "the batch is 32";
  EXPECT_DOUBLE_EQ(many.outputs, 64 * 10 * 4) << "ten classes";
  EXPECT_DOUBLE_EQ(many.data, 64 * one.data);
  EXPECT_GT(Estimate(64, SampleValues::kPseudovalues).outputs, 5 * many.outputs);
}

TEST_F(EvaluationMemoryTest, WhoeverEvaluatesIsRefusedBeforeAnythingIsRun) {
  const Dataset data = digits_.calibration.Take(64);
  const double needed = Estimate(64).Total();
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

// ---- What is really allocated ------------------------------------------------------------------

// Tests of what calibrations and evaluations allocate.
class RealMemoryTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!AllocationsAreCounted()) GTEST_SKIP() << "a sanitizer allocates";
    // Of more threads, each has scratch memory of its own for as long as it computes.
    SetOneDnnThreads(1);
    // What oneDNN keeps for the process is there from now on.
    Calibrated(MemorySubject(GetParam()));
  }

  static Calibration Calibrated(const Subject& subject) {
    return Calibrate(subject.network, subject.data, {Precision::Int(4, 8)}, {}, {}).value();
  }
  static void ExpectHolds(const MemoryEstimate& estimate, const PeakAllocation& peak,
                          const std::string& name) {
    SCOPED_TRACE(estimate.ToString());
    // Kernels' scratch memory does not count (program_memory.h): 1.5 MB of the ViT's in each of two
    // threads, tenths of that elsewhere, all of it or none as threads happen to run.
    const double scratch = std::string(GetParam()) == "vit" ? 4e6 : 5e5;
    ExpectEstimates(estimate.Total(), static_cast<double>(peak.Bytes()) - scratch, name);
  }
};

class RealCalibrationMemoryTest : public RealMemoryTest {};
class RealEvaluationMemoryTest : public RealMemoryTest {};

TEST_P(RealCalibrationMemoryTest, IsAsEstimated) {
  PeakAllocation peak;
  const Subject subject = MemorySubject(GetParam());
  const int64_t batch = subject.network.BatchFor(32, subject.data.samples());
  const MemoryEstimate estimate =
      EstimateCalibration(subject.network, *subject.network.Bind(batch), subject.data).value();
  peak.Restart();
  Calibrated(subject);
  ExpectHolds(estimate, peak, "calibration");
}

TEST_P(RealEvaluationMemoryTest, IsAsEstimated) {
  PeakAllocation peak;
  const Subject subject = MemorySubject(GetParam());
  const Calibration calibration = Calibrated(subject);
  const int64_t batch = subject.network.BatchFor(kEvaluationBatch, subject.data.samples());
  std::map<std::string, Precision> assignment;
  for (const Layer& layer : subject.network.layers.layers) {
    assignment[layer.name] = Precision::Int(4, 8);
  }
  for (const SampleValues values : {SampleValues::kNone, SampleValues::kPseudovalues}) {
    const MemoryEstimate estimate =
        EstimateEvaluation(subject.network, *subject.network.Bind(batch), batch, subject.data,
                           values)
            .value();
    peak.Restart();
    const auto evaluator = AssignmentEvaluator::Create(subject.network, subject.data, calibration,
                                                       {}, values, /*kept_bytes=*/0);
    ASSERT_TRUE(evaluator.ok()) << evaluator.status();
    ASSERT_TRUE((*evaluator)->Evaluate(assignment, {}).ok());
    ExpectHolds(estimate, peak, values == SampleValues::kNone ? "evaluation" : "pooled");
  }
}

const auto kName = [](const auto& info) { return std::string(info.param); };
INSTANTIATE_TEST_SUITE_P(Networks, RealCalibrationMemoryTest,
                         ::testing::Values("resnet14", "mobilenetv2", "vit", "padded", "heavy"),
                         kName);
INSTANTIATE_TEST_SUITE_P(Networks, RealEvaluationMemoryTest,
                         ::testing::Values("resnet14", "mobilenetv2", "vit", "padded", "heavy",
                                           "wide"),
                         kName);

}  // namespace
}  // namespace halftone
