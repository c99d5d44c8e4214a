#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/statistics.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/sensitivity/evaluate.h"
#include "search/sensitivity/sensitivity.h"
#include "tests/search/sensitivity/digits.h"

namespace halftone {
namespace {

using testing::Digits;
using testing::LoadDigits;

// A group of choices that agreed so far with what was measured is the last one that is measured:
// what it leaves hurts less, and second order is off by less there, but for the samples' luck.
constexpr double kTolerance = 0.15;
// In standard errors.
constexpr double kFar = 4;

// The standard error of the difference between two losses of the same samples, from resamples that
// both were drawn in alike (Efron 1979).
double DifferenceError(const SensitivityResult& a, const SensitivityResult& b, size_t column) {
  std::vector<double> differences;
  for (size_t i = 0; i < a.resampled_losses.size(); ++i) {
    differences.push_back(a.resampled_losses[i][column] - b.resampled_losses[i][column]);
  }
  return StandardDeviation(differences);
}

// By how many standard errors `errors` spread wider than `others`, errors of the same assignments:
// the t value of the correlation of their sums with their differences (Pitman 1939, Morgan 1939).
double ExcessSpread(const std::vector<double>& errors, const std::vector<double>& others) {
  std::vector<double> sums, differences;
  for (size_t i = 0; i < errors.size(); ++i) {
    sums.push_back(errors[i] + others[i]);
    differences.push_back(errors[i] - others[i]);
  }
  const auto count = static_cast<double>(errors.size());
  const double scale = StandardDeviation(sums) * StandardDeviation(differences);
  if (scale < 1e-12) return 0;  // one is the other, but for a factor
  const double wider = StandardDeviation(errors), narrower = StandardDeviation(others);
  const double correlation = (wider * wider - narrower * narrower) / scale;
  return correlation * std::sqrt((count - 2) / (1 - correlation * correlation));
}

class FisherCorrectedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<Calibration> calibration =
        Calibrate(digits_.network, digits_.calibration, precisions_, {}, {});
    ASSERT_TRUE(calibration.ok()) << calibration.status();
    calibration_ = *std::move(calibration);
  }

  SensitivityResult Measure(SensitivityMethod method, int assignments = 32) const {
    SensitivityOptions options;
    options.method = method;
    options.samples = 128;
    options.interactions = true;
    options.joint_assignments = assignments;
    options.resamples = 200;
    absl::StatusOr<SensitivityResult> result = MeasureSensitivity(
        digits_.network, digits_.calibration, calibration_, precisions_, options, {});
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *std::move(result) : SensitivityResult();
  }

  // What MeasureSensitivity hands over before it measures, `status` being what it is answered.
  absl::Status FirstLossesOf(SensitivityMethod method, const absl::Status& status,
                             std::vector<SensitivityResult>& first) const {
    SensitivityOptions options;
    options.method = method;
    options.samples = 128;
    options.interactions = true;
    return MeasureSensitivity(digits_.network, digits_.calibration, calibration_, precisions_,
                              options, {}, {},
                              [&](const SensitivityResult& losses) {
                                first.push_back(losses);
                                return status;
                              })
        .status();
  }

  // One precision for all layers, and one for each at random.
  std::vector<std::map<std::string, Precision>> Assignments(const SensitivityResult& result) const {
    std::vector<std::map<std::string, Precision>> assignments;
    for (const Precision& precision :
         {Precision::Int(8, 8), Precision::Int(6, 6), Precision::Int(5, 5), Precision::Int(4, 4)}) {
      auto& assignment = assignments.emplace_back();
      for (const LayerSensitivity& layer : result.layers) assignment[layer.name] = precision;
    }
    SplitMix64 random(11);
    // Of those from 10 bits to 4: beyond them there is no damage, or nothing left of the network.
    constexpr size_t kFirst = 2, kCount = 9;
    for (int i = 0; i < 40; ++i) {
      auto& assignment = assignments.emplace_back();
      for (const LayerSensitivity& layer : result.layers) {
        const auto drawn = static_cast<size_t>(random.Uniform() * double{kCount});
        assignment[layer.name] = precisions_[kFirst + drawn];
      }
    }
    return assignments;
  }

  // Measured on the samples of Measure().
  double Divergence(const std::map<std::string, Precision>& assignment) const {
    const absl::StatusOr<Evaluation> truth = EvaluateAssignment(
        digits_.network, digits_.calibration.Take(128), calibration_, assignment, {});
    EXPECT_TRUE(truth.ok()) << truth.status();
    return truth.ok() ? truth->kl : 0;
  }

  const Digits digits_ = LoadDigits();
  const std::vector<Precision> precisions_ = {
      Precision::Float32(),  Precision::Int(12, 12), Precision::Int(10, 10), Precision::Int(8, 8),
      Precision::Int(8, 6),  Precision::Int(6, 8),   Precision::Int(6, 6),   Precision::Int(5, 6),
      Precision::Int(6, 5),  Precision::Int(5, 5),   Precision::Int(4, 4),   Precision::Int(3, 3),
      Precision::Int(12, 8), Precision::Int(2, 2)};
  Calibration calibration_;
};

TEST_F(FisherCorrectedTest, HandsOverTheLossesToSecondOrderFirst) {
  std::vector<SensitivityResult> first;
  ASSERT_TRUE(FirstLossesOf(SensitivityMethod::kFisherCorrected, absl::OkStatus(), first).ok());
  ASSERT_EQ(first.size(), 1u);
  EXPECT_TRUE(first[0].interactions.empty());
  const SensitivityResult fisher = Measure(SensitivityMethod::kFisher);
  ASSERT_EQ(first[0].layers.size(), fisher.layers.size());
  for (size_t l = 0; l < fisher.layers.size(); ++l) {
    for (size_t o = 0; o < precisions_.size(); ++o) {
      EXPECT_EQ(first[0].layers[l].choices[o].loss, fisher.layers[l].choices[o].loss);
      EXPECT_EQ(first[0].layers[l].choices[o].precision, precisions_[o]);
      EXPECT_FALSE(first[0].layers[l].choices[o].measured);
    }
  }
}

TEST_F(FisherCorrectedTest, EndsWhereTheFirstLossesAreRefused) {
  std::vector<SensitivityResult> first;
  const absl::Status status =
      FirstLossesOf(SensitivityMethod::kFisherCorrected, absl::InvalidArgumentError("no"), first);
  EXPECT_EQ(status, absl::InvalidArgumentError("no"));
  EXPECT_EQ(first.size(), 1u);
  first.clear();
  EXPECT_TRUE(
      FirstLossesOf(SensitivityMethod::kFisher, absl::InvalidArgumentError("no"), first).ok());
  EXPECT_TRUE(first.empty());
}

TEST_F(FisherCorrectedTest, MeasuresWhatSecondOrderGetsWrongAndNothingElse) {
  const SensitivityResult corrected = Measure(SensitivityMethod::kFisherCorrected);
  const SensitivityResult fisher = Measure(SensitivityMethod::kFisher);
  const SensitivityResult measured = Measure(SensitivityMethod::kOutput);
  EXPECT_EQ(corrected.output_metric, "kl");
  size_t not_measured = 0;
  for (size_t l = 0; l < corrected.layers.size(); ++l) {
    for (size_t o = 0; o < precisions_.size(); ++o) {
      const ChoiceLoss& choice = corrected.layers[l].choices[o];
      const ChoiceLoss& truth = measured.layers[l].choices[o];
      EXPECT_EQ(choice.precision, precisions_[o]);
      if (choice.measured) {
        EXPECT_DOUBLE_EQ(choice.loss, truth.loss);
        EXPECT_DOUBLE_EQ(choice.loss_stderr.value(), truth.loss_stderr.value());
      } else {
        ++not_measured;
        EXPECT_EQ(choice.loss, fisher.layers[l].choices[o].loss);
        const double luck = DifferenceError(corrected, measured, l * precisions_.size() + o);
        EXPECT_NEAR(choice.loss, truth.loss, kTolerance * truth.loss + kFar * luck)
            << choice.precision.ToString();
      }
    }
    EXPECT_TRUE(corrected.layers[l].choices.back().measured) << "2 bits";
  }
  EXPECT_GE(not_measured, 2 * corrected.layers.size()) << "f32 and what is next to it";
}

TEST_F(FisherCorrectedTest, KeepsTheCorrelationsOfTheFisherMatrix) {
  const SensitivityResult corrected = Measure(SensitivityMethod::kFisherCorrected);
  const SensitivityResult fisher = Measure(SensitivityMethod::kFisher);
  const size_t size = corrected.layers.size() * precisions_.size();
  ASSERT_EQ(corrected.interactions.size(), size * size);
  for (size_t a = 0; a < size; ++a) {
    const auto& row = corrected.layers[a / precisions_.size()].choices;
    EXPECT_EQ(corrected.interactions[a * size + a], 2 * row[a % precisions_.size()].loss);
    for (size_t b = 0; b < size; ++b) {
      const auto correlation = [&](const SensitivityResult& result) {
        const std::vector<double>& g = result.interactions;
        const double scale = std::sqrt(g[a * size + a] * g[b * size + b]);
        return scale == 0 ? 0 : g[a * size + b] / scale;
      };
      const double part = a == b ? 1 : corrected.pair_scale;
      EXPECT_NEAR(correlation(corrected), part * correlation(fisher), 1e-9);
    }
  }
}

// Without whole assignments the pairs count in full; with them, a part of each, the same for all.
TEST_F(FisherCorrectedTest, TakesAPartOfThePairs) {
  const SensitivityResult plain = Measure(SensitivityMethod::kFisherCorrected, /*assignments=*/0);
  EXPECT_EQ(plain.pair_scale, 1);
  EXPECT_EQ(plain.joint_scale, 1);
  const SensitivityResult fitted = Measure(SensitivityMethod::kFisherCorrected);
  EXPECT_NE(fitted.joint_scale, 1);
  const size_t size = plain.layers.size() * precisions_.size();
  for (size_t a = 0; a < size; ++a) {
    for (size_t b = 0; b < size; ++b) {
      const double part = a == b ? 1 : fitted.pair_scale;
      EXPECT_DOUBLE_EQ(fitted.interactions[a * size + b], part * plain.interactions[a * size + b]);
    }
  }
}

// What the method is for, on assignments that it has not seen: uniform ones and random ones of all
// sizes of damage.
TEST_F(FisherCorrectedTest, PredictsTheDivergenceOfAssignments) {
  const SensitivityResult plain = Measure(SensitivityMethod::kFisherCorrected, /*assignments=*/0);
  const SensitivityResult corrected = Measure(SensitivityMethod::kFisherCorrected);
  SensitivityResult without_pairs = plain;
  without_pairs.interactions.clear();
  std::vector<double> predicted, measured, errors, plain_errors, pairless_errors;
  for (const auto& assignment : Assignments(corrected)) {
    const double truth = Divergence(assignment);
    const auto error = [&](const SensitivityResult& result) {
      return std::log(PredictLoss(result, assignment).value() / truth);
    };
    measured.push_back(truth);
    predicted.push_back(PredictLoss(corrected, assignment).value());
    errors.push_back(error(corrected));
    plain_errors.push_back(error(plain));
    pairless_errors.push_back(error(without_pairs));
  }
  std::vector<double> sizes;
  for (const double error : errors) sizes.push_back(std::abs(error));
  RecordProperty("median_error", std::to_string(Median(sizes)));
  RecordProperty("largest_error", std::to_string(*std::max_element(sizes.begin(), sizes.end())));
  RecordProperty("spread", std::to_string(StandardDeviation(errors)));
  RecordProperty("spread_with_all_pairs", std::to_string(StandardDeviation(plain_errors)));
  RecordProperty("spread_without_pairs", std::to_string(StandardDeviation(pairless_errors)));
  RecordProperty("rank_correlation",
                 std::to_string(SpearmanCorrelation(predicted, measured).value()));
  EXPECT_LT(Median(sizes), 0.2);
  EXPECT_LT(*std::max_element(sizes.begin(), sizes.end()), std::log(2.0));
  EXPECT_GT(SpearmanCorrelation(predicted, measured).value(), 0.96);
  // The part of the pairs follows what is measured no worse than all of them, or none.
  EXPECT_LT(ExcessSpread(errors, plain_errors), kFar);
  EXPECT_LT(ExcessSpread(errors, pairless_errors), kFar);
}

SensitivityResult TwoLayers() {
  SensitivityResult result;
  result.layers = {
      {.name = "a", .choices = {{Precision::Int(4, 4), 1, 0}, {Precision::Int(8, 8), 0.25, 0}}},
      {.name = "b", .choices = {{Precision::Int(4, 4), 2, 0}}}};
  return result;
}

TEST(PredictLossTest, IsTheSumOfLossesWithoutInteractions) {
  const SensitivityResult result = TwoLayers();
  EXPECT_EQ(*PredictLoss(result, std::map<std::string, Precision>{}), 0);
  EXPECT_EQ(*PredictLoss(result, {{"a", Precision::Int(8, 8)}, {"b", Precision::Int(4, 4)}}), 2.25);
  EXPECT_EQ(*PredictLoss(result, {{"a", Precision::Float32()}, {"b", Precision::Int(4, 4)}}), 2);
  EXPECT_EQ(*PredictLoss(result, std::vector<int>{0, -1}), 1);
}

TEST(PredictLossTest, IsHalfTheSumOfTheMatrixWithInteractions) {
  SensitivityResult result = TwoLayers();
  result.interactions = {2, 9, 0.5, 9, 0.5, -0.25, 0.5, -0.25, 4};
  EXPECT_EQ(*PredictLoss(result, std::vector<int>{0, 0}), (2 + 4 + 2 * 0.5) / 2);
  EXPECT_EQ(*PredictLoss(result, std::vector<int>{1, 0}), (0.5 + 4 - 2 * 0.25) / 2);
  EXPECT_EQ(*PredictLoss(result, {{"b", Precision::Int(4, 4)}}), 2);
}

TEST(PredictLossTest, NamesWhatItDoesNotKnow) {
  const SensitivityResult result = TwoLayers();
  const absl::Status layer = PredictLoss(result, {{"c", Precision::Int(4, 4)}}).status();
  EXPECT_EQ(layer.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(layer.message()), ::testing::HasSubstr("'c'"));
  const absl::Status precision = PredictLoss(result, {{"b", Precision::Int(2, 2)}}).status();
  EXPECT_EQ(precision.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(precision.message()), ::testing::HasSubstr("w2a2"));
  EXPECT_FALSE(PredictLoss(result, std::vector<int>{0}).ok());
  EXPECT_FALSE(PredictLoss(result, std::vector<int>{2, 0}).ok());
}

}  // namespace
}  // namespace halftone
