#include "search/strategies/evolve.h"

#include <optional>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "search/solver/solver.h"

namespace halftone {
namespace {

using testing::HasSubstr;

// Seven layers of four choices within a size budget, two of the layers tied. The model's losses are
// wrong: what a layer really does depends on its neighbour too.
Problem MakeProblem() {
  Problem problem;
  for (int l = 0; l < 7; ++l) {
    Problem::Layer layer;
    layer.name = "l" + std::to_string(l);
    for (int bits = 2; bits <= 8; bits += 2) {
      layer.choices.push_back(
          {"w" + std::to_string(bits),
           (l + 1.0) / (bits * bits),
           {{"size_bytes", bits * (l % 3 + 1.0)}, {"latency_ns", bits * 10.0 + l}}});
    }
    problem.layers.push_back(layer);
  }
  problem.ties = {{"l1", "l4"}};
  problem.budgets = {{"size_bytes", 60}};
  return problem;
}

double BitsOf(const std::string& choice) { return choice[1] - '0'; }

// What an assignment really does: neighbours with different bits hurt.
absl::StatusOr<double> Truth(const Assignment& assignment, const Progress&) {
  double divergence = 0, before = 0;
  for (const auto& [layer, choice] : assignment) {
    const double bits = BitsOf(choice);
    divergence += (layer[1] - '0' + 1.0) / (bits * bits);
    if (before > 0) divergence += 0.05 * (bits - before) * (bits - before);
    before = bits;
  }
  return divergence;
}

class EvolveTest : public testing::Test {
 protected:
  void SetUp() override {
    auto space = ChoiceSpace::Create(problem_);
    ASSERT_TRUE(space.ok()) << space.status();
    space_.emplace(*std::move(space));
    const auto solution = Solve(problem_);
    ASSERT_TRUE(solution.ok()) << solution.status();
    optimum_ = solution->assignment;
  }

  EvolveRequest Request() const {
    EvolveRequest request{.space = *space_};
    request.start = {optimum_};
    request.metrics = {"latency_ns"};
    request.evaluations = 150;
    return request;
  }

  const Problem problem_ = MakeProblem();
  std::optional<ChoiceSpace> space_;
  Assignment optimum_;
};

TEST_F(EvolveTest, EndsNoWorseThanItBegan) {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    EvolveRequest request = Request();
    request.seed = seed;
    const auto evolution = Evolve(request, Truth, {});
    ASSERT_TRUE(evolution.ok()) << evolution.status();
    EXPECT_EQ(evolution->start_divergence, *Truth(optimum_, {}));
    EXPECT_LT(evolution->divergence, evolution->start_divergence) << "the model was wrong";
    EXPECT_GT(evolution->hypervolume, evolution->start_hypervolume);
    EXPECT_EQ(evolution->start_evaluations, 1);
    EXPECT_EQ(evolution->evaluations, 150);
    ASSERT_FALSE(evolution->front.empty());
    EXPECT_EQ(evolution->front[0].objectives[0], evolution->divergence);
    for (const MeasuredPoint& point : evolution->front) {
      EXPECT_TRUE(space_->IsFeasible(*space_->SelectionOf(point.assignment)));
      EXPECT_EQ(point.objectives[0], *Truth(point.assignment, {}));
      EXPECT_EQ(point.assignment.at("l1"), point.assignment.at("l4"));
    }
  }
}

TEST_F(EvolveTest, FindsNothingBetterThanBruteForceAndComesNear) {
  double least = 1e9;
  const std::vector<int>& choices = space_->compact().choices;
  Selection selection(choices.size(), 0);
  for (bool more = true; more;) {
    if (space_->IsFeasible(selection)) {
      least = std::min(least, *Truth(space_->AssignmentOf(selection), {}));
    }
    size_t v = 0;
    while (v < selection.size() && ++selection[v] == choices[v]) selection[v++] = 0;
    more = v < selection.size();
  }
  EvolveRequest request = Request();
  request.evaluations = 600;
  const auto evolution = Evolve(request, Truth, {});
  ASSERT_TRUE(evolution.ok()) << evolution.status();
  EXPECT_GE(evolution->divergence, least);
  EXPECT_LE(evolution->divergence, 1.05 * least);
}

TEST_F(EvolveTest, MeasuresNothingTwiceAndNothingBeyondTheBudgets) {
  std::set<Assignment> measured;
  const DivergenceFunction measure = [&](const Assignment& assignment, const Progress& progress) {
    EXPECT_TRUE(measured.insert(assignment).second);
    EXPECT_TRUE(space_->IsFeasible(*space_->SelectionOf(assignment)));
    EXPECT_NE(assignment.at("l0"), "w8");
    return Truth(assignment, progress);
  };
  EvolveRequest request = Request();
  request.start.push_back(optimum_);
  request.start[0]["l0"] = request.start[1]["l0"] = "w2";
  request.is_allowed = [](const Assignment& assignment) { return assignment.at("l0") != "w8"; };
  ASSERT_TRUE(Evolve(request, measure, {}).ok());
  EXPECT_EQ(measured.size(), 150u);
}

// With evaluations to spare when all within them is known.
TEST_F(EvolveTest, MeasuresNothingBeyondTightBudgets) {
  Problem problem = problem_;
  problem.budgets["size_bytes"] = 34;
  const ChoiceSpace space = *ChoiceSpace::Create(problem);
  std::set<Selection> measured;
  const DivergenceFunction measure = [&](const Assignment& assignment, const Progress& progress) {
    const Selection selection = *space.SelectionOf(assignment);
    measured.insert(selection);
    EXPECT_TRUE(space.IsFeasible(selection));
    return Truth(assignment, progress);
  };
  EvolveRequest request{.space = space};
  request.start = {Solve(problem)->assignment};
  request.metrics = {"latency_ns"};
  request.evaluations = 500;
  const auto evolution = Evolve(request, measure, {});
  ASSERT_TRUE(evolution.ok()) << evolution.status();
  size_t feasible = 0;
  Selection selection(space.variables(), 0);
  for (bool more = true; more;) {
    feasible += space.IsFeasible(selection) ? 1 : 0;
    size_t v = 0;
    while (v < selection.size() && ++selection[v] == space.compact().choices[v]) selection[v++] = 0;
    more = v < selection.size();
  }
  ASSERT_LT(feasible, 500u);
  EXPECT_EQ(measured.size(), feasible);
  EXPECT_EQ(evolution->evaluations, static_cast<int>(feasible));
}

TEST_F(EvolveTest, IsDeterministicAndReadBackAsItWas) {
  const auto first = Evolve(Request(), Truth, {});
  const auto second = Evolve(Request(), Truth, {});
  ASSERT_TRUE(first.ok() && second.ok());
  const nlohmann::json document = EvolutionToJson(*first);
  EXPECT_EQ(document, EvolutionToJson(*second));
  const auto back = EvolutionFromJson(document);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(EvolutionToJson(*back), document);
  EXPECT_FALSE(EvolutionFromJson(nlohmann::json{{"front", {1}}}).ok());
}

TEST_F(EvolveTest, PassesOnErrorsAndCancellation) {
  const DivergenceFunction fails = [](const Assignment&,
                                      const Progress&) -> absl::StatusOr<double> {
    return absl::InternalError("broken");
  };
  EXPECT_THAT(std::string(Evolve(Request(), fails, {}).status().message()), HasSubstr("broken"));
  Progress progress;
  progress.cancellation.Cancel();
  EXPECT_TRUE(absl::IsCancelled(Evolve(Request(), Truth, progress).status()));
  EvolveRequest request = Request();
  for (auto& [layer, choice] : request.start[0]) choice = "w8";
  EXPECT_TRUE(absl::IsInvalidArgument(Evolve(request, Truth, {}).status()));
  request.start[0]["l0"] = "w9";
  EXPECT_THAT(std::string(Evolve(request, Truth, {}).status().message()), HasSubstr("l0"));
}

}  // namespace
}  // namespace halftone
