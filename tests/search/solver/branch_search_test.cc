#include "search/solver/branch_search.h"

#include <vector>

#include "base/fake_clock.h"
#include "base/infinity.h"
#include "gtest/gtest.h"
#include "tests/search/solver/all_selections.h"
#include "tests/search/solver/random_problem.h"

namespace halftone {
namespace {

constexpr size_t kAllNodes = 1'000'000;

CompactProblem ProblemOf(uint64_t seed, int layers, int budgets) {
  RandomProblemOptions options;
  options.seed = seed;
  options.layers = layers;
  options.choices = 4;
  options.budgets = budgets;
  options.tightness = 0.1 + 0.1 * static_cast<double>(seed % 8);
  return Compacted(RandomProblem(options));
}

Stop Never() { return Stop({}, SteadyTime::InfiniteFuture()); }

double Search(const CompactProblem& problem, size_t nodes, Incumbent& incumbent,
              double multiplier) {
  Stop never = Never();
  return BranchSearch(problem, never)
      .Run(std::vector<double>(problem.limit.size(), multiplier), nodes, incumbent);
}

TEST(BranchSearchTest, FindsTheLeastLossOfAll) {
  for (int budgets = 1; budgets <= 4; ++budgets) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
      SCOPED_TRACE(testing::Message() << budgets << " budgets, seed " << seed);
      const CompactProblem problem = ProblemOf(seed, 6, budgets);
      ASSERT_TRUE(BranchSearch::CanSearch(problem));
      const double least = LeastLoss(problem);
      // Wherever it begins.
      for (const double multiplier : {0.0, 0.1, 1e3}) {
        Incumbent incumbent;
        EXPECT_EQ(Search(problem, kAllNodes, incumbent, multiplier), kInfinity);
        if (least == kInfinity) {
          EXPECT_FALSE(incumbent.found());
          continue;
        }
        EXPECT_NEAR(incumbent.objective, least, 1e-10 * std::max(1.0, least));
        const std::vector<double> totals = problem.Evaluate(incumbent.selection);
        EXPECT_TRUE(problem.IsFeasible(totals));
        EXPECT_EQ(totals[0], incumbent.objective);
      }
    }
  }
}

TEST(BranchSearchTest, NothingIsBelowTheBoundOfAnUnfinishedSearch) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const CompactProblem problem = ProblemOf(seed, 7, 2);
    const double least = LeastLoss(problem);
    double last = -kInfinity;
    for (const size_t nodes : {size_t{0}, size_t{1}, size_t{2}, size_t{5}, size_t{20}, kAllNodes}) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", " << nodes << " nodes");
      Incumbent incumbent;
      const double open = Search(problem, nodes, incumbent, 0.1);
      EXPECT_LE(std::min(open, incumbent.objective), least * (1 + 1e-12) + 1e-12);
      if (nodes == 0) {
        EXPECT_EQ(open, -kInfinity);
      }
      last = open;
    }
    EXPECT_EQ(last, kInfinity);
  }
}

TEST(BranchSearchTest, AnIncumbentIsBeatenOrStays) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const CompactProblem problem = ProblemOf(seed, 6, 2);
    const double least = LeastLoss(problem);
    if (least == kInfinity) continue;
    Incumbent known;
    known.objective = least;
    EXPECT_EQ(Search(problem, kAllNodes, known, 0.1), kInfinity);
    EXPECT_TRUE(known.selection.empty()) << "nothing is better than the optimum";
    known.objective = least * 1.5 + 1e-6;
    EXPECT_EQ(Search(problem, kAllNodes, known, 0.1), kInfinity);
    EXPECT_NEAR(known.objective, least, 1e-10 * std::max(1.0, least));
  }
}

TEST(BranchSearchTest, AStopLeavesABound) {
  const CompactProblem problem = ProblemOf(3, 60, 3);
  Incumbent incumbent;
  Stop at_once({}, SteadyTime::InfiniteFuture(), /*most_questions=*/0);
  const double open =
      BranchSearch(problem, at_once).Run(std::vector<double>(3, 0.1), kAllNodes, incumbent);
  EXPECT_LT(open, kInfinity);
}

TEST(BranchSearchTest, IsForProblemsWithoutPairs) {
  RandomProblemOptions options;
  options.seed = 1;
  options.layers = 4;
  options.edges = 1;
  EXPECT_FALSE(BranchSearch::CanSearch(Compacted(RandomProblem(options))));
  options.edges = 0;
  options.rows = 3;
  EXPECT_FALSE(BranchSearch::CanSearch(Compacted(RandomProblem(options))));
}

}  // namespace
}  // namespace halftone
