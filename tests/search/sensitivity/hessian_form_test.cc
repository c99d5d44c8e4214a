#include <cmath>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "nn/data/npz.h"
#include "search/sensitivity/hessian_program.h"
#include "search/sensitivity/sensitivity.h"
#include "tests/search/sensitivity/digits.h"
#include "tests/search/sensitivity/small_networks.h"

namespace halftone {
namespace {

using testing::Subject;

SensitivityOptions FormOptions() {
  SensitivityOptions options;
  options.method = SensitivityMethod::kHessianForm;
  return options;
}

Calibration Calibrated(const Subject& subject) {
  absl::StatusOr<Calibration> calibration =
      Calibrate(subject.network, subject.data, testing::WeightPrecisions(), {}, {});
  EXPECT_TRUE(calibration.ok()) << calibration.status();
  return calibration.ok() ? *std::move(calibration) : Calibration();
}

// Q(W) - W of a layer of a network without batch normalization.
std::vector<double> WeightError(const Subject& subject, const Calibration& calibration,
                                const Layer& layer, const Precision& precision) {
  const Tensor weights = subject.network.graph.initializers.at(layer.weights);
  const LayerQuantizers quantizers = calibration.Find(layer.name, precision).value();
  const Tensor rounded = quantizers.weights->FakeQuantize(weights).value();
  std::vector<double> error;
  for (size_t i = 0; i < weights.data<float>().size(); ++i) {
    error.push_back(rounded.data<float>()[i] - weights.data<float>()[i]);
  }
  return error;
}

TEST(HessianFormTest, AgreesWithTorchsDenseBlocks) {
  const testing::Digits digits = testing::LoadDigits("model_folded.onnx");
  const Subject subject = {digits.network, digits.calibration.Take(256)};
  const Calibration calibration = Calibrated(subject);
  const absl::StatusOr<SensitivityResult> result = MeasureSensitivity(
      subject.network, subject.data, calibration, testing::WeightPrecisions(), FormOptions(), {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->output_metric, "cross-entropy");
  const absl::StatusOr<std::string> bytes = ReadFile(testing::DigitsPath("reference_folded.npz"));
  ASSERT_TRUE(bytes.ok());
  const auto arrays = ReadNpz(*bytes);
  ASSERT_TRUE(arrays.ok()) << arrays.status();
  for (const auto& [l, key] :
       {std::make_pair(size_t{0}, "H_conv1_weight"), std::make_pair(size_t{3}, "H_fc_weight")}) {
    const absl::Span<const float> block = arrays->at(key).data<float>();
    for (size_t o = 0; o < testing::WeightPrecisions().size(); ++o) {
      const std::vector<double> d = WeightError(
          subject, calibration, subject.network.layers.layers[l], testing::WeightPrecisions()[o]);
      ASSERT_EQ(block.size(), d.size() * d.size());
      double form = 0;
      for (size_t i = 0; i < d.size(); ++i) {
        for (size_t j = 0; j < d.size(); ++j) form += d[i] * d[j] * block[i * d.size() + j];
      }
      EXPECT_NEAR(result->layers[l].choices[o].loss, form / 2, 1e-3 * form / 2) << key;
      EXPECT_GT(result->layers[l].choices[o].loss_stderr, 0);
    }
  }
}

// With more classes than options.exact_classes the Hessian itself is differentiated: on a
// piecewise linear network both ways give one number, with and without labels.
TEST(HessianFormTest, BothWaysAgreeOnAPiecewiseLinearNetwork) {
  const testing::Digits digits = testing::LoadDigits();
  const Subject subject = {digits.network, digits.calibration.Take(64)};
  for (const LossKind loss : {LossKind::kCrossEntropy, LossKind::kKl}) {
    SensitivityOptions options = FormOptions();
    options.loss = loss;
    const absl::StatusOr<SensitivityResult> classes = testing::Measure(subject, options);
    options.exact_classes = 0;
    const absl::StatusOr<SensitivityResult> products = testing::Measure(subject, options);
    ASSERT_TRUE(classes.ok()) << classes.status();
    ASSERT_TRUE(products.ok()) << products.status();
    for (size_t l = 0; l < classes->layers.size(); ++l) {
      for (size_t o = 0; o < classes->layers[l].choices.size(); ++o) {
        const ChoiceLoss& a = classes->layers[l].choices[o];
        const ChoiceLoss& b = products->layers[l].choices[o];
        EXPECT_NEAR(a.loss, b.loss, 1e-3 * a.loss) << classes->layers[l].name;
        EXPECT_NEAR(*a.loss_stderr, *b.loss_stderr, 1e-2 * *a.loss_stderr);
      }
    }
  }
}

// tanh: the Hessian is not the Gauss-Newton matrix. Against its products with the same errors.
TEST(HessianFormTest, TakesTheHessianOfASmoothNetwork) {
  const Subject subject = testing::Tokens();
  const Calibration calibration = Calibrated(subject);
  const SensitivityOptions options = FormOptions();
  const absl::StatusOr<SensitivityResult> result = MeasureSensitivity(
      subject.network, subject.data, calibration, testing::WeightPrecisions(), options, {});
  ASSERT_TRUE(result.ok()) << result.status();
  const SensitivityRequest request = {subject.network, subject.data, calibration,
                                      testing::WeightPrecisions(), options};
  auto product = HessianProduct::Create(request, HessianProduct::Mode::kBlockProducts, 1);
  ASSERT_TRUE(product.ok()) << product.status();
  for (size_t o = 0; o < testing::WeightPrecisions().size(); ++o) {
    std::vector<std::vector<double>> errors;
    for (size_t t = 0; t < (*product)->tensors().size(); ++t) {
      errors.push_back(WeightError(subject, calibration, subject.network.layers.layers[t],
                                   testing::WeightPrecisions()[o]));
      ASSERT_TRUE(
          (*product)->SetVector(0, t, std::vector<float>(errors[t].begin(), errors[t].end())).ok());
    }
    ASSERT_TRUE((*product)->Run({}).ok());
    for (size_t t = 0; t < errors.size(); ++t) {
      double form = 0;
      for (size_t i = 0; i < errors[t].size(); ++i) {
        form += errors[t][i] * (*product)->Result(0, t)[i];
      }
      EXPECT_NEAR(result->layers[t].choices[o].loss, form / 2, 1e-3 * std::fabs(form / 2)) << t;
    }
  }
}

}  // namespace
}  // namespace halftone
