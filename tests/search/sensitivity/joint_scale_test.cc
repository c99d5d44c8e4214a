#include "search/sensitivity/joint_scale.h"

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/statistics.h"
#include "gtest/gtest.h"
#include "search/sensitivity/evaluate.h"
#include "search/sensitivity/sensitivity.h"
#include "tests/search/sensitivity/digits.h"

namespace halftone {
namespace {

TEST(FitJointScaleTest, FindsTheFactorAndThePartOfThePairs) {
  std::vector<JointSample> samples;
  for (int i = 1; i <= 12; ++i) {
    const double pairs = (i % 5 - 2) * 0.3;
    samples.push_back({i * 1.0, pairs, 1.25 * (i + 0.5 * pairs)});
  }
  const JointScale scale = FitJointScale(samples, /*has_pairs=*/true);
  EXPECT_DOUBLE_EQ(scale.pairs, 0.5);
  EXPECT_NEAR(scale.loss, 1.25, 1e-9);
}

// With all pairs the other assignments would do less than nothing, and the one that is left agrees
// with itself.
TEST(FitJointScaleTest, DoesNotDropAssignmentsThatSpeakAgainstThePairs) {
  const std::vector<JointSample> samples = {{1, -1.5, 1.1}, {2, -2.5, 1.9}, {3, 0.5, 3}};
  const JointScale scale = FitJointScale(samples, /*has_pairs=*/true);
  EXPECT_LT(scale.pairs, 0.5);
  EXPECT_NEAR(scale.loss, 1, 0.15);
}

TEST(FitJointScaleTest, OneAssignmentSaysNothingOfThePairs) {
  const JointScale scale = FitJointScale({{1, 0.5, 3}}, /*has_pairs=*/true);
  EXPECT_EQ(scale.pairs, 1);
  EXPECT_DOUBLE_EQ(scale.loss, 2);
  EXPECT_EQ(FitJointScale({}, true).loss, 1);
  EXPECT_EQ(FitJointScale({{0, 0, 0}, {1, 0, 0}}, false).loss, 1) << "nothing diverges";
}

// Samples [begin, end) of the data.
Dataset Part(const Dataset& data, int64_t begin, int64_t end) {
  std::map<std::string, Tensor> arrays;
  for (const auto& [name, all] : data.inputs()) {
    arrays.emplace(name, data.Batch(name, begin, end - begin).value());
  }
  return Dataset::Create(arrays).value();
}

// It is fitted on the samples that the losses are of; it has to hold for others of their kind, and
// for assignments that it was not fitted on.
TEST(JointScaleTest, HoldsForOtherSamplesAndAssignments) {
  const testing::Digits digits = testing::LoadDigits();
  const std::vector<Precision> precisions = {Precision::Int(8, 8), Precision::Int(6, 6),
                                             Precision::Int(5, 5), Precision::Int(4, 4)};
  const Calibration calibration =
      Calibrate(digits.network, digits.calibration, precisions, {}, {}).value();
  const Dataset all = testing::LoadDataset("eval.npz");
  const int64_t half = all.samples() / 2;
  const Dataset fitted = Part(all, 0, half), others = Part(all, half, all.samples());
  SensitivityOptions options;
  options.method = SensitivityMethod::kFisherCorrected;
  options.interactions = true;
  const SensitivityResult result =
      MeasureSensitivity(digits.network, fitted, calibration, precisions, options, {}).value();
  SplitMix64 random(17);
  std::vector<double> ratios, of_fitted;
  for (int i = 0; i < 40; ++i) {
    std::map<std::string, Precision> assignment;
    for (const LayerSensitivity& layer : result.layers) {
      assignment[layer.name] = precisions[static_cast<size_t>(4 * random.Uniform())];
    }
    const double predicted = PredictLoss(result, assignment).value();
    const auto truth = [&](const Dataset& data) {
      return EvaluateAssignment(digits.network, data, calibration, assignment, {}).value().kl;
    };
    of_fitted.push_back(truth(fitted) / predicted);
    ratios.push_back(truth(others) / predicted);
  }
  EXPECT_NEAR(std::log(Median(of_fitted)), 0, std::log(1.15));
  EXPECT_NEAR(std::log(Median(ratios)), 0, std::log(1.5)) << "what samples differ by comes on top";
}

}  // namespace
}  // namespace halftone
