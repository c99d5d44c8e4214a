#include "server/services/running_solves.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/synchronization/notification.h"
#include "base/clock.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "search/solver/solver.h"
#include "server/services/worker_pool.h"
#include "tests/search/solver/random_problem.h"

namespace halftone {
namespace {

TEST(RunningSolvesTest, StopsTheCallsWithThatIdWhileTheyLast) {
  RunningSolves solves;
  Cancellation one, two, other;
  auto first = std::make_unique<RunningSolves::Entry>(&solves, "a", one);
  const RunningSolves::Entry third(&solves, "b", other);
  EXPECT_FALSE(solves.Stop("c"));
  {
    const RunningSolves::Entry second(&solves, "a", two);
    EXPECT_TRUE(solves.Stop("a"));
  }
  EXPECT_TRUE(one.IsCancelled());
  EXPECT_TRUE(two.IsCancelled());
  EXPECT_FALSE(other.IsCancelled());
  EXPECT_TRUE(solves.Stop("a")) << "stopped, and not answered yet";
  first.reset();
  EXPECT_FALSE(solves.Stop("a"));
}

// Losses between all layers that nothing but time can sort out.
Problem HardProblem() {
  Problem problem = RandomProblem({.seed = 3, .layers = 60, .choices = 8});
  SplitMix64 random(4);
  Problem::InteractionRows& factor = problem.interaction_rows.emplace();
  for (const Problem::Layer& layer : problem.layers) {
    for (const Problem::Choice& choice : layer.choices) {
      factor.choices.emplace_back(layer.name, choice.name);
    }
  }
  factor.rows.assign(40, std::vector<double>(factor.choices.size()));
  for (std::vector<double>& row : factor.rows) {
    for (double& value : row) value = random.Uniform() - 0.5;
  }
  return problem;
}

// Stands still, and tells when it has been asked so often. The solver asks between its steps: by
// then it has found assignments, and a proof is out of reach.
class AskedClock final : public SteadyClock {
 public:
  explicit AskedClock(int64_t times) : left_(times) {}
  SteadyTime Now() const override {
    if (--left_ == 0) asked_.Notify();
    return SteadyTime();
  }
  void Await() const { asked_.WaitForNotification(); }

 private:
  mutable std::atomic<int64_t> left_;
  mutable absl::Notification asked_;
};

// As a call that a worker thread answers is stopped by another call.
TEST(RunningSolvesTest, AStoppedSolveAnswersWithTheBest) {
  const Problem problem = HardProblem();
  RunningSolves solves;
  WorkerPool pool(/*threads=*/1, /*max_waiting=*/1);
  absl::StatusOr<Solution> solution = absl::InternalError("no answer");
  const AskedClock clock(/*times=*/20'000);
  Progress progress;
  progress.cancellation = Cancellation(clock);
  absl::Notification answered;
  auto entry = std::make_unique<RunningSolves::Entry>(&solves, "it", progress.cancellation);
  ASSERT_TRUE(pool.Submit(progress.cancellation,
                          [&] {
                            solution = Solve(problem, {}, progress);
                            answered.Notify();
                          })
                  .ok());
  clock.Await();
  EXPECT_FALSE(answered.HasBeenNotified());
  EXPECT_TRUE(solves.Stop("it"));
  answered.WaitForNotification();
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_EQ(solution->status, Solution::Status::kFeasible);
  EXPECT_LT(solution->lower_bound, solution->loss);
  EXPECT_TRUE(CheckSolution(problem, *solution).ok());
}

}  // namespace
}  // namespace halftone
