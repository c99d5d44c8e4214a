#include "search/user_explanation.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

NetworkSummary WithAProduct() {
  NetworkSummary network;
  network.layers = {{"fc", "Gemm", "", 1, true}, {"product", "MatMul", "", 1, false}};
  return network;
}

Explanation::Limit LimitOf(const std::string& metric, double used, bool binds, double value) {
  Explanation::Limit limit;
  limit.metric = metric;
  limit.limit = 100;
  limit.used = used;
  limit.binds = binds;
  limit.marginal_value = value;
  limit.loss_without = 0.5;
  limit.next_limit = 110;
  limit.next_loss = 0.75;
  return limit;
}

TEST(UserExplanationTest, LimitsOfLiveSetsAreOneOnThePeak) {
  Solution solution;
  solution.cost = {{"activation_bytes", 99}};
  Explanation explanation;
  explanation.limits = {
      LimitOf("activation_bytes/a", 98, false, 0), LimitOf("activation_bytes/b", 99, true, 0.25),
      LimitOf("activation_bytes/c", 97, true, 0.125), LimitOf("latency_ns", 60, true, 0.5)};
  const Explanation told = InUsersTerms(WithAProduct(), {}, solution, explanation);
  ASSERT_EQ(told.limits.size(), 2u);
  EXPECT_EQ(told.limits[0].metric, "latency_ns");
  EXPECT_EQ(told.limits[0].next_limit, 110);
  const Explanation::Limit& peak = told.limits[1];
  EXPECT_EQ(peak.metric, "activation_bytes");
  EXPECT_EQ(peak.at, "b");
  EXPECT_EQ(peak.limit, 100);
  EXPECT_EQ(peak.used, 99);
  EXPECT_EQ(peak.slack, 1);
  EXPECT_TRUE(peak.binds);
  EXPECT_EQ(peak.marginal_value, 0.375) << "a higher budget is one everywhere";
  EXPECT_FALSE(peak.loss_without.has_value()) << "each was left out alone";
  EXPECT_FALSE(peak.next_limit.has_value());
}

TEST(UserExplanationTest, OneLiveSetIsTheWholeBudget) {
  Explanation explanation;
  explanation.limits = {LimitOf("activation_bytes/a", 98, true, 0.25)};
  const Explanation told = InUsersTerms(WithAProduct(), {}, Solution(), explanation);
  ASSERT_EQ(told.limits.size(), 1u);
  EXPECT_EQ(told.limits[0].used, 98);
  EXPECT_EQ(told.limits[0].loss_without, 0.5);
  EXPECT_FALSE(told.limits[0].next_limit.has_value()) << "others may be exceeded there";
}

TEST(UserExplanationTest, AnotherNameOfTheSamePrecisionIsNoAlternative) {
  Solution solution;
  solution.assignment = {{"fc", "w8a8"}, {"product", "w8a8"}};
  Explanation explanation;
  const auto add = [&](const std::map<std::string, std::string>& changes) {
    Explanation::Alternative& alternative = explanation.alternatives.emplace_back();
    alternative.layers = {changes.begin()->first};
    alternative.changes = changes;
  };
  add({{"product", "w4a8"}});
  add({{"product", "w4a4"}});
  add({{"fc", "w4a8"}});
  add({{"fc", "w4a8"}, {"product", "w4a8"}});
  explanation.alternatives.emplace_back();  // no other choice fits
  const Explanation told = InUsersTerms(WithAProduct(), {}, solution, explanation);
  ASSERT_EQ(told.alternatives.size(), 4u);
  EXPECT_EQ(told.alternatives[0].changes.at("product"), "w4a4");
}

TEST(UserExplanationTest, AlternativesHaveThePeakOfActivations) {
  const std::vector<LiveSet> live_sets = {{"fc", 64, {{"fc", 100}}}};
  Solution solution;
  solution.assignment = {{"fc", "w8a8"}, {"product", "w8a8"}};
  Explanation explanation;
  explanation.alternatives.resize(2);
  explanation.alternatives[0].choice = "w4a4";
  explanation.alternatives[0].changes = {{"fc", "w4a4"}};
  const Explanation told = InUsersTerms(WithAProduct(), live_sets, solution, explanation);
  EXPECT_EQ(told.alternatives[0].cost.at("activation_bytes"), 64 + 50);
  EXPECT_TRUE(told.alternatives[1].cost.empty()) << "there is none";
}

}  // namespace
}  // namespace halftone
