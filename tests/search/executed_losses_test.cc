#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "nn/onnx/import.h"
#include "profilers/onednn/cpu_runner.h"
#include "search/executed.h"
#include "search/sensitivity/choice.h"
#include "tests/search/sensitivity/digits.h"

// Losses of choices as a target executes them, against the target's own networks.
namespace halftone {
namespace {

// Executes in 8 bits with VNNI and without.
const Precision kBytes = Precision::Int(7, 8);
const Precision kWide = Precision::Int(16, 16);
// Reads what the addition after it reads as well.
constexpr char kReader[] = "/conv3/Conv";

class ExecutedLossesTest : public ::testing::Test {
 protected:
  void SetUp() override { Use(testing::LoadDigits()); }

  void Use(testing::Digits subject) {
    subject_ = std::move(subject);
    const std::vector<Precision> precisions = {kBytes, kWide};
    auto calibration =
        Calibrate(subject_.network, subject_.calibration, precisions, QuantizationOptions(), {});
    ASSERT_TRUE(calibration.ok()) << calibration.status();
    calibration_ = *std::move(calibration);
    auto executed = MakeCpuRunner()->Describe(*subject_.network.Bind(1), precisions);
    ASSERT_TRUE(executed.ok()) << executed.status();
    executed_ = *std::move(executed);
  }

  SensitivityResult Measure(SensitivityMethod method, const ExecutedLayers& executed,
                            bool interactions = false) {
    SensitivityOptions options;
    options.method = method;
    options.interactions = interactions;
    auto result = MeasureSensitivity(subject_.network, subject_.calibration, calibration_,
                                     {kBytes, kWide}, options, {}, executed);
    EXPECT_TRUE(result.ok()) << result.status();
    return *std::move(result);
  }

  // The divergence of the network that the target runs.
  double Execute(const std::map<std::string, Precision>& assignment) {
    const auto evaluator =
        AssignmentEvaluator::Create(subject_.network, subject_.calibration, calibration_, {});
    EXPECT_TRUE(evaluator.ok()) << evaluator.status();
    const auto runner = MakeCpuRunner();
    const auto executed = EvaluateExecuted(subject_.network, subject_.calibration, calibration_,
                                           assignment, *runner, **evaluator, {});
    EXPECT_TRUE(executed.ok()) << executed.status();
    return executed->kl;
  }

  static double LossOf(const SensitivityResult& result, const std::string& layer,
                       const Precision& precision) {
    for (const LayerSensitivity& row : result.layers) {
      if (row.name != layer) continue;
      for (const ChoiceLoss& choice : row.choices) {
        if (choice.precision == precision) return choice.loss;
      }
    }
    ADD_FAILURE() << layer << " has no " << precision.ToString();
    return 0;
  }

  testing::Digits subject_;
  Calibration calibration_;
  ExecutedLayers executed_;
};

// What is measured of one layer alone is what the plan does with that layer changed alone; of the
// layer whose choice rounds a shortcut it is more than what is rounded in front of it.
TEST_F(ExecutedLossesTest, TheLossOfAChoiceIsWhatTheTargetDoesWithThatLayerAlone) {
  const SensitivityResult asked = Measure(SensitivityMethod::kOutput, {});
  const SensitivityResult executed = Measure(SensitivityMethod::kOutput, executed_);
  for (const Layer& layer : subject_.network.layers.layers) {
    for (const Precision& precision : {kBytes, kWide}) {
      const double ran = Execute({{layer.name, precision}});
      EXPECT_NEAR(LossOf(executed, layer.name, precision), ran, 0.02 * ran + 1e-9)
          << layer.name << " " << precision.ToString();
    }
    const double more = LossOf(executed, layer.name, kBytes) - LossOf(asked, layer.name, kBytes);
    if (layer.name == kReader) {
      EXPECT_GT(more, 0);
    } else {
      EXPECT_EQ(more, 0) << layer.name;
    }
  }
}

TEST_F(ExecutedLossesTest, SecondOrderHasTheRoundingOfShortcuts) {
  for (const SensitivityMethod method :
       {SensitivityMethod::kFisher, SensitivityMethod::kFisherCorrected}) {
    const double asked = LossOf(Measure(method, {}), kReader, kBytes);
    const double executed = LossOf(Measure(method, executed_), kReader, kBytes);
    const double ran = Execute({{kReader, kBytes}});
    EXPECT_NEAR(executed, ran, 0.15 * ran);
    EXPECT_LT(std::abs(executed - ran), std::abs(asked - ran));
  }
}

// Element by element: the squares of both errors, none of their product.
TEST_F(ExecutedLossesTest, ElementwiseLossesOfLayerAndShortcutAddUp) {
  constexpr auto kMethod = SensitivityMethod::kFisherElementwise;
  calibration_.quantizers.at(kReader).at(kBytes).shifts.clear();
  const double asked = LossOf(Measure(kMethod, {}), kReader, kBytes);
  const double both = LossOf(Measure(kMethod, executed_), kReader, kBytes);
  // The layer itself is the float one, so that what is left is the shortcut's.
  ExecutedLayers shortcut = executed_;
  shortcut.at(kReader).at(kBytes).ran_as = Precision::Float32();
  const double alone = LossOf(Measure(kMethod, shortcut), kReader, kBytes);
  EXPECT_GT(alone, 0);
  EXPECT_NEAR(both, asked + alone, 1e-4 * both);
}

// Where the addition comes layers after the one that reads the shortcut. One of the two errors is
// as large as the other.
TEST_F(ExecutedLossesTest, PredictResidualBlocksBetterThanTheirLayersAlone) {
  const std::string folder = std::string(HALFTONE_SOURCE_DIR) + "/tests/data/networks/";
  const auto graph = ImportOnnxFile(folder + "resnet14_folded.onnx");
  ASSERT_TRUE(graph.ok()) << graph.status();
  const auto data = Dataset::FromNpz(*ReadFile(folder + "calib.npz"));
  ASSERT_TRUE(data.ok()) << data.status();
  Use({*PrepareNetwork(*graph), data->Take(8)});
  const SensitivityResult asked = Measure(SensitivityMethod::kFisher, {});
  const SensitivityResult executed = Measure(SensitivityMethod::kFisher, executed_);
  double asked_error = 0, executed_error = 0, sum = 0;
  int readers = 0;
  for (const auto& [layer, choices] : executed_) {
    const auto choice = choices.find(kBytes);
    if (choice == choices.end() || choice->second.shortcuts.empty()) continue;
    ++readers;
    const double ran = Execute({{layer, kBytes}});
    sum += ran;
    asked_error += std::abs(LossOf(asked, layer, kBytes) - ran);
    executed_error += std::abs(LossOf(executed, layer, kBytes) - ran);
  }
  EXPECT_EQ(readers, 4);
  EXPECT_LT(executed_error, 0.1 * sum);
  EXPECT_LT(executed_error, 0.5 * asked_error);
}

// The network as it is simulated with the roundings of its choices is the network that runs.
TEST_F(ExecutedLossesTest, ChosenLayersTogetherAreTheExecutedNetwork) {
  const auto evaluator =
      AssignmentEvaluator::Create(subject_.network, subject_.calibration, calibration_, {});
  ASSERT_TRUE(evaluator.ok()) << evaluator.status();
  for (const Precision& precision : {kBytes, kWide}) {
    std::map<std::string, Precision> assignment;
    ChosenLayers chosen;
    for (const Layer& layer : subject_.network.layers.layers) {
      assignment[layer.name] = precision;
      chosen[layer.name] = *MakeQuantizedChoice(calibration_, layer.name, precision, executed_);
      EXPECT_EQ(chosen[layer.name]->name(), precision.ToString());
    }
    const auto simulated = (*evaluator)->EvaluateChosen(chosen, {});
    ASSERT_TRUE(simulated.ok()) << simulated.status();
    const double ran = Execute(assignment);
    EXPECT_NEAR(simulated->kl, ran, 0.02 * ran + 1e-9) << precision.ToString();
  }
}

TEST_F(ExecutedLossesTest, NamesAShortcutThatIsNotThere) {
  ExecutedLayers wrong = executed_;
  wrong.at(kReader).at(kBytes).shortcuts[0].node = "nowhere";
  SensitivityOptions options;
  options.method = SensitivityMethod::kOutput;
  const auto result = MeasureSensitivity(subject_.network, subject_.calibration, calibration_,
                                         {kBytes, kWide}, options, {}, wrong);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInternal);
  EXPECT_NE(std::string(result.status().message()).find("nowhere"), std::string::npos);
}

}  // namespace
}  // namespace halftone
