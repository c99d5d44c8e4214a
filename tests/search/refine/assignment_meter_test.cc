#include "search/refine/assignment_meter.h"

#include <cmath>
#include <map>
#include <string>

#include "base/files.h"
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
  EXPECT_TRUE(absl::IsNotFound(meter.Score(digits.All("w4a4")).status()));
  EXPECT_DOUBLE_EQ(*meter.Measure(digits.All("w4a4"), {}), expected.kl);
  EXPECT_DOUBLE_EQ(*meter.Score(digits.All("w4a4")), std::sqrt(expected.kl * expected.mse));
  EXPECT_LT(*meter.Measure(digits.All("w8a8"), {}), expected.kl);
  EXPECT_GT(*meter.Measure(digits.All("w2a2"), {}), expected.kl);
}

TEST(AssignmentMeterTest, WhatWasMeasuredIsNotRunAgain) {
  Digits digits;
  double divergence = 0;
  {
    AssignmentMeter meter = digits.Meter();
    divergence = *meter.Measure(digits.All("w4a4"), {});
    ASSERT_TRUE(meter.Flush().ok());
  }
  // Without quantizers nothing can be run: what answers is the store.
  digits.calibration = Calibration();
  AssignmentMeter resumed = digits.Meter();
  EXPECT_EQ(*resumed.Measure(digits.All("w4a4"), {}), divergence);
  EXPECT_TRUE(absl::IsFailedPrecondition(resumed.Measure(digits.All("w2a2"), {}).status()));
  AssignmentMeter other(digits.network, digits.data, digits.calibration, digits.store, "other");
  EXPECT_FALSE(other.Measure(digits.All("w4a4"), {}).ok());
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
