#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/sensitivity/choice.h"
#include "search/sensitivity/sensitivity.h"
#include "tests/nn/graph/graph_builder.h"
#include "tests/search/sensitivity/digits.h"

// What every method keeps to: values that are not finite are named, results repeat, progress and
// cancellation work anywhere.
namespace halftone {
namespace {

using ::testing::AnyOf;
using testing::Digits;
using ::testing::HasSubstr;
using testing::LoadDigits;

const std::vector<Precision>& Precisions() {
  static const auto* precisions = new std::vector<Precision>{
      Precision::Int(8, 8), *Precision::Parse("w4"), *Precision::Parse("a4"), Precision::Int(3, 3)};
  return *precisions;
}

SensitivityOptions Options(SensitivityMethod method, int64_t samples = 48) {
  SensitivityOptions options;
  options.method = method;
  options.samples = samples;
  options.interactions = true;
  options.joint_assignments = 4;
  options.resamples = 5;
  return options;
}

// A choice whose result is not finite.
class PoisonedChoice : public Choice {
 public:
  std::string name() const override { return "poisoned"; }
  absl::StatusOr<ValueId> AppendTo(const LayerSite& site) const override {
    const Tensor& weights = *site.builder.FindConstant(site.sources.weights);
    std::vector<float> values(static_cast<size_t>(weights.shape().Elements()),
                              std::numeric_limits<float>::infinity());
    LayerSources sources = site.sources;
    sources.weights = site.builder.AddConstant(Tensor::Of(weights.shape(), std::move(values)));
    return LowerLayer(site.builder, site.graph, site.node, sources, site.bias);
  }
};

class HygieneTest : public ::testing::TestWithParam<SensitivityMethod> {
 protected:
  void SetUp() override {
    calibration_ = Calibrate(digits_.network, digits_.calibration, Precisions(), {}, {}).value();
  }
  absl::StatusOr<SensitivityResult> Measure(const SensitivityOptions& options,
                                            const Progress& progress = {}) const {
    return MeasureSensitivity(digits_.network, digits_.calibration, calibration_, Precisions(),
                              options, progress);
  }

  const Digits digits_ = LoadDigits();
  Calibration calibration_;
};

TEST_P(HygieneTest, RepeatsToTheBitAndHardlyDependsOnTheBatch) {
  SensitivityOptions options = Options(GetParam(), 50);
  const SensitivityResult first = Measure(options).value();
  const SensitivityResult second = Measure(options).value();
  options.batch = 7;
  const SensitivityResult other = Measure(options).value();
  EXPECT_EQ(first.interactions, second.interactions);
  EXPECT_EQ(first.resampled_losses, second.resampled_losses);
  EXPECT_EQ(first.joint_scale, second.joint_scale);
  for (size_t l = 0; l < first.layers.size(); ++l) {
    for (size_t o = 0; o < Precisions().size(); ++o) {
      const ChoiceLoss& choice = first.layers[l].choices[o];
      EXPECT_EQ(choice.loss, second.layers[l].choices[o].loss);
      EXPECT_EQ(choice.loss_stderr, second.layers[l].choices[o].loss_stderr);
      EXPECT_GT(choice.loss_stderr, 0);
      // A quantizer's rounding may turn over where a sum is taken in another order.
      EXPECT_NEAR(other.layers[l].choices[o].loss, choice.loss, 2e-3 * choice.loss);
    }
  }
}

TEST_P(HygieneTest, ProgressRisesSmoothlyToTheEnd) {
  Progress progress;
  double last = 0, widest = 0;
  progress.report = [&](double fraction, absl::string_view) {
    EXPECT_GE(fraction, last - 1e-12);
    EXPECT_LE(fraction, 1 + 1e-12);
    widest = std::max(widest, fraction - last);
    last = fraction;
  };
  ASSERT_TRUE(Measure(Options(GetParam(), 256), progress).ok());
  EXPECT_NEAR(last, 1, 1e-9);
  EXPECT_LT(widest, 0.4);
}

TEST_P(HygieneTest, CancelsBeforeAndInTheMiddle) {
  for (const double when : {-1.0, 0.0, 0.3, 0.6, 0.9}) {
    Progress progress;
    if (when < 0) progress.cancellation.Cancel();
    int went_on = 0;  // steps that were reported after it
    progress.report = [&](double fraction, absl::string_view) {
      if (progress.cancellation.IsCancelled()) ++went_on;
      if (fraction >= when) progress.cancellation.Cancel();
    };
    const absl::Status status = Measure(Options(GetParam(), 256), progress).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << when << ": " << status;
    EXPECT_LE(went_on, 1) << when;
  }
}

TEST_P(HygieneTest, NamesTheLayerAndTheChoiceThatIsNotFinite) {
  LayerChoices choices =
      QuantizedChoices(digits_.network, calibration_, {Precision::Int(8, 8)}).value();
  choices[1].push_back(std::make_shared<PoisonedChoice>());
  const absl::Status status =
      MeasureChoices(digits_.network, digits_.calibration, choices, Options(GetParam()), {})
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("'" + digits_.network.layers.layers[1].name + "'"));
}

TEST(PreparedNetworkTest, ALayerThatNoOutputDependsOnIsSaidToBeLeftOut) {
  GraphBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 2}).Output("y");
  builder.Op("Relu", {"x"}, {"y"});
  const auto refusal = [&] {
    return std::string(PrepareNetwork(builder.graph()).status().message());
  };
  EXPECT_THAT(refusal(), HasSubstr("has no Conv, Gemm or MatMul layer"));
  builder.Op("MatMul", {"x", "w"}, {"unread"}).Floats("w", Shape{2, 2});
  EXPECT_THAT(refusal(), HasSubstr("no output depends on its layer 'unread'"));
}

TEST(PreparedNetworkTest, NamesAllNodesThatCannotBeComputed) {
  GraphBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 2}).Floats("w", Shape{2, 2});
  builder.Op("Unheard", {"x"}, {"a"}).Op("MatMul", {"a", "w"}, {"b"});
  builder.Op("MatMul", {"x", "w"}, {"c"}).Op("AlsoUnheard", {"c"}, {"d"}).Output("b").Output("d");
  const absl::Status status = PrepareNetwork(builder.graph()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("node 'a' (Unheard): "));
  EXPECT_THAT(std::string(status.message()), HasSubstr("; node 'd' (AlsoUnheard): "));
}

// The middle one of three layers overflows: all that follows is not finite either.
TEST_P(HygieneTest, NamesTheFirstLayerOfAPoisonedNetwork) {
  GraphBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 2}).Output("c");
  builder.Op("MatMul", {"x", "w"}, {"a"})
      .Op("Relu", {"a"}, {"r"})
      .Op("MatMul", {"r", "huge"}, {"b"})
      .Op("MatMul", {"b", "w"}, {"c"});
  builder.Floats("w", Shape{2, 2}, {1, 0.5f, 0.5f, 1});
  builder.Floats("huge", Shape{2, 2}, {3e38f, 3e38f, 3e38f, 3e38f});
  const PreparedNetwork network = PrepareNetwork(builder.graph()).value();
  const Dataset data =
      Dataset::Create({{"x", Tensor::Of<float>(Shape{2, 2}, {1, 2, 3, 4})}}).value();
  LayerChoices choices(3);
  for (auto& row : choices) {
    row.push_back(std::make_shared<QuantizedChoice>(LayerQuantizers{
        .precision = *Precision::Parse("bf16"), .src = nullptr, .weights = nullptr}));
  }
  const absl::Status status =
      MeasureChoices(network, data, choices, Options(GetParam()), {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("layer 'b': its result is not finite"));
  const absl::Status calibration =
      Calibrate(network, data, {Precision::Int(8, 8)}, {}, {}).status();
  EXPECT_THAT(std::string(calibration.message()), HasSubstr("'c'")) << "the first that reads it";
}

INSTANTIATE_TEST_SUITE_P(Methods, HygieneTest,
                         ::testing::Values(SensitivityMethod::kFisher,
                                           SensitivityMethod::kFisherCorrected,
                                           SensitivityMethod::kOutput, SensitivityMethod::kSqnr),
                         [](const auto& info) {
                           std::string name(SensitivityMethodName(info.param));
                           std::erase(name, '-');
                           return name;
                         });

TEST(ResampledLossesTest, SpreadLikeTheStandardError) {
  const Digits digits = LoadDigits();
  const Calibration calibration =
      Calibrate(digits.network, digits.calibration, Precisions(), {}, {}).value();
  for (const SensitivityMethod method :
       {SensitivityMethod::kFisher, SensitivityMethod::kFisherCorrected,
        SensitivityMethod::kOutput}) {
    SensitivityOptions options = Options(method, 256);
    options.resamples = 400;
    const SensitivityResult result = MeasureSensitivity(digits.network, digits.calibration,
                                                        calibration, Precisions(), options, {})
                                         .value();
    ASSERT_EQ(result.resampled_losses.size(), 400u);
    size_t column = 0;
    for (const LayerSensitivity& layer : result.layers) {
      for (const ChoiceLoss& choice : layer.choices) {
        double sum = 0, squares = 0;
        for (const std::vector<double>& losses : result.resampled_losses) {
          sum += losses[column];
          squares += losses[column] * losses[column];
        }
        const double mean = sum / 400, spread = std::sqrt(squares / 400 - mean * mean);
        EXPECT_NEAR(mean, choice.loss, 0.25 * *choice.loss_stderr) << layer.name;
        EXPECT_NEAR(spread / *choice.loss_stderr, 1, 0.2) << layer.name;
        ++column;
      }
    }
  }
}

TEST(SqnrTest, IsTheRatioOfPowersAtTheOutput) {
  // y = 2 x: halving the weight leaves noise of a quarter of the signal's power.
  class Halved : public Choice {
   public:
    std::string name() const override { return "halved"; }
    absl::StatusOr<ValueId> AppendTo(const LayerSite& site) const override {
      LayerSources sources = site.sources;
      sources.weights = site.builder.AddConstant(Tensor::Of<float>(Shape{2, 2}, {1, 0, 0, 1}));
      return LowerLayer(site.builder, site.graph, site.node, sources, site.bias);
    }
  };
  GraphBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 2}).Output("y").Op("MatMul", {"x", "w"}, {"y"});
  builder.Floats("w", Shape{2, 2}, {2, 0, 0, 2});
  const PreparedNetwork network = PrepareNetwork(builder.graph()).value();
  const Dataset data =
      Dataset::Create({{"x", Tensor::Of<float>(Shape{3, 2}, {1, 2, -3, 4, 5, -6})}}).value();
  const SensitivityResult result = MeasureChoices(network, data, {{std::make_shared<Halved>()}},
                                                  Options(SensitivityMethod::kSqnr), {})
                                       .value();
  const ChoiceLoss& choice = result.layers[0].choices[0];
  EXPECT_NEAR(choice.loss, 0.25, 1e-6);
  EXPECT_NEAR(choice.loss_stderr.value(), 0, 1e-6) << "the same in every sample";
  EXPECT_NEAR(choice.sqnr_db.value(), 10 * std::log10(4), 1e-4);
}

}  // namespace
}  // namespace halftone
