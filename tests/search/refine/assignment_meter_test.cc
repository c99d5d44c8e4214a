#include "search/refine/assignment_meter.h"

#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "nn/onnx/import.h"
#include "search/memory_store.h"

namespace halftone {
namespace {

std::string PathOf(const std::string& file) {
  return std::string(HALFTONE_SOURCE_DIR) + "/tests/data/tiny-digits/" + file;
}

// The small network, calibrated for three precisions.
struct Digits {
  PreparedNetwork network;
  Dataset data;
  Calibration calibration;
  MemoryStore store;

  Digits() {
    network = *PrepareNetwork(*ImportOnnxFile(PathOf("model.onnx")));
    data = Dataset::FromNpz(*ReadFile(PathOf("calib.npz")))->Take(32);
    calibration = *Calibrate(network, data, *ParsePrecisions("w2a2,w4a4,w8a8"), {}, {});
  }

  AssignmentMeter Meter() { return AssignmentMeter(network, data, calibration, store, "key"); }

  Assignment All(const std::string& precision) const {
    Assignment assignment;
    for (const Layer& layer : network.layers.layers) assignment[layer.name] = precision;
    return assignment;
  }
};

TEST(AssignmentMeterTest, MeasuresWhatQuantizingDoes) {
  Digits digits;
  AssignmentMeter meter = digits.Meter();
  std::map<std::string, Precision> precisions;
  for (const auto& [layer, name] : digits.All("w4a4")) precisions[layer] = Precision::Int(4, 4);
  const Evaluation expected =
      *EvaluateAssignment(digits.network, digits.data, digits.calibration, precisions, {});
  EXPECT_TRUE(absl::IsNotFound(meter.ScoreOf(digits.All("w4a4")).status()));
  EXPECT_DOUBLE_EQ(*meter.Measure(digits.All("w4a4"), {}), expected.kl);
  const Score score = *meter.ScoreOf(digits.All("w4a4"));
  // Few samples are like each other here, so that pooling is biased as well.
  EXPECT_GT(score.value, 0.3 * expected.kl);
  EXPECT_LT(score.value, 3 * expected.kl);
  ASSERT_EQ(score.parts.size(), 32u);
  EXPECT_NEAR(std::accumulate(score.parts.begin(), score.parts.end(), 0.0) / 32, score.value, 1e-9);
  EXPECT_LT(*meter.Measure(digits.All("w8a8"), {}), expected.kl);
  EXPECT_GT(*meter.Measure(digits.All("w2a2"), {}), expected.kl);
}

TEST(AssignmentMeterTest, RunsWhatATargetMakesOfPrecisions) {
  Digits digits;
  const Assignment all = digits.All("w4a4");
  ExecutedLayers executed;
  for (const auto& [layer, name] : all) {
    executed[layer][Precision::Int(4, 4)].ran_as = Precision::Int(8, 8);
  }
  AssignmentMeter meter(digits.network, digits.data, digits.calibration, digits.store, "executed",
                        SampleValues::kPseudovalues, executed);
  AssignmentMeter asked = digits.Meter();
  EXPECT_EQ(*meter.Measure(all, {}), *asked.Measure(digits.All("w8a8"), {}));
  EXPECT_EQ(*meter.Measure(digits.All("w2a2"), {}), *asked.Measure(digits.All("w2a2"), {}));
}

TEST(AssignmentMeterTest, ScoresByWhatItIsToldTo) {
  Digits digits;
  AssignmentMeter meter(digits.network, digits.data, digits.calibration, digits.store, "plain",
                        SampleValues::kDivergences);
  const double divergence = *meter.Measure(digits.All("w4a4"), {});
  EXPECT_NEAR(meter.ScoreOf(digits.All("w4a4"))->value, divergence, 1e-9 * divergence);
}

TEST(AssignmentMeterTest, WhatWasMeasuredIsNotRunAgain) {
  Digits digits;
  double divergence = 0;
  Score score;
  {
    AssignmentMeter meter = digits.Meter();
    divergence = *meter.Measure(digits.All("w4a4"), {});
    score = *meter.ScoreOf(digits.All("w4a4"));
    ASSERT_TRUE(meter.Flush().ok());
  }
  // Without quantizers nothing can be run: what answers is the store.
  digits.calibration = Calibration();
  AssignmentMeter resumed = digits.Meter();
  EXPECT_EQ(*resumed.Measure(digits.All("w4a4"), {}), divergence);
  EXPECT_EQ(resumed.ScoreOf(digits.All("w4a4"))->value, score.value);
  EXPECT_EQ(resumed.ScoreOf(digits.All("w4a4"))->parts, score.parts);
  const std::map<Assignment, double> stored = {{digits.All("w4a4"), divergence}};
  EXPECT_EQ(*AssignmentMeter::StoredDivergences(digits.store, "key"), stored);
  EXPECT_TRUE(AssignmentMeter::StoredDivergences(digits.store, "other")->empty());
  EXPECT_TRUE(absl::IsFailedPrecondition(resumed.Measure(digits.All("w2a2"), {}).status()));
  AssignmentMeter other(digits.network, digits.data, digits.calibration, digits.store, "other");
  EXPECT_FALSE(other.Measure(digits.All("w4a4"), {}).ok());
}

// However many samples there are.
TEST(ScoreTest, PartsStateTheSamplingVariance) {
  SplitMix64 random(3);
  for (const size_t samples : {size_t{40}, size_t{256}, size_t{300}, size_t{500}, size_t{1000}}) {
    double variance = 0;
    for (int draw = 0; draw < 100; ++draw) {
      std::vector<double> values(samples);
      for (double& value : values) value = std::sqrt(12) * random.Uniform();
      const Score score = ScoreOfSamples(values);
      EXPECT_LE(score.parts.size(), kMaxScoreParts);
      const Score zero{0, std::vector<double>(score.parts.size(), 0.0)};
      variance += std::pow(StandardErrorOfDifference(score, zero), 2) / 100;
    }
    EXPECT_NEAR(variance * static_cast<double>(samples), 1, 0.1) << samples;
  }
}

TEST(ScoreTest, DifferencesOfWhatIsCommonAreCertain) {
  const Score a{2, {1, 2, 3}}, b{3, {2, 3, 4}}, c{2, {3, 2, 1}};
  EXPECT_DOUBLE_EQ(StandardErrorOfDifference(a, b), 0);
  EXPECT_DOUBLE_EQ(StandardErrorOfDifference(a, c), std::sqrt(4.0 / 3));
  EXPECT_DOUBLE_EQ(StandardErrorOfDifference(a, Score{1, {}}), 0);
}

TEST(AssignmentMeterTest, NamesWhatItCannotRun) {
  Digits digits;
  AssignmentMeter meter = digits.Meter();
  EXPECT_TRUE(absl::IsInvalidArgument(meter.Measure(digits.All("w4b4"), {}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(meter.Measure({{"no layer", "w4a4"}}, {}).status()));
  ASSERT_TRUE(digits.store.StoreStage(Stage::kRefine, "damaged/0", "{").ok());
  AssignmentMeter damaged(digits.network, digits.data, digits.calibration, digits.store, "damaged");
  EXPECT_TRUE(absl::IsInternal(damaged.Measure(digits.All("w4a4"), {}).status()));
}

TEST(AssignmentMeterTest, StopsWhenItIsCancelled) {
  Digits digits;
  AssignmentMeter meter = digits.Meter();
  Progress progress;
  progress.cancellation.Cancel();
  EXPECT_TRUE(absl::IsCancelled(meter.Measure(digits.All("w4a4"), progress).status()));
  EXPECT_TRUE(meter.Measure(digits.All("w4a4"), {}).ok());
}

}  // namespace
}  // namespace halftone
