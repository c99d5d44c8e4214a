#include "search/stability.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nlohmann/json.hpp"
#include "search/solver/solver.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

const Precision kLow = Precision::Int(4, 4), kHigh = Precision::Int(8, 8);

// Two layers of equal cost, of which the budget lets one have 8 bits.
Problem OneMayBeHigh() {
  Problem problem;
  for (const char* name : {"a", "b"}) {
    problem.layers.push_back(
        {name, {{"w4a4", 1, {{"size_bytes", 1}}}, {"w8a8", 0, {{"size_bytes", 2}}}}});
  }
  problem.layers[0].choices[0].loss = 3;
  problem.budgets = {{"size_bytes", 3}};
  return problem;
}

SensitivityResult Resampled(std::vector<std::vector<double>> losses) {
  SensitivityResult result;
  result.layers = {{.name = "a", .choices = {{kLow, 3, 0}, {kHigh, 0, 0}}},
                   {.name = "b", .choices = {{kLow, 1, 0}, {kHigh, 0, 0}}}};
  result.resampled_losses = std::move(losses);
  return result;
}

absl::StatusOr<Stability> Measure(const Problem& problem, const SensitivityResult& result) {
  const Solution solution = Solve(problem).value();
  const ProblemSolver solve = [](const Problem& drawn, const Progress& progress) {
    return Solve(drawn, {}, progress);
  };
  return MeasureStability(problem, solution.assignment, result, solve, {});
}

TEST(StabilityTest, CountsTheResamplesThatChooseOtherwise) {
  const auto stability =
      Measure(OneMayBeHigh(), Resampled({{3, 0, 1, 0}, {2, 0, 1, 0}, {1, 0, 2, 0}, {5, 0, 1, 0}}));
  ASSERT_TRUE(stability.ok()) << stability.status();
  EXPECT_EQ(stability->resamples, 4);
  ASSERT_EQ(stability->layers.size(), 2u);
  EXPECT_EQ(stability->layers[0].chosen, "w8a8");
  EXPECT_DOUBLE_EQ(stability->layers[0].changed, 0.25);
  EXPECT_THAT(stability->layers[0].shares, ElementsAre(Pair("w4a4", 0.25), Pair("w8a8", 0.75)));
  EXPECT_EQ(stability->layers[1].chosen, "w4a4");
  EXPECT_DOUBLE_EQ(stability->layers[1].changed, 0.25);
}

// Nine ninths, added up, are more than 1.
TEST(StabilityTest, NoShareIsAboveOne) {
  const auto stability =
      Measure(OneMayBeHigh(), Resampled(std::vector<std::vector<double>>(9, {1, 0, 2, 0})));
  ASSERT_TRUE(stability.ok()) << stability.status();
  EXPECT_EQ(stability->layers[0].changed, 1);
  EXPECT_THAT(stability->layers[0].shares, ElementsAre(Pair("w4a4", 1)));
}

TEST(StabilityTest, ScalesInteractionsWithTheLosses) {
  Problem problem = OneMayBeHigh();
  problem.budgets.clear();
  // Together the low choices would be worth having, but for their sum.
  problem.interactions = {{{"a", "w4a4"}, {"b", "w4a4"}, -5}};
  const auto stability = Measure(problem, Resampled({{3, 0, 1, 0}, {0.12, 0, 4, 0}}));
  ASSERT_TRUE(stability.ok()) << stability.status();
  EXPECT_EQ(stability->layers[0].chosen, "w4a4");
  // sqrt(0.12 / 3) * sqrt(4 / 1) = 0.4: 4.12 - 2 > 0.
  EXPECT_DOUBLE_EQ(stability->layers[0].changed, 0.5);
}

TEST(StabilityTest, SurvivesJson) {
  const Stability stability =
      Measure(OneMayBeHigh(), Resampled({{3, 0, 1, 0}, {1, 0, 2, 0}})).value();
  const auto read = StabilityFromJson(StabilityToJson(stability));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(StabilityToJson(*read), StabilityToJson(stability));
  EXPECT_FALSE(StabilityFromJson(nlohmann::json::parse(R"({"layers":[{"changed":1}]})")).ok());
}

TEST(StabilityTest, SaysWhatIsMissing) {
  EXPECT_EQ(Measure(OneMayBeHigh(), Resampled({})).status().code(),
            absl::StatusCode::kInvalidArgument);
  Problem other = OneMayBeHigh();
  other.layers[0].name = "x";
  other.layers[1].name = "y";
  EXPECT_EQ(Measure(other, Resampled({{3, 0, 1, 0}})).status().code(),
            absl::StatusCode::kInvalidArgument);
  Problem tight = OneMayBeHigh();
  tight.budgets["size_bytes"] = 1;
  EXPECT_EQ(Measure(tight, Resampled({{3, 0, 1, 0}})).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(StabilityTest, CountsTheResamplesThatThereWasTimeFor) {
  const auto measure_with = [](int most) {
    int solved = 0;
    const ProblemSolver solve = [&](const Problem& drawn,
                                    const Progress& part) -> absl::StatusOr<Solution> {
      if (++solved > most) return absl::DeadlineExceededError("no time");
      return Solve(drawn, {}, part);
    };
    const Problem problem = OneMayBeHigh();
    return MeasureStability(problem, Solve(problem)->assignment,
                            Resampled({{3, 0, 1, 0}, {1, 0, 2, 0}, {5, 0, 1, 0}}), solve, {});
  };
  const auto stability = measure_with(2);
  ASSERT_TRUE(stability.ok()) << stability.status();
  EXPECT_EQ(stability->resamples, 2);
  EXPECT_DOUBLE_EQ(stability->layers[0].changed, 0.5);
  EXPECT_EQ(measure_with(0).status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(StabilityTest, CanBeCancelled) {
  Progress progress;
  progress.cancellation.Cancel();
  const ProblemSolver solve = [](const Problem& drawn, const Progress& part) {
    return Solve(drawn, {}, part);
  };
  EXPECT_EQ(MeasureStability(OneMayBeHigh(), {}, Resampled({{3, 0, 1, 0}}), solve, progress)
                .status()
                .code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace halftone
