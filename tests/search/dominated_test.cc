#include "search/dominated.h"

#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace halftone {
namespace {

// Two layers, the second after the first, on a target that runs w3a8 as w8a8.
class DominatedTest : public ::testing::Test {
 protected:
  DominatedTest() {
    spec_.budgets = {*Budget::Parse("latency=0.5x")};
    for (const char* const name : {"first", "second"}) {
      network_.layers.push_back({.name = name, .op = "Conv", .tie_group = name});
      AddRow(name, w8a8_, 100);
      AddRow(name, w3a8_, 100);
      AddRow(name, w4a4_, 60);
    }
  }
  void AddRow(const std::string& layer, const Precision& precision, double latency) {
    CostRow row;
    row.layer = layer;
    row.precision = precision;
    row.latency_ns = latency;
    costs_.rows.push_back(row);
  }
  void AddEdge(const Precision& from, const Precision& to, double latency) {
    costs_.edges.push_back({"first", "second", from, to, latency, std::nullopt});
  }
  DominatedChoices Find() const { return FindDominated(spec_, network_, costs_, offered_); }

  const Precision w8a8_ = Precision::Int(8, 8), w3a8_ = Precision::Int(3, 8),
                  w4a4_ = Precision::Int(4, 4);
  std::vector<Precision> offered_ = {w3a8_, w4a4_, w8a8_};
  SearchSpec spec_;
  NetworkSummary network_;
  CostTable costs_;
};

TEST_F(DominatedTest, FewerBitsForTheSameCostAreNotNeeded) {
  const DominatedChoices both = {{"first", {{w3a8_, w8a8_}}}, {"second", {{w3a8_, w8a8_}}}};
  EXPECT_EQ(Find(), both);
  EXPECT_EQ(DominatedText(both), "first w3a8 w8a8\nsecond w3a8 w8a8\n");
}

TEST_F(DominatedTest, WhatAMetricCountsIsCounted) {
  spec_.budgets.push_back(*Budget::Parse("size=0.5x"));
  EXPECT_TRUE(Find().empty()) << "w3a8 stores less";
  spec_.budgets = {*Budget::Parse("latency=0.5x"), *Budget::Parse("bops=0.5x")};
  EXPECT_TRUE(Find().empty());
  spec_.budgets = {*Budget::Parse("latency=0.5x"), *Budget::Parse("activation-memory=0.5x")};
  EXPECT_EQ(Find().size(), 2u) << "activations have 8 bits either way";
  spec_.budgets.clear();
  spec_.frontier = Metric::kSize;
  EXPECT_TRUE(Find().empty());
}

TEST_F(DominatedTest, AHairOfLatencyCounts) {
  costs_.rows[1].latency_ns = 99.999;  // of first, w3a8
  EXPECT_EQ(Find(), (DominatedChoices{{"second", {{w3a8_, w8a8_}}}}));
}

TEST_F(DominatedTest, TiedLayersChooseTogether) {
  costs_.rows[1].latency_ns = 99;
  for (auto& layer : network_.layers) layer.tie_group = "tie0";
  EXPECT_TRUE(Find().empty());
  spec_.use_ties = false;
  EXPECT_EQ(Find().size(), 1u);
}

TEST_F(DominatedTest, ConversionsCount) {
  AddEdge(w8a8_, w4a4_, 5);
  EXPECT_FALSE(Find().contains("first")) << "from w3a8 that would cost nothing";
  EXPECT_TRUE(Find().contains("second"));
  AddEdge(w3a8_, w4a4_, 5);
  EXPECT_TRUE(Find().contains("first"));
}

TEST_F(DominatedTest, RulesAndPinsMayNeedAnyChoice) {
  spec_.rules.max_changes = 1;
  EXPECT_TRUE(Find().empty());
  spec_.rules = {};
  spec_.pins["first"] = "w3a8";
  EXPECT_TRUE(Find().empty());
}

TEST_F(DominatedTest, OfChainsTheLastOneStays) {
  const Precision w2a2 = Precision::Int(2, 2);
  for (const char* const name : {"first", "second"}) AddRow(name, w2a2, 100);
  offered_.insert(offered_.begin(), w2a2);
  const DominatedChoices dominated = Find();
  for (const auto& [layer, choices] : dominated) {
    EXPECT_EQ(choices.size(), 2u);
    for (const auto& [choice, by] : choices) {
      EXPECT_FALSE(choices.contains(by)) << by.ToString() << " is dominated itself";
    }
  }
  EXPECT_EQ(dominated.size(), 2u);
}

}  // namespace
}  // namespace halftone
