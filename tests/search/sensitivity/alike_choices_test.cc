#include "search/sensitivity/alike_choices.h"

#include <vector>

#include "gtest/gtest.h"
#include "search/sensitivity/choice.h"
#include "search/sensitivity/sensitivity.h"
#include "tests/search/sensitivity/digits.h"

namespace halftone {
namespace {

using testing::Digits;
using testing::LoadDigits;

class AlikeChoicesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<Calibration> calibration =
        Calibrate(digits_.network, digits_.calibration, precisions_, {}, {});
    ASSERT_TRUE(calibration.ok()) << calibration.status();
    calibration_ = *std::move(calibration);
    // The first layer as a target has it that runs w8a4 as w8a8.
    executed_[layers()[0].name][precisions_[1]] = {.ran_as = precisions_[0], .shortcuts = {}};
  }
  const std::vector<Layer>& layers() const { return digits_.network.layers.layers; }
  SensitivityResult Measure(SensitivityMethod method, const std::vector<Precision>& precisions,
                            const DominatedChoices& dominated = {}) const {
    SensitivityOptions options;
    options.method = method;
    options.samples = 64;
    options.interactions = HasInteractions(method);
    options.resamples = 3;
    const auto result = MeasureSensitivity(digits_.network, digits_.calibration, calibration_,
                                           precisions, options, {}, executed_, nullptr, dominated);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(SensitivityResult());
  }

  const Digits digits_ = LoadDigits();
  const std::vector<Precision> precisions_ = {Precision::Int(8, 8), Precision::Int(8, 4),
                                              Precision::Int(4, 4)};
  Calibration calibration_;
  ExecutedLayers executed_;
};

TEST_F(AlikeChoicesTest, WhatIsExecutedAlikeIsOneChoice) {
  const LayerChoices choices =
      *QuantizedChoices(digits_.network, calibration_, precisions_, executed_);
  const DistinctChoices distinct = FindDistinct(layers(), choices);
  EXPECT_EQ(distinct.places[0], (std::vector<size_t>{0, 0, 1}));
  EXPECT_EQ(distinct.choices[0].size(), 2u);
  EXPECT_EQ(distinct.places[1], (std::vector<size_t>{0, 1, 2}));
}

// A product of two activations has no weights, whose bits say nothing of it.
TEST_F(AlikeChoicesTest, BitsOfWeightsCountWhereThereAreSome) {
  LayerQuantizers a, b;
  a.precision = Precision::Int(8, 8);
  b.precision = Precision::Int(4, 8);
  const QuantizedChoice wide(a), narrow(b);
  EXPECT_TRUE(wide.ComputesAs(narrow, /*has_weights=*/false));
  EXPECT_FALSE(wide.ComputesAs(narrow, /*has_weights=*/true));
  a.shifts = {0.5f};
  EXPECT_FALSE(QuantizedChoice(a).ComputesAs(wide, true)) << "another bias";
}

TEST_F(AlikeChoicesTest, LossesArePassedOnToAllThatAreAlike) {
  for (const SensitivityMethod method :
       {SensitivityMethod::kFisher, SensitivityMethod::kFisherCorrected}) {
    const SensitivityResult result = Measure(method, precisions_);
    const size_t size = layers().size() * precisions_.size();
    ASSERT_EQ(result.interactions.size(), size * size);
    const std::vector<ChoiceLoss>& first = result.layers[0].choices;
    EXPECT_EQ(first[0].loss, first[1].loss);
    EXPECT_EQ(first[1].precision, precisions_[1]);
    EXPECT_EQ(first[1].name, "w8a4");
    for (size_t other = 0; other < size; ++other) {
      EXPECT_EQ(result.interactions[other], result.interactions[size + other]);
      EXPECT_EQ(result.interactions[other * size], result.interactions[other * size + 1]);
    }
    for (const std::vector<double>& losses : result.resampled_losses) {
      ASSERT_EQ(losses.size(), size);
      EXPECT_EQ(losses[0], losses[1]);
    }
  }
}

TEST_F(AlikeChoicesTest, WhatIsDominatedIsNotMeasuredAndNoBetter) {
  DominatedChoices dominated;
  dominated[layers()[1].name][precisions_[2]] = precisions_[1];
  const SensitivityResult all = Measure(SensitivityMethod::kFisherCorrected, precisions_);
  const SensitivityResult some =
      Measure(SensitivityMethod::kFisherCorrected, precisions_, dominated);
  const ChoiceLoss& skipped = some.layers[1].choices[2];
  EXPECT_TRUE(all.layers[1].choices[2].measured);
  EXPECT_FALSE(all.layers[1].choices[2].dominated_by.has_value());
  EXPECT_FALSE(skipped.measured);
  EXPECT_EQ(skipped.dominated_by, precisions_[1]);
  EXPECT_GE(skipped.loss, some.layers[1].choices[1].loss);
  EXPECT_EQ(some.layers[1].choices[1].loss, all.layers[1].choices[1].loss);
  EXPECT_EQ(some.layers[2].choices[2].loss, all.layers[2].choices[2].loss);
  const auto back = SensitivityFromJson(SensitivityToJson(some));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->layers[1].choices[2].dominated_by, precisions_[1]);
}

}  // namespace
}  // namespace halftone
