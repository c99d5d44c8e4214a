#include "search/solver/unit.h"

#include "gtest/gtest.h"
#include "tests/search/solver/all_selections.h"

namespace halftone {
namespace {

// Two variables of two components, loss and cost.
CompactProblem Two(std::vector<double> a, std::vector<double> b, double limit) {
  CompactProblem problem;
  problem.components = 2;
  problem.choices = {static_cast<int>(a.size() / 2), static_cast<int>(b.size() / 2)};
  problem.values = {std::move(a), std::move(b)};
  problem.constant = {0, 0};
  problem.limit = {limit};
  return problem;
}

TEST(UnitTest, IsWhatAllDifferencesAreMultiplesOf) {
  const CompactProblem problem = Two({1.5, 0, 7.5, 0.3, 13.5, 0.9}, {100, 0, 109, 0.6}, 1);
  EXPECT_EQ(UnitOf(problem, 0), 3);
  EXPECT_NEAR(UnitOf(problem, 1), 0.3, 1e-15);
}

TEST(UnitTest, OfCostsDividedByALimit) {
  for (const double limit : {7.0, 1234.0, 99991.0, 1e6 / 3}) {
    const CompactProblem problem =
        Two({0, 104 / limit, 1, 910 / limit}, {0, 260 / limit, 1, 351 / limit}, 1);
    EXPECT_NEAR(UnitOf(problem, 1), 13 / limit, 1e-14) << limit;
  }
}

TEST(UnitTest, PairsCount) {
  CompactProblem problem = Two({0, 0, 4, 0}, {0, 0, 8, 0}, 1);
  EXPECT_EQ(UnitOf(problem, 0), 4);
  problem.pairs = {{0, 1, {0, 0, 2, 0, 0, 0, 2, 0}}};
  EXPECT_EQ(UnitOf(problem, 0), 2);
}

TEST(UnitTest, NothingInCommonIsNone) {
  EXPECT_EQ(UnitOf(Two({0, 0, 1, 0}, {0, 0, 1.4142135623730951, 0}, 1), 0), 0);
  // All equal: no two selections differ, and there is no multiple.
  EXPECT_EQ(UnitOf(Two({2, 0, 2, 0}, {5, 0, 5, 0}, 1), 0), 0);
  // Nearly whole is not whole.
  EXPECT_LT(UnitOf(Two({0, 0, 3, 0}, {0, 0, 6 + 1e-7, 0}, 1), 0), 1e-6);
}

TEST(UnitTest, LimitsComeDownToWhatCanBeReached) {
  CompactProblem problem = Two({0, 0.5, 0, 2.5}, {0, 0, 0, 4}, 5.9);
  TightenLimits(problem);
  EXPECT_LT(problem.limit[0], 4.501);
  EXPECT_GE(problem.limit[0], 4.5);
  // What is within the limit only just stays so.
  problem = Two({0, 0.1, 0, 0.3}, {0, 0.2, 0, 0.4}, 0.1 + 0.4);
  TightenLimits(problem);
  EXPECT_TRUE(problem.IsFeasible(problem.Evaluate({0, 1})));
  problem = Two({0, 0, 0, 2.5}, {0, 0, 0, 3.1415926}, 5.9);
  TightenLimits(problem);
  EXPECT_EQ(problem.limit[0], 5.9);
}

}  // namespace
}  // namespace halftone
