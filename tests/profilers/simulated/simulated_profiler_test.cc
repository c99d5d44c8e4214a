#include "profilers/simulated/simulated_profiler.h"

#include <algorithm>
#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/profilers/simulated/accelerators.h"
#include "tests/profilers/small_network.h"

namespace halftone {
namespace {

using testing::HasSubstr;

std::vector<std::string> CatalogueNames() {
  std::vector<std::string> names;
  for (const CatalogueEntry& entry : AcceleratorCatalogue()) {
    names.push_back(Accelerator::Parse(entry.json, entry.file)->name);
  }
  return names;
}

class SimulatedProfilerTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { ASSERT_TRUE(network_.Bind(1).ok()); }
  absl::StatusOr<CostTable> Profile(const std::vector<Precision>& precisions) {
    ProfileRequest request;
    request.graph = &network_.graph();
    request.layers = &network_.layers();
    request.precisions = precisions;
    return MakeSimulatedProfiler(FromCatalogue(GetParam()))->Profile(request, {});
  }

  SmallNetwork network_;
};

TEST_P(SimulatedProfilerTest, EveryRowSaysWhatItIsMadeOf) {
  const auto table = Profile({Precision::Int(8, 8)});
  ASSERT_TRUE(table.ok()) << table.status();
  ASSERT_TRUE(table->roofline.has_value());
  EXPECT_GT(table->roofline->memory_bytes_per_second, 0);
  ASSERT_EQ(table->roofline->roofs.size(), 1u);
  for (const CostRow& row : table->rows) {
    EXPECT_GT(*row.utilization, 0) << row.layer;
    EXPECT_LE(*row.utilization, 1) << row.layer;
    EXPECT_EQ(*row.operations, 2.0 * network_.layers().Find(row.layer)->macs) << row.layer;
    EXPECT_GT(*row.memory_bytes, 0) << row.layer;
    EXPECT_TRUE(row.bound == "memory" || row.bound == "compute");
    EXPECT_EQ(row.energy_pj.has_value(), row.energy.has_value());
    if (row.energy.has_value()) {
      EXPECT_GT(row.energy->arithmetic_pj, 0);
      EXPECT_GT(row.energy->dram_pj, 0);
      EXPECT_EQ(row.energy->arithmetic_pj + row.energy->buffer_pj + row.energy->dram_pj,
                *row.energy_pj);
    }
    // No layer is above its roof.
    const double attained = *row.operations / row.latency_ns * 1e9;
    EXPECT_LE(attained, table->roofline->roofs[0].operations_per_second * (1 + 1e-9));
    EXPECT_LE(attained, table->roofline->memory_bytes_per_second * *row.operations /
                            *row.memory_bytes * (1 + 1e-9));
  }
}

TEST_P(SimulatedProfilerTest, FewerBitsAreNeverSlowerOrDearer) {
  std::vector<Precision> precisions;
  const auto profiler = MakeSimulatedProfiler(FromCatalogue(GetParam()));
  for (const int bits : {1, 2, 3, 4, 5, 8, 11, 16}) {
    if (profiler->Supports(Precision::Int(bits, bits))) {
      precisions.push_back(Precision::Int(bits, bits));
    }
  }
  const auto table = Profile(precisions);
  ASSERT_TRUE(table.ok()) << table.status();
  for (const Layer& layer : network_.layers().layers) {
    for (size_t i = 1; i < precisions.size(); ++i) {
      const CostRow* narrow = table->Find(layer.name, precisions[i - 1]);
      const CostRow* wide = table->Find(layer.name, precisions[i]);
      EXPECT_LE(narrow->latency_ns, wide->latency_ns) << layer.name;
      EXPECT_LE(narrow->energy_pj.value_or(0), wide->energy_pj.value_or(0)) << layer.name;
      EXPECT_LE(narrow->executed_as, wide->executed_as) << layer.name;
    }
  }
}

// What runs in the place of a precision is at least as wide, and costs the same when asked for.
TEST_P(SimulatedProfilerTest, ExecutedAsIsWhatRuns) {
  const Precision odd = Precision::Int(3, 5);
  const auto table = Profile({odd});
  ASSERT_TRUE(table.ok()) << table.status();
  const CostRow& row = table->rows[0];
  EXPECT_GE(row.executed_as.weights.bits, 3);
  EXPECT_GE(row.executed_as.activations.bits, 5);
  const auto executed = Profile({row.executed_as});
  ASSERT_TRUE(executed.ok()) << executed.status();
  EXPECT_EQ(executed->rows[0].latency_ns, row.latency_ns);
  EXPECT_EQ(executed->rows[0].energy_pj, row.energy_pj);
}

// Attention has no weights; its product has the bits of its activations.
TEST_P(SimulatedProfilerTest, AttentionHasACost) {
  LayerSet layers;
  Layer& scores = layers.layers.emplace_back();
  scores.name = "scores";
  scores.op = "MatMul";
  scores.src_shape = {1, 4, 50, 16};
  scores.weights_shape = {1, 4, 16, 50};
  scores.dst_shape = {1, 4, 50, 50};
  scores.macs = 4 * 50 * 50 * 16;
  ProfileRequest request;
  request.layers = &layers;
  request.precisions = {Precision::Int(4, 8), Precision::Int(8, 8)};
  const auto table = MakeSimulatedProfiler(FromCatalogue(GetParam()))->Profile(request, {});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_GT(table->rows[0].latency_ns, 0);
  EXPECT_EQ(table->rows[0].latency_ns, table->rows[1].latency_ns);
  EXPECT_EQ(table->rows[0].weight_bytes, 0);
}

// Every figure of a description at its least and at its most: whatever is accepted has costs.
TEST_P(SimulatedProfilerTest, ExtremesHaveFiniteCosts) {
  using nlohmann::json;
  const CatalogueEntry* entry =
      std::find_if(AcceleratorCatalogue().begin(), AcceleratorCatalogue().end(),
                   [](const CatalogueEntry& other) { return other.file == GetParam() + ".json"; });
  const json flat = json::parse(entry->json).flatten();
  int accepted = 0;
  for (const auto& [pointer, value] : flat.items()) {
    if (!value.is_number()) continue;
    for (const json& extreme : {json(1e-6), json(1), json(1e9), json(1 << 16), json(16)}) {
      json changed = flat;
      changed[pointer] = extreme;
      auto accelerator = Accelerator::Parse(changed.unflatten().dump(), pointer);
      if (!accelerator.ok()) continue;
      ++accepted;
      ProfileRequest request;
      request.layers = &network_.layers();
      request.precisions = {Precision::Int(1, 1)};
      const auto table = MakeSimulatedProfiler(*std::move(accelerator))->Profile(request, {});
      ASSERT_TRUE(table.ok()) << table.status();
      for (const CostRow& row : table->rows) {
        EXPECT_TRUE(std::isfinite(row.latency_ns) && row.latency_ns > 0) << pointer << extreme;
        EXPECT_TRUE(std::isfinite(row.energy_pj.value_or(0))) << pointer << extreme;
        EXPECT_TRUE(*row.utilization > 0 && *row.utilization <= 1) << pointer << extreme;
      }
    }
  }
  EXPECT_GE(accepted, 3);
}

INSTANTIATE_TEST_SUITE_P(Catalogue, SimulatedProfilerTest, testing::ValuesIn(CatalogueNames()),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

class TargetTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(RegisterSimulatedProfilers(registry_).ok()); }
  std::string Error(const std::string& target) const {
    return std::string(registry_.Create(target).status().message());
  }
  ProfilerRegistry registry_;
};

TEST_F(TargetTest, ParametersChangeACatalogueEntry) {
  const auto profiler = registry_.Create("bitfusion?rows=64");
  ASSERT_TRUE(profiler.ok()) << profiler.status();
  EXPECT_EQ((*profiler)->target(), "bitfusion?rows=64");
  EXPECT_THAT((*profiler)->Describe().isa, HasSubstr("64x32"));
  EXPECT_THAT(Error("bitfusion?colour=red"), HasSubstr("unknown parameter 'colour'"));
  EXPECT_THAT(Error("nothing?rows=3"), HasSubstr("unknown target"));
}

TEST_F(TargetTest, ARefusedPrecisionIsExplained) {
  SmallNetwork network;
  ASSERT_TRUE(network.Bind(1).ok());
  ProfileRequest request;
  request.layers = &network.layers();
  request.precisions = {Precision::Int(16, 16)};
  const auto profiler = registry_.Create("edge-tpu-like");
  ASSERT_TRUE(profiler.ok());
  const absl::Status status = (*profiler)->Profile(request, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("target 'edge-tpu-like' does not run w16a16: weights of 16 bits"));
}

}  // namespace
}  // namespace halftone
