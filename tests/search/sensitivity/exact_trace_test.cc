#include <cmath>
#include <ostream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/sensitivity.h"
#include "tests/search/sensitivity/digits.h"
#include "tests/search/sensitivity/small_networks.h"

namespace halftone {
namespace {

using testing::DigitsPath;
using testing::LoadDigits;
using testing::Subject;

SensitivityOptions ExactOptions() {
  SensitivityOptions options;
  options.method = SensitivityMethod::kHessianTraceExact;
  return options;
}

class DigitsTraceTest : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(DigitsTraceTest, AgreesWithTorchsExactTraces) {
  const auto& [model, reference_name] = GetParam();
  const testing::Digits digits = LoadDigits(model);
  SensitivityOptions options = ExactOptions();
  options.samples = 256;
  const absl::StatusOr<SensitivityResult> result =
      testing::Measure({digits.network, digits.calibration}, options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->output_metric, "cross-entropy");
  EXPECT_EQ(result->probes, 0);
  EXPECT_FALSE(result->labels_drawn);
  const nlohmann::json reference = testing::DigitsReference(reference_name);
  ASSERT_EQ(result->layers.size(), reference["layers"].size());
  for (size_t l = 0; l < result->layers.size(); ++l) {
    const LayerSensitivity& layer = result->layers[l];
    EXPECT_EQ(layer.weights, reference["layers"][l]["param"].get<std::string>());
    const double exact = reference["layers"][l]["trace_exact"];
    EXPECT_NEAR(*layer.trace, exact, 1e-4 * exact) << layer.name;
    EXPECT_EQ(layer.trace_kind, TraceKind::kExact) << layer.name;
    EXPECT_GT(*layer.trace_stderr, 0);
    EXPECT_LT(*layer.trace_stderr, exact);
  }
}

INSTANTIATE_TEST_SUITE_P(All, DigitsTraceTest,
                         ::testing::Values(std::make_pair("model.onnx", "bn"),
                                           std::make_pair("model_folded.onnx", "folded")),
                         [](const auto& info) { return std::string(info.param.second); });

TEST(ExactTraceTest, DoesNotDependOnTheBatchOrOnLabels) {
  testing::Digits digits = LoadDigits();
  SensitivityOptions options = ExactOptions();
  options.samples = 40;
  const Subject subject = {digits.network, digits.calibration};
  const absl::StatusOr<SensitivityResult> result = testing::Measure(subject, options);
  ASSERT_TRUE(result.ok()) << result.status();
  const absl::StatusOr<SensitivityResult> again = testing::Measure(subject, options);
  options.batch = 7;
  options.loss = LossKind::kKl;
  const absl::StatusOr<SensitivityResult> other = testing::Measure(subject, options);
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(other->output_metric, "kl");
  for (size_t l = 0; l < result->layers.size(); ++l) {
    const double trace = *result->layers[l].trace;
    EXPECT_EQ(*again->layers[l].trace, trace);
    EXPECT_NEAR(*other->layers[l].trace, trace, 1e-5 * trace);
  }
}

TEST(ExactTraceTest, DrawnLabelsAgreeWithTheExactExpectation) {
  const testing::Digits digits = LoadDigits();
  const Subject subject = {digits.network, digits.calibration};
  SensitivityOptions options = ExactOptions();
  const absl::StatusOr<SensitivityResult> exact = testing::Measure(subject, options);
  ASSERT_TRUE(exact.ok()) << exact.status();
  options.exact_classes = 9;
  options.draws = 16;
  const absl::StatusOr<SensitivityResult> drawn = testing::Measure(subject, options);
  ASSERT_TRUE(drawn.ok()) << drawn.status();
  EXPECT_TRUE(drawn->labels_drawn);
  for (size_t l = 0; l < exact->layers.size(); ++l) {
    EXPECT_NEAR(*drawn->layers[l].trace, *exact->layers[l].trace,
                4 * *drawn->layers[l].trace_stderr);
  }
}

// Logits x W + b: the Hessian is mean_n (diag(p) - p p') (x) x x', its trace
// mean_n (1 - |p|^2) |x|^2.
TEST(ExactTraceTest, IsTheAnalyticTraceOfASoftmaxRegression) {
  const Subject subject = testing::SoftmaxRegression(12, 5, 64);
  const absl::StatusOr<SensitivityResult> result = testing::Measure(subject, ExactOptions());
  ASSERT_TRUE(result.ok()) << result.status();
  const double analytic = testing::SoftmaxRegressionTrace(subject);
  EXPECT_NEAR(*result->layers[0].trace, analytic, 1e-4 * analytic);
  EXPECT_EQ(result->layers[0].trace_kind, TraceKind::kExact);
}

struct Case {
  const char* name;
  Subject (*make)();
  TraceKind kind;  // of the first layer
};
void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

class HutchinsonAgreementTest : public ::testing::TestWithParam<Case> {};

// Every way to take the gradients of samples apart, against probes of the Hessian itself; with a
// divergence the two are the same matrix for any network.
TEST_P(HutchinsonAgreementTest, OnTheDivergence) {
  const Subject subject = GetParam().make();
  SensitivityOptions options = ExactOptions();
  options.loss = GetParam().name == std::string("regression") ? LossKind::kMse : LossKind::kKl;
  options.batch = 8;
  const absl::StatusOr<SensitivityResult> exact = testing::Measure(subject, options);
  ASSERT_TRUE(exact.ok()) << exact.status();
  options.method = SensitivityMethod::kHessianTrace;
  options.probes = 1536;
  options.tolerance = 0;
  const absl::StatusOr<SensitivityResult> probed = testing::Measure(subject, options);
  ASSERT_TRUE(probed.ok()) << probed.status();
  for (size_t l = 0; l < exact->layers.size(); ++l) {
    const LayerSensitivity& layer = exact->layers[l];
    EXPECT_EQ(layer.trace_kind, TraceKind::kExact) << layer.name;
    EXPECT_EQ(probed->layers[l].trace_kind, TraceKind::kHutchinson);
    EXPECT_NEAR(*layer.trace, *probed->layers[l].trace, 4 * *probed->layers[l].trace_stderr)
        << layer.name;
    EXPECT_LT(*probed->layers[l].trace_stderr, 0.1 * *layer.trace) << layer.name;
  }
}

class LabelledTraceTest : public ::testing::TestWithParam<Case> {};

TEST_P(LabelledTraceTest, SaysWhetherItIsTheHessians) {
  const absl::StatusOr<SensitivityResult> result =
      testing::Measure(GetParam().make(), ExactOptions());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->output_metric, "cross-entropy");
  EXPECT_EQ(result->layers[0].trace_kind, GetParam().kind);
  EXPECT_EQ(result->layers.back().trace_kind, TraceKind::kExact);
}

const Case kClassifiers[] = {{"convolutions", testing::Convolutions, TraceKind::kExact},
                             {"depthwise", testing::Depthwise, TraceKind::kExact},
                             {"tokens", testing::Tokens, TraceKind::kGaussNewton},
                             {"shared", testing::SharedWeights, TraceKind::kGaussNewton},
                             {"recurrent", testing::Recurrent, TraceKind::kGaussNewton},
                             {"merged", testing::MergedTokens, TraceKind::kExact},
                             {"weights_first", testing::WeightsFirst, TraceKind::kExact}};
const Case kRegression = {"regression", testing::Regression, TraceKind::kExact};

std::string CaseName(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Classifiers, HutchinsonAgreementTest, ::testing::ValuesIn(kClassifiers),
                         CaseName);
INSTANTIATE_TEST_SUITE_P(Outputs, HutchinsonAgreementTest, ::testing::Values(kRegression),
                         CaseName);
INSTANTIATE_TEST_SUITE_P(Classifiers, LabelledTraceTest, ::testing::ValuesIn(kClassifiers),
                         CaseName);

}  // namespace
}  // namespace halftone
