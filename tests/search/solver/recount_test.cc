#include "search/solver/recount.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/solver/compile.h"
#include "tests/search/solver/random_problem.h"

namespace halftone {
namespace {

using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

// Three layers with everything that a loss or a cost can come from.
Problem Everything() {
  Problem problem;
  for (const char* name : {"a", "b", "c"}) {
    problem.layers.push_back({name, {{"low", 4, {{"x", 1}}}, {"high", 1, {{"x", 2}, {"y", 8}}}}});
  }
  problem.edges = {{"a", "b", {{"low", "high", {{"x", 10}}}, {"high", "low", {{"x", 20}}}}},
                   {"b", "c", {{"high", "high", {{"z", 5}}}}}};
  problem.interactions = {{{"a", "low"}, {"c", "high"}, 100}, {{"a", "high"}, {"c", "high"}, 200}};
  problem.interaction_rows = {{{"a", "low"}, {"b", "high"}, {"c", "high"}, {"c", "low"}},
                              {{1, 2, 3, 50}, {0, 1, -1, 50}},
                              0.5};
  problem.max_changes = 3;
  problem.neighbours = {{"a", "b"}, {"b", "a"}, {"b", "c"}};
  problem.objective_weights = {{"x", 2}, {"z", 3}};
  return problem;
}

TEST(RecountTest, AddsUpWhatIsListed) {
  const auto point = Recount(Everything(), {{"a", "low"}, {"b", "high"}, {"c", "high"}});
  ASSERT_TRUE(point.ok()) << point.status();
  // 4 + 1 + 1 of the layers, 100 between a and c, and half of (1 2 + 1 3 + 2 3) + (-1).
  EXPECT_EQ(point->loss, 6 + 100 + 0.5 * (11 - 1));
  EXPECT_EQ(point->lower_bound, point->loss);
  EXPECT_THAT(point->cost, UnorderedElementsAre(Pair("x", 1 + 2 + 2 + 10), Pair("y", 16),
                                                Pair("z", 5), Pair(kChangesMetric, 1)));
  ASSERT_TRUE(point->objective.has_value());
  EXPECT_EQ(point->objective->value, point->loss + 2 * 15 + 3 * 5);
}

TEST(RecountTest, WhatIsNotAssignedOrUnknownIsNamed) {
  const auto complaint = [](const Assignment& assignment) {
    return std::string(Recount(Everything(), assignment).status().message());
  };
  EXPECT_THAT(complaint({{"a", "low"}, {"b", "low"}}), HasSubstr("'c' is not assigned"));
  EXPECT_THAT(complaint({{"a", "low"}, {"b", "low"}, {"c", "mid"}}), HasSubstr("no choice 'mid'"));
  EXPECT_THAT(complaint({{"a", "low"}, {"b", "low"}, {"c", "low"}, {"d", "low"}}),
              HasSubstr("layers that the problem does not have"));
}

// The checkers' sums and the solver's are separate code.
TEST(RecountTest, AgreesWithWhatTheSolverAddsUp) {
  RandomProblemOptions options;
  options.edges = 0.8;
  options.interactions = 0.3;
  options.rows = 3;
  options.budgets = options.weights = 2;
  options.max_changes = 4;
  for (options.seed = 0; options.seed < 50; ++options.seed) {
    const Problem problem = RandomProblem(options);
    Assignment assignment;
    for (size_t i = 0; i < problem.layers.size(); ++i) {
      assignment[problem.layers[i].name] =
          problem.layers[i].choices[(options.seed / (i + 1)) % 3].name;
    }
    const FrontierPoint own = *Recount(problem, assignment);
    const FrontierPoint other = *EvaluateAssignment(problem, assignment);
    EXPECT_NEAR(own.loss, other.loss, 1e-12);
    EXPECT_NEAR(own.Minimized(), other.Minimized(), 1e-12);
    ASSERT_EQ(own.cost.size(), other.cost.size());
    for (const auto& [metric, cost] : own.cost) EXPECT_NEAR(cost, other.cost.at(metric), 1e-12);
  }
}

}  // namespace
}  // namespace halftone
