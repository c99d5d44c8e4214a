#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/sensitivity.h"
#include "tests/search/sensitivity/digits.h"
#include "tests/search/sensitivity/small_networks.h"

// The standard errors that are stated, against what they promise: the spread of the losses over
// other samples of the same kind, each measured anew from the beginning.
namespace halftone {
namespace {

using testing::Digits;
using testing::LoadDigits;

constexpr int64_t kSamples = 128;
constexpr int kRepeats = 60;

const std::vector<Precision>& Precisions() {
  static const auto* precisions =
      new std::vector<Precision>{Precision::Int(8, 8), Precision::Int(4, 4), Precision::Int(3, 3)};
  return *precisions;
}

// `count` samples drawn from the data, with replacement.
Dataset Drawn(const Dataset& data, int64_t count, uint64_t seed) {
  SplitMix64 random(seed);
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < count; ++i) {
    rows.push_back(static_cast<int64_t>(random.Uniform() * static_cast<double>(data.samples())));
  }
  std::map<std::string, Tensor> arrays;
  for (const auto& [name, tensor] : data.inputs()) {
    const auto size = static_cast<size_t>(tensor.elements() / data.samples());
    const absl::Span<const float> values = tensor.data<float>();
    std::vector<float> drawn;
    for (const int64_t row : rows) {
      const auto sample = values.subspan(static_cast<size_t>(row) * size, size);
      drawn.insert(drawn.end(), sample.begin(), sample.end());
    }
    Shape shape = tensor.shape();
    shape.set_dim(0, count);
    arrays.emplace(name, Tensor::Of<float>(shape, std::move(drawn)));
  }
  std::vector<int64_t> labels;
  labels.reserve(rows.size());
  for (const int64_t row : rows) labels.push_back(data.labels()[static_cast<size_t>(row)]);
  arrays.emplace("labels", Tensor::Of<int64_t>(Shape{count}, std::move(labels)));
  return Dataset::Create(arrays).value();
}

// Values that are measured again and again, in the same order, with the errors that are stated.
class Repeated {
 public:
  void Begin() { next_ = 0; }
  void Add(double value, double error) {
    if (next_ == values_.size()) {
      values_.emplace_back();
      errors_.emplace_back();
    }
    values_[next_].Add(value);
    errors_[next_++].Add(error);
  }

  void ExpectErrorsAreTheSpread() const {
    ASSERT_FALSE(values_.empty());
    double log_ratio = 0;
    for (size_t i = 0; i < values_.size(); ++i) {
      const double spread = values_[i].standard_error() * std::sqrt(double{kRepeats});
      const double ratio = errors_[i].mean() / spread;
      // The spread of 60 is known to 9 %.
      EXPECT_NEAR(std::log(ratio), 0, 0.45) << "value " << i << ": " << ratio;
      log_ratio += std::log(ratio) / static_cast<double>(values_.size());
    }
    EXPECT_NEAR(log_ratio, 0, 0.2) << "on the whole";
  }

 private:
  std::vector<MeanEstimate> values_, errors_;
  size_t next_ = 0;
};

SensitivityResult MeasureOn(const Digits& digits, const Dataset& data,
                            const SensitivityOptions& options) {
  static const auto* calibration =
      new Calibration(Calibrate(digits.network, digits.calibration, Precisions(), {}, {}).value());
  return MeasureSensitivity(digits.network, data, *calibration, Precisions(), options, {}).value();
}

class StandardErrorTest : public ::testing::TestWithParam<SensitivityMethod> {};

TEST_P(StandardErrorTest, IsTheSpreadOverOtherSamples) {
  const Digits digits = LoadDigits();
  SensitivityOptions options;
  options.method = GetParam();
  options.interactions = true;
  options.joint_assignments = 0;
  Repeated losses, interactions;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    const Dataset data = Drawn(digits.calibration, kSamples, static_cast<uint64_t>(repeat) + 1);
    const SensitivityResult result = MeasureOn(digits, data, options);
    losses.Begin();
    for (const LayerSensitivity& layer : result.layers) {
      for (const ChoiceLoss& choice : layer.choices) losses.Add(choice.loss, *choice.loss_stderr);
    }
    interactions.Begin();
    for (size_t i = 0; i < result.interactions.size(); ++i) {
      interactions.Add(result.interactions[i], result.interaction_errors[i]);
    }
  }
  losses.ExpectErrorsAreTheSpread();
  if (HasInteractions(GetParam())) interactions.ExpectErrorsAreTheSpread();
}

// Robust losses add the errors of layers. They are of the same samples: their sum bounds the error
// of the sum, and the root of the sum of squares, which takes them for independent, does not.
TEST(SumErrorTest, LayersErrorsAddUpRatherThanTheirSquares) {
  const Digits digits = LoadDigits();
  SensitivityOptions options;
  options.resamples = 400;
  options.joint_assignments = 0;
  const SensitivityResult result = MeasureOn(digits, digits.calibration.Take(kSamples), options);
  const size_t choices = Precisions().size();
  for (size_t choice = 0; choice < choices; ++choice) {
    double sum = 0, squares = 0;
    for (const LayerSensitivity& layer : result.layers) {
      const double error = *layer.choices[choice].loss_stderr;
      sum += error;
      squares += error * error;
    }
    MeanEstimate totals;
    for (const std::vector<double>& losses : result.resampled_losses) {
      double total = 0;
      for (size_t l = 0; l < result.layers.size(); ++l) total += losses[l * choices + choice];
      totals.Add(total);
    }
    const double spread = totals.standard_error() * std::sqrt(double(options.resamples));
    // The spread of 400 is known to 4 %.
    EXPECT_LT(spread, 1.15 * sum) << Precisions()[choice].ToString();
    EXPECT_GT(spread, 1.05 * std::sqrt(squares)) << Precisions()[choice].ToString();
  }
}

TEST(TraceErrorTest, OfExactTracesIsTheSpreadOverOtherSamples) {
  const Digits digits = LoadDigits();
  SensitivityOptions options;
  options.method = SensitivityMethod::kHessianTraceExact;
  Repeated traces;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    const Dataset data = Drawn(digits.calibration, kSamples, static_cast<uint64_t>(repeat) + 1);
    traces.Begin();
    for (const LayerSensitivity& layer : MeasureOn(digits, data, options).layers) {
      traces.Add(*layer.trace, *layer.trace_stderr);
    }
  }
  traces.ExpectErrorsAreTheSpread();
}

TEST(TraceErrorTest, OfProbedTracesIsTheSpreadOverOtherProbes) {
  const Digits digits = LoadDigits();
  const Dataset data = digits.calibration.Take(kSamples);
  SensitivityOptions options;
  options.method = SensitivityMethod::kHessianTrace;
  options.probes = 16;
  options.tolerance = 0;
  Repeated traces;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    options.seed = static_cast<uint64_t>(repeat) + 1;
    traces.Begin();
    for (const LayerSensitivity& layer : MeasureOn(digits, data, options).layers) {
      traces.Add(*layer.trace, *layer.trace_stderr);
    }
  }
  traces.ExpectErrorsAreTheSpread();
}

INSTANTIATE_TEST_SUITE_P(Methods, StandardErrorTest,
                         ::testing::Values(SensitivityMethod::kFisher,
                                           SensitivityMethod::kFisherCorrected,
                                           SensitivityMethod::kFisherElementwise,
                                           SensitivityMethod::kOutput, SensitivityMethod::kSqnr,
                                           SensitivityMethod::kHessianForm,
                                           SensitivityMethod::kHessianTraceExact,
                                           SensitivityMethod::kHawqV2, SensitivityMethod::kHawqV3),
                         [](const auto& info) { return testing::NameOfMethodTest(info.param); });

}  // namespace
}  // namespace halftone
