#include "search/sensitivity/known_losses.h"

#include <string>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

// As estimators leave it: what they do not know is 0.
SensitivityResult Measured(SensitivityMethod method, int64_t samples) {
  SensitivityResult result;
  result.method = method;
  result.samples = samples;
  for (const char* weights : {"w", ""}) {
    LayerSensitivity& layer = result.layers.emplace_back();
    layer.name = std::string("layer") + weights;
    layer.weights = weights;
    layer.trace_stderr = 0.25;
    for (const char* text : {"w4a8", "a8", "f32"}) {
      const Precision precision = *Precision::Parse(text);
      layer.choices.push_back({precision, precision.IsFloat32() ? 0.0 : 0.5, 0.125});
    }
  }
  return result;
}

SensitivityResult Known(SensitivityMethod method, int64_t samples) {
  SensitivityResult result = Measured(method, samples);
  ForgetWhatIsNotKnown(result);
  return result;
}

TEST(KnownLossesTest, OneSampleHasNoStandardError) {
  const SensitivityResult one = Known(SensitivityMethod::kFisher, 1);
  EXPECT_FALSE(one.layers[0].choices[0].loss_stderr.has_value());
  EXPECT_FALSE(one.layers[0].trace_stderr.has_value());
  EXPECT_TRUE(one.layers[0].choices[0].is_known);
  EXPECT_EQ(one.layers[0].choices[2].loss_stderr, 0) << "f32 does nothing";
  EXPECT_EQ(Known(SensitivityMethod::kFisher, 2).layers[0].choices[0].loss_stderr, 0.125);
}

TEST(KnownLossesTest, ProbesOfOneSampleHaveOne) {
  SensitivityResult result = Measured(SensitivityMethod::kHessianTrace, 1);
  result.layers[0].trace_kind = TraceKind::kHutchinson;
  ForgetWhatIsNotKnown(result);
  EXPECT_EQ(result.layers[0].trace_stderr, 0.25);
  EXPECT_EQ(result.layers[0].choices[0].loss_stderr, 0.125);
}

TEST(KnownLossesTest, TheTopEigenvalueHasNone) {
  for (const auto method : {SensitivityMethod::kHessianEigenvalue, SensitivityMethod::kHawqV1}) {
    const SensitivityResult result = Known(method, 100);
    EXPECT_FALSE(result.layers[0].choices[0].loss_stderr.has_value());
    EXPECT_TRUE(result.layers[0].choices[0].is_known);
  }
}

TEST(KnownLossesTest, WhatKnowsWeightsAloneSaysNothingOfActivations) {
  const SensitivityResult result = Known(SensitivityMethod::kHawqV2, 100);
  EXPECT_TRUE(result.layers[0].choices[0].is_known);
  EXPECT_FALSE(result.layers[0].choices[1].is_known) << "a8 leaves the weights as they are";
  EXPECT_FALSE(result.layers[0].choices[1].loss_stderr.has_value());
  EXPECT_TRUE(result.layers[0].choices[2].is_known);
  EXPECT_FALSE(result.layers[1].choices[0].is_known) << "a product has no weights";
  EXPECT_TRUE(Known(SensitivityMethod::kFisher, 100).layers[1].choices[0].is_known);
}

TEST(KnownLossesTest, WhatIsNotKnownIsNullAndReadAgain) {
  const SensitivityResult result = Known(SensitivityMethod::kHawqV1, 100);
  const nlohmann::json document = SensitivityToJson(result);
  const nlohmann::json& choices = document["layers"][0]["choices"];
  EXPECT_EQ(choices[0]["loss"], 0.5);
  EXPECT_TRUE(choices[0]["loss_stderr"].is_null());
  EXPECT_TRUE(choices[1]["loss"].is_null());
  const absl::StatusOr<SensitivityResult> read = SensitivityFromJson(document);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(SensitivityToJson(*read), document);
}

TEST(KnownLossesTest, WhatAnEarlierVersionWroteAsZeroIsNotKnownEither) {
  nlohmann::json document = SensitivityToJson(Measured(SensitivityMethod::kHawqV1, 100));
  document["layers"][0]["choices"][0]["loss_stderr"] = 0;
  const absl::StatusOr<SensitivityResult> read = SensitivityFromJson(document);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_FALSE(read->layers[0].choices[0].loss_stderr.has_value());
}

}  // namespace
}  // namespace halftone
