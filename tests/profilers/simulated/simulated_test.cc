#include "base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "profilers/simulated/accelerator.h"
#include "profilers/simulated/simulated_profiler.h"
#include "profilers/simulated/systolic_model.h"
#include "tests/profilers/small_network.h"

namespace halftone {
namespace {

using testing::HasSubstr;

Accelerator Square(int64_t side) {
  Accelerator accelerator = *Accelerator::Parse(AcceleratorCatalogue()[0].json, "test");
  accelerator.rows = accelerator.columns = side;
  return accelerator;
}

// AlexNet's first convolution on a 32 x 32 weight-stationary array.
TEST(SystolicModelTest, AlexNetConv1TakesThePublishedCycles) {
  const GemmShape gemm{363, 96, 3025, 1};
  EXPECT_EQ(ComputeCycles(Square(32), gemm, 1), 112'283);
}

TEST(SystolicModelTest, ProductsPerCycleFollowTheBricks) {
  EXPECT_EQ(ProductsPerCycle(2, 2), 16);
  EXPECT_EQ(ProductsPerCycle(4, 4), 4);
  EXPECT_EQ(ProductsPerCycle(8, 8), 1);
  EXPECT_EQ(ProductsPerCycle(16, 16), 0.25);
  EXPECT_EQ(ProductsPerCycle(2, 8), 4);
  EXPECT_EQ(ProductsPerCycle(3, 5), ProductsPerCycle(4, 8));
  EXPECT_EQ(FusedBits(1), 2);
  EXPECT_EQ(FusedBits(9), 16);
}

TEST(SystolicModelTest, NarrowOperandsShortenTheSumAndWideOnesLengthenTheStream) {
  const GemmShape gemm{512, 32, 100, 1};
  // 512 = 16 tiles of 32 rows; with 4 products per cycle 128 = 4 tiles.
  EXPECT_EQ(ComputeCycles(Square(32), gemm, 1), 16 * (64 + 32 + 100 - 2) - 1);
  EXPECT_EQ(ComputeCycles(Square(32), gemm, 4), 4 * (64 + 32 + 100 - 2) - 1);
  EXPECT_EQ(ComputeCycles(Square(32), gemm, 0.25), 16 * (64 + 32 + 400 - 2) - 1);
}

TEST(SystolicModelTest, LayersBecomeMatrixProducts) {
  SmallNetwork network;
  ASSERT_TRUE(network.Bind(1).ok());
  const GemmShape conv = GemmOf(*network.layers().Find("conv"), 1);
  EXPECT_EQ(conv.depth, 27);
  EXPECT_EQ(conv.columns, 16);
  EXPECT_EQ(conv.rows, 256);
  EXPECT_EQ(conv.groups, 1);
  const GemmShape depthwise = GemmOf(*network.layers().Find("depthwise"), 4);
  EXPECT_EQ(depthwise.depth, 9);
  EXPECT_EQ(depthwise.columns, 1);
  EXPECT_EQ(depthwise.rows, 1024);
  EXPECT_EQ(depthwise.groups, 16);
  const GemmShape fc = GemmOf(*network.layers().Find("fc"), 1);
  EXPECT_EQ(fc.depth, 32);
  EXPECT_EQ(fc.columns, 10);
  EXPECT_EQ(fc.rows, 1);
}

// Attention over 4 heads of 50 tokens and 16 channels, in a graph bound to batch 2.
TEST(SystolicModelTest, ProductsOfActivationsAreOneMatrixProductPerHead) {
  Layer scores;
  scores.op = "MatMul";
  scores.src_shape = {2, 4, 50, 16};
  scores.weights_shape = {2, 4, 16, 50};
  scores.dst_shape = {2, 4, 50, 50};
  scores.macs = 4 * 50 * 50 * 16;
  for (const int batch : {1, 3}) {
    const GemmShape gemm = GemmOf(scores, batch);
    EXPECT_EQ(gemm.depth, 16);
    EXPECT_EQ(gemm.columns, 50);
    EXPECT_EQ(gemm.rows, 50);
    EXPECT_EQ(gemm.groups, 4 * batch);
  }
}

TEST(SystolicModelTest, TheSlowerOfArrayAndMemoryDecides) {
  Accelerator accelerator = Square(32);
  const GemmShape gemm{512, 32, 100, 1};
  // (512 x 32 weights + 51,200 src, within the buffers, + 3,200 dst) x 8 bits cross the interface.
  accelerator.dram_bits_per_cycle = 256;
  const SimulatedCost compute = SimulateGemm(accelerator, gemm, 51'200, 3'200, 8, 8);
  EXPECT_EQ(compute.cycles, 16 * 194 - 1);
  EXPECT_FALSE(compute.memory_bound);
  accelerator.dram_bits_per_cycle = 8;
  const SimulatedCost memory = SimulateGemm(accelerator, gemm, 51'200, 3'200, 8, 8);
  EXPECT_TRUE(memory.memory_bound);
  EXPECT_EQ(memory.cycles, 16'384 + 51'200 + 3'200);
  EXPECT_EQ(memory.latency_ns, memory.cycles * 2);  // at 500 MHz
}

TEST(SystolicModelTest, WhatFitsNoBufferIsReadAgain) {
  Accelerator accelerator = Square(32);
  accelerator.dram_bits_per_cycle = 8;
  accelerator.weights_buffer_bytes = 8'192;  // half of the weights
  accelerator.src_buffer_bytes = 25'600;     // half of the src
  const GemmShape gemm{512, 32, 100, 1};
  const SimulatedCost cost = SimulateGemm(accelerator, gemm, 51'200, 3'200, 8, 8);
  EXPECT_EQ(cost.cycles, 2 * 16'384 + 51'200 + 3'200);  // the weights twice is cheaper
}

TEST(SystolicModelTest, EnergyIsTheSumOfItsActions) {
  Accelerator accelerator = Square(32);
  const GemmShape gemm{512, 32, 100, 1};
  const double macs = 512 * 32 * 100;
  const double buffer_bits = 512 * 32 * 8 + 512 * 100 * 8 + 2 * 100 * 32 * 16 * 32;
  const double dram_bits = (16'384 + 51'200 + 3'200) * 8;
  EXPECT_NEAR(SimulateGemm(accelerator, gemm, 51'200, 3'200, 8, 8).energy_pj,
              macs * 0.2 + macs * 0.1 + buffer_bits / 64 * 20 + dram_bits / 64 * 1300, 1e-3);
}

TEST(SimulatedProfilerTest, FewerBitsAreNeverSlowerOrDearer) {
  SmallNetwork network;
  ASSERT_TRUE(network.Bind(1).ok());
  ProfileRequest request;
  request.graph = &network.graph();
  request.layers = &network.layers();
  for (int bits : {2, 4, 8, 16}) request.precisions.push_back(Precision::Int(bits, bits));
  const auto table = MakeSimulatedProfiler(Square(32))->Profile(request, {});
  ASSERT_TRUE(table.ok()) << table.status();
  for (const Layer& layer : network.layers().layers) {
    const CostRow* before = nullptr;
    for (const Precision& precision : request.precisions) {
      const CostRow* row = table->Find(layer.name, precision);
      ASSERT_NE(row, nullptr);
      if (before != nullptr) {
        EXPECT_LE(before->latency_ns, row->latency_ns) << layer.name;
        EXPECT_LT(*before->energy_pj, *row->energy_pj) << layer.name;
      }
      before = row;
    }
  }
  const CostRow* conv = table->Find("conv", Precision::Int(4, 4));
  EXPECT_EQ(conv->weight_bytes, 432 * 4 / 8 + 4 * 16);
  const CostRow* fc = table->Find("fc", Precision::Int(8, 8));
  EXPECT_EQ(fc->weight_bytes, 320 + 4 * 10 + 4 * 10);
}

TEST(SimulatedProfilerTest, OddWidthsRunAsTheNextComposableOne) {
  SmallNetwork network;
  ASSERT_TRUE(network.Bind(1).ok());
  ProfileRequest request;
  request.graph = &network.graph();
  request.layers = &network.layers();
  request.precisions = {Precision::Int(3, 6), Precision::Int(4, 8)};
  const auto table = MakeSimulatedProfiler(Square(32))->Profile(request, {});
  ASSERT_TRUE(table.ok()) << table.status();
  const CostRow* odd = table->Find("conv", Precision::Int(3, 6));
  const CostRow* even = table->Find("conv", Precision::Int(4, 8));
  EXPECT_EQ(odd->executed_as.ToString(), "w4a8");
  EXPECT_EQ(odd->latency_ns, even->latency_ns);
  EXPECT_LT(odd->weight_bytes, even->weight_bytes);
}

class AcceleratorTest : public testing::Test {
 protected:
  AcceleratorTest() : json_(nlohmann::json::parse(AcceleratorCatalogue()[0].json)) {}
  std::string Error() const {
    const absl::Status status = Accelerator::Parse(json_.dump(), "mine.json").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("mine.json"));
    return std::string(status.message());
  }
  nlohmann::json json_;
};

TEST_F(AcceleratorTest, TheCatalogueIsValidAndNamesItsSources) {
  ASSERT_FALSE(AcceleratorCatalogue().empty());
  for (const CatalogueEntry& entry : AcceleratorCatalogue()) {
    const auto accelerator = Accelerator::Parse(entry.json, entry.file);
    ASSERT_TRUE(accelerator.ok()) << accelerator.status();
    EXPECT_EQ(accelerator->name + ".json", entry.file);
    EXPECT_FALSE(accelerator->sources.empty());
  }
}

TEST_F(AcceleratorTest, NegativeBandwidth) {
  json_["dram"]["bits_per_cycle"] = -128;
  EXPECT_THAT(Error(), HasSubstr("'dram.bits_per_cycle' must be more than 0"));
}

TEST_F(AcceleratorTest, UnknownField) {
  json_["array"]["colums"] = 3;
  EXPECT_THAT(Error(), HasSubstr("'array.colums' is not a known field"));
}

TEST_F(AcceleratorTest, MissingField) {
  json_["energy"].erase("accumulate_pj");
  EXPECT_THAT(Error(), HasSubstr("'energy.accumulate_pj' is missing"));
}

TEST_F(AcceleratorTest, MissingPart) {
  json_.erase("buffers");
  EXPECT_THAT(Error(), HasSubstr("'buffers' is missing"));
}

TEST_F(AcceleratorTest, WrongType) {
  json_["array"]["rows"] = "many";
  EXPECT_THAT(Error(), HasSubstr("'array.rows' must be a number"));
  json_["array"]["rows"] = 2.5;
  EXPECT_THAT(Error(), HasSubstr("'array.rows' must be an integer"));
  json_["array"] = 7;
  EXPECT_THAT(Error(), HasSubstr("'array' must be an object"));
}

TEST_F(AcceleratorTest, AbsurdSize) {
  json_["array"]["columns"] = 1e18;
  EXPECT_THAT(Error(), HasSubstr("'array.columns' must be more than 0 and at most"));
}

TEST_F(AcceleratorTest, BadName) {
  json_["name"] = "../x";
  EXPECT_THAT(Error(), HasSubstr("'name'"));
}

TEST_F(AcceleratorTest, NotJson) {
  for (const char* text : {"", "{", "[]", "3", "\xff\xfe"}) {
    EXPECT_EQ(Accelerator::Parse(text, "x").status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(AcceleratorTest, AUsersFileIsATarget) {
  json_["name"] = "mine";
  const std::string path = testing::TempDir() + "/mine.json";
  ASSERT_TRUE(WriteFileAtomically(path, json_.dump()).ok());
  ProfilerRegistry registry;
  ASSERT_TRUE(RegisterSimulatedProfilers(registry).ok());
  const auto profiler = registry.Create(path);
  ASSERT_TRUE(profiler.ok()) << profiler.status();
  EXPECT_EQ((*profiler)->target(), "mine");
}

}  // namespace
}  // namespace halftone
