#include "search/solver/explain.h"

#include "base/fake_clock.h"
#include "base/infinity.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "search/solver/solver.h"
#include "tests/search/solver/all_assignments.h"
#include "tests/search/solver/random_problem.h"

namespace halftone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

// Two layers that cost 1 or 2, and lose 4 or 1; the second one twice as much.
Problem Small() {
  Problem problem;
  problem.layers = {{"a", {{"low", 4, {{"x", 1}}, 0.1}, {"high", 1, {{"x", 2}}, 0.1}}},
                    {"b", {{"low", 8, {{"x", 1}}, 0.1}, {"high", 2, {{"x", 2}}, 0.1}}}};
  problem.budgets["x"] = 3;
  return problem;
}

// What is to be explained in full must not depend on how fast the machine is.
ExplainOptions WithoutLimit() {
  ExplainOptions options;
  options.time_limit = absl::InfiniteDuration();
  return options;
}

Explanation ExplanationOf(const Problem& problem) {
  const auto solution = Solve(problem);
  EXPECT_TRUE(solution.ok()) << solution.status();
  const auto explanation = Explain(problem, *solution, WithoutLimit());
  EXPECT_TRUE(explanation.ok()) << explanation.status();
  return *explanation;
}

TEST(ExplainTest, ABudgetThatBindsTellsWhatMoreOfItWouldSave) {
  const Explanation explanation = ExplanationOf(Small());
  ASSERT_EQ(explanation.limits.size(), 1u);
  const Explanation::Limit& limit = explanation.limits[0];
  EXPECT_TRUE(limit.binds);
  EXPECT_EQ(limit.used, 3);
  EXPECT_EQ(limit.slack, 0);
  EXPECT_EQ(limit.loss_without, 3);
  EXPECT_EQ(limit.next_limit, 4);
  EXPECT_EQ(limit.next_loss, 3);
  // At a limit of 3 one unit more buys a's change from low to high, one less takes b's.
  EXPECT_GE(limit.marginal_value, 3 - 1e-9);
  EXPECT_LE(limit.marginal_value, 6 + 1e-9);
  EXPECT_TRUE(explanation.is_complete);
}

TEST(ExplainTest, ABudgetThatDoesNotBindIsWorthNothing) {
  Problem problem = Small();
  problem.budgets["x"] = 5;
  const Explanation explanation = ExplanationOf(problem);
  ASSERT_EQ(explanation.limits.size(), 1u);
  EXPECT_FALSE(explanation.limits[0].binds);
  EXPECT_EQ(explanation.limits[0].slack, 1);
  EXPECT_EQ(explanation.limits[0].marginal_value, 0);
  EXPECT_FALSE(explanation.limits[0].next_limit.has_value());
}

TEST(ExplainTest, EachLayerHasANextBestChoice) {
  const Explanation explanation = ExplanationOf(Small());
  ASSERT_EQ(explanation.alternatives.size(), 2u);
  // Were a high, b would have to be low: 1 + 8 for 4 + 2. That is also b's next best.
  for (const Explanation::Alternative& alternative : explanation.alternatives) {
    EXPECT_DOUBLE_EQ(alternative.loss_increase, 3);
    EXPECT_THAT(alternative.changes, UnorderedElementsAre(Pair("a", "high"), Pair("b", "low")));
    EXPECT_THAT(alternative.cost, UnorderedElementsAre(Pair("x", 3)));
    EXPECT_DOUBLE_EQ(alternative.loss_stderr.value(), 0.2) << "of four losses";
    EXPECT_FALSE(alternative.is_near);
    EXPECT_TRUE(alternative.is_proven);
  }
}

TEST(ExplainTest, NearIsWithinTheShareOrTheStandardError) {
  Problem problem = Small();
  const auto solution = Solve(problem);
  ASSERT_TRUE(solution.ok());
  ExplainOptions options = WithoutLimit();
  options.near_share = 0.5;  // of 6
  auto explanation = Explain(problem, *solution, options);
  ASSERT_TRUE(explanation.ok());
  EXPECT_TRUE(explanation->alternatives[0].is_near);
  for (Problem::Layer& layer : problem.layers) {
    for (Problem::Choice& choice : layer.choices) choice.loss_stderr = 1.6;
  }
  explanation = Explain(problem, *solution, WithoutLimit());
  ASSERT_TRUE(explanation.ok());
  EXPECT_TRUE(explanation->alternatives[0].is_near) << "3 is within the root of 4 x 1.6^2";
  problem.layers[0].choices[0].loss_stderr.reset();
  explanation = Explain(problem, *solution, WithoutLimit());
  ASSERT_TRUE(explanation.ok());
  EXPECT_FALSE(explanation->alternatives[0].loss_stderr.has_value());
  EXPECT_FALSE(explanation->alternatives[0].is_near) << "one of the errors is not known";
}

TEST(ExplainTest, LayersWithoutAnotherChoiceThatFitComeLast) {
  Problem problem = Small();
  problem.budgets["x"] = 2;
  const Explanation explanation = ExplanationOf(problem);
  ASSERT_EQ(explanation.alternatives.size(), 2u);
  EXPECT_EQ(explanation.alternatives[0].choice, "");
  const nlohmann::json none = ExplanationToJson(explanation).at("alternatives").at(0);
  EXPECT_TRUE(none.at("loss_increase").is_null());
  EXPECT_TRUE(none.at("loss_stderr").is_null());
  EXPECT_TRUE(none.at("cost").is_null());
  problem.pins["a"] = "low";
  EXPECT_EQ(ExplanationOf(problem).alternatives.size(), 1u) << "a pinned layer has no other choice";
}

TEST(ExplainTest, TiedLayersChangeTogether) {
  Problem problem = Small();
  problem.ties = {{"a", "b"}};
  problem.budgets["x"] = 4;
  const Explanation explanation = ExplanationOf(problem);
  ASSERT_EQ(explanation.alternatives.size(), 1u);
  EXPECT_THAT(explanation.alternatives[0].layers, ElementsAre("a", "b"));
  EXPECT_EQ(explanation.alternatives[0].choice, "low");
}

TEST(ExplainTest, AnAssignmentOfAnotherProblemIsRefused) {
  Solution solution;
  solution.status = Solution::Status::kOptimal;
  solution.assignment = {{"a", "low"}};
  const auto explanation = Explain(Small(), solution);
  EXPECT_EQ(explanation.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(explanation.status().message(), HasSubstr("'b'"));
}

TEST(ExplainTest, CancellationLeavesTheExplanationIncomplete) {
  const Problem problem = Small();
  const auto solution = Solve(problem);
  ASSERT_TRUE(solution.ok());
  Progress progress;
  progress.cancellation.Cancel();
  const auto explanation = Explain(problem, *solution, {}, progress);
  ASSERT_TRUE(explanation.ok()) << explanation.status();
  EXPECT_FALSE(explanation->is_complete);
}

TEST(ExplainTest, JsonAndBack) {
  const auto solution = Solve(Small());
  ASSERT_TRUE(solution.ok());
  Solution explained = *solution;
  explained.explanation = *Explain(Small(), *solution, WithoutLimit());
  const nlohmann::json json = SolutionToJson(explained);
  const auto back = SolutionFromJson(json);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(SolutionToJson(*back), json);
}

void CheckLimits(const Problem& problem, const std::vector<FrontierPoint>& all, double loss,
                 const Explanation& explanation) {
  for (const Explanation::Limit& limit : explanation.limits) {
    double without = kInfinity, next = kInfinity;
    for (const FrontierPoint& point : all) {
      if (!Keeps(problem, point.cost, limit.metric)) continue;
      without = std::min(without, point.Minimized());
      if (point.Minimized() < loss - 1e-8) next = std::min(next, CostOf(point.cost, limit.metric));
    }
    ASSERT_TRUE(limit.loss_without.has_value());
    EXPECT_NEAR(*limit.loss_without, without, 1e-9);
    EXPECT_EQ(limit.binds, without < loss - 1e-8);
    ASSERT_EQ(limit.next_limit.has_value(), limit.binds);
    if (!limit.binds) continue;
    EXPECT_NEAR(*limit.next_limit, next, 1e-9);
    EXPECT_EQ(limit.next_limit_bound, limit.next_limit);
    EXPECT_LT(*limit.next_loss, loss);
  }
}

void CheckAlternatives(const Problem& problem, const std::vector<FrontierPoint>& all,
                       const Solution& solution, const Explanation& explanation) {
  for (const Explanation::Alternative& alternative : explanation.alternatives) {
    double least = kInfinity;
    for (const FrontierPoint& point : all) {
      const std::string& layer = alternative.layers[0];
      if (!Keeps(problem, point.cost)) continue;
      if (point.assignment.at(layer) == solution.assignment.at(layer)) continue;
      least = std::min(least, point.Minimized());
    }
    EXPECT_EQ(alternative.choice.empty(), least == kInfinity);
    if (least < kInfinity) {
      EXPECT_NEAR(alternative.loss_increase, least - solution.AsPoint().Minimized(), 1e-9);
    }
  }
}

// What is not proven is an interval that holds the least limit.
TEST(ExplainTest, WithoutTimeTheNextLimitWithCrossTermsHasABound) {
  int bounded = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const Problem problem =
        RandomProblem({.seed = seed, .layers = 8, .choices = 3, .budgets = 2, .rows = 6});
    const auto solution = Solve(problem);
    ASSERT_TRUE(solution.ok()) << solution.status();
    const std::vector<FrontierPoint> all = AllAssignments(problem);
    // So many questions of the clock, which goes on by one with each: more than a limit takes, and
    // fewer than all of them do.
    const FakeSteadyClock clock(absl::Seconds(1));
    Progress progress;
    progress.cancellation = Cancellation(clock);
    ExplainOptions options;
    options.time_limit = absl::Seconds(10 + 40 * seed);
    const auto explanation = Explain(problem, *solution, options, progress);
    ASSERT_TRUE(explanation.ok()) << explanation.status();
    for (const Explanation::Limit& limit : explanation->limits) {
      if (!limit.next_limit.has_value()) continue;
      double next = kInfinity;
      for (const FrontierPoint& point : all) {
        if (!Keeps(problem, point.cost, limit.metric)) continue;
        if (point.loss >= solution->loss - 1e-8) continue;
        next = std::min(next, CostOf(point.cost, limit.metric));
      }
      EXPECT_GE(*limit.next_limit, next - 1e-9);
      if (!limit.next_limit_bound.has_value()) continue;
      EXPECT_LE(*limit.next_limit_bound, next + 1e-8);
      if (*limit.next_limit_bound == *limit.next_limit) continue;
      EXPECT_FALSE(explanation->is_complete);
      ++bounded;
    }
  }
  EXPECT_GT(bounded, 0);
}

TEST(ExplainTest, AgreesWithBruteForceOnRandomProblems) {
  int explained = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    RandomProblemOptions options;
    options.seed = seed;
    options.layers = 5;
    options.budgets = 1 + static_cast<int>(seed % 3);
    options.ties = seed % 5 == 1 ? 1 : 0;
    options.allowed = seed % 5 == 2 ? 2 : 0;
    options.max_changes = seed % 5 == 3 ? 2 : -1;
    options.edges = seed % 4 == 0 ? 0.6 : 0;
    options.rows = seed % 3 == 0 ? 2 : 0;
    options.weights = seed % 7 == 0 ? 1 : 0;
    const Problem problem = RandomProblem(options);
    SCOPED_TRACE(ProblemToJson(problem).dump());
    const auto solution = Solve(problem);
    ASSERT_TRUE(solution.ok()) << solution.status();
    if (solution->status == Solution::Status::kInfeasible) continue;
    ++explained;
    const auto explanation = Explain(problem, *solution, WithoutLimit());
    ASSERT_TRUE(explanation.ok()) << explanation.status();
    EXPECT_TRUE(explanation->is_complete);
    const std::vector<FrontierPoint> all = AllAssignments(problem);
    CheckLimits(problem, all, solution->AsPoint().Minimized(), *explanation);
    CheckAlternatives(problem, all, *solution, *explanation);
    if (HasFailure()) return;
  }
  EXPECT_GT(explained, 100);
}

}  // namespace
}  // namespace halftone
