#include <algorithm>
#include <cmath>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "search/sensitivity/evaluate.h"
#include "search/sensitivity/sensitivity.h"
#include "tests/nn/graph/graph_builder.h"
#include "tests/search/sensitivity/digits.h"
#include "tests/search/sensitivity/small_networks.h"

namespace halftone {
namespace {

using testing::Digits;
using testing::LoadDataset;
using testing::LoadDigits;

const std::vector<Precision> kPrecisions = {Precision::Float32(), Precision::Int(8, 8),
                                            Precision::Int(4, 8), Precision::Int(2, 2)};

Calibration CalibrateDigits(const Digits& digits) {
  absl::StatusOr<Calibration> calibration =
      Calibrate(digits.network, digits.calibration, kPrecisions, {}, {});
  EXPECT_TRUE(calibration.ok()) << calibration.status();
  return calibration.value_or(Calibration());
}

TEST(CalibrateTest, MakesQuantizersForEveryLayerAndPrecision) {
  const Digits digits = LoadDigits();
  const Calibration calibration = CalibrateDigits(digits);
  ASSERT_EQ(calibration.quantizers.size(), 4u);
  for (const Layer& layer : digits.network.layers.layers) {
    const auto& precisions = calibration.quantizers.at(layer.name);
    ASSERT_EQ(precisions.size(), kPrecisions.size());
    EXPECT_EQ(precisions.at(Precision::Float32()).src, nullptr);
    const LayerQuantizers& int8 = precisions.at(Precision::Int(8, 8));
    EXPECT_EQ(int8.src->bits, 8);
    EXPECT_EQ(int8.weights->scales.size(),
              static_cast<size_t>(layer.weights_shape.dim(layer.channel_axis)));
    EXPECT_EQ(int8.src, precisions.at(Precision::Int(4, 8)).src) << "shared at equal bits";
  }
  // What a ReLU wrote is quantized without an offset.
  EXPECT_EQ(calibration.quantizers.at("/conv2/Conv").at(Precision::Int(8, 8)).src->zero_points[0],
            0);
}

TEST(CalibrateTest, JsonRoundTrips) {
  const Calibration calibration = CalibrateDigits(LoadDigits());
  const nlohmann::json json = CalibrationToJson(calibration);
  const absl::StatusOr<Calibration> read = CalibrationFromJson(nlohmann::json::parse(json.dump()));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(CalibrationToJson(*read), json);
  const auto& before = calibration.quantizers.at("/conv1/Conv").at(Precision::Int(4, 8));
  const auto& after = read->quantizers.at("/conv1/Conv").at(Precision::Int(4, 8));
  EXPECT_EQ(after.weights->scales, before.weights->scales);
  EXPECT_FALSE(before.shifts.empty()) << "it has a bias";
  EXPECT_EQ(after.shifts, before.shifts);
  EXPECT_EQ(after.src->zero_points, before.src->zero_points);
  nlohmann::json broken = json;
  broken["layers"]["/conv1/Conv"]["w8a8"]["src"] = 1000;
  EXPECT_EQ(CalibrationFromJson(broken).status().code(), absl::StatusCode::kInvalidArgument);
}

// The layer reads all tokens of the first position, then all of the second: what is read of the
// samples that do not fill a batch lies apart.
TEST(CalibrateTest, SeesAllOfTheSamplesThatAreLeft) {
  constexpr int64_t kSamples = 34;
  GraphBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 3, 2})
      .Output("y")
      .Floats("w", Shape{2, 4})
      .Ints("rows", {-1, 2})
      .Ints("apart", {3, -1, 4})
      .Op("Transpose", {"x"}, {"turned"}, {{"perm", std::vector<int64_t>{1, 0, 2}}})
      .Op("Reshape", {"turned", "rows"}, {"merged"})
      .Op("MatMul", {"merged", "w"}, {"m"})
      .Op("Reshape", {"m", "apart"}, {"tokens"})
      .Op("ReduceMean", {"tokens"}, {"y"},
          {{"axes", std::vector<int64_t>{0}}, {"keepdims", int64_t{0}}});
  const PreparedNetwork network = PrepareNetwork(builder.graph()).value();
  std::vector<float> values;
  for (int64_t i = 0; i < kSamples * 6; ++i) values.push_back(static_cast<float>(i % 7) / 7);
  values[32 * 6 + 5] = 100;  // in the last token of the last sample but one
  const Dataset data =
      Dataset::Create({{"x", Tensor::Of(Shape{kSamples, 3, 2}, std::move(values))}}).value();
  QuantizationOptions options;
  options.activation_range.method = RangeMethod::kMinMax;
  const absl::StatusOr<Calibration> calibration =
      Calibrate(network, data, {Precision::Int(8, 8)}, options, {});
  ASSERT_TRUE(calibration.ok()) << calibration.status();
  const LayerQuantizers quantizers = *calibration->Find("m", Precision::Int(8, 8));
  EXPECT_NEAR(quantizers.src->scales[0], 100.0 / 255, 1e-3);
}

// The output is made of the first token alone, which is large in a few samples.
TEST(CalibrateTest, RangesFollowWhatTheOutputDependsOn) {
  constexpr int64_t kSamples = 34, kTokens = 8;
  GraphBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, kTokens, 3})
      .Output("y")
      .Floats("w", Shape{3, 4})
      .Ints("first", {0})
      .Op("MatMul", {"x", "w"}, {"m"})
      .Op("Gather", {"m", "first"}, {"y"}, {{"axis", int64_t{1}}});
  const PreparedNetwork network = PrepareNetwork(builder.graph()).value();
  std::vector<float> values;
  for (int64_t i = 0; i < kSamples * kTokens * 3; ++i) {
    const bool large = i % (kTokens * 3) == 0 && i % 11 == 0;
    values.push_back(large ? 5.0f : static_cast<float>(i * 37 % 100) / 100);
  }
  const Dataset data =
      Dataset::Create({{"x", Tensor::Of(Shape{kSamples, kTokens, 3}, std::move(values))}}).value();
  const auto end = [&](const RangeMethod method) {
    QuantizationOptions options;
    options.activation_range.method = method;
    const absl::StatusOr<Calibration> calibration =
        Calibrate(network, data, {Precision::Int(8, 3)}, options, {});
    EXPECT_TRUE(calibration.ok()) << calibration.status();
    return 7 * calibration->Find("m", Precision::Int(8, 3))->src->scales[0];
  };
  EXPECT_EQ(QuantizationOptions().activation_range.method, RangeMethod::kResult);
  EXPECT_GT(end(RangeMethod::kResult), 1.2f * end(RangeMethod::kMse));
}

// On data of which every row is taken: one position a sample.
TEST(CalibrateTest, ShiftsTakeTheMeanErrorOff) {
  testing::NetworkBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 6})
      .Output("z")
      .Op("MatMul", {"x", "w"}, {"y"})
      .Op("Add", {"y", "b"}, {"z"});
  builder.Weights("w", Shape{6, 5}).Weights("b", Shape{5});
  const testing::Subject subject = builder.Make(Shape{6}, 5);
  const Precision precision = Precision::Int(2, 3);
  const auto mean_error = [&](bool corrected) {
    QuantizationOptions options;
    options.bias_correction = corrected;
    const Calibration calibration =
        Calibrate(subject.network, subject.data, {precision}, options, {}).value();
    const Layer& layer = subject.network.layers.layers[0];
    const LayerQuantizers quantizers = calibration.Find(layer.name, precision).value();
    EXPECT_EQ(quantizers.shifts.size(), corrected ? 5u : 0u);
    const Tensor x = subject.data.Batch("x", 0, subject.data.samples()).value();
    const Tensor w = subject.network.graph.initializers.at("w");
    const Tensor xq = quantizers.src->FakeQuantize(x).value();
    const Tensor wq = quantizers.weights->FakeQuantize(w).value();
    double largest = 0;
    for (size_t c = 0; c < 5; ++c) {
      double sum = 0;
      for (size_t n = 0; n < static_cast<size_t>(subject.data.samples()); ++n) {
        for (size_t k = 0; k < 6; ++k) {
          sum += static_cast<double>(xq.data<float>()[n * 6 + k] * wq.data<float>()[k * 5 + c]) -
                 static_cast<double>(x.data<float>()[n * 6 + k] * w.data<float>()[k * 5 + c]);
        }
      }
      const double shift = corrected ? static_cast<double>(quantizers.shifts[c]) : 0;
      largest = std::max(largest, std::abs(sum / double(subject.data.samples()) - shift));
    }
    return largest;
  };
  EXPECT_LT(mean_error(true), 1e-5);
  EXPECT_GT(mean_error(false), 1e-3);
}

TEST(CalibrateTest, DataThatDoesNotFitIsNamed) {
  const Digits digits = LoadDigits();
  const Dataset wrong =
      *Dataset::Create({{"pixels", Tensor::Of(Shape{1, 2}, std::vector<float>{1, 2})}});
  const absl::Status status = Calibrate(digits.network, wrong, kPrecisions, {}, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("input"));
}

TEST(EvaluateTest, FloatAssignmentChangesNothing) {
  const Digits digits = LoadDigits();
  const absl::StatusOr<Evaluation> evaluation =
      EvaluateAssignment(digits.network, LoadDataset("eval.npz"), {}, {}, {});
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_EQ(evaluation->samples, 597);
  EXPECT_DOUBLE_EQ(*evaluation->float_accuracy, 575.0 / 597) << "what torch measured";
  EXPECT_EQ(evaluation->quantized_accuracy, evaluation->float_accuracy);
  EXPECT_NEAR(evaluation->kl, 0, 1e-12);
  EXPECT_EQ(evaluation->mse, 0);
}

TEST(EvaluateTest, DamageGrowsAsBitsFall) {
  const Digits digits = LoadDigits();
  const Calibration calibration = CalibrateDigits(digits);
  const Dataset held_out = LoadDataset("eval.npz");
  const auto evaluate = [&](const Precision& precision) {
    std::map<std::string, Precision> assignment;
    for (const Layer& layer : digits.network.layers.layers) assignment[layer.name] = precision;
    absl::StatusOr<Evaluation> evaluation =
        EvaluateAssignment(digits.network, held_out, calibration, assignment, {});
    EXPECT_TRUE(evaluation.ok()) << evaluation.status();
    return evaluation.value_or(Evaluation());
  };
  const Evaluation int8 = evaluate(Precision::Int(8, 8));
  const Evaluation int2 = evaluate(Precision::Int(2, 2));
  EXPECT_GT(*int8.quantized_accuracy, 0.95);
  EXPECT_GT(int8.sqnr_db, 25);
  EXPECT_LT(int8.kl, 0.01);
  EXPECT_GT(int2.kl, 20 * int8.kl);
  EXPECT_LT(int2.sqnr_db, int8.sqnr_db);
}

TEST(EvaluateTest, UnknownLayersAndPrecisionsAreNamed) {
  const Digits digits = LoadDigits();
  const Calibration calibration = CalibrateDigits(digits);
  const auto status = [&](const std::string& layer, const Precision& precision) {
    return EvaluateAssignment(digits.network, digits.calibration, calibration, {{layer, precision}},
                              {})
        .status();
  };
  EXPECT_EQ(status("nowhere", Precision::Int(8, 8)).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status("/conv1/Conv", Precision::Int(3, 3)).code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace halftone
