// Losses of weights by their Hessian, for every kind of output: the programs of hessian_loss.h
// against the cotangents of head_hessian.h, which share nothing.
#include <cmath>
#include <string>

#include "gtest/gtest.h"
#include "search/sensitivity/evaluate.h"
#include "tests/search/sensitivity/small_networks.h"

namespace halftone {
namespace {

using testing::NetworkBuilder;
using testing::RandomFloats;

struct FormCase {
  std::string name;
  AskedHeads heads;
};

NetworkBuilder Network() {
  NetworkBuilder builder;
  builder.Weights("k1", Shape{4, 2, 1, 1}).Weights("k2", Shape{3, 4, 1, 1});
  builder.Weights("w", Shape{4, 2}, 20);
  builder.Input("x", Shape{Shape::kDynamic, 2, 2, 2})
      .Op("Conv", {"x", "k1"}, {"a"})
      .Op("Tanh", {"a"}, {"t"})
      .Op("Conv", {"t", "k2"}, {"y"})
      .Op("GlobalAveragePool", {"t"}, {"g"})
      .Op("Flatten", {"g"}, {"f"})
      .Op("MatMul", {"f", "w"}, {"z"})
      .Output("y")
      .Output("z");
  return builder;
}

class HeadFormsTest : public ::testing::TestWithParam<FormCase> {};

TEST_P(HeadFormsTest, AgreeWithFisherAndWithWhatIsMeasured) {
  PreparedNetwork network = PrepareNetwork(Network().graph(), GetParam().heads).value();
  const Shape shape{8, 2, 2, 2};
  const Dataset data =
      Dataset::Create({{"x", Tensor::Of(shape, RandomFloats(shape.Elements(), 5, 2))}}).value();
  ASSERT_TRUE(MeasureScales(data, {}, network).ok());
  const std::vector<Precision> precisions = {*Precision::Parse("w8")};
  const Calibration calibration = Calibrate(network, data, precisions, {}, {}).value();
  const auto losses = [&](SensitivityMethod method) {
    SensitivityOptions options;
    options.method = method;
    options.exact_classes = 64;
    absl::StatusOr<SensitivityResult> result =
        MeasureSensitivity(network, data, calibration, precisions, options, {});
    EXPECT_TRUE(result.ok()) << result.status();
    return *std::move(result);
  };
  const SensitivityResult fisher = losses(SensitivityMethod::kFisher);
  const SensitivityResult form = losses(SensitivityMethod::kHessianForm);
  const SensitivityResult output = losses(SensitivityMethod::kOutput);
  EXPECT_EQ(form.output_metric, fisher.output_metric);
  EXPECT_EQ(output.output_metric, fisher.output_metric);
  for (size_t l = 0; l < fisher.layers.size(); ++l) {
    const double loss = fisher.layers[l].choices[0].loss;
    EXPECT_GT(loss, 0);
    EXPECT_NEAR(form.layers[l].choices[0].loss, loss, 0.02 * loss) << fisher.layers[l].name;
    EXPECT_NEAR(output.layers[l].choices[0].loss, loss, 0.05 * loss) << fisher.layers[l].name;
    const std::map<std::string, Precision> one = {{fisher.layers[l].name, precisions[0]}};
    const Evaluation measured = EvaluateAssignment(network, data, calibration, one, {}).value();
    EXPECT_NEAR(output.layers[l].choices[0].loss, measured.divergence, 1e-4 * measured.divergence);
  }
}

constexpr HeadKind kKl = HeadKind::kKl, kMse = HeadKind::kMse, kIgnore = HeadKind::kIgnore;
INSTANTIATE_TEST_SUITE_P(
    Kinds, HeadFormsTest,
    ::testing::Values(
        FormCase{"Pixels", {{"y", {kKl, 1}}, {"z", {kKl, 0.5}}}},
        FormCase{"Labels", {{"y", {HeadKind::kBernoulli}}, {"z", {HeadKind::kBernoulli}}}},
        FormCase{"Directions", {{"y", {HeadKind::kCosine, 2}}, {"z", {HeadKind::kCosine}}}},
        FormCase{"Relative", {{"y", {HeadKind::kRelative}}, {"z", {HeadKind::kRelative, 3}}}},
        FormCase{"Squares", {{"y", {kMse}}, {"z", {kMse}}}},
        FormCase{"Mixed", {{"y", {kKl}}, {"z", {kMse, 2}}}}),
    [](const auto& info) { return info.param.name; });

// A layer of which only ignored outputs speak has nothing to lose, and all else is as without it.
TEST(IgnoredHeadTest, LayersStayWithoutLoss) {
  const PreparedNetwork network =
      PrepareNetwork(Network().graph(), {{"y", {kKl}}, {"z", {kIgnore}}}).value();
  EXPECT_EQ(network.layers.layers.size(), 3u);
  const Shape shape{8, 2, 2, 2};
  const Dataset data =
      Dataset::Create({{"x", Tensor::Of(shape, RandomFloats(shape.Elements(), 5, 2))}}).value();
  const std::vector<Precision> precisions = {Precision::Int(4, 8)};
  const Calibration calibration = Calibrate(network, data, precisions, {}, {}).value();
  ASSERT_EQ(calibration.warnings.size(), 1u);
  EXPECT_NE(calibration.warnings[0].find("z"), std::string::npos);
  for (const SensitivityMethod method :
       {SensitivityMethod::kFisher, SensitivityMethod::kFisherCorrected, SensitivityMethod::kOutput,
        SensitivityMethod::kSqnr, SensitivityMethod::kHessianTrace,
        SensitivityMethod::kHessianTraceExact}) {
    SensitivityOptions options;
    options.method = method;
    const absl::StatusOr<SensitivityResult> result =
        MeasureSensitivity(network, data, calibration, precisions, options, {});
    ASSERT_TRUE(result.ok()) << SensitivityMethodName(method) << result.status();
    EXPECT_EQ(result->layers[2].choices[0].loss, 0) << SensitivityMethodName(method);
    EXPECT_GT(result->layers[0].choices[0].loss, 0) << SensitivityMethodName(method);
  }
}

}  // namespace
}  // namespace halftone
