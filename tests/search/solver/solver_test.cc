#include "search/solver/solver.h"

#include <algorithm>
#include <cmath>

#include "base/memory_budget.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/search/solver/random_problem.h"
#include "tests/search/solver/solve_for.h"

namespace halftone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

// Two layers that cost 1 or 2 of two metrics, and lose the less the more they cost.
Problem Small() {
  Problem problem;
  for (const char* name : {"a", "b"}) {
    problem.layers.push_back(
        {name, {{"low", 4, {{"x", 1}, {"y", 2}}}, {"high", 1, {{"x", 2}, {"y", 1}}}}});
  }
  return problem;
}

// Many layers that all interact: far too hard to prove in moments.
Problem Hard() {
  RandomProblemOptions options;
  options.seed = 5;
  options.layers = 40;
  options.choices = 5;
  options.interactions = 1;
  return RandomProblem(options);
}

TEST(SolverTest, PairsThatDoNotFitTheMemoryAreRefusedBeforeTheyAreTabulated) {
  const Problem problem = Hard();
  SolveOptions options;
  options.time_limit = absl::Seconds(1);
  MemoryBudget::SetLimitBytes(1e5);
  const absl::Status refused = Solve(problem, options).status();
  MemoryBudget::SetLimitBytes(0);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("it would fit with fewer choices"));
  EXPECT_TRUE(Solve(problem, options).ok());
}

TEST(SolverTest, WithoutBudgetsTheLeastLossIsTaken) {
  const auto solution = Solve(Small());
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_EQ(solution->status, Solution::Status::kOptimal);
  EXPECT_EQ(solution->loss, 2);
  EXPECT_EQ(solution->lower_bound, 2);
  EXPECT_EQ(solution->gap, 0);
  EXPECT_THAT(solution->assignment, UnorderedElementsAre(Pair("a", "high"), Pair("b", "high")));
  EXPECT_THAT(solution->cost, UnorderedElementsAre(Pair("x", 4), Pair("y", 2)));
}

TEST(SolverTest, ABudgetIsKeptToItsLimitExactly) {
  Problem problem = Small();
  problem.budgets["x"] = 3;
  auto solution = Solve(problem);
  ASSERT_TRUE(solution.ok());
  EXPECT_EQ(solution->loss, 5);
  EXPECT_EQ(solution->cost.at("x"), 3);
  problem.budgets["x"] = 2.999;
  solution = Solve(problem);
  ASSERT_TRUE(solution.ok());
  EXPECT_EQ(solution->loss, 8);
}

TEST(SolverTest, InfeasibleBudgetsAreExplained) {
  Problem problem = Small();
  problem.budgets["x"] = 2;
  problem.budgets["y"] = 2;
  const auto solution = Solve(problem);
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_EQ(solution->status, Solution::Status::kInfeasible);
  ASSERT_TRUE(solution->infeasible.has_value());
  EXPECT_THAT(solution->infeasible->minimum, UnorderedElementsAre(Pair("x", 2), Pair("y", 2)));
  EXPECT_THAT(solution->infeasible->conflict, UnorderedElementsAre("x", "y"));
  const Costs& nearest = solution->infeasible->nearest.cost;
  EXPECT_EQ(nearest.at("x") + nearest.at("y"), 6);
  EXPECT_TRUE(CheckSolution(problem, *solution).ok());
}

TEST(SolverTest, ABudgetThatCannotBeMetAloneIsTheConflict) {
  Problem problem = Small();
  problem.budgets["x"] = 1;
  problem.budgets["y"] = 3;
  const auto solution = Solve(problem);
  ASSERT_TRUE(solution.ok());
  ASSERT_TRUE(solution->infeasible.has_value());
  EXPECT_THAT(solution->infeasible->conflict, ElementsAre("x"));
}

TEST(SolverTest, ABudgetOfZeroNeedsFreeChoices) {
  Problem problem = Small();
  for (Problem::Layer& layer : problem.layers) {
    for (Problem::Choice& choice : layer.choices) choice.cost["z"] = 0;
    layer.choices[0].cost["z"] = 1e-9;
  }
  problem.budgets["z"] = 0;
  const auto solution = Solve(problem);
  ASSERT_TRUE(solution.ok());
  EXPECT_EQ(solution->cost.at("x"), 4);
  EXPECT_EQ(solution->status, Solution::Status::kOptimal);
  problem.pins["a"] = "low";
  const auto pinned = Solve(problem);
  ASSERT_TRUE(pinned.ok());
  EXPECT_EQ(pinned->status, Solution::Status::kInfeasible);
}

TEST(SolverTest, AFrontierIgnoresItsOwnBudgetAndKeepsOthers) {
  Problem problem = Small();
  problem.budgets["x"] = 2;
  problem.frontier = "x";
  auto solution = Solve(problem);
  ASSERT_TRUE(solution.ok());
  ASSERT_EQ(solution->frontier.size(), 3u);
  EXPECT_EQ(solution->frontier[0].loss, 8);
  EXPECT_EQ(solution->frontier[2].loss, 2);
  problem.budgets["y"] = 3;
  solution = Solve(problem);
  ASSERT_TRUE(solution.ok());
  ASSERT_EQ(solution->frontier.size(), 2u);
  EXPECT_EQ(solution->frontier[0].loss, 5);
  EXPECT_TRUE(CheckSolution(problem, *solution).ok());
}

TEST(SolverTest, AFrontierIsThinnedToWhatIsAskedForWithItsEnds) {
  RandomProblemOptions options;
  options.layers = 40;
  Problem problem = RandomProblem(options);
  problem.frontier = "m0";
  const auto all = Solve(problem);
  const auto few = Solve(problem, {.max_frontier_points = 10});
  ASSERT_TRUE(all.ok() && few.ok());
  ASSERT_GT(all->frontier.size(), 100u);
  ASSERT_EQ(few->frontier.size(), 10u);
  EXPECT_EQ(few->frontier.front().loss, all->frontier.front().loss);
  EXPECT_EQ(few->frontier.back().loss, all->frontier.back().loss);
}

TEST(SolverTest, AFrontierWithInteractionsHasABoundForEachPoint) {
  RandomProblemOptions options;
  options.layers = 7;
  options.interactions = 0.5;
  Problem problem = RandomProblem(options);
  problem.frontier = "m0";
  const auto solution = Solve(problem);
  ASSERT_TRUE(solution.ok());
  EXPECT_GT(solution->frontier.size(), 3u);
  const absl::Status checked = CheckSolution(problem, *solution);
  EXPECT_TRUE(checked.ok()) << checked;
  for (const FrontierPoint& point : solution->frontier) {
    // What is proven for a point is proven by a search of its own.
    Problem single = problem;
    single.frontier.clear();
    single.budgets["m0"] = point.cost.at("m0");
    const auto best = Solve(single);
    ASSERT_TRUE(best.ok());
    EXPECT_LE(point.lower_bound, best->loss + 1e-9);
  }
}

// The size that has to be proven; how long that takes is a benchmark's subject.
TEST(SolverTest, AThousandLayersAreProven) {
  RandomProblemOptions options;
  options.layers = 1000;
  options.choices = 8;
  const Problem problem = RandomProblem(options);
  const auto solution = Solve(problem);
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_EQ(solution->status, Solution::Status::kOptimal);
  EXPECT_TRUE(CheckSolution(problem, *solution).ok());
}

TEST(SolverTest, AtTheTimeLimitTheBestSoFarComesWithItsBound) {
  const Problem problem = Hard();
  const auto solution = SolveFor(problem, 5'000);
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_EQ(solution->status, Solution::Status::kFeasible);
  EXPECT_LT(solution->lower_bound, solution->loss);
  EXPECT_GT(solution->gap, 0);
  EXPECT_TRUE(CheckSolution(problem, *solution).ok());
}

TEST(SolverTest, AFrontierThatIsStoppedEarlyHasBoundsEverywhere) {
  RandomProblemOptions options;
  options.layers = 8;
  options.choices = 5;
  options.rows = 6;
  Problem problem = RandomProblem(options);
  problem.frontier = problem.budgets.begin()->first;
  int answers = 0;
  for (int limit = 1; limit < 400; limit += 1 + limit / 10) {
    SCOPED_TRACE(limit);
    const auto solution = SolveFor(problem, limit);
    if (!solution.ok()) {
      EXPECT_EQ(solution.status().code(), absl::StatusCode::kDeadlineExceeded) << solution.status();
      continue;
    }
    ++answers;
    EXPECT_TRUE(std::isfinite(solution->lower_bound));
    for (const FrontierPoint& point : solution->frontier) {
      EXPECT_TRUE(std::isfinite(point.lower_bound));
    }
  }
  EXPECT_GT(answers, 10);
}

TEST(SolverTest, ACancelledSearchSaysSoOrReturnsWhatItHas) {
  Progress progress;
  progress.cancellation.Cancel();
  const auto solution = Solve(Hard(), {}, progress);
  if (solution.ok()) {
    EXPECT_EQ(solution->status, Solution::Status::kFeasible);
  } else {
    EXPECT_EQ(solution.status().code(), absl::StatusCode::kCancelled);
  }
}

TEST(SolverTest, TheSameProblemGivesTheSameAnswer) {
  RandomProblemOptions options;
  options.layers = 20;
  options.integer = true;
  options.edges = 0.5;
  const Problem problem = RandomProblem(options);
  const auto first = Solve(problem), second = Solve(problem);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->assignment, second->assignment);
}

TEST(SolverTest, NegativeCostsAndLossesAreAllowed) {
  Problem problem = Small();
  problem.layers[0].choices[0].cost["x"] = -5;
  problem.layers[0].choices[0].loss = -1;
  problem.budgets["x"] = 0;
  const auto solution = Solve(problem);
  ASSERT_TRUE(solution.ok());
  EXPECT_EQ(solution->status, Solution::Status::kOptimal);
  EXPECT_EQ(solution->loss, 0);
}

TEST(SolverTest, AMalformedProblemIsRefused) {
  Problem problem = Small();
  problem.budgets["x"] = -1;
  EXPECT_EQ(Solve(problem).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(SolutionJsonTest, ReadsBackWhatItWrote) {
  Problem problem = Small();
  problem.frontier = "x";
  for (const double limit : {3.0, 1.0}) {
    problem.budgets["x"] = limit;
    const auto solution = Solve(problem);
    ASSERT_TRUE(solution.ok());
    const nlohmann::json written = SolutionToJson(*solution);
    const auto read = SolutionFromJson(written);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(SolutionToJson(*read), written);
  }
  const absl::Status status = SolutionFromJson({{"status", "PERHAPS"}}).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("PERHAPS"));
  EXPECT_FALSE(SolutionFromJson(nlohmann::json::array()).ok());
}

// A correct answer, and what the checker must notice when it is changed.
class CheckSolutionTest : public testing::Test {
 protected:
  CheckSolutionTest() : problem_(Small()) {
    problem_.layers.push_back(problem_.layers[0]);
    problem_.layers[2].name = "c";
    problem_.ties = {{"a", "b"}};
    problem_.pins = {{"c", "low"}};
    problem_.budgets["x"] = 5;
    problem_.frontier = "x";
    solution_ = *Solve(problem_);
  }
  std::string Complaint() const {
    return std::string(CheckSolution(problem_, solution_).message());
  }
  Problem problem_;
  Solution solution_;
};

TEST_F(CheckSolutionTest, AcceptsACorrectAnswer) { EXPECT_EQ(Complaint(), ""); }

TEST_F(CheckSolutionTest, WrongLoss) {
  solution_.loss = solution_.lower_bound -= 0.1;
  EXPECT_THAT(Complaint(), HasSubstr("loss is"));
}

TEST_F(CheckSolutionTest, WrongCost) {
  solution_.cost["y"] += 1;
  EXPECT_THAT(Complaint(), HasSubstr("cost 'y'"));
}

TEST_F(CheckSolutionTest, ExceededBudget) {
  problem_.budgets["x"] = 4.9;
  EXPECT_THAT(Complaint(), HasSubstr("is exceeded"));
}

TEST_F(CheckSolutionTest, BrokenTie) {
  problem_.ties = {{"a", "c"}};
  EXPECT_THAT(Complaint(), HasSubstr("differ"));
}

TEST_F(CheckSolutionTest, BrokenPin) {
  problem_.pins = {{"a", "low"}};
  EXPECT_THAT(Complaint(), HasSubstr("pinned"));
}

TEST_F(CheckSolutionTest, BoundAboveTheLoss) {
  solution_.lower_bound = solution_.loss + 1;
  EXPECT_THAT(Complaint(), HasSubstr("lower bound"));
}

TEST_F(CheckSolutionTest, OptimalWithAGap) {
  solution_.lower_bound -= 1;
  EXPECT_THAT(Complaint(), HasSubstr("optimal with a gap"));
}

TEST_F(CheckSolutionTest, BoundAboveAPointOfTheFrontier) {
  // The answer is claimed to be optimal though the frontier shows a better one.
  const FrontierPoint& worse = solution_.frontier.front();
  solution_.loss = solution_.lower_bound = worse.loss;
  solution_.cost = worse.cost;
  solution_.assignment = worse.assignment;
  EXPECT_THAT(Complaint(), HasSubstr("below the lower bound"));
}

TEST_F(CheckSolutionTest, MissingLayer) {
  solution_.assignment.erase("b");
  EXPECT_THAT(Complaint(), HasSubstr("'b' is not assigned"));
}

// Two layers of losses 4 or 1 that cost 1 or 2, and 5 for a change between them.
Problem WeightedProblem(double weight) {
  Problem problem;
  for (const char* name : {"a", "b"}) {
    problem.layers.push_back({name, {{"low", 4, {{"x", 1}}}, {"high", 1, {{"x", 2}}}}});
  }
  problem.layers[1].choices[1].loss = 3;
  problem.edges = {{"a", "b", {{"low", "high", {{"x", 5}}}, {"high", "low", {{"x", 5}}}}}};
  problem.objective_weights["x"] = weight;
  return problem;
}

TEST(SolverTest, ObjectiveWeightsCountCostsBesideTheLoss) {
  // The gain of 3 and the gain of 1 cost one each, and five if only one is taken.
  const auto cheap = Solve(WeightedProblem(1.5));
  ASSERT_TRUE(cheap.ok()) << cheap.status();
  EXPECT_EQ(cheap->loss, 4);
  EXPECT_EQ(cheap->lower_bound, 4);
  ASSERT_TRUE(cheap->objective.has_value());
  EXPECT_EQ(cheap->objective->value, 4 + 1.5 * 4);
  EXPECT_EQ(cheap->objective->lower_bound, cheap->objective->value);
  EXPECT_EQ(Solve(WeightedProblem(2.5))->loss, 8);
  EXPECT_EQ(Solve(WeightedProblem(0))->objective->value, 4);

  const auto back = SolutionFromJson(SolutionToJson(*cheap));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(SolutionToJson(*back), SolutionToJson(*cheap));
  Problem unweighted = WeightedProblem(1.5);
  unweighted.objective_weights.clear();
  EXPECT_FALSE(CheckSolution(unweighted, *cheap).ok());
  Solution false_claim = *cheap;
  false_claim.objective->value = false_claim.objective->lower_bound = 9;
  EXPECT_THAT(std::string(CheckSolution(WeightedProblem(1.5), false_claim).message()),
              testing::HasSubstr("the objective is 10, not 9"));
}

TEST(SolverTest, AnOpenBoundOfTheObjectiveIsOneOfTheLossAtTheSameCosts) {
  FrontierPoint point{4, 4, {{"x", 4}}, {}, WeightedObjective{10, 10}};
  point.SetBound(9.5);
  EXPECT_EQ(point.Bound(), 9.5);
  EXPECT_EQ(point.lower_bound, 3.5);
  Solution solution;
  solution.SetPoint(point);
  EXPECT_EQ(solution.gap, 0.05);
  point.SetBound(11);
  EXPECT_EQ(point.Bound(), 10);
}

}  // namespace
}  // namespace halftone
