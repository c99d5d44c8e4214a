#include "profilers/simulated/memory_traffic.h"

#include <algorithm>

#include "gtest/gtest.h"
#include "tests/profilers/simulated/accelerators.h"

namespace halftone {
namespace {

constexpr ElementWork kPlain = {8, 8, 1, 1};

// 100 positions of 64 inputs to 32 channels, as a pointwise convolution.
LayerWork Pointwise() {
  LayerWork layer;
  layer.gemm = {100, 64, 32, 1};
  layer.src_elements = 6400;
  layer.weights_elements = 2048;
  layer.dst_elements = 3200;
  return layer;
}

class MemoryTrafficTest : public testing::Test {
 protected:
  explicit MemoryTrafficTest(Dataflow dataflow = Dataflow::kOutputStationary)
      : array_(Square(8, dataflow)), layer_(Pointwise()) {
    array_.double_buffered = false;
  }
  std::vector<Schedule> Schedules() const {
    return SchedulesOf(array_, layer_, kPlain, MapProduct(array_, layer_.gemm, kPlain));
  }

  ProcessorArray array_;
  LayerWork layer_;
};

TEST_F(MemoryTrafficTest, WhatFitsCrossesOnce) {
  for (const Dataflow dataflow :
       {Dataflow::kOutputStationary, Dataflow::kWeightStationary, Dataflow::kInputStationary}) {
    array_.dataflow = dataflow;
    const std::vector<Schedule> schedules = Schedules();
    ASSERT_EQ(schedules.size(), 1u);
    EXPECT_EQ(schedules[0].chunks, 1);
    EXPECT_EQ(schedules[0].weights_bits, 8 * 2048);
    EXPECT_EQ(schedules[0].src_bits, 8 * 6400);
    EXPECT_EQ(schedules[0].sums_bits, 0);
    EXPECT_EQ(schedules[0].dst_bits, 8 * 3200);
  }
}

TEST_F(MemoryTrafficTest, ADoubleBufferHoldsHalf) {
  array_.src_buffer_bytes = 6400;
  array_.weights_buffer_bytes = 1024;
  EXPECT_EQ(Schedules()[0].weights_bits, 8 * 2048);
  array_.double_buffered = true;
  EXPECT_GT(Schedules()[0].weights_bits, 8 * 2048);
}

// 13 row folds of 493 src elements and 4 column folds of 512 weights.
TEST_F(MemoryTrafficTest, BlocksOfWholeFoldsAreKept) {
  array_.weights_buffer_bytes = 1024;  // two column folds
  array_.src_buffer_bytes = 600;       // one row fold
  Schedule schedule = Schedules()[0];
  EXPECT_EQ(schedule.weights_bits, 8 * 2048);
  EXPECT_EQ(schedule.src_bits, 2 * 8 * 6400);
  array_.weights_buffer_bytes = 400;  // less than a fold
  array_.src_buffer_bytes = 4 * 493;  // four of 13 row folds, but each needs all weights
  schedule = Schedules()[0];
  EXPECT_EQ(schedule.weights_bits, 13 * 8 * 2048);
  EXPECT_EQ(schedule.src_bits, 8 * 6400);
  array_.src_buffer_bytes = 400;
  schedule = Schedules()[0];
  EXPECT_EQ(schedule.weights_bits, 13 * 8 * 2048);
  EXPECT_EQ(schedule.src_bits, 4 * 8 * 6400);
}

TEST_F(MemoryTrafficTest, StreamedOperandsPassOncePerColumnFold) {
  array_.dataflow = Dataflow::kWeightStationary;
  array_.src_buffer_bytes = 3200;
  const std::vector<Schedule> schedules = Schedules();
  EXPECT_EQ(schedules[0].src_bits, 4 * 8 * 6400);
  // In two chunks each fits.
  ASSERT_EQ(schedules.size(), 2u);
  EXPECT_EQ(schedules[1].chunks, 2);
  EXPECT_EQ(schedules[1].src_bits, 8 * 6400);
}

// 8 row folds: sums of 100 x 8 channels wait seven times.
TEST_F(MemoryTrafficTest, SumsThatDoNotFitGoOutOrTakeChunks) {
  array_.dataflow = Dataflow::kWeightStationary;
  array_.dst_buffer_bytes = 1000;
  array_.weights_buffer_bytes = 500;  // less than a column fold: weights pass for every chunk
  const std::vector<Schedule> schedules = Schedules();
  ASSERT_EQ(schedules.size(), 2u);
  EXPECT_EQ(schedules[0].sums_bits, 7 * 100 * 32 * 32);
  EXPECT_EQ(schedules[0].weights_bits, 8 * 2048);
  EXPECT_EQ(schedules[1].chunks, 4);  // ceil(3200 bytes of sums / 1000)
  EXPECT_EQ(schedules[1].sums_bits, 0);
  EXPECT_EQ(schedules[1].weights_bits, 4 * 8 * 2048);
}

TEST_F(MemoryTrafficTest, InputStationaryIsWeightStationaryWithOperandsExchanged) {
  array_.dataflow = Dataflow::kInputStationary;
  array_.weights_buffer_bytes = 1024;
  const std::vector<Schedule> schedules = Schedules();
  EXPECT_EQ(schedules[0].weights_bits, 13 * 8 * 2048);
  EXPECT_EQ(schedules[0].src_bits, 8 * 6400);
}

TEST_F(MemoryTrafficTest, LargerBuffersNeverMoveMore) {
  for (const Dataflow dataflow :
       {Dataflow::kOutputStationary, Dataflow::kWeightStationary, Dataflow::kInputStationary}) {
    array_.dataflow = dataflow;
    double before = 1e30;
    for (int64_t bytes = 64; bytes <= 16384; bytes = bytes * 3 / 2) {
      array_.weights_buffer_bytes = array_.src_buffer_bytes = array_.dst_buffer_bytes = bytes;
      double least = 1e30;
      for (const Schedule& schedule : Schedules()) least = std::min(least, schedule.Bits());
      EXPECT_LE(least, before) << DataflowName(dataflow) << " " << bytes;
      before = least;
    }
    EXPECT_EQ(before, 8 * (2048 + 6400 + 3200));
  }
}

}  // namespace
}  // namespace halftone
