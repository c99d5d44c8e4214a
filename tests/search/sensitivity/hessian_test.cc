#include <atomic>
#include <cmath>
#include <ostream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "search/sensitivity/lanczos.h"
#include "search/sensitivity/sensitivity.h"
#include "search/sensitivity/weight_tensors.h"
#include "tests/search/sensitivity/digits.h"

namespace halftone {
namespace {

using testing::Digits;
using testing::DigitsPath;
using testing::LoadDigits;

const std::vector<Precision> kPrecisions = {Precision::Int(8, 8), Precision::Int(4, 8)};

absl::StatusOr<SensitivityResult> Measure(const Digits& digits, const SensitivityOptions& options) {
  const absl::StatusOr<Calibration> calibration =
      Calibrate(digits.network, digits.calibration, kPrecisions, {}, {});
  if (!calibration.ok()) return calibration.status();
  return MeasureSensitivity(digits.network, digits.calibration, *calibration, kPrecisions, options,
                            {});
}

// What torch computed on the first 256 samples, with labels.
nlohmann::json Reference(const std::string& variant) {
  const absl::StatusOr<std::string> bytes = ReadFile(DigitsPath("hessian_" + variant + ".json"));
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return nlohmann::json::parse(bytes.value_or("{}"));
}

struct Variant {
  const char* model;
  const char* reference;
};
void PrintTo(const Variant& variant, std::ostream* out) { *out << variant.reference; }

class HessianTest : public ::testing::TestWithParam<Variant> {};

TEST_P(HessianTest, TracesAgreeWithTheExactOnes) {
  SensitivityOptions options;
  options.method = SensitivityMethod::kHessianTrace;
  options.samples = 256;
  options.probes = 64;
  options.batch = 128;
  options.tolerance = 0;
  const absl::StatusOr<SensitivityResult> result = Measure(LoadDigits(GetParam().model), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->output_metric, "cross-entropy");
  EXPECT_EQ(result->probes, 64);
  const nlohmann::json reference = Reference(GetParam().reference);
  ASSERT_EQ(result->layers.size(), reference["layers"].size());
  for (size_t l = 0; l < result->layers.size(); ++l) {
    const LayerSensitivity& layer = result->layers[l];
    EXPECT_EQ(layer.weights, reference["layers"][l]["param"].get<std::string>());
    const double exact = reference["layers"][l]["trace_exact"];
    EXPECT_NEAR(*layer.trace, exact, 4 * *layer.trace_stderr) << layer.name;
    // Joint probes are noisy for layers with small traces (see the README of the data).
    EXPECT_LT(*layer.trace_stderr, 0.7 * exact) << layer.name;
    EXPECT_GT(layer.choices[1].loss, layer.choices[0].loss) << "4 bits against 8";
    EXPECT_GT(layer.choices[1].loss_stderr, 0);
  }
}

TEST_P(HessianTest, TopEigenvaluesAgreeWithTheDenseBlocks) {
  SensitivityOptions options;
  options.method = SensitivityMethod::kHessianEigenvalue;
  options.samples = 256;
  options.eigenvalues = 2;
  const absl::StatusOr<SensitivityResult> result = Measure(LoadDigits(GetParam().model), options);
  ASSERT_TRUE(result.ok()) << result.status();
  const nlohmann::json reference = Reference(GetParam().reference);
  ASSERT_EQ(result->layers.size(), reference["exact_blocks"].size());
  for (size_t l = 0; l < result->layers.size(); ++l) {
    const LayerSensitivity& layer = result->layers[l];
    ASSERT_EQ(layer.eigenvalues.size(), 2u);
    EXPECT_GE(layer.eigenvalues[0], layer.eigenvalues[1]);
    const nlohmann::json& block = reference["exact_blocks"][l];
    EXPECT_EQ(layer.weights, block["param"].get<std::string>());
    const double exact = block["top_eigenvalue"];
    EXPECT_NEAR(layer.eigenvalues[0], exact, 1e-3 * exact) << layer.name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, HessianTest,
                         ::testing::Values(Variant{"model.onnx", "bn"},
                                           Variant{"model_folded.onnx", "folded"}),
                         [](const auto& info) { return std::string(info.param.reference); });

TEST(HessianTraceTest, StopsWhenEveryLayerIsWithinTheTolerance) {
  SensitivityOptions options;
  options.method = SensitivityMethod::kHessianTrace;
  options.samples = 64;
  options.probes = 1000;
  options.tolerance = 0.3;
  const absl::StatusOr<SensitivityResult> result = Measure(LoadDigits(), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_LT(result->probes, 1000);
  EXPECT_GE(result->probes, 8);
  for (const LayerSensitivity& layer : result->layers) {
    EXPECT_LE(*layer.trace_stderr, 0.3 * *layer.trace) << layer.name;
  }
}

TEST(HessianTraceTest, TheDivergenceNeedsNoLabels) {
  Digits digits = LoadDigits();
  SensitivityOptions options;
  options.method = SensitivityMethod::kHessianTrace;
  options.samples = 256;
  options.loss = LossKind::kKl;
  options.tolerance = 0;
  options.probes = 16;
  options.batch = 128;
  const absl::StatusOr<SensitivityResult> with_labels = Measure(digits, options);
  ASSERT_TRUE(with_labels.ok()) << with_labels.status();
  digits.calibration = *Dataset::Create(digits.calibration.inputs());
  const absl::StatusOr<SensitivityResult> without = Measure(digits, options);
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_EQ(without->output_metric, "kl");
  for (size_t l = 0; l < without->layers.size(); ++l) {
    EXPECT_EQ(*without->layers[l].trace, *with_labels->layers[l].trace);
    // The divergence's Hessian is positive semi-definite where nothing is quantized; its estimate
    // from few joint probes is so only within its error.
    EXPECT_GT(*without->layers[l].trace + 4 * *without->layers[l].trace_stderr, 0);
  }
  options.loss = LossKind::kCrossEntropy;
  const absl::Status status = Measure(digits, options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("labels"));
}

TEST(WeightTensorsTest, TheSearchForRangesStopsWhenCancelled) {
  const Digits digits = LoadDigits();
  const Graph graph = digits.network.Bind(1).value();
  const std::vector<Layer>& layers = digits.network.layers.layers;
  const std::vector<WeightTensor> tensors = FindWeightTensors(layers, graph).value();
  Cancellation cancellation;
  const Layer& layer = layers[tensors[0].layers[0]];
  EXPECT_TRUE(QuantizationError(tensors[0], layer, kPrecisions[0], {}, cancellation).ok());
  cancellation.Cancel();
  EXPECT_EQ(QuantizationError(tensors[0], layer, kPrecisions[0], {}, cancellation).status().code(),
            absl::StatusCode::kCancelled);
}

// Counts how often it is asked: once for each channel whose range is searched.
class CountingClock final : public SteadyClock {
 public:
  SteadyTime Now() const override {
    ++asked_;
    return {};
  }
  int asked() const { return asked_; }

 private:
  mutable std::atomic<int> asked_ = 0;
};

TEST(WeightTensorsTest, RangesAreSearchedOnceForEachFormatOfTheWeights) {
  const Digits digits = LoadDigits();
  const Graph graph = digits.network.Bind(1).value();
  const std::vector<Layer>& layers = digits.network.layers.layers;
  const std::vector<WeightTensor> tensors = FindWeightTensors(layers, graph).value();
  const std::vector<ScaledError> scales(tensors.size(), {.value = 1});

  const auto searches = [&](const std::vector<Precision>& precisions) {
    const CountingClock clock;
    Cancellation cancellation(clock);
    cancellation.SetDeadline(SteadyTime() + absl::Hours(1));
    SensitivityResult result;
    result.layers.resize(layers.size());
    for (LayerSensitivity& layer : result.layers) {
      layer.choices.resize(precisions.size());
      for (size_t c = 0; c < precisions.size(); ++c) layer.choices[c].precision = precisions[c];
    }
    EXPECT_EQ(SetWeightLosses({digits.network, digits.calibration, {}, precisions, {}}, {}, tensors,
                              scales, cancellation, result),
              absl::OkStatus());
    return clock.asked();
  };
  const int of_one_format = searches({Precision::Int(4, 8)});
  EXPECT_GT(of_one_format, 0);
  EXPECT_EQ(searches({Precision::Int(4, 4), Precision::Int(4, 8), Precision::Int(4, 16)}),
            of_one_format);
  EXPECT_EQ(searches({Precision::Int(4, 8), Precision::Int(3, 8)}), 2 * of_one_format);
}

TEST(LanczosTest, FindsTheLargestEigenvaluesOfADiagonalOperator) {
  constexpr size_t kSize = 50;
  Lanczos lanczos(kSize, 3, kSize, 1e-10, 1);
  while (!lanczos.done()) {
    std::vector<double> product = lanczos.vector();
    for (size_t i = 0; i < kSize; ++i) product[i] *= static_cast<double>(i) - 20;
    lanczos.Advance(product);
  }
  const std::vector<double> eigenvalues = lanczos.Eigenvalues();
  ASSERT_EQ(eigenvalues.size(), 3u);
  EXPECT_NEAR(eigenvalues[0], 29, 1e-8);
  EXPECT_NEAR(eigenvalues[1], 28, 1e-8);
  EXPECT_NEAR(eigenvalues[2], 27, 1e-8);
}

TEST(LanczosTest, StopsOnAnInvariantSubspace) {
  Lanczos lanczos(10, 2, 10, 1e-6, 1);
  lanczos.Advance(std::vector<double>(10, 0.0));  // the zero operator
  EXPECT_TRUE(lanczos.done());
  EXPECT_EQ(lanczos.Eigenvalues(), std::vector<double>{0.0});
}

TEST(TridiagonalEigenTest, DiagonalizesASmallMatrix) {
  const SmallEigen eigen = TridiagonalEigen({2, 2, 2}, {1, 1});
  EXPECT_NEAR(eigen.values[0], 2 + std::sqrt(2.0), 1e-12);
  EXPECT_NEAR(eigen.values[1], 2, 1e-12);
  EXPECT_NEAR(eigen.values[2], 2 - std::sqrt(2.0), 1e-12);
  EXPECT_NEAR(std::fabs(eigen.last_components[0]), 0.5, 1e-12);
  EXPECT_NEAR(std::fabs(eigen.last_components[1]), std::sqrt(0.5), 1e-12);
  EXPECT_EQ(TridiagonalEigen({3}, {}).values, std::vector<double>{3});
}

// The second differences of a row of n points: 2 - 2 cos(k pi / (n + 1)).
TEST(TridiagonalEigenTest, IsExactForManyRows) {
  constexpr size_t kSize = 300;
  const SmallEigen eigen =
      TridiagonalEigen(std::vector<double>(kSize, 2), std::vector<double>(kSize - 1, -1));
  for (size_t k = 0; k < kSize; ++k) {
    const double angle = M_PI * static_cast<double>(kSize - k) / (kSize + 1);
    EXPECT_NEAR(eigen.values[k], 2 - 2 * std::cos(angle), 1e-12) << k;
  }
}

}  // namespace
}  // namespace halftone
