#include "search/loss_terms.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

SensitivityResult Measured(std::optional<double> error) {
  SensitivityResult result;
  result.method = SensitivityMethod::kFisherCorrected;
  result.output_metric = "kl";
  result.layers.push_back({.name = "a", .choices = {{Precision::Int(4, 4), 0.5, error}}});
  return result;
}

TEST(LossTermsTest, LossesAreWhatTheEstimatorSaysUnlessSomethingIsAdded) {
  EXPECT_THAT(CountedMeasure(Measured(0.1), {}).text, EndsWith("KL divergence, in nats"));
  EXPECT_EQ(CountedLoss(Measured(0.1).layers[0].choices[0], 0), 0.5);
}

TEST(LossTermsTest, StandardErrorsAndFactorsAreNamed) {
  SearchSpec spec;
  spec.robust = 2;
  EXPECT_THAT(CountedMeasure(Measured(0.1), spec).text,
              EndsWith("in nats, plus 2 standard errors of each layer"));
  EXPECT_THAT(CountedMeasure(Measured(std::nullopt), spec).text,
              EndsWith("plus 2 standard errors of each layer where they are known"));
  EXPECT_EQ(CountedLoss(Measured(0.1).layers[0].choices[0], 2), 0.7);
  EXPECT_EQ(CountedLoss(Measured(std::nullopt).layers[0].choices[0], 2), 0.5);
  spec.robust = 1;
  spec.rules.loss_factors = {{"a", 3}};
  EXPECT_THAT(CountedMeasure(Measured(0.1), spec).text,
              EndsWith("plus 1 standard error of each layer, times the loss factors"));
}

TEST(LossTermsTest, NegativeLossesAreNoGains) {
  SensitivityResult traces = Measured(0.1);
  traces.method = SensitivityMethod::kHessianTrace;
  EXPECT_EQ(NegativeWarning(traces), "");
  traces.layers[0].choices[0].loss = -0.5;
  EXPECT_EQ(CountedLoss(traces.layers[0].choices[0], 0), 0);
  EXPECT_EQ(CountedLoss(traces.layers[0].choices[0], 2), 0);
  EXPECT_NEAR(CountedLoss(traces.layers[0].choices[0], 6), 0.1, 1e-12);
  EXPECT_EQ(NegativeWarning(traces),
            "the method hessian-trace gives negative losses (of 'a'): they count as 0, for no "
            "precision is better than float");
  for (const char* const name : {"b", "c", "d", "e"}) {
    traces.layers.push_back(traces.layers[0]);
    traces.layers.back().name = name;
  }
  EXPECT_THAT(NegativeWarning(traces), HasSubstr("(of 'a', 'b', 'c' and 2 more)"));
  // They are marked where they are shown, and read back as they are.
  const auto json = SensitivityToJson(traces);
  EXPECT_EQ(json["layers"][0]["choices"][0]["is_negative"], true);
  EXPECT_EQ(SensitivityFromJson(json)->layers[0].choices[0].loss, -0.5);
}

TEST(LossTermsTest, WhyNothingIsEvaluated) {
  SearchSpec spec;
  EXPECT_EQ(WhyNotEvaluated(spec), "");
  spec.rules.loss_factors = {{"a", 3}};
  EXPECT_THAT(WhyNotEvaluated(spec), HasSubstr("loss factors"));
  spec.rules.loss_factors.clear();
  spec.evaluations = 0;
  EXPECT_THAT(WhyNotEvaluated(spec), HasSubstr("no evaluation was asked for"));
}

}  // namespace
}  // namespace halftone
