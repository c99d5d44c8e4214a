#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/sensitivity/sensitivity.h"
#include "tests/search/sensitivity/digits.h"

namespace halftone {
namespace {

using testing::Digits;
using testing::LoadDigits;

std::vector<Precision> Precisions() {
  return {Precision::Float32(), Precision::Int(8, 8), Precision::Int(6, 6), Precision::Int(5, 5),
          Precision::Int(4, 4)};
}

SensitivityResult Measure(const Digits& digits, const SensitivityOptions& options,
                          const std::vector<Precision>& precisions = Precisions()) {
  const absl::StatusOr<Calibration> calibration =
      Calibrate(digits.network, digits.calibration, precisions, {}, {});
  EXPECT_TRUE(calibration.ok()) << calibration.status();
  if (!calibration.ok()) return {};
  absl::StatusOr<SensitivityResult> result =
      MeasureSensitivity(digits.network, digits.calibration, *calibration, precisions, options, {});
  EXPECT_TRUE(result.ok()) << result.status();
  if (!result.ok()) return {};
  return *std::move(result);
}

SensitivityOptions Samples(int64_t samples) {
  SensitivityOptions options;
  options.samples = samples;
  return options;
}

TEST(FisherTest, LossesPredictTheDivergenceOfQuantizingOneLayer) {
  const Digits digits = LoadDigits();
  SensitivityOptions options = Samples(256);
  const SensitivityResult fisher = Measure(digits, options);
  options.method = SensitivityMethod::kOutput;
  const SensitivityResult measured = Measure(digits, options);
  EXPECT_EQ(fisher.output_metric, "kl");
  EXPECT_EQ(measured.output_metric, "kl");
  ASSERT_EQ(fisher.layers.size(), 4u);
  for (size_t l = 0; l < fisher.layers.size(); ++l) {
    EXPECT_EQ(fisher.layers[l].choices[0].loss, 0) << "f32";
    for (size_t o = 1; o < Precisions().size(); ++o) {
      const ChoiceLoss& predicted = fisher.layers[l].choices[o];
      const ChoiceLoss& truth = measured.layers[l].choices[o];
      RecordProperty(fisher.layers[l].name + predicted.precision.ToString(),
                     std::to_string(predicted.loss / truth.loss));
      // Second order ends where the damage is large: 4 bits on a network this small.
      const double tolerance = o + 1 < Precisions().size() ? 0.25 : 0.6;
      EXPECT_NEAR(predicted.loss / truth.loss, 1, tolerance)
          << fisher.layers[l].name << " " << predicted.precision.ToString() << ": "
          << predicted.loss << " against " << truth.loss;
      EXPECT_GT(predicted.loss_stderr, 0);
    }
  }
}

TEST(FisherTest, LossesGrowAsBitsFall) {
  const SensitivityResult result = Measure(LoadDigits(), Samples(128));
  for (const LayerSensitivity& layer : result.layers) {
    for (size_t o = 1; o < layer.choices.size(); ++o) {
      EXPECT_GT(layer.choices[o].loss, layer.choices[o - 1].loss) << layer.name;
    }
  }
}

TEST(FisherTest, MatrixIsSymmetricPositiveSemiDefiniteAndAgreesWithTheLosses) {
  SensitivityOptions options = Samples(64);
  options.interactions = true;
  const SensitivityResult result = Measure(LoadDigits(), options);
  const size_t columns = result.layers.size() * Precisions().size();
  ASSERT_EQ(result.interactions.size(), columns * columns);
  const auto at = [&](size_t a, size_t b) { return result.interactions[a * columns + b]; };
  for (size_t a = 0; a < columns; ++a) {
    const double loss =
        result.layers[a / Precisions().size()].choices[a % Precisions().size()].loss;
    EXPECT_NEAR(at(a, a) / 2, loss, 1e-12 + 1e-9 * loss);
    for (size_t b = 0; b < columns; ++b) {
      EXPECT_EQ(at(a, b), at(b, a));
      EXPECT_LE(at(a, b) * at(a, b), at(a, a) * at(b, b) * (1 + 1e-9)) << "Cauchy-Schwarz";
    }
  }
  // z' G z is a mean of squares, for any z.
  SplitMix64 random(7);
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<double> z(columns);
    for (double& value : z) value = random.Uniform() - 0.5;
    double form = 0, scale = 0;
    for (size_t a = 0; a < columns; ++a) {
      for (size_t b = 0; b < columns; ++b) form += z[a] * at(a, b) * z[b];
      scale += at(a, a);
    }
    EXPECT_GE(form, -1e-12 * scale);
  }
}

TEST(FisherTest, DoesNotDependOnTheBatch) {
  const Digits digits = LoadDigits();
  SensitivityOptions options = Samples(50);  // the last batch is padded
  options.exact_classes = 0;
  const SensitivityResult small = Measure(digits, options);
  options.batch = 7;
  const SensitivityResult odd = Measure(digits, options);
  for (size_t l = 0; l < small.layers.size(); ++l) {
    for (size_t o = 0; o < small.layers[l].choices.size(); ++o) {
      const double loss = small.layers[l].choices[o].loss;
      EXPECT_NEAR(odd.layers[l].choices[o].loss, loss, 2e-3 * loss) << small.layers[l].name;
    }
  }
}

TEST(FisherTest, IsReproducibleBySeed) {
  const Digits digits = LoadDigits();
  SensitivityOptions options = Samples(40);
  options.loss = LossKind::kMse;  // random signs; draws of labels would mostly agree
  options.exact_classes = 0;
  options.seed = 5;
  const SensitivityResult first = Measure(digits, options);
  const SensitivityResult second = Measure(digits, options);
  options.seed = 6;
  const SensitivityResult other = Measure(digits, options);
  EXPECT_EQ(first.layers[0].choices[4].loss, second.layers[0].choices[4].loss);
  EXPECT_EQ(first.layers[3].choices[2].loss, second.layers[3].choices[2].loss);
  EXPECT_NE(first.layers[0].choices[4].loss, other.layers[0].choices[4].loss);
}

TEST(FisherTest, DrawnLabelsAgreeWithTheExactExpectation) {
  const Digits digits = LoadDigits();
  SensitivityOptions options = Samples(64);
  const std::vector<Precision> precisions = {Precision::Int(5, 5)};
  const SensitivityResult exact = Measure(digits, options, precisions);
  options.exact_classes = 0;
  options.draws = 16;
  // The network is sure of its labels (cross-entropy 0.006): drawn one by one, wrong labels would
  // be rare but weigh much, and the spread over seeds be several times larger.
  std::vector<double> mean(exact.layers.size(), 0.0), squares(exact.layers.size(), 0.0);
  constexpr int kSeeds = 8;
  for (int seed = 0; seed < kSeeds; ++seed) {
    options.seed = static_cast<uint64_t>(seed);
    const SensitivityResult drawn = Measure(digits, options, precisions);
    for (size_t l = 0; l < mean.size(); ++l) {
      mean[l] += drawn.layers[l].choices[0].loss / kSeeds;
      squares[l] += std::pow(drawn.layers[l].choices[0].loss, 2) / kSeeds;
    }
  }
  for (size_t l = 0; l < mean.size(); ++l) {
    const double spread = std::sqrt(std::max(0.0, squares[l] - mean[l] * mean[l]) / (kSeeds - 1));
    EXPECT_NEAR(mean[l], exact.layers[l].choices[0].loss, 4 * spread) << exact.layers[l].name;
    EXPECT_LT(spread, 0.1 * mean[l]);
  }
}

TEST(FisherTest, MeanSquaredErrorIsPredictedToo) {
  const Digits digits = LoadDigits();
  SensitivityOptions options = Samples(128);
  options.loss = LossKind::kMse;
  options.draws = 16;
  const SensitivityResult fisher = Measure(digits, options);
  options.method = SensitivityMethod::kOutput;
  const SensitivityResult measured = Measure(digits, options);
  EXPECT_EQ(fisher.output_metric, "mse");
  for (size_t l = 0; l < fisher.layers.size(); ++l) {
    for (size_t o = 1; o + 1 < Precisions().size(); ++o) {
      EXPECT_NEAR(fisher.layers[l].choices[o].loss / measured.layers[l].choices[o].loss, 1, 0.25)
          << fisher.layers[l].name << " " << Precisions()[o].ToString();
    }
  }
}

// With signs as cotangents of the last layer's own result, the squares of single elements are its
// mean squared error without sampling; other layers' elements do not add up so.
TEST(FisherTest, SquaresOfElementsAreExactForTheLastLayer) {
  const Digits digits = LoadDigits();
  SensitivityOptions options = Samples(64);
  options.loss = LossKind::kMse;
  options.method = SensitivityMethod::kFisherElementwise;
  options.interactions = true;
  const SensitivityResult elements = Measure(digits, options);
  options.method = SensitivityMethod::kOutput;
  const SensitivityResult measured = Measure(digits, options);
  options.method = SensitivityMethod::kFisher;
  const SensitivityResult whole = Measure(digits, options);
  EXPECT_TRUE(elements.interactions.empty());
  ASSERT_EQ(elements.layers.size(), 4u);
  for (size_t o = 1; o < Precisions().size(); ++o) {
    const double truth = measured.layers[3].choices[o].loss;
    EXPECT_NEAR(elements.layers[3].choices[o].loss, truth, 1e-3 * truth);
    EXPECT_GT(elements.layers[0].choices[o].loss, 0);
    EXPECT_NE(elements.layers[0].choices[o].loss, whole.layers[0].choices[o].loss);
  }
}

TEST(FisherTest, WeightsAloneAndBfloat16AreChoices) {
  const std::vector<Precision> precisions = {
      Precision::Int(4, 4), {NumberFormat::Integer(4), NumberFormat()}, *Precision::Parse("bf16")};
  const SensitivityResult result = Measure(LoadDigits(), Samples(64), precisions);
  for (const LayerSensitivity& layer : result.layers) {
    EXPECT_GT(layer.choices[1].loss, 0) << layer.name;
    EXPECT_GT(layer.choices[2].loss, 0) << layer.name;
    EXPECT_LT(layer.choices[2].loss, 0.05 * layer.choices[0].loss) << layer.name;
  }
}

TEST(FisherTest, CancelsWithinABatch) {
  const Digits digits = LoadDigits();
  const absl::StatusOr<Calibration> calibration =
      Calibrate(digits.network, digits.calibration, Precisions(), {}, {});
  ASSERT_TRUE(calibration.ok());
  Progress progress;
  double last = 0;
  progress.report = [&](double fraction, absl::string_view) {
    EXPECT_GE(fraction, last);
    last = fraction;
    if (fraction > 0.3) progress.cancellation.Cancel();
  };
  const absl::Status status = MeasureSensitivity(digits.network, digits.calibration, *calibration,
                                                 Precisions(), {}, progress)
                                  .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << status;
  EXPECT_LT(last, 0.6);
}

// Beyond them draws of one sample would be those of the next.
TEST(FisherTest, RefusesMoreDrawsThanItHasStreamsFor) {
  const Digits digits = LoadDigits();
  SensitivityOptions options;
  options.draws = 4097;
  const absl::Status status =
      MeasureSensitivity(digits.network, digits.calibration, {}, Precisions(), options, {})
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("4097"));
}

TEST(FisherTest, RefusesWhatDoesNotFit) {
  const Digits digits = LoadDigits();
  const absl::StatusOr<Calibration> calibration =
      Calibrate(digits.network, digits.calibration, {Precision::Int(8, 8)}, {}, {});
  ASSERT_TRUE(calibration.ok());
  const absl::Status status =
      MeasureSensitivity(digits.network, digits.calibration, *calibration, Precisions(), {}, {})
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("w6a6"));
  SensitivityOptions options;
  options.loss = LossKind::kCrossEntropy;
  EXPECT_EQ(MeasureSensitivity(digits.network, digits.calibration, *calibration, Precisions(),
                               options, {})
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace halftone
