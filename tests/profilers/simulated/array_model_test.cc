#include "profilers/simulated/array_model.h"

#include "base/infinity.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/profilers/simulated/accelerators.h"

namespace halftone {
namespace {

const Precision kW8A8 = Precision::Int(8, 8);

LayerWork Pointwise(double positions, double depth, double channels) {
  LayerWork layer;
  layer.gemm = {positions, depth, channels, 1};
  layer.src_elements = positions * depth;
  layer.weights_elements = depth * channels;
  layer.dst_elements = positions * channels;
  return layer;
}

LayerCost Cost(const ProcessorArray& array, const LayerWork& layer, const Precision& precision) {
  const absl::StatusOr<LayerCost> cost = CostOn(array, layer, precision);
  EXPECT_TRUE(cost.ok()) << cost.status();
  return cost.value_or(LayerCost());
}

// 16 folds of 194 cycles.
class ArrayModelTest : public testing::Test {
 protected:
  ProcessorArray array_ = Square(32, Dataflow::kWeightStationary);
  LayerWork layer_ = Pointwise(100, 512, 32);
  const double compute_ = 16 * 194 - 1;
  const double bytes_ = 512 * 32 + 51'200 + 3'200;
};

TEST_F(ArrayModelTest, WithoutStallsItTakesTheArraysCycles) {
  const LayerCost cost = Cost(array_, layer_, kW8A8);
  EXPECT_EQ(*cost.cycles, compute_ + 1);  // one for the first operands
  EXPECT_EQ(cost.latency_ns, *cost.cycles * 2);
  EXPECT_FALSE(cost.memory_bound);
  EXPECT_EQ(cost.memory_bytes, bytes_);
  EXPECT_EQ(cost.operations, 2.0 * 100 * 512 * 32);
  EXPECT_NEAR(cost.utilization, 100 * 512 * 32 / (1024 * *cost.cycles), 1e-12);
}

TEST_F(ArrayModelTest, ALookupTakesItsTransfers) {
  LayerWork lookup;
  lookup.is_lookup = true;
  lookup.src_elements = 10;
  lookup.weights_elements = lookup.dst_elements = 640;
  array_.dram_bits_per_cycle = 8;
  EXPECT_EQ(*Cost(array_, lookup, kW8A8).cycles, 1280);
  const LayerCost cost = Cost(array_, lookup, kW8A8);
  EXPECT_EQ(cost.memory_bytes, 1280);
  EXPECT_EQ(cost.operations, 0);
  EXPECT_EQ(cost.utilization, 0);
  EXPECT_GT(cost.energy->dram_pj, 0);
}

TEST_F(ArrayModelTest, DoubleBuffersHideTheShorterOfTheTwo) {
  array_.dram_bits_per_cycle = 256;
  LayerCost cost = Cost(array_, layer_, kW8A8);
  EXPECT_EQ(*cost.cycles, std::ceil(compute_ + bytes_ / 32 / 16));
  EXPECT_FALSE(cost.memory_bound);
  array_.dram_bits_per_cycle = 8;
  cost = Cost(array_, layer_, kW8A8);
  EXPECT_EQ(*cost.cycles, std::ceil(bytes_ + compute_ / 16));
  EXPECT_TRUE(cost.memory_bound);
}

TEST_F(ArrayModelTest, SingleBuffersAddThem) {
  array_.double_buffered = false;
  array_.dram_bits_per_cycle = 8;
  EXPECT_EQ(*Cost(array_, layer_, kW8A8).cycles, compute_ + bytes_);
}

TEST_F(ArrayModelTest, TheFasterScheduleIsTaken) {
  array_.dst_buffer_bytes = 2 * 6'400;  // half of the sums of 100 x 32
  EXPECT_EQ(Cost(array_, layer_, kW8A8).memory_bytes, bytes_ + 15 * 2 * 12'800);
  array_.dram_bits_per_cycle = 64;
  EXPECT_EQ(Cost(array_, layer_, kW8A8).memory_bytes, bytes_);
}

TEST_F(ArrayModelTest, EnergyIsTheSumOfItsActions) {
  const EnergySplit energy = *Cost(array_, layer_, kW8A8).energy;
  const double macs = 100 * 512 * 32;
  EXPECT_NEAR(energy.arithmetic_pj, macs * 0.2 + macs * 0.1, 1e-3);
  const double weights = 2 * 512 * 32 * 8, src = 2 * 51'200 * 8;
  const double sums = 2 * 15 * 3'200 * 32, dst = 2 * 3'200 * 8;
  EXPECT_NEAR(energy.buffer_pj, (weights + src + sums + dst) / 64 * 20, 1e-3);
  EXPECT_NEAR(energy.dram_pj, bytes_ / 8 * 1300, 1e-3);
}

TEST_F(ArrayModelTest, ProductsTakeTheEnergyOfTheirBits) {
  array_.element = {ProcessingElement::Kind::kBitComposable, 16, 16};
  array_.energy.accumulate_pj = 0;
  const double at_8 = Cost(array_, layer_, kW8A8).energy->arithmetic_pj;
  EXPECT_NEAR(Cost(array_, layer_, Precision::Int(4, 4)).energy->arithmetic_pj, at_8 / 4, 1e-6);
  EXPECT_NEAR(Cost(array_, layer_, Precision::Int(3, 16)).energy->arithmetic_pj, at_8, 1e-6);
}

TEST_F(ArrayModelTest, BufferEnergyFollowsTheCapacity) {
  EXPECT_DOUBLE_EQ(BufferEnergy(8192), 10);
  EXPECT_DOUBLE_EQ(BufferEnergy(32768), 20);
  EXPECT_DOUBLE_EQ(BufferEnergy(1048576), 100);
  double before = 0;
  for (double bytes = 16; bytes < 1e9; bytes *= 1.7) {
    EXPECT_GT(BufferEnergy(bytes), before);
    before = BufferEnergy(bytes);
  }
  array_.energy.buffer_64_bits_pj.reset();
  array_.weights_buffer_bytes = array_.src_buffer_bytes = array_.dst_buffer_bytes = 1 << 20;
  const double large = Cost(array_, layer_, kW8A8).energy->buffer_pj;
  array_.energy.buffer_64_bits_pj = 100;
  EXPECT_DOUBLE_EQ(Cost(array_, layer_, kW8A8).energy->buffer_pj, large);
}

TEST_F(ArrayModelTest, MoreBandwidthIsNeverSlower) {
  array_.weights_buffer_bytes = array_.src_buffer_bytes = array_.dst_buffer_bytes = 4096;
  for (const Dataflow dataflow :
       {Dataflow::kOutputStationary, Dataflow::kWeightStationary, Dataflow::kInputStationary}) {
    for (const bool double_buffered : {false, true}) {
      array_.dataflow = dataflow;
      array_.double_buffered = double_buffered;
      double before = kInfinity;
      for (double bandwidth = 1; bandwidth < 1e6; bandwidth *= 1.5) {
        array_.dram_bits_per_cycle = bandwidth;
        const double cycles = *Cost(array_, layer_, kW8A8).cycles;
        EXPECT_LE(cycles, before) << DataflowName(dataflow) << " " << bandwidth;
        before = cycles;
      }
    }
  }
}

TEST_F(ArrayModelTest, UtilizationIsAShare) {
  for (const char* name :
       {"bitfusion", "bismo-like", "unpu-like", "stripes-like", "eyeriss-like"}) {
    const auto array = std::get<ProcessorArray>(FromCatalogue(name).machine);
    for (const LayerWork& layer :
         {Pointwise(1, 1, 1), Pointwise(4096, 4096, 4096), Pointwise(7, 300, 13)}) {
      const LayerCost cost = Cost(array, layer, kW8A8);
      EXPECT_GT(cost.utilization, 0) << name;
      EXPECT_LE(cost.utilization, 1) << name;
      // The same share, of what the roofline plot calls the peak.
      const double attained = cost.operations / cost.latency_ns * 1e9;
      EXPECT_NEAR(attained / *PeakOf(array, kW8A8), cost.utilization, 1e-9) << name;
    }
  }
}

// UNPU's published peaks, but for the 1-bit one, and Stripes' 16 times 16 / bits.
TEST_F(ArrayModelTest, PeaksAreThePublishedOnes) {
  const auto unpu = std::get<ProcessorArray>(FromCatalogue("unpu-like").machine);
  EXPECT_NEAR(*PeakOf(unpu, Precision::Int(16, 16)), 345.6e9, 1);
  EXPECT_NEAR(*PeakOf(unpu, Precision::Int(8, 16)), 691.2e9, 1);
  const auto bismo = std::get<ProcessorArray>(FromCatalogue("bismo-like").machine);
  EXPECT_NEAR(*PeakOf(bismo, Precision::Int(1, 1)), 6.5536e12, 1);
  EXPECT_NEAR(*PeakOf(bismo, Precision::Int(4, 2)), 6.5536e12 / 8, 1);
  const auto edge_tpu = std::get<ProcessorArray>(FromCatalogue("edge-tpu-like").machine);
  EXPECT_NEAR(*PeakOf(edge_tpu, kW8A8), 4e12, 1);
  const auto stripes = std::get<ProcessorArray>(FromCatalogue("stripes-like").machine);
  EXPECT_NEAR(*PeakOf(stripes, Precision::Int(16, 16)), 2 * 4096 * 980e6, 1);
  EXPECT_NEAR(*PeakOf(stripes, Precision::Int(16, 4)), 4 * 2 * 4096 * 980e6, 1);
}

TEST_F(ArrayModelTest, FloatsAndWiderOperandsAreRefused) {
  EXPECT_EQ(CostOn(array_, layer_, Precision::Float32()).status().code(),
            absl::StatusCode::kUnimplemented);
  const absl::Status wide = CostOn(array_, layer_, Precision::Int(8, 16)).status();
  EXPECT_EQ(wide.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(wide.message()), testing::HasSubstr("activations of 16 bits"));
}

TEST_F(ArrayModelTest, AProductOfActivationsHasNoWeightsToBeNarrower) {
  array_.element = {ProcessingElement::Kind::kBitComposable, 16, 16};
  layer_.has_weights = false;
  const LayerCost narrow = Cost(array_, layer_, Precision::Int(2, 8));
  EXPECT_EQ(narrow.executed_as, kW8A8);
  EXPECT_EQ(narrow.latency_ns, Cost(array_, layer_, kW8A8).latency_ns);
}

}  // namespace
}  // namespace halftone
