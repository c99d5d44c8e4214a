// Among equal losses the cheapest wins.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/solver/problem.h"
#include "search/solver/solver.h"
#include "tests/search/solver/all_assignments.h"
#include "tests/search/solver/random_problem.h"

namespace halftone {
namespace {

using testing::Pair;
using testing::UnorderedElementsAre;

// Layers whose choices all lose the same, as where a trace is 0 or negative.
Problem Flat() {
  Problem problem;
  for (const char* const name : {"a", "b"}) {
    problem.layers.push_back({name,
                              {{"wide", 0.5, {{"size", 8}, {"time", 3}}},
                               {"small", 0.5, {{"size", 2}, {"time", 3}}},
                               {"fast", 0.5, {{"size", 2}, {"time", 1}}},
                               {"slow", 0.5, {{"size", 1}, {"time", 9}}}}});
  }
  return problem;
}

TEST(CheapestTest, WithoutBudgetsTheFrontiersMetricComesFirst) {
  Problem problem = Flat();
  EXPECT_THAT(Solve(problem)->assignment,
              UnorderedElementsAre(Pair("a", "slow"), Pair("b", "slow")))
      << "by name: size before time";
  problem.frontier = "time";
  EXPECT_THAT(Solve(problem)->assignment,
              UnorderedElementsAre(Pair("a", "fast"), Pair("b", "fast")));
}

TEST(CheapestTest, WhatIsLimitedComesBeforeAllElse) {
  Problem problem = Flat();
  problem.frontier = "time";
  problem.budgets["size"] = 16;
  EXPECT_THAT(Solve(problem)->assignment,
              UnorderedElementsAre(Pair("a", "slow"), Pair("b", "slow")));
  // Equal shares of the limit: the frontier's metric decides.
  for (Problem::Layer& layer : problem.layers) layer.choices[3].cost["size"] = 2;
  EXPECT_THAT(Solve(problem)->assignment,
              UnorderedElementsAre(Pair("a", "fast"), Pair("b", "fast")));
}

TEST(CheapestTest, LossComesFirst) {
  Problem problem = Flat();
  problem.budgets["size"] = 16;
  problem.layers[0].choices[0].loss = 0.25;
  const auto solution = Solve(problem);
  EXPECT_THAT(solution->assignment, UnorderedElementsAre(Pair("a", "wide"), Pair("b", "slow")));
  EXPECT_EQ(solution->status, Solution::Status::kOptimal);
  EXPECT_EQ(solution->loss, 0.75);
  EXPECT_EQ(solution->gap, 0);
}

TEST(CheapestTest, EdgesAndTheirPricesCount) {
  Problem problem = Flat();
  problem.frontier = "time";
  // Changing from fast to anything is dear, and so is being fast twice.
  problem.edges = {{"a", "b", {{"fast", "fast", {{"time", 20}}}}}};
  const auto solution = Solve(problem);
  EXPECT_EQ(solution->cost.at("time"), 4) << "fast beside small or wide";
  EXPECT_EQ(solution->cost.at("size"), 4) << "of these the smaller";
}

TEST(CheapestTest, NoOtherChoiceOfOneLayerIsCheaperAtNoMoreLoss) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    RandomProblemOptions options;
    options.seed = seed;
    options.layers = 5;
    options.choices = 4;
    Problem problem = RandomProblem(options);
    // Losses of few values, as of scores that are clamped.
    for (Problem::Layer& layer : problem.layers) {
      for (Problem::Choice& choice : layer.choices) choice.loss = choice.loss > 0.5 ? 1 : 0;
    }
    const auto solution = Solve(problem);
    ASSERT_TRUE(solution.ok()) << solution.status();
    if (solution->status == Solution::Status::kInfeasible) continue;
    ASSERT_TRUE(CheckSolution(problem, *solution).ok());
    const auto shares = [&](const Costs& cost) {
      double sum = 0;
      for (const auto& [metric, limit] : problem.budgets) sum += cost.at(metric) / limit;
      return sum;
    };
    for (const FrontierPoint& other : AllAssignments(problem)) {
      int changes = 0;
      for (const auto& [layer, choice] : other.assignment) {
        changes += solution->assignment.at(layer) != choice;
      }
      if (changes != 1 || other.loss > solution->loss) continue;
      EXPECT_GE(shares(other.cost), shares(solution->cost) - 1e-9) << seed;
    }
    EXPECT_EQ(Solve(problem)->assignment, solution->assignment);
  }
}

}  // namespace
}  // namespace halftone
