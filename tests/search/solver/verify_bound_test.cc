#include "search/solver/verify_bound.h"

#include <algorithm>

#include "base/infinity.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/solver/solver.h"
#include "tests/search/solver/all_assignments.h"
#include "tests/search/solver/random_problem.h"

namespace halftone {
namespace {

using testing::HasSubstr;

absl::StatusOr<Verification> Verify(const Problem& problem, const Solution& solution,
                                    const VerifyOptions& options = {}) {
  return VerifySolution(problem, solution, Cancellation(), options);
}

RandomProblemOptions Rows(uint64_t seed) {
  RandomProblemOptions options;
  options.seed = seed;
  options.rows = 5;
  options.budgets = 1 + static_cast<int>(seed % 2);
  options.edges = seed % 3 == 0 ? 0.5 : 0;
  options.ties = seed % 5 == 0 ? 1 : 0;
  options.interactions = seed % 7 == 0 ? 0.5 : 0;
  options.weights = seed % 4 == 3 ? 1 : 0;
  return options;
}

// With no steps to enumerate, parts of the convex form have to prove it all.
TEST(VerifyBoundTest, PartsOfTheConvexFormProveWhatIsOptimalAndNothingElse) {
  const VerifyOptions no_enumeration{.max_steps = 1};
  for (uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const Problem problem = RandomProblem(Rows(seed));
    const auto solution = Solve(problem);
    ASSERT_TRUE(solution.ok()) << solution.status();
    ASSERT_EQ(solution->status, Solution::Status::kOptimal);
    const auto verified = Verify(problem, *solution, no_enumeration);
    ASSERT_TRUE(verified.ok()) << verified.status();
    EXPECT_TRUE(verified->optimal);
    const double least = solution->AsPoint().Minimized();
    EXPECT_EQ(verified->lower_bound, least);
    Solution second = *solution;
    double second_least = kInfinity;
    for (const FrontierPoint& point : AllAssignments(problem)) {
      if (!Keeps(problem, point.cost) || point.Minimized() < least + 1e-6) continue;
      if (point.Minimized() >= second_least) continue;
      second_least = point.Minimized();
      second.SetPoint(point);
    }
    if (second.assignment == solution->assignment) continue;  // nothing else fits
    const auto refuted = Verify(problem, second, no_enumeration);
    EXPECT_EQ(refuted.status().code(), absl::StatusCode::kInternal);
    EXPECT_THAT(std::string(refuted.status().message()), HasSubstr("an assignment within"));
  }
}

TEST(VerifyBoundTest, WithoutEffortTheBoundThatIsCertainIsGiven) {
  for (uint64_t seed = 1; seed < 20; ++seed) {
    RandomProblemOptions options = Rows(seed);
    options.layers = 12;
    options.choices = 4;
    const Problem problem = RandomProblem(options);
    const auto solution = Solve(problem);
    ASSERT_TRUE(solution.ok()) << solution.status();
    const auto verified = Verify(problem, *solution, {.max_steps = 1, .max_parts = 1});
    ASSERT_TRUE(verified.ok()) << verified.status();
    const double least = solution->AsPoint().Minimized();
    EXPECT_LE(verified->lower_bound, least);
    EXPECT_EQ(verified->optimal, verified->lower_bound == least);
  }
}

TEST(VerifyBoundTest, ABoundThatIsTooHighIsFalse) {
  const Problem problem = RandomProblem({.seed = 3, .layers = 8});
  auto solution = Solve(problem);
  ASSERT_TRUE(solution.ok());
  solution->status = Solution::Status::kFeasible;
  solution->lower_bound -= 1e-3;
  auto verified = Verify(problem, *solution);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_FALSE(verified->optimal);
  EXPECT_EQ(verified->lower_bound, solution->lower_bound);
  solution->assignment.begin()->second = "c9";
  EXPECT_EQ(Verify(problem, *solution).status().code(), absl::StatusCode::kInternal);
}

TEST(VerifyBoundTest, WhatIsFeasibleIsNotInfeasible) {
  Problem problem = RandomProblem({.seed = 4, .layers = 8, .tightness = -0.05});
  const auto solution = Solve(problem);
  ASSERT_TRUE(solution.ok());
  ASSERT_EQ(solution->status, Solution::Status::kInfeasible);
  const auto verified = Verify(problem, *solution);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_TRUE(verified->optimal);
  // The nearest assignment fits a budget that is raised to its costs.
  Problem wider = problem;
  wider.budgets["m0"] = solution->infeasible->nearest.cost.at("m0") * (1 - 1e-6);
  EXPECT_TRUE(Verify(wider, *solution).ok());
  Solution elsewhere = *solution;
  elsewhere.infeasible->relaxations.clear();
  wider.budgets["m0"] = solution->infeasible->nearest.cost.at("m0") + 1e-3;
  elsewhere.infeasible->nearest = *EvaluateAssignment(wider, [&] {
    Assignment dearest;
    for (const Problem::Layer& layer : wider.layers) dearest[layer.name] = "c2";
    return dearest;
  }());
  const absl::Status refuted = Verify(wider, elsewhere).status();
  EXPECT_EQ(refuted.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(refuted.message()), HasSubstr("keeps all budgets"));
}

TEST(VerifyBoundTest, ACancelledCheckSaysSo) {
  const Problem problem = RandomProblem({.seed = 5, .layers = 40, .budgets = 3});
  const auto solution = Solve(problem);
  ASSERT_TRUE(solution.ok());
  Cancellation cancellation;
  cancellation.Cancel();
  EXPECT_EQ(VerifySolution(problem, *solution, cancellation).status().code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace halftone
