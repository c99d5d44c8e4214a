#include "search/explorer.h"

#include <algorithm>
#include <string>

#include "base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "profilers/builtin.h"
#include "search/memory_store.h"
#include "search/pipeline.h"
#include "search/stage_keys.h"

namespace halftone {
namespace {

using ::testing::HasSubstr;

// A search of the small network, and explorers of it.
class ExplorerTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(RegisterBuiltinProfilers(profilers_, nullptr).ok());
    spec_.model = *store_.StoreBlob(Read("model.onnx"));
    spec_.calibration = *store_.StoreBlob(Read("calib.npz"));
    spec_.target = "bitfusion";
    spec_.sensitivity.samples = 64;
    spec_.evaluations = 4;
    spec_.explain = false;
    spec_.budgets = {*Budget::Parse("size=0.25x")};
  }

  static std::string Read(const std::string& file) {
    return *ReadFile(std::string(HALFTONE_SOURCE_DIR) + "/tests/data/tiny-digits/" + file);
  }

  void Search() {
    const auto result = RunSearch(spec_, store_, profilers_, {}, {});
    ASSERT_TRUE(result.ok()) << result.status();
    result_ = *result;
  }

  std::unique_ptr<Explorer> Open(const std::string& key = "job") {
    auto explorer = Explorer::Create(spec_, result_, store_, key);
    EXPECT_TRUE(explorer.ok()) << explorer.status();
    return explorer.ok() ? *std::move(explorer) : nullptr;
  }

  MemoryStore store_;
  ProfilerRegistry profilers_;
  SearchSpec spec_;
  SearchResult result_;
};

TEST_F(ExplorerTest, UsesTheTablesThatTheResultNames) {
  Search();
  const Offer fewer = {{Precision::Int(8, 8)}, {Precision::Int(8, 8)}, Precision::Int(8, 8)};
  ASSERT_TRUE(store_.StoreStage(Stage::kProfile, OfferKey(spec_), OfferToBytes(fewer)).ok());
  EXPECT_NE(Open(), nullptr);
  result_.tables.reset();
  EXPECT_TRUE(absl::IsFailedPrecondition(Explorer::Create(spec_, result_, store_, "job").status()));
}

TEST_F(ExplorerTest, FollowingItsSuggestionsEndsNoWorseThanTheSearch) {
  Search();
  const auto explorer = Open();
  ASSERT_NE(explorer, nullptr);
  for (int i = 0; i < 20; ++i) {
    const auto asked = explorer->Ask(1);
    ASSERT_TRUE(asked.ok()) << asked.status();
    ASSERT_EQ(asked->size(), 1u);
    EXPECT_TRUE(asked->front().IsFeasible());
    const auto told = explorer->Tell(asked->front().assignment, {});
    ASSERT_TRUE(told.ok()) << told.status();
    EXPECT_FALSE(told->was_known);
    EXPECT_EQ(told->is_best, explorer->Best().value()->assignment == told->trial.assignment);
  }
  EXPECT_EQ(explorer->evaluations(), 20);
  EXPECT_LE(*explorer->Best().value()->divergence, result_.refined->divergence);
  const auto front = explorer->Front();
  ASSERT_TRUE(front.ok());
  for (size_t i = 1; i < front->size(); ++i) {
    EXPECT_LT(*(*front)[i].divergence, *(*front)[i - 1].divergence);
    EXPECT_GT((*front)[i].cost.at("latency_ns"), (*front)[i - 1].cost.at("latency_ns"));
  }
}

TEST_F(ExplorerTest, TellsWhatTheSearchItselfMeasured) {
  Search();
  const auto explorer = Open();
  const auto told = explorer->Tell(result_.refined->assignment, {});
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_EQ(*told->trial.divergence, result_.refined->divergence);
  EXPECT_DOUBLE_EQ(told->trial.predicted_loss, result_.refined->loss);
  EXPECT_EQ(told->trial.cost, result_.refined->cost);
}

TEST_F(ExplorerTest, KnowsFromTheStartWhatTheSearchEvaluated) {
  Search();
  const auto explorer = Open();
  ASSERT_NE(explorer, nullptr);
  EXPECT_EQ(explorer->Start()->divergence, result_.refined->divergence);
  double least = 1e9;
  for (const Refinement::Evaluated& evaluated : result_.refined->evaluated) {
    least = std::min(least, evaluated.divergence);
  }
  EXPECT_EQ(explorer->Best().value()->divergence, least);
  EXPECT_FALSE(explorer->Front()->empty());
  EXPECT_EQ(explorer->evaluations(), 0);
  const auto asked_now = explorer->Ask(50);
  for (const ExploredAssignment& suggested : *asked_now) {
    EXPECT_FALSE(suggested.divergence.has_value());
  }
  const auto told = explorer->Tell(result_.solution.assignment, {});
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_TRUE(told->was_known);
  EXPECT_EQ(told->trial.divergence, result_.refined->optimum_divergence);
  EXPECT_EQ(explorer->evaluations(), 1);
  // Worse than what the search found is not the best, though it is the first that is new.
  Assignment narrowest = result_.solution.assignment;
  for (auto& [layer, precision] : narrowest) precision = "w2a2";
  const auto worse = explorer->Tell(narrowest, {});
  ASSERT_TRUE(worse.ok()) << worse.status();
  EXPECT_TRUE(worse->trial.IsFeasible());
  EXPECT_FALSE(worse->is_best);
}

// What another search measured with other pins or without ties is no assignment of this one.
TEST_F(ExplorerTest, KnowsNothingThatItsSearchDoesNotAllow) {
  spec_.use_ties = false;
  Search();
  const auto loose = Open();
  Assignment untied = result_.solution.assignment;
  untied["/conv2/Conv"] = "w8a8";
  untied["/conv3/Conv"] = "w4a4";
  untied["/fc/Gemm"] = "w8a8";
  ASSERT_TRUE(loose->Tell(untied, {}).ok());
  ASSERT_TRUE(loose->Flush().ok());
  spec_.use_ties = true;
  spec_.pins = {{"/fc/Gemm", "w8a8"}};
  Search();
  const auto explorer = Open("tied");
  const auto front_now = explorer->Front();
  for (const ExploredAssignment& member : *front_now) {
    EXPECT_EQ(member.assignment.at("/conv2/Conv"), member.assignment.at("/conv3/Conv"));
    EXPECT_EQ(member.assignment.at("/fc/Gemm"), "w8a8");
  }
  Assignment tied = untied;
  tied["/conv3/Conv"] = "w8a8";
  EXPECT_FALSE(explorer->Tell(tied, {})->was_known);
}

TEST_F(ExplorerTest, WhatExceedsABudgetIsNeverTheBest) {
  spec_.budgets.push_back(*Budget::Parse("activation-memory=0.6x"));
  Search();
  const auto explorer = Open();
  Assignment widest = result_.solution.assignment;
  for (auto& [layer, precision] : widest) precision = "w16a16";
  const auto told = explorer->Tell(widest, {});
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_FALSE(told->is_best);
  EXPECT_NEAR(told->trial.excess.at("size_bytes"), 1 / 0.25 - 1, 0.2);
  EXPECT_NEAR(told->trial.excess.at("activation_bytes"), 1 / 0.6 - 1, 1e-6);
  EXPECT_LT(*told->trial.divergence, explorer->Best().value()->divergence);
  EXPECT_TRUE(explorer->Best().value()->IsFeasible());
  const auto front_now = explorer->Front();
  for (const ExploredAssignment& member : *front_now) EXPECT_TRUE(member.IsFeasible());
}

TEST_F(ExplorerTest, PrecisionChangesAreLimitedToo) {
  spec_.rules.max_changes = 1;
  Search();
  const auto explorer = Open();
  EXPECT_EQ(explorer->Limits().at("precision_changes"), 1);
  const auto asked = explorer->Ask(10);
  ASSERT_TRUE(asked.ok()) << asked.status();
  ASSERT_FALSE(asked->empty());
  EXPECT_TRUE(asked->front().IsFeasible());
  for (const ExploredAssignment& explored : *asked) {
    EXPECT_LE(explored.cost.at("precision_changes"), 1);
    EXPECT_EQ(explored.excess.count("precision_changes"), 0u) << "where it is not the size";
  }
  Assignment alternating = result_.solution.assignment;
  for (auto& [layer, precision] : alternating) precision = "w2a2";
  alternating.at("/conv1/Conv") = "w4a4";
  alternating.at("/fc/Gemm") = "w4a4";
  const auto told = explorer->Tell(alternating, {});
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_EQ(told->trial.excess.count("precision_changes"),
            told->trial.cost.at("precision_changes") > 1);
  EXPECT_FALSE(told->trial.IsFeasible());
}

TEST_F(ExplorerTest, AnotherGoesOnWhereOneEnded) {
  Search();
  double best_told = 1e9;
  {
    const auto explorer = Open();
    const auto asked = explorer->Ask(3).value();
    for (const ExploredAssignment& explored : asked) {
      const auto told = explorer->Tell(explored.assignment, {});
      ASSERT_TRUE(told.ok()) << told.status();
      best_told = std::min(best_told, told->trial.divergence.value());
    }
    ASSERT_TRUE(explorer->Flush().ok());
  }
  const auto explorer = Open();
  EXPECT_EQ(explorer->evaluations(), 3);
  const ExploredAssignment best = *explorer->Best().value();
  EXPECT_TRUE(explorer->Tell(best.assignment, {})->was_known);
  const auto summary = Explorer::StoredSummary(store_, "job");
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ((*summary)["evaluations"], 3);
  EXPECT_EQ((*summary)["best"]["divergence"], best_told);
  EXPECT_LE(*best.divergence, best_told);
  EXPECT_TRUE(Explorer::StoredSummary(store_, "another job")->is_null());
  EXPECT_EQ(Open("another job")->evaluations(), 0);
}

TEST_F(ExplorerTest, AnInfeasibleSearchBeginsWithTheNearest) {
  spec_.budgets = {*Budget::Parse("size=1B")};
  Search();
  const auto explorer = Open();
  const auto start = explorer->Start();
  ASSERT_TRUE(start.ok()) << start.status();
  EXPECT_FALSE(start->IsFeasible());
  EXPECT_FALSE(explorer->Ask(2)->empty());
}

// Losses of logits' squared errors, while evaluations measure their KL divergence.
TEST_F(ExplorerTest, NamesWhatIsMeasuredWhateverTheLossesAre) {
  for (const LossKind loss : {LossKind::kMse, LossKind::kAuto}) {
    spec_.sensitivity.loss = loss;
    Search();
    const auto explorer = Open();
    ASSERT_NE(explorer, nullptr);
    EXPECT_EQ(explorer->divergence_name(), "kl") << LossKindName(loss);
  }
}

TEST_F(ExplorerTest, MistakesAreNamed) {
  Search();
  const auto explorer = Open();
  Assignment wrong = result_.solution.assignment;
  wrong["/fc/Gemm"] = "w7a7";
  EXPECT_THAT(std::string(explorer->Tell(wrong, {}).status().message()), HasSubstr("/fc/Gemm"));
  wrong.erase("/fc/Gemm");
  EXPECT_TRUE(absl::IsInvalidArgument(explorer->Tell(wrong, {}).status()));
  Progress progress;
  progress.cancellation.Cancel();
  Assignment widest = result_.solution.assignment;
  for (auto& [layer, precision] : widest) precision = "w16a16";
  EXPECT_TRUE(absl::IsCancelled(explorer->Tell(widest, progress).status()));
  EXPECT_EQ(explorer->evaluations(), 0);
  result_.tables
      .reset();  // as an older version wrote it: its tables are those that the spec asks for
  spec_.sensitivity.seed = 5;
  EXPECT_TRUE(absl::IsFailedPrecondition(Explorer::Create(spec_, result_, store_, "job").status()));
}

}  // namespace
}  // namespace halftone
