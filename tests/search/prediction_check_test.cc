#include "search/prediction_check.h"

#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

SensitivityResult Losses(SensitivityMethod method = SensitivityMethod::kFisherCorrected) {
  SensitivityResult result;
  result.method = method;
  result.output_metric = "kl";
  return result;
}

Solution Optimal(double loss) {
  Solution solution;
  solution.status = Solution::Status::kOptimal;
  solution.loss = loss;
  solution.assignment = {{"a", "w2a4"}, {"b", "w2a4"}, {"c", "w8a8"}};
  return solution;
}

Correction PairOf(const std::string& b, double added) {
  Correction correction;
  correction.parts = {{{"a"}, "w2a4", 0.001}, {{b}, "w2a4", 0.003}};
  correction.added = added;
  correction.divergence = added + 0.004;
  return correction;
}

Evaluation Measured(double divergence) {
  Evaluation evaluation;
  evaluation.divergence = divergence;
  evaluation.kl = evaluation.mse = 7;
  return evaluation;
}

TEST(PredictionCheckTest, ComparesTheAnswersLossWithItsDivergence) {
  Refinement refined;
  refined.divergence = refined.optimum_divergence = 1.05;
  auto check = CheckPrediction(Losses(), Optimal(0.0068), refined, Measured(2), true);
  ASSERT_TRUE(check.has_value());
  EXPECT_EQ(check->predicted, 0.0068);
  EXPECT_EQ(check->measured, 1.05);
  EXPECT_NEAR(*check->Ratio(), 154.4, 0.1);
  EXPECT_FALSE(check->Holds());
  EXPECT_FALSE(check->on_held_out) << "of the samples that the prediction is of";

  // What was chosen instead of the optimum.
  refined.assignment = {{"a", "w4a8"}, {"b", "w2a4"}, {"c", "w8a8"}};
  refined.divergence = 0.02;
  refined.loss = 0.018;
  check = CheckPrediction(Losses(), Optimal(0.0068), refined, Measured(2), true);
  EXPECT_EQ(check->predicted, 0.018);
  EXPECT_EQ(check->measured, 0.02);
  EXPECT_TRUE(check->Holds());
  EXPECT_EQ(PredictionWarning(*check), "");
}

TEST(PredictionCheckTest, TakesTheEvaluationWhereNothingWasRefined) {
  auto check = CheckPrediction(Losses(), Optimal(0.1), std::nullopt, Measured(0.3), true);
  ASSERT_TRUE(check.has_value());
  EXPECT_DOUBLE_EQ(*check->Ratio(), 3);
  EXPECT_TRUE(check->on_held_out);
  EXPECT_THAT(PredictionWarning(*check), HasSubstr("0.3 was measured on the held-out samples"));
  for (const char* const metric : {"mse", "bernoulli", "cosine", "relative", "mixed"}) {
    SensitivityResult other = Losses();
    other.output_metric = metric;
    check = CheckPrediction(other, Optimal(0.1), std::nullopt, Measured(0.3), false);
    ASSERT_TRUE(check.has_value()) << metric;
    EXPECT_EQ(check->measured, 0.3);
    EXPECT_THAT(PredictionWarning(*check), HasSubstr("0.3 was measured"));
  }
}

TEST(PredictionCheckTest, SaysNothingOfScoresNorOfWhatIsNotThere) {
  const auto evaluation = Measured(0.3);
  const auto of = [&](SensitivityMethod method) {
    return CheckPrediction(Losses(method), Optimal(0.1), std::nullopt, evaluation, false);
  };
  EXPECT_FALSE(of(SensitivityMethod::kHawqV2).has_value());
  EXPECT_FALSE(of(SensitivityMethod::kSqnr).has_value());
  EXPECT_TRUE(of(SensitivityMethod::kOutput).has_value());
  EXPECT_FALSE(
      CheckPrediction(Losses(), Optimal(0.1), std::nullopt, std::nullopt, false).has_value());
  EXPECT_FALSE(CheckPrediction(Losses(), Solution(), std::nullopt, evaluation, false).has_value());
  SensitivityResult labels = Losses(SensitivityMethod::kHessianForm);
  labels.output_metric = "cross-entropy";
  EXPECT_FALSE(CheckPrediction(labels, Optimal(1), std::nullopt, evaluation, false).has_value());
}

TEST(PredictionCheckTest, NamesTheGroupsResponsibleTheLargestFirst) {
  Refinement refined;
  refined.divergence = refined.optimum_divergence = 1.05;
  refined.is_unexplained = true;
  refined.corrections = {PairOf("b", 0.2), PairOf("c", 0.5), PairOf("b", 0.64)};
  const auto check = CheckPrediction(Losses(), Optimal(0.4), refined, std::nullopt, false);
  ASSERT_TRUE(check.has_value());
  ASSERT_EQ(check->responsible.size(), 2u) << "the answer does not choose the other pair";
  EXPECT_EQ(check->responsible[0].added, 0.64);
  EXPECT_THAT(PredictionWarning(*check),
              AllOf(HasSubstr("the best of the model only"), HasSubstr("2.62 times as much"),
                    HasSubstr("'a' (w2a4) with 'b' (w2a4): 0.644 together, 0.004 one by one"),
                    HasSubstr("no few layers account for the rest")));

  const auto read = PredictionCheckFromJson(PredictionCheckToJson(*check));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(PredictionCheckToJson(*read), PredictionCheckToJson(*check));
}

TEST(PredictionCheckTest, WhatIsNextToNothingIsNoWarning) {
  const auto check = CheckPrediction(Losses(), Optimal(1e-6), std::nullopt, Measured(5e-4), false);
  EXPECT_FALSE(check->Holds());
  EXPECT_EQ(PredictionWarning(*check), "");
  const auto none = CheckPrediction(Losses(), Optimal(0), std::nullopt, Measured(0.5), false);
  EXPECT_FALSE(none->Ratio().has_value());
  EXPECT_TRUE(PredictionCheckToJson(*none)["ratio"].is_null());
  EXPECT_THAT(PredictionWarning(*none), Not(HasSubstr("times")));
}

}  // namespace
}  // namespace halftone
