#include "search/codesign.h"

#include <string>

#include "base/files.h"
#include "base/memory_budget.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "profilers/builtin.h"
#include "search/memory_store.h"
#include "search/pipeline.h"
#include "search/what_if.h"

namespace halftone {
namespace {

using ::testing::HasSubstr;

Configuration Make(const std::string& target, double loss, double latency_ns, double area_mm2) {
  Configuration configuration;
  configuration.target = target;
  configuration.figures = {{"area_mm2", area_mm2}};
  configuration.solution.status = Solution::Status::kOptimal;
  configuration.solution.loss = configuration.solution.lower_bound = loss;
  configuration.solution.cost = {{"latency_ns", latency_ns}};
  return configuration;
}

Configuration MakeInfeasible(const std::string& target, double nearest_latency_ns) {
  Configuration configuration = Make(target, 0, 0, 1);
  configuration.solution.status = Solution::Status::kInfeasible;
  configuration.solution.infeasible.emplace();
  configuration.solution.infeasible->nearest.cost = {{"latency_ns", nearest_latency_ns}};
  return configuration;
}

TEST(ChooseConfigurationTest, TakesTheLeastLossAndThenTheLeastArea) {
  Codesign codesign;
  codesign.configurations = {Make("large", 1, 5, 9), Make("small", 1 + 1e-12, 6, 4),
                             Make("lossy", 2, 1, 1), Make("dominated", 2, 2, 2),
                             MakeInfeasible("slow", 100)};
  ChooseConfiguration(codesign);
  EXPECT_EQ(codesign.chosen, "small");
  EXPECT_TRUE(codesign.Find("large")->on_frontier);
  EXPECT_TRUE(codesign.Find("small")->on_frontier);
  EXPECT_TRUE(codesign.Find("lossy")->on_frontier);
  EXPECT_FALSE(codesign.Find("dominated")->on_frontier);
  EXPECT_FALSE(codesign.Find("slow")->on_frontier);
  EXPECT_EQ(codesign.Find("absent"), nullptr);
}

TEST(ChooseConfigurationTest, WhereNoneMeetsTheBudgetsTheNearestIsTaken) {
  Codesign codesign;
  codesign.budgets = {{"latency_ns", 10}};
  codesign.configurations = {MakeInfeasible("far", 30), MakeInfeasible("near", 11)};
  ChooseConfiguration(codesign);
  EXPECT_EQ(codesign.chosen, "near");
}

TEST(JoinFrontiersTest, KeepsWhatNothingElseDominates) {
  Codesign codesign;
  codesign.configurations = {Make("small", 0, 0, 1), Make("large", 0, 0, 2)};
  const auto point = [](double loss, double latency_ns) {
    return FrontierPoint{loss, loss, {{"latency_ns", latency_ns}}, {}};
  };
  codesign.configurations[0].solution.frontier = {point(8, 4), point(4, 6), point(1, 9)};
  codesign.configurations[1].solution.frontier = {point(8, 4), point(5, 5), point(4, 7),
                                                  point(0.5, 8)};
  JoinFrontiers("latency_ns", codesign);
  // By brute force: of all seven, these are dominated by none in (area, latency, loss).
  ASSERT_EQ(codesign.frontier.size(), 5u);
  EXPECT_EQ(codesign.frontier[2].target, "small");
  EXPECT_EQ(codesign.frontier[3].target, "large");
  EXPECT_EQ(codesign.frontier[3].loss, 5);
  EXPECT_EQ(codesign.frontier[4].loss, 0.5);
  EXPECT_TRUE(codesign.configurations[0].solution.frontier.empty());
}

TEST(ThinFrontierTest, KeepsTheEndsWithoutAssignments) {
  Solution solution;
  for (int i = 0; i < 10; ++i) {
    solution.frontier.push_back({double(10 - i), 0, {{"latency_ns", i}}, {{"layer", "w4a4"}}});
  }
  ThinFrontier(4, solution);
  ASSERT_EQ(solution.frontier.size(), 4u);
  EXPECT_EQ(solution.frontier.front().loss, 10);
  EXPECT_EQ(solution.frontier.back().loss, 1);
  for (const FrontierPoint& point : solution.frontier) EXPECT_TRUE(point.assignment.empty());
  ThinFrontier(4, solution);
  EXPECT_EQ(solution.frontier.size(), 4u);
  EXPECT_EQ(JoinedPointsOfEach(1), 8192u);
  EXPECT_EQ(JoinedPointsOfEach(8192), 2u);
}

TEST(CodesignJsonTest, IsReadBackAsItWas) {
  Codesign codesign;
  codesign.configurations = {Make("a?rows=8", 1, 5, 9), MakeInfeasible("a?rows=4", 3)};
  codesign.configurations[0].parameters = {{"rows", "8"}};
  codesign.frontier = {{"a?rows=8", 1, 0.5, {{"latency_ns", 5}}}};
  codesign.budgets = {{"latency_ns", 7}};
  codesign.metric = "latency_ns";
  ChooseConfiguration(codesign);
  const nlohmann::json document = CodesignToJson(codesign);
  EXPECT_EQ(document["configurations"][0]["area"], 9);
  EXPECT_EQ(document["configurations"][0]["status"], "OPTIMAL");
  const auto back = CodesignFromJson(document);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(CodesignToJson(*back), document);
  EXPECT_FALSE(CodesignFromJson(nlohmann::json{{"configurations", {1}}}).ok());
}

// ---- A whole search ----------------------------------------------------------------------------

class CodesignSearchTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(RegisterBuiltinProfilers(profilers_, nullptr).ok());
    spec_.model = *store_.StoreBlob(Read("model.onnx"));
    spec_.calibration = *store_.StoreBlob(Read("calib.npz"));
    spec_.target = "bitfusion?rows=4..16&cols=4..16&area<=1";
    spec_.sensitivity.samples = 64;
    spec_.budgets = {*Budget::Parse("latency=0.3x")};
  }

  static std::string Read(const std::string& file) {
    return *ReadFile(std::string(HALFTONE_SOURCE_DIR) + "/tests/data/tiny-digits/" + file);
  }

  absl::StatusOr<SearchResult> Run() {
    started_.clear();
    PipelineObserver observer;
    observer.stage_started = [this](Stage stage, bool reused) {
      started_.emplace_back(stage, reused);
    };
    return RunSearch(spec_, store_, profilers_, observer, {});
  }

  MemoryStore store_;
  ProfilerRegistry profilers_;
  SearchSpec spec_;
  std::vector<std::pair<Stage, bool>> started_;
};

TEST_F(CodesignSearchTest, EachConfigurationIsSolvedAsItWouldBeAlone) {
  spec_.evaluations = 0;  // which correct the model, of the chosen configuration alone
  const auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_TRUE(result->codesign.has_value());
  const Codesign& codesign = *result->codesign;
  ASSERT_GT(codesign.configurations.size(), 3u);
  ASSERT_LT(codesign.configurations.size(), 9u) << "the area excludes some";
  EXPECT_EQ(result->target, codesign.chosen);
  EXPECT_GT(codesign.frontier.size(), 1u);
  const double budget = codesign.budgets.at("latency_ns");
  size_t on_frontier = 0;
  for (const Configuration& configuration : codesign.configurations) {
    on_frontier += configuration.on_frontier;
    EXPECT_LE(configuration.figures.at("area_mm2"), 1);
    SearchSpec alone = spec_;
    alone.target = configuration.target;
    alone.budgets = {{Metric::kLatency, Budget::Kind::kAbsolute, budget}};
    const auto own = RunSearch(alone, store_, profilers_, {}, {});
    ASSERT_TRUE(own.ok()) << own.status();
    EXPECT_EQ(own->solution.status, configuration.solution.status) << configuration.target;
    EXPECT_EQ(own->solution.loss, configuration.solution.loss) << configuration.target;
    if (configuration.solution.status != Solution::Status::kInfeasible) {
      EXPECT_GE(configuration.solution.loss, result->solution.loss) << configuration.target;
    }
  }
  EXPECT_GT(on_frontier, 0u);
  const Configuration* chosen = codesign.Find(codesign.chosen);
  ASSERT_NE(chosen, nullptr);
  EXPECT_EQ(chosen->solution.assignment, result->solution.assignment);
  EXPECT_TRUE(result->artifacts.contains("quantized.onnx"));
  EXPECT_THAT(*store_.LoadBlob(result->artifacts.at("report.html")), HasSubstr("Configurations"));
  EXPECT_TRUE(SearchResultFromJson(SearchResultToJson(*result)).ok());
}

TEST_F(CodesignSearchTest, StagesAreReusedAndTheChosenOneIsReSolved) {
  const auto first = Run();
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = Run();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(SearchResultToJson(*first), SearchResultToJson(*second));
  for (const auto& [stage, reused] : started_) EXPECT_TRUE(reused) << StageName(stage);

  spec_.target = "bitfusion?rows=4..16&cols=4..32&area<=1";
  ASSERT_TRUE(Run().ok());
  for (const auto& [stage, reused] : started_) {
    EXPECT_TRUE(reused || stage != Stage::kSensitivity) << "losses are measured once";
  }

  // A relative budget means there what it meant in the search: it refers to the base.
  spec_.target = first->target;
  const auto same = ReSolve(spec_, first->tables, store_, {});
  ASSERT_TRUE(same.ok()) << same.status();
  ASSERT_EQ(same->budgets.size(), 1u);
  EXPECT_EQ(same->budgets[0].target, "bitfusion");
  EXPECT_EQ(same->budgets[0].limit, first->codesign->budgets.at("latency_ns"));
  EXPECT_EQ(same->solution.assignment, first->solution.assignment);
  EXPECT_EQ(ResolvedBudgetsToJson(first->budgets), ResolvedBudgetsToJson(same->budgets));

  spec_.budgets = {
      {Metric::kLatency, Budget::Kind::kAbsolute, first->codesign->budgets.at("latency_ns")}};
  const auto again = ReSolve(spec_, first->tables, store_, {});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->solution.assignment, first->solution.assignment);
}

TEST_F(CodesignSearchTest, BudgetsThatNoConfigurationMeetsAreAnAnswer) {
  spec_.budgets = {*Budget::Parse("latency=1ns")};
  const auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->solution.status, Solution::Status::kInfeasible);
  EXPECT_TRUE(result->solution.infeasible.has_value());
  EXPECT_NE(result->codesign->Find(result->target), nullptr);
}

TEST_F(CodesignSearchTest, WhatDoesNotFitTheMemoryIsRefusedBeforeAnythingIsMeasured) {
  MemoryBudget::SetLimitBytes(6e4);
  const absl::Status status = Run().status();
  MemoryBudget::SetLimitBytes(0);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(std::string(status.message()),
              testing::MatchesRegex("stage profile: the search over [0-9]+ configurations needs "
                                    "about .*, and the limit is 60.0 KB: it would fit with .*"));
  EXPECT_EQ(started_.size(), 1u) << "the import";
}

TEST_F(CodesignSearchTest, MistakesAreNamed) {
  spec_.target = "bitfusion?rows=4..16&area<=0.001";
  EXPECT_THAT(std::string(Run().status().message()), HasSubstr("no configuration"));
  spec_.target = "bitfusion?weight_bits=4,8";
  spec_.precisions = {Precision::Int(8, 8)};
  EXPECT_THAT(std::string(Run().status().message()), HasSubstr("weight_bits=4"));
}

}  // namespace
}  // namespace halftone
