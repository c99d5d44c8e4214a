#include "search/solver/lagrangian.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "base/infinity.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "search/solver/exact.h"
#include "tests/search/solver/all_selections.h"
#include "tests/search/solver/random_problem.h"

namespace halftone {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

CompactProblem Random(uint64_t seed) {
  RandomProblemOptions options;
  options.seed = seed;
  options.layers = 5;
  options.budgets = 1 + static_cast<int>(seed % 3);
  options.tightness = -0.1 + 0.15 * static_cast<double>(seed % 5);
  options.integer = seed % 4 == 0;
  options.edges = seed % 2 == 0 ? 0.6 : 0;
  return Compacted(RandomProblem(options));
}

// Gives every limit the same multiplier.
MultiplierSource Always(double multiplier) {
  return [multiplier](const CompactProblem& problem, const Elimination& elimination,
                      const LagrangianOptions& options, Stop&,
                      const std::function<void(const Selection&)>& visit) {
    visit(Selection(problem.choices.size(), 0));
    std::vector<double> weights(problem.limit.size() + 1, multiplier);
    weights[0] = options.loss_weight;
    return Multipliers{weights, LagrangianBound(problem, elimination.Minimize(weights))};
  };
}

class AnyMultiplierTest : public testing::TestWithParam<double> {};

TEST_P(AnyMultiplierTest, LeavesTheAnswerAsItIs) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const CompactProblem problem = Random(seed);
    Stop never({}, SteadyTime::InfiniteFuture());
    const ExactResult result =
        SolveExactly(problem, Goal::kLoss, never, Incumbent(), Always(GetParam()));
    EXPECT_TRUE(result.proven);
    const double least = LeastLoss(problem);
    ASSERT_EQ(result.incumbent.found(), least < kInfinity);
    if (least < kInfinity) {
      ASSERT_NEAR(result.incumbent.objective, least, 1e-9);
    }
  }
}

TEST_P(AnyMultiplierTest, LeavesTheLeastExcessAsItIs) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const CompactProblem problem = Random(seed);
    double least = kInfinity;
    for (const Selection& selection : AllSelections(problem)) {
      least = std::min(least, problem.Excess(problem.Evaluate(selection)));
    }
    Stop never({}, SteadyTime::InfiniteFuture());
    const ExactResult result =
        SolveExactly(problem, Goal::kExcess, never, Incumbent(), Always(GetParam()));
    EXPECT_TRUE(result.proven);
    ASSERT_NEAR(result.incumbent.objective, least, 1e-9);
  }
}

INSTANTIATE_TEST_SUITE_P(All, AnyMultiplierTest,
                         testing::Values(0.0, 1e-300, 0.7, 1e12, 1e250, 1e308, kInfinity, -1.0,
                                         -kInfinity, kNaN));

class MaximizeLagrangianTest : public testing::TestWithParam<uint64_t> {};

TEST_P(MaximizeLagrangianTest, FindsTheBestBoundOfAllMultipliers) {
  const CompactProblem problem = Random(GetParam());
  const Elimination elimination = Elimination::Plan(problem);
  ASSERT_TRUE(elimination.exact());
  LagrangianOptions options;
  options.penalty = 1e3;
  Stop never({}, SteadyTime::InfiniteFuture());
  int visited = 0;
  const Multipliers best = MaximizeLagrangian(problem, elimination, options, never,
                                              [&](const Selection&) { ++visited; });
  EXPECT_GT(visited, 0);
  EXPECT_TRUE(CanBound(problem, best.weights));
  EXPECT_EQ(best.bound, LagrangianBound(problem, elimination.Minimize(best.weights)));
  EXPECT_LE(best.bound, LeastLoss(problem) + 1e-9);
  // The bound is concave in the multipliers: nothing around the best, near or far, is better.
  const double noise = 1e-7 * std::max(1.0, std::abs(best.bound));
  SplitMix64 random(GetParam());
  for (int i = 0; i < 400; ++i) {
    std::vector<double> weights = best.weights;
    const double width = i % 2 == 0 ? 0.01 : 3;
    for (size_t k = 1; k < weights.size(); ++k) {
      weights[k] += width * (random.Uniform() - 0.5);
      weights[k] = std::clamp(weights[k], 0.0, options.penalty);
    }
    ASSERT_LE(LagrangianBound(problem, elimination.Minimize(weights)), best.bound + noise);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, MaximizeLagrangianTest, testing::Range<uint64_t>(0, 30));

TEST(CanBoundTest, RefusesWhatOverflowsOrIsNegative) {
  const CompactProblem problem = Random(1);
  std::vector<double> weights(problem.limit.size() + 1, 1.0);
  EXPECT_TRUE(CanBound(problem, weights));
  for (const double bad : {-1e-300, 1e300, kInfinity, kNaN}) {
    weights.back() = bad;
    EXPECT_FALSE(CanBound(problem, weights)) << bad;
  }
  weights.pop_back();
  EXPECT_FALSE(CanBound(problem, weights));
}

}  // namespace
}  // namespace halftone
