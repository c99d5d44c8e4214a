#include "profilers/simulated/roofline_model.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/profilers/simulated/accelerators.h"

namespace halftone {
namespace {

// 1000 positions of 500 inputs to 200 channels: 2e8 operations.
LayerWork Pointwise() {
  LayerWork layer;
  layer.gemm = {1000, 500, 200, 1};
  layer.src_elements = 500'000;
  layer.weights_elements = 100'000;
  layer.dst_elements = 200'000;
  return layer;
}

class RooflineModelTest : public testing::Test {
 protected:
  LayerCost Cost(const char* precision) const {
    const absl::StatusOr<LayerCost> cost = CostOn(processor_, layer_, *Precision::Parse(precision));
    EXPECT_TRUE(cost.ok()) << cost.status();
    return cost.value_or(LayerCost());
  }
  absl::Status Error(const char* precision) const {
    return CostOn(processor_, layer_, *Precision::Parse(precision)).status();
  }

  RooflineProcessor processor_ = std::get<RooflineProcessor>(FromCatalogue("nvidia-t4").machine);
  LayerWork layer_ = Pointwise();
};

TEST_F(RooflineModelTest, TheLongerOfOperationsAndBytesDecides) {
  LayerCost cost = Cost("w8a8");
  EXPECT_EQ(cost.memory_bytes, 800'000);
  EXPECT_DOUBLE_EQ(cost.latency_ns, 8e5 / 320e9 * 1e9);
  EXPECT_TRUE(cost.memory_bound);
  EXPECT_NEAR(cost.utilization, 2e8 / 130e12 / (8e5 / 320e9), 1e-12);
  EXPECT_FALSE(cost.cycles.has_value());
  EXPECT_FALSE(cost.energy.has_value());
  processor_.memory_bytes_per_second = 1e15;
  cost = Cost("w8a8");
  EXPECT_DOUBLE_EQ(cost.latency_ns, 2e8 / 130e12 * 1e9);
  EXPECT_FALSE(cost.memory_bound);
  EXPECT_EQ(cost.utilization, 1);
}

TEST_F(RooflineModelTest, IntegersRunInTheNextWiderFormats) {
  EXPECT_EQ(Cost("w4a4").executed_as.ToString(), "w4a4");
  EXPECT_EQ(Cost("w3a2").executed_as.ToString(), "w4a4");
  EXPECT_EQ(Cost("w3a5").executed_as.ToString(), "w8a8");
  EXPECT_EQ(Cost("w4a8").executed_as.ToString(), "w8a8");
  EXPECT_EQ(Cost("w4a8").memory_bytes, Cost("w8a8").memory_bytes);
  EXPECT_EQ(Cost("w4a4").memory_bytes, 400'000);
}

TEST_F(RooflineModelTest, WhatDoesNotRunIsRefused) {
  for (const char* precision : {"w16a16", "w8a9", "bf16", "a8"}) {
    EXPECT_EQ(Error(precision).code(), absl::StatusCode::kUnimplemented) << precision;
    EXPECT_THAT(std::string(Error(precision).message()), testing::HasSubstr("w4a4"));
  }
  EXPECT_EQ(Cost("f32").executed_as.ToString(), "f32");
  processor_.unpacks_weights = false;
  EXPECT_EQ(Error("w4").code(), absl::StatusCode::kUnimplemented);
}

TEST_F(RooflineModelTest, WeightOnlyPrecisionsRunOnTheFastestFloatPeak) {
  const LayerCost cost = Cost("w4");
  EXPECT_EQ(cost.executed_as.ToString(), "w4");
  EXPECT_THAT(cost.implementation, testing::HasSubstr("f16"));
  EXPECT_EQ(cost.memory_bytes, 50'000 + 2 * 700'000);
  layer_.has_weights = false;
  EXPECT_EQ(Cost("w4").memory_bytes, 2 * 800'000);
}

TEST_F(RooflineModelTest, WhatDoesNotFitTheChipIsReadAgain) {
  processor_.on_chip_bytes = 100'000;
  // Two parts of the weights: src passes twice.
  EXPECT_EQ(Cost("w8a8").memory_bytes, 100'000 + 2 * 500'000 + 200'000);
  processor_.on_chip_bytes = 1'000'000;
  EXPECT_EQ(Cost("w8a8").memory_bytes, 800'000);
}

TEST_F(RooflineModelTest, EnergyIsThatOfOperationsAndMemory) {
  processor_.operation_pj = {{"w4a4", 0.1}, {"w8a8", 0.5}, {"f16", 1}, {"f32", 2}};
  processor_.memory_64_bits_pj = 100;
  const EnergySplit energy = *Cost("w8a8").energy;
  EXPECT_DOUBLE_EQ(energy.arithmetic_pj, 2e8 * 0.5);
  EXPECT_DOUBLE_EQ(energy.dram_pj, 1e5 * 100);
  EXPECT_EQ(energy.buffer_pj, 0);
}

}  // namespace
}  // namespace halftone
