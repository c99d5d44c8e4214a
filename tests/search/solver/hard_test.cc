// Problems whose choices are nearly alike: strongly correlated, coarse, and of few kinds of layers.
#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "base/infinity.h"
#include "gtest/gtest.h"
#include "search/solver/elimination.h"
#include "search/solver/exchange.h"
#include "search/solver/lagrangian.h"
#include "search/solver/rounding.h"
#include "search/solver/solver.h"
#include "search/solver/verify_bound.h"
#include "tests/search/solver/all_assignments.h"
#include "tests/search/solver/all_selections.h"
#include "tests/search/solver/hard_problem.h"
#include "tests/search/solver/solve_for.h"

namespace halftone {
namespace {

struct Case {
  std::string name;
  HardProblemOptions options;
};

void PrintTo(const Case& hard, std::ostream* out) { *out << hard.name; }

std::string NameOf(const testing::TestParamInfo<Case>& info) { return info.param.name; }

// ---- Small ones, by brute force ----------------------------------------------------------------

class SmallHardTest : public testing::TestWithParam<Case> {};

TEST_P(SmallHardTest, TheAnswerIsTheBestOfAll) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    HardProblemOptions options = GetParam().options;
    options.seed = seed;
    options.tightness = 0.15 + 0.1 * static_cast<double>(seed % 7);
    const Problem problem = HardProblem(options);
    double least = kInfinity;
    for (const FrontierPoint& point : AllAssignments(problem)) {
      if (Keeps(problem, point.cost)) least = std::min(least, point.loss);
    }
    const auto solution = Solve(problem);
    ASSERT_TRUE(solution.ok()) << solution.status();
    const auto verified = VerifySolution(problem, *solution, Cancellation());
    ASSERT_TRUE(verified.ok()) << verified.status();
    EXPECT_TRUE(verified->optimal);
    if (least < kInfinity) {
      EXPECT_EQ(solution->status, Solution::Status::kOptimal);
      EXPECT_NEAR(solution->loss, least, 1e-12 * std::max(1.0, least));
    } else {
      EXPECT_EQ(solution->status, Solution::Status::kInfeasible);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, SmallHardTest,
    testing::Values(Case{"Correlated", {.kind = HardKind::kCorrelated}},
                    Case{"CorrelatedTwoBudgets", {.kind = HardKind::kCorrelated, .budgets = 2}},
                    Case{"CorrelatedEdges", {.kind = HardKind::kCorrelated, .edge_cost = 50}},
                    Case{"Coarse", {.kind = HardKind::kCoarse}},
                    Case{"CoarseTwoBudgets", {.kind = HardKind::kCoarse, .budgets = 2}},
                    Case{"CoarseThreeBudgets", {.kind = HardKind::kCoarse, .budgets = 3}},
                    Case{"CoarseEdges", {.kind = HardKind::kCoarse, .edge_cost = 1}},
                    Case{"Alike", {.kinds = 1}}, Case{"AlikeTwoBudgets", {.budgets = 2}},
                    Case{"AlikeEdges", {.budgets = 2, .edge_cost = 0.05}},
                    Case{"NearlyAlike", {.budgets = 2, .noise = 1e-3}}),
    NameOf);

// ---- Large ones --------------------------------------------------------------------------------

class AlikeTest : public testing::TestWithParam<Case> {};

TEST_P(AlikeTest, ThousandsOfLayersEndWithASmallGap) {
  const Problem problem = HardProblem(GetParam().options);
  const auto solution = SolveFor(problem, 500);
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_NE(solution->status, Solution::Status::kInfeasible);
  EXPECT_LE(solution->gap, 1e-3);
  EXPECT_TRUE(CheckSolution(problem, *solution).ok());
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, AlikeTest,
    testing::Values(
        Case{"OneKind", {.layers = 2000, .choices = 6, .kinds = 1}},
        Case{"TwoBudgets", {.layers = 3000, .choices = 8, .budgets = 2}},
        Case{"Nearly", {.layers = 2000, .choices = 6, .budgets = 2, .kinds = 3, .noise = 1e-3}},
        Case{"Edges", {.layers = 2000, .choices = 4, .kinds = 3, .edge_cost = 0.02}},
        Case{"EdgesTwoBudgets",
             {.layers = 2000, .choices = 6, .budgets = 2, .kinds = 3, .edge_cost = 0.02}},
        Case{"NearlyEdges",
             {.layers = 1000, .choices = 6, .kinds = 2, .noise = 1e-3, .edge_cost = 0.02}}),
    NameOf);

TEST(WholeLossesTest, AreProvenWithoutASearch) {
  for (const HardKind kind : {HardKind::kCorrelated, HardKind::kCoarse}) {
    for (uint64_t seed : {0, 1, 2, 100, 101, 102, 103, 104}) {
      const auto solution = SolveFor(
          HardProblem({.kind = kind, .seed = seed, .layers = 200, .choices = 8, .tightness = 0.5}),
          3'000);
      ASSERT_TRUE(solution.ok()) << solution.status();
      EXPECT_EQ(solution->status, Solution::Status::kOptimal);
    }
  }
}

// ---- Their parts -------------------------------------------------------------------------------

TEST(ExchangeAllTest, NoOneOrTwoChangesHelpAfterwards) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    const CompactProblem problem =
        Compacted(HardProblem({.kind = HardKind::kCorrelated, .seed = seed, .layers = 5}));
    ASSERT_TRUE(CanExchangeAll(problem));
    Selection start;
    for (const Selection& selection : AllSelections(problem)) {
      if (start.empty() && problem.IsFeasible(problem.Evaluate(selection))) start = selection;
    }
    ASSERT_FALSE(start.empty());
    Stop never({}, SteadyTime::InfiniteFuture());
    const Selection end = ExchangeAll(problem, start, never);
    const std::vector<double> totals = problem.Evaluate(end);
    EXPECT_TRUE(problem.IsFeasible(totals));
    EXPECT_LE(totals[0], problem.Evaluate(start)[0]);
    for (const Selection& other : AllSelections(problem)) {
      const int same = std::inner_product(end.begin(), end.end(), other.begin(), 0, std::plus<>(),
                                          std::equal_to<>());
      const std::vector<double> others = problem.Evaluate(other);
      if (same + 2 < problem.variables() || !problem.IsFeasible(others)) continue;
      EXPECT_GE(others[0], totals[0] - 1e-9);
    }
  }
}

TEST(RoundMixtureTest, ComesNearTheMixture) {
  for (const double edge_cost : {0.0, 0.02}) {
    for (const int budgets : {1, 2}) {
      const CompactProblem problem = Compacted(
          HardProblem({.layers = 500, .budgets = budgets, .kinds = 1, .edge_cost = edge_cost}));
      const Elimination elimination = Elimination::Plan(problem);
      Stop never({}, SteadyTime::InfiniteFuture());
      const Multipliers best =
          MaximizeLagrangian(problem, elimination, {.penalty = 1e6}, never, [](const auto&) {});
      ASSERT_GT(best.mixture.size(), 1u);
      double parts = 0, loss = 0;
      for (const MixedSelection& mixed : best.mixture) {
        parts += mixed.part;
        loss += mixed.part * problem.Evaluate(mixed.selection)[0];
      }
      EXPECT_NEAR(parts, 1, 1e-9);
      EXPECT_NEAR(loss, best.bound, 1e-9);
      const std::vector<double> totals =
          problem.Evaluate(RoundMixture(problem, elimination.order(), best.mixture));
      // A few of 500 layers.
      EXPECT_LT(problem.Excess(totals), 0.01);
      EXPECT_NEAR(totals[0], loss, 0.02 * loss);
    }
  }
}

}  // namespace
}  // namespace halftone
