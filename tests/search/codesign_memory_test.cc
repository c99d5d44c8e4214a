#include "search/codesign_memory.h"

#include <cmath>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/memory_budget.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/graph/layer.h"
#include "nn/onnx/import.h"
#include "profilers/builtin.h"
#include "search/codesign_run.h"
#include "search/memory_store.h"
#include "search/network_summary.h"
#include "search/stage_outputs.h"
#include "tests/allocations.h"

namespace halftone {
namespace {

using ::testing::HasSubstr;

TEST(CheckCodesignMemoryTest, ARefusalTellsHowManyConfigurationsWouldFit) {
  const CodesignSize size{20, 30, 6, 500};
  CodesignSize fewer = size;
  fewer.configurations = 10;
  const auto refused = [&](double limit) {
    MemoryBudget::SetLimitBytes(limit);
    const absl::Status status = CheckCodesignMemory(size);
    MemoryBudget::SetLimitBytes(0);
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(refused(CodesignBytes(fewer)),
              AllOf(HasSubstr("the search over 19 configurations needs about"),
                    HasSubstr("it would fit with 9 configurations")));
  fewer.configurations = 2;
  EXPECT_THAT(refused(CodesignBytes(fewer)), HasSubstr("it would fit with 1 configuration"));
  EXPECT_THAT(refused(1e3), HasSubstr("fewer precisions, or a higher limit"));
  EXPECT_TRUE(CheckCodesignMemory(size).ok());
}

// A shipped network on its design space, with losses that fall by factors.
class CodesignMemoryTest : public ::testing::TestWithParam<const char*> {
 protected:
  PreparedNetwork Network() const {
    return *PrepareNetwork(
        *ImportOnnxFile(absl::StrCat(HALFTONE_SOURCE_DIR, "/tests/data/", GetParam(), ".onnx")));
  }
  static CodesignRun::ProfileNetwork ProfileOf(const Graph& graph, const LayerSet& layers,
                                               const Offer& offer) {
    return [&](CostProfiler& profiler, const Progress& progress) {
      ProfileRequest request;
      request.graph = &graph;
      request.layers = &layers;
      request.precisions = offer.profiled;
      return profiler.Profile(request, progress);
    };
  }
  static SensitivityResult LossesOf(const NetworkSummary& network, const Offer& offer) {
    SensitivityResult result;
    double weight = 1;
    for (const NetworkSummary::LayerFacts& layer : network.layers) {
      LayerSensitivity& row = result.layers.emplace_back();
      row.name = layer.name;
      weight = weight > 3 ? weight / 2.9 : weight * 1.7;
      for (const Precision& precision : offer.offered) {
        const int bits = precision.weights.bits + precision.activations.bits;
        row.choices.push_back({.precision = precision, .loss = weight * std::exp2(-bits)});
      }
    }
    return result;
  }
};

TEST_P(CodesignMemoryTest, IsWhatTablesAndAnswersTake) {
  if (!testing::AllocationsAreCounted()) GTEST_SKIP() << "a sanitizer allocates";
  ProfilerRegistry profilers;
  ASSERT_TRUE(RegisterBuiltinProfilers(profilers, nullptr).ok());
  SearchSpec spec;
  spec.target = "bitfusion?rows=4..64&cols=4..64";
  spec.budgets = {*Budget::Parse("latency=0.5x")};
  const std::unique_ptr<CodesignRun> run = *CodesignRun::Create(spec, profilers);
  const PreparedNetwork network = Network();
  const Graph graph = *network.Bind(1);
  const LayerSet layers = *FindLayers(graph);
  Tables tables;
  tables.network = *SummarizeNetwork(network);
  tables.sensitivity = LossesOf(tables.network, run->offer());
  MemoryStore store;
  const auto list = run->MeasureCosts(store, ProfileOf(graph, layers, run->offer()), {});
  ASSERT_TRUE(list.ok()) << list.status();
  CodesignSize size{26, tables.network.layers.size(), run->offer().profiled.size(), 0};
  for (const auto& layer : tables.network.layers) size.name_bytes += layer.name.size();

  const testing::PeakAllocation peak;
  ASSERT_TRUE(run->LoadCosts(store, *list).ok());
  const auto solved = run->Solve(tables, {});
  ASSERT_TRUE(solved.ok()) << solved.status();
  ASSERT_EQ(solved->codesign->configurations.size() + 1, size.configurations);
  EXPECT_FALSE(SolveOutputToBytes(*solved).empty());
  const auto allocated = static_cast<double>(peak.Bytes());
  testing::ExpectEstimates(CodesignBytes(size), allocated);
}

INSTANTIATE_TEST_SUITE_P(Networks, CodesignMemoryTest,
                         ::testing::Values("tiny-digits/model", "networks/resnet14",
                                           "networks/vit"),
                         [](const auto& info) {
                           const std::string path = info.param;
                           return path == "tiny-digits/model" ? std::string("digits")
                                                              : path.substr(path.find('/') + 1);
                         });

}  // namespace
}  // namespace halftone
