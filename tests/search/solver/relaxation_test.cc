#include "search/solver/relaxation.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/infinity.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "tests/search/solver/all_selections.h"
#include "tests/search/solver/random_problem.h"

namespace halftone {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Pins leave a constant, which bounds with pairs have to count once.
CompactProblem Pinned(uint64_t seed) {
  RandomProblemOptions options;
  options.seed = seed;
  options.layers = 3 + static_cast<int>(seed % 3);
  options.budgets = 1 + static_cast<int>(seed % 2);
  options.tightness = 0.5;
  options.rows = 3;
  options.edges = 0.7;
  options.pins = 1;
  return Compacted(RandomProblem(options));
}

ConvexForm FormOf(const CompactProblem& problem) {
  Stop never({}, SteadyTime::InfiniteFuture());
  ConvexForm form;
  EXPECT_TRUE(Convexifier(problem).Take(form, never));
  return form;
}

std::vector<double> RandomFractions(const CompactProblem& problem, SplitMix64& random) {
  std::vector<double> fractions;
  for (int choices : problem.choices) {
    double sum = 0;
    for (int o = 0; o < choices; ++o) sum += fractions.emplace_back(random.Uniform());
    for (size_t c = fractions.size() - size_t(choices); c < fractions.size(); ++c) {
      fractions[c] /= sum;
    }
  }
  return fractions;
}

void ExpectHolds(const CompactProblem& problem, const Relaxation::Bound& bound) {
  EXPECT_TRUE(std::isfinite(bound.loss));
  for (const Selection& selection : AllSelections(problem)) {
    const std::vector<double> totals = problem.Evaluate(selection);
    if (!problem.IsFeasible(totals)) continue;
    ASSERT_GE(totals[0] + 1e-9, bound.loss);
    for (size_t v = 0; v < selection.size(); ++v) {
      const size_t column = problem.cross->first[v] + size_t(selection[v]);
      ASSERT_GE(totals[0] + 1e-9, bound.loss + bound.reduced[column]);
    }
  }
}

TEST(RelaxationTest, BoundsHoldForAnyFractionsAndMultipliers) {
  SplitMix64 random(5);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const CompactProblem problem = Pinned(seed);
    ASSERT_NE(problem.constant[0], 0);
    const ConvexForm form = FormOf(problem);
    Relaxation relaxation(problem, form);
    const std::vector<char> allowed(form.columns, 1);
    for (const double lambda : {0.0, 0.3, 10.0, 1e12, 1e250, kInfinity, -kInfinity, -1.0, kNaN}) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", multiplier " << lambda);
      Relaxation::Point point{RandomFractions(problem, random),
                              std::vector<double>(problem.limit.size(), lambda)};
      ExpectHolds(problem, relaxation.BoundAt(allowed, point));
      Stop never({}, SteadyTime::InfiniteFuture());
      const auto best = relaxation.Minimize(allowed, kInfinity, 0, 5, never, point);
      EXPECT_LE(best.loss, LeastLoss(problem) + 1e-9);
      ExpectHolds(problem, relaxation.BoundAt(allowed, point));
    }
  }
}

// Gradients are moved along with the fractions, and each step leaves a rounding in them: what is
// taken off for it is enough after thousands of steps.
TEST(RelaxationTest, BoundsHoldAfterThousandsOfSteps) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE(seed);
    const CompactProblem problem = Pinned(seed);
    const ConvexForm form = FormOf(problem);
    Relaxation relaxation(problem, form);
    const std::vector<char> allowed(form.columns, 1);
    SplitMix64 random(seed);
    Relaxation::Point point{RandomFractions(problem, random),
                            std::vector<double>(problem.limit.size(), 0.0)};
    Stop never({}, SteadyTime::InfiniteFuture());
    // A tolerance below any rounding: every round is run.
    const auto best = relaxation.Minimize(allowed, kInfinity, -1, 5'000, never, point);
    EXPECT_LE(best.loss, LeastLoss(problem));
    ExpectHolds(problem, best);
  }
}

}  // namespace
}  // namespace halftone
