#include "search/crosscheck/crosscheck_result.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "search/crosscheck/crosscheck_report.h"

namespace halftone {
namespace {

using testing::HasSubstr;

std::vector<MeasuredAssignment> Measured(const std::vector<double>& divergences) {
  std::vector<MeasuredAssignment> measured;
  for (const double divergence : divergences) {
    MeasuredAssignment& assignment = measured.emplace_back();
    assignment.divergence = assignment.damage = divergence;
    assignment.accuracy_loss = divergence * divergence;
    assignment.assignment = {{"conv <1>", Precision::Int(4, 8)}, {"fc", Precision::Float32()}};
  }
  return measured;
}

Prediction Predicted(const std::string& name, std::vector<double> values) {
  Prediction prediction;
  prediction.name = name;
  prediction.predicted = std::move(values);
  prediction.seconds = 2.5;
  return prediction;
}

TEST(ScoreTest, TellsRanksAndCalibration) {
  const auto measured = Measured({0.01, 0.02, 0.04, 0.08});
  const EstimatorScore score =
      Score(*FindEstimator("fisher"), Predicted("fisher", {0.02, 0.04, 0.08, 0.16}), measured);
  EXPECT_DOUBLE_EQ(*score.spearman, 1);
  EXPECT_DOUBLE_EQ(*score.kendall, 1);
  EXPECT_DOUBLE_EQ(*score.accuracy_spearman, 1);
  EXPECT_DOUBLE_EQ(*score.median_ratio, 2);
  EXPECT_NEAR(*score.log_ratio_std, 0, 1e-12);
  EXPECT_EQ(score.seconds, 2.5);
  const EstimatorScore other =
      Score(*FindEstimator("fisher"), Predicted("fisher", {0.01, 0.08, 0.02, 0.16}), measured);
  EXPECT_DOUBLE_EQ(*other.spearman, 0.8);
  EXPECT_DOUBLE_EQ(*other.kendall, 4.0 / 6);
  // Ratios 1, 4, 1/2, 2.
  EXPECT_DOUBLE_EQ(*other.median_ratio, 1.5);
  EXPECT_NEAR(*other.log_ratio_std, std::log(2.0) * std::sqrt(5.0 / 3), 1e-12);
}

TEST(ScoreTest, SaysWhatDoesMoreThanPredicted) {
  const auto measured = Measured({0.01, 0.02, 0.64, 0.08});
  const EstimatorScore score =
      Score(*FindEstimator("fisher"), Predicted("fisher", {0.02, 0.01, 0.004, 0.06}), measured);
  EXPECT_EQ(score.underestimated, 2) << "2 and 160 times; not 1.33 times";
  EXPECT_DOUBLE_EQ(*score.worst_ratio, 160);
  EXPECT_EQ(score.worst_assignment, 2);
  EXPECT_EQ(UnderestimationWarning(score, measured),
            "2 of 4 assignments do more than 1.5 times what fisher predicts, up to 160 times: 0.64 "
            "where it predicts 0.004 (assignment 2)");
  const EstimatorScore good =
      Score(*FindEstimator("fisher"), Predicted("fisher", {0.02, 0.04, 0.8, 0.07}), measured);
  EXPECT_EQ(good.underestimated, 0);
  EXPECT_EQ(UnderestimationWarning(good, measured), "");
  const EstimatorScore nothing =
      Score(*FindEstimator("fisher"), Predicted("fisher", {0, 0, 0, 0}), measured);
  EXPECT_EQ(nothing.underestimated, 4);
  EXPECT_FALSE(nothing.worst_ratio.has_value());
  EXPECT_EQ(UnderestimationWarning(nothing, measured),
            "4 of 4 assignments do more than 1.5 times what fisher predicts");
  const EstimatorScore ranks =
      Score(*FindEstimator("hessian-trace"), Predicted("hessian-trace", {1, 2, 3, 4}), measured);
  EXPECT_EQ(ranks.underestimated, 0) << "a score is no divergence";
}

TEST(ScoreTest, WhatIsNotDefinedIsAbsent) {
  const auto measured = Measured({0.01, 0.02});
  const EstimatorScore ranks =
      Score(*FindEstimator("hessian-trace"), Predicted("hessian-trace", {7, 9}), measured);
  EXPECT_DOUBLE_EQ(*ranks.spearman, 1);
  EXPECT_FALSE(ranks.median_ratio.has_value()) << "it does not predict a divergence";
  const EstimatorScore flat =
      Score(*FindEstimator("fisher"), Predicted("fisher", {0, 0}), measured);
  EXPECT_FALSE(flat.spearman.has_value());
  EXPECT_FALSE(flat.median_ratio.has_value());
  Prediction failed = Predicted("output", {});
  failed.error = "no logits";
  EXPECT_EQ(Score(*FindEstimator("output"), failed, measured).error, "no logits");
}

CrosscheckResult SomeResult() {
  CrosscheckResult result;
  result.model_name = "a & b";
  result.output_metric = "kl";
  result.precisions = {Precision::Int(4, 8), Precision::Float32()};
  result.min_damage = 0.001;
  result.max_damage = 0.5;
  result.seed = 3;
  result.samples = 64;
  result.evaluation_samples = 100;
  result.requested = 4;
  result.tried = 5;
  result.evaluation_seconds = 1.5;
  result.float_accuracy = 0.9;
  result.assignments = Measured({0.01, 0.02, 0.04, 0.3});
  result.estimators = {Score(*FindEstimator("fisher"), Predicted("fisher", {0.01, 0.03, 0.02, 0.5}),
                             result.assignments),
                       Score(*FindEstimator("hessian-trace"),
                             Predicted("hessian-trace", {1e-3, 0, 5, 7}), result.assignments)};
  Prediction failed = Predicted("output", {});
  failed.error = "needs <logits>";
  result.estimators.push_back(Score(*FindEstimator("output"), failed, result.assignments));
  result.warnings = {"only few"};
  result.artifacts = {{"crosscheck.json", "abc"}};
  return result;
}

TEST(CrosscheckResultTest, JsonRoundTrips) {
  const nlohmann::json document = CrosscheckResultToJson(SomeResult());
  const absl::StatusOr<CrosscheckResult> back = CrosscheckResultFromJson(document);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(CrosscheckResultToJson(*back), document);
  EXPECT_EQ(document["estimators"][0]["spearman"], 0.8);
  EXPECT_TRUE(document["estimators"][1]["median_ratio"].is_null());
  EXPECT_EQ(document["assignments"][0]["assignment"]["fc"], "f32");
}

TEST(CrosscheckResultTest, DamagedJsonIsRefused) {
  nlohmann::json document = CrosscheckResultToJson(SomeResult());
  document["estimators"][0].erase("name");
  EXPECT_TRUE(absl::IsInvalidArgument(CrosscheckResultFromJson(document).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(CrosscheckResultFromJson(nullptr).status()));
  document = CrosscheckResultToJson(SomeResult());
  document["precisions"] = {"w99"};
  EXPECT_TRUE(absl::IsInvalidArgument(CrosscheckResultFromJson(document).status()));
}

TEST(CrosscheckReportTest, ShowsTheScoresAndNeedsNothingElse) {
  const std::string page = RenderCrosscheck(SomeResult());
  EXPECT_THAT(page, HasSubstr("a &amp; b"));
  EXPECT_THAT(page, HasSubstr("0.800"));
  EXPECT_THAT(page, HasSubstr("needs &lt;logits&gt;"));
  EXPECT_THAT(page, HasSubstr("only few"));
  EXPECT_EQ(page.find("href="), std::string::npos);
  EXPECT_EQ(page.find("src="), std::string::npos);
  EXPECT_EQ(page.find("nan"), std::string::npos);
}

TEST(CrosscheckReportTest, EveryEstimatorWithScoresHasAPanel) {
  const std::string svg = RenderScatter(SomeResult());
  EXPECT_THAT(svg, HasSubstr("fisher (Spearman 0.800)"));
  EXPECT_THAT(svg, HasSubstr("hessian-trace"));
  EXPECT_EQ(svg.find(">output"), std::string::npos);
  size_t dots = 0;
  for (size_t at = svg.find("<circle"); at != std::string::npos; at = svg.find("<circle", at + 1)) {
    ++dots;
  }
  EXPECT_EQ(dots, 8u);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
  // The line of equality is for the one that predicts the divergence.
  const size_t line = svg.find("stroke-dasharray");
  EXPECT_NE(line, std::string::npos);
  EXPECT_EQ(svg.find("stroke-dasharray", line + 1), std::string::npos);
}

}  // namespace
}  // namespace halftone
