#include "search/evolve_stage.h"

#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "search/solver/compile.h"
#include "search/solver/solver.h"

namespace halftone {
namespace {

// Six layers of three choices. The model's losses are those of the layers alone; equal neighbours
// really do less.
Problem MakeProblem() {
  Problem problem;
  for (int l = 0; l < 6; ++l) {
    Problem::Layer layer;
    layer.name = std::to_string(l);
    for (const double bits : {2.0, 4.0, 8.0}) {
      layer.choices.push_back({"w" + std::to_string(static_cast<int>(bits)) + "a8",
                               (1.0 + l % 2) / bits,
                               {{"size_bytes", bits * (1 + l % 3)}, {"latency_ns", bits + l}}});
    }
    problem.layers.push_back(layer);
  }
  problem.budgets = {{"size_bytes", 45}};
  problem.frontier = "latency_ns";
  return problem;
}

absl::StatusOr<double> Truth(const Assignment& assignment, const Progress&) {
  double divergence = 0;
  std::string before;
  for (const auto& [layer, choice] : assignment) {
    divergence += 1.0 / (choice[1] - '0') + (choice == before ? 0 : 0.4);
    before = choice;
  }
  return divergence;
}

class EvolveStageTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto solution = Solve(problem_);
    ASSERT_TRUE(solution.ok()) << solution.status();
    solution_ = *solution;
    spec_.strategy = SearchStrategy::kEvolutionary;
  }

  absl::StatusOr<Refinement> Run(int evaluations) {
    RefineRequest request{problem_, solution_.assignment};
    request.evaluations = evaluations;
    measured_.clear();
    const DivergenceFunction measure = [this](const Assignment& assignment,
                                              const Progress& progress) {
      EXPECT_LE(EvaluateAssignment(problem_, assignment)->cost.at("size_bytes"), 45);
      measured_.insert(assignment);
      return Truth(assignment, progress);
    };
    return RefineAndEvolve(spec_, request, solution_, measure, {});
  }

  const Problem problem_ = MakeProblem();
  Solution solution_;
  SearchSpec spec_;
  std::set<Assignment> measured_;
};

TEST_F(EvolveStageTest, NeverEndsWorseThanRefiningAlone) {
  for (const int evaluations : {1, 2, 7, 40}) {
    const auto refined = Run(evaluations);
    ASSERT_TRUE(refined.ok()) << refined.status();
    ASSERT_TRUE(refined->evolution.has_value());
    EXPECT_LE(measured_.size(), static_cast<size_t>(evaluations));
    EXPECT_EQ(refined->evaluated.size(), measured_.size());
    EXPECT_EQ(refined->optimum_divergence, *Truth(solution_.assignment, {}));
    EXPECT_LE(refined->divergence, refined->optimum_divergence);
    EXPECT_EQ(refined->divergence, *Truth(refined->assignment, {}));
    EXPECT_EQ(refined->divergence, refined->evolution->divergence);
    EXPECT_LE(refined->evolution->divergence, refined->evolution->start_divergence);
    EXPECT_GE(refined->evolution->hypervolume, refined->evolution->start_hypervolume);
  }
}

// Whatever the score prefers, an answer does no more than optima and uniform assignments.
TEST_F(EvolveStageTest, AScoreChoosesAmongThoseThatDoNoMore) {
  RefineRequest request{problem_, solution_.assignment};
  request.evaluations = 40;
  request.score = [&](const Assignment& assignment) -> absl::StatusOr<Score> {
    return Score{-EvaluateAssignment(problem_, assignment)->cost.at("latency_ns"), {}};
  };
  const auto refined = RefineAndEvolve(spec_, request, solution_, Truth, {});
  ASSERT_TRUE(refined.ok()) << refined.status();
  EXPECT_NE(refined->assignment, Run(40)->assignment) << "by divergence";
  EXPECT_EQ(refined->divergence, *Truth(refined->assignment, {}));
  EXPECT_LE(refined->divergence, refined->most_divergence);
  EXPECT_LE(refined->most_divergence, refined->optimum_divergence);
}

TEST_F(EvolveStageTest, ObjectivesAreThoseOfTheSpec) {
  using testing::ElementsAre;
  EXPECT_THAT(Run(20)->evolution->objectives, ElementsAre("divergence", "latency_ns"));
  spec_.objectives = {Metric::kSize};
  const auto refined = Run(20);
  EXPECT_THAT(refined->evolution->objectives, ElementsAre("divergence", "size_bytes"));
  const auto back = RefinementFromJson(RefinementToJson(*refined));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(RefinementToJson(*back), RefinementToJson(*refined));
}

}  // namespace
}  // namespace halftone
