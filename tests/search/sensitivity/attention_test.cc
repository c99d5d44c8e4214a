#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "nn/data/dataset.h"
#include "nn/onnx/import.h"
#include "search/sensitivity/evaluate.h"
#include "search/sensitivity/sensitivity.h"

// Layers without weights: the products of two activations in the shipped vision transformer.
namespace halftone {
namespace {

using ::testing::HasSubstr;

constexpr char kScores[] = "/blocks/blocks.0/attention/MatMul";
constexpr char kProjection[] = "/blocks/blocks.0/attention/proj/MatMul";
constexpr int64_t kSamples = 16;

const std::vector<Precision> kPrecisions = {Precision::Float32(), Precision::Int(8, 8),
                                            Precision::Int(2, 8), Precision::Int(8, 2),
                                            *Precision::Parse("w4")};

std::string PathOf(const std::string& file) {
  return absl::StrCat(HALFTONE_SOURCE_DIR, "/tests/data/networks/", file);
}

class AttentionTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const absl::StatusOr<Graph> graph = ImportOnnxFile(PathOf("vit.onnx"));
    ASSERT_TRUE(graph.ok()) << graph.status();
    absl::StatusOr<PreparedNetwork> network = PrepareNetwork(*graph);
    ASSERT_TRUE(network.ok()) << network.status();
    const absl::StatusOr<std::string> bytes = ReadFile(PathOf("calib.npz"));
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    const absl::StatusOr<Dataset> data = Dataset::FromNpz(*bytes);
    ASSERT_TRUE(data.ok()) << data.status();
    network_ = new PreparedNetwork(*std::move(network));
    data_ = new Dataset(data->Take(kSamples));
    absl::StatusOr<Calibration> calibration = Calibrate(*network_, *data_, kPrecisions, {}, {});
    ASSERT_TRUE(calibration.ok()) << calibration.status();
    calibration_ = new Calibration(*std::move(calibration));
  }
  static void TearDownTestSuite() {
    delete network_;
    delete data_;
    delete calibration_;
  }

  static LayerSensitivity Measure(SensitivityMethod method, const std::string& layer) {
    SensitivityOptions options;
    options.method = method;
    options.probes = 8;
    options.batch = static_cast<int>(kSamples);
    const auto result =
        MeasureSensitivity(*network_, *data_, *calibration_, kPrecisions, options, {});
    EXPECT_TRUE(result.ok()) << result.status();
    if (!result.ok()) return {};
    const nlohmann::json json = SensitivityToJson(*result);
    EXPECT_EQ(SensitivityToJson(*SensitivityFromJson(json)), json);
    for (const LayerSensitivity& row : result->layers) {
      if (row.name == layer) return row;
    }
    ADD_FAILURE() << "no layer " << layer;
    return {};
  }

  static const PreparedNetwork* network_;
  static const Dataset* data_;
  static const Calibration* calibration_;
};
const PreparedNetwork* AttentionTest::network_ = nullptr;
const Dataset* AttentionTest::data_ = nullptr;
const Calibration* AttentionTest::calibration_ = nullptr;

TEST_F(AttentionTest, BothSourcesAreCalibratedWithTheBitsOfActivations) {
  const auto& scores = calibration_->quantizers.at(kScores);
  for (const Precision& precision : {Precision::Int(2, 8), Precision::Int(8, 8)}) {
    const LayerQuantizers& quantizers = scores.at(precision);
    for (const auto& quantizer : {quantizers.src, quantizers.weights}) {
      ASSERT_NE(quantizer, nullptr);
      EXPECT_EQ(quantizer->bits, 8);
      EXPECT_EQ(quantizer->axis, -1);
      EXPECT_EQ(quantizer->symmetry, Symmetry::kAsymmetric);
    }
    EXPECT_NE(quantizers.src->scales, quantizers.weights->scales) << "each has its own range";
  }
  EXPECT_EQ(scores.at(Precision::Int(8, 2)).weights->bits, 2);
  const LayerQuantizers& weight_only = scores.at(*Precision::Parse("w4"));
  EXPECT_EQ(weight_only.src, nullptr);
  EXPECT_EQ(weight_only.weights, nullptr);
  const nlohmann::json json = CalibrationToJson(*calibration_);
  EXPECT_EQ(CalibrationToJson(*CalibrationFromJson(json)), json);
}

TEST_F(AttentionTest, FisherAndOutputErrorMeasureThem) {
  for (const SensitivityMethod method : {SensitivityMethod::kFisher, SensitivityMethod::kOutput}) {
    const LayerSensitivity row = Measure(method, kScores);
    ASSERT_EQ(row.choices.size(), kPrecisions.size());
    EXPECT_EQ(row.weights, "");
    EXPECT_EQ(row.note, "");
    EXPECT_EQ(row.choices[0].loss, 0);
    EXPECT_GT(row.choices[1].loss, 0);
    EXPECT_EQ(row.choices[2].loss, row.choices[1].loss) << "bits of weights mean nothing";
    EXPECT_GT(row.choices[3].loss, 10 * row.choices[1].loss) << "2 bits of activations";
    EXPECT_EQ(row.choices[4].loss, 0) << "weights only";
  }
}

TEST_F(AttentionTest, MethodsOfWeightsSayWhyTheyHaveNoLoss) {
  const LayerSensitivity scores = Measure(SensitivityMethod::kHessianTrace, kScores);
  EXPECT_FALSE(scores.trace.has_value());
  EXPECT_THAT(scores.note, HasSubstr("no weights"));
  for (const ChoiceLoss& choice : scores.choices) EXPECT_EQ(choice.loss, 0);
  const LayerSensitivity projection = Measure(SensitivityMethod::kHessianTrace, kProjection);
  EXPECT_TRUE(projection.trace.has_value());
  EXPECT_EQ(projection.note, "");
}

TEST_F(AttentionTest, EvaluationQuantizesBothSources) {
  const auto evaluate = [&](const std::string& layer, const char* precision) {
    const auto evaluation = EvaluateAssignment(*network_, *data_, *calibration_,
                                               {{layer, *Precision::Parse(precision)}}, {});
    EXPECT_TRUE(evaluation.ok()) << evaluation.status();
    return evaluation.value_or(Evaluation());
  };
  EXPECT_LT(evaluate(kScores, "w8a8").kl, 0.01);
  EXPECT_EQ(evaluate(kScores, "w2a8").kl, evaluate(kScores, "w8a8").kl);
  EXPECT_EQ(evaluate(kScores, "w4").mse, 0);
  EXPECT_GT(evaluate(kScores, "w8a2").kl, evaluate(kScores, "w8a8").kl);
}

}  // namespace
}  // namespace halftone
