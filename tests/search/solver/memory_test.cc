#include <algorithm>
#include <string>

#include "base/bounded_json.h"
#include "base/memory_budget.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "search/solver/compile.h"
#include "search/solver/elimination.h"
#include "search/solver/front_bound.h"
#include "search/solver/problem_memory.h"
#include "search/solver/solve_memory.h"
#include "search/solver/solver.h"
#include "search/solver/stop.h"
#include "tests/allocations.h"
#include "tests/search/solver/random_problem.h"
#include "tests/search/solver/solve_for.h"

// What is estimated of problems beside what reading and solving them really allocates.
namespace halftone {
namespace {

using testing::ExpectEstimates;
using ::testing::HasSubstr;
using testing::PeakAllocation;

class SolverMemoryTest : public ::testing::Test {
 protected:
  ~SolverMemoryTest() override { MemoryBudget::SetLimitBytes(0); }
};

// ---- Reading -----------------------------------------------------------------------------------

struct ReadingCase {
  const char* name;
  RandomProblemOptions options;
};

class ReadingMemoryTest : public SolverMemoryTest,
                          public ::testing::WithParamInterface<ReadingCase> {};

TEST_P(ReadingMemoryTest, IsTheTextItsValuesAndTheProblem) {
  const std::string text = ProblemToJson(RandomProblem(GetParam().options)).dump();
  ASSERT_GT(text.size(), 50'000u);
  const PeakAllocation peak;
  const auto document = ParseBoundedJson(text);
  ASSERT_TRUE(document.ok()) << document.status();
  const auto problem = ProblemFromJson(*document);
  ASSERT_TRUE(problem.ok()) << problem.status();
  const double allocated = static_cast<double>(peak.Bytes());
  ExpectEstimates(ProblemReadingBytes(text), allocated + static_cast<double>(text.size()));
  EXPECT_LT(ProblemReadingBytes(text + std::string(100'000, ' ')),
            ProblemReadingBytes(text) + 100'001);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, ReadingMemoryTest,
    ::testing::Values(ReadingCase{"choices", {.layers = 500, .choices = 6, .budgets = 3}},
                      ReadingCase{"edges", {.layers = 100, .choices = 6, .edges = 1}},
                      ReadingCase{"interactions", {.layers = 20, .choices = 5, .interactions = 1}},
                      ReadingCase{"rows", {.layers = 60, .choices = 6, .rows = 100}}),
    [](const auto& info) { return std::string(info.param.name); });

// ---- Solving -----------------------------------------------------------------------------------

size_t ColumnsOf(const CompiledProblem& compiled) {
  return compiled.Compact(compiled.limits())->cross->columns();
}

TEST_F(SolverMemoryTest, OfLossesBetweenAllLayers) {
  RandomProblemOptions options;
  options.layers = 60;
  options.choices = 8;
  options.rows = 20;
  Problem problem = RandomProblem(options);
  for (const char* frontier : {"", "m0"}) {
    problem.frontier = frontier;
    const size_t columns = ColumnsOf(*CompiledProblem::Create(problem));
    const PeakAllocation peak;
    ASSERT_TRUE(SolveFor(problem, 20'000).ok());
    ExpectEstimates(CrossSolvingBytes(columns, 20, !problem.frontier.empty()),
                    static_cast<double>(peak.Bytes()));
  }
}

// Without limits the least sum proves itself: no partial selections are held.
TEST_F(SolverMemoryTest, OfPricesOfNeighbours) {
  RandomProblemOptions options;
  options.layers = 300;
  options.choices = 6;
  options.edges = 1;
  Problem problem = RandomProblem(options);
  problem.budgets.clear();
  problem.objective_weights["m0"] = 1;
  double estimate = 0;
  {
    const CompiledProblem compiled = *CompiledProblem::Create(problem);
    const CompactProblem compact = *compiled.Compact(compiled.limits());
    const Elimination elimination = Elimination::Plan(compact);
    estimate = PairSolvingBytes(compact, elimination, /*has_frontier=*/false) +
               static_cast<double>(compiled.pair_bytes());
  }
  const PeakAllocation peak;
  ASSERT_TRUE(Solve(problem).ok());
  ExpectEstimates(estimate, static_cast<double>(peak.Bytes()));
}

TEST_F(SolverMemoryTest, OfTheBoundsOfAFrontier) {
  RandomProblemOptions options;
  options.layers = 150;
  options.choices = 6;
  options.edges = 1;
  const Problem problem = RandomProblem(options);
  const PeakAllocation peak;
  const CompiledProblem compiled = *CompiledProblem::Create(problem);
  const CompactProblem compact = *compiled.Compact(compiled.limits());
  const Elimination elimination = Elimination::Plan(compact);
  ASSERT_TRUE(elimination.exact());
  Stop never({}, SteadyTime::InfiniteFuture());
  const FrontBound front(compact, elimination, never);
  const auto allocated = static_cast<double>(peak.Bytes());
  EXPECT_EQ(front.tables().size(), FrontBound::kMostWeights);
  ExpectEstimates(PairSolvingBytes(compact, elimination, /*has_frontier=*/true) +
                      static_cast<double>(compiled.pair_bytes()),
                  allocated);
}

TEST_F(SolverMemoryTest, WhatDoesNotFitIsRefusedWithWhatWouldFit) {
  RandomProblemOptions options;
  options.layers = 60;
  options.choices = 5;
  options.edges = 1;
  Problem problem = RandomProblem(options);
  problem.frontier = "m0";
  const CompiledProblem compiled = *CompiledProblem::Create(problem);
  const CompactProblem compact = *compiled.Compact(compiled.limits());
  const Elimination elimination = Elimination::Plan(compact);
  const auto needed = [&](bool has_frontier) {
    return PairSolvingBytes(compact, elimination, has_frontier) +
           static_cast<double>(compiled.pair_bytes());
  };
  const auto refused = [&](double limit) {
    MemoryBudget::SetLimitBytes(limit);
    const absl::Status status = SolveFor(problem, 1'000).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    return std::string(status.message());
  };
  ASSERT_LT(needed(false), needed(true));
  EXPECT_THAT(refused(needed(true) - 1),
              AllOf(HasSubstr("solving a problem of this size needs about"),
                    HasSubstr("it would fit without a frontier")));
  EXPECT_THAT(refused(needed(false) - 1), HasSubstr("it would fit with fewer choices"));
  MemoryBudget::SetLimitBytes(needed(true) + 1);
  EXPECT_FALSE(absl::IsResourceExhausted(SolveFor(problem, 1'000).status()));
}

}  // namespace
}  // namespace halftone
