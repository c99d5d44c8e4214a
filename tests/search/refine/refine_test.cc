#include "search/refine/refine.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "search/refine/choice_space.h"
#include "search/solver/solver.h"

namespace halftone {
namespace {

using testing::HasSubstr;

constexpr int kLayers = 6, kChoices = 6;

// Six layers whose choices o have fewer bits the smaller o; one budget that is met at the middle.
Problem SmallProblem() {
  Problem problem;
  SplitMix64 random(7);
  for (int l = 0; l < kLayers; ++l) {
    Problem::Layer layer{absl::StrCat("l", l), {}};
    const double weight = 0.5 + random.Uniform();
    for (int o = 0; o < kChoices; ++o) {
      const double bits = o + 2;
      layer.choices.push_back({absl::StrCat("w", o + 2, "a8"),
                               weight * std::pow(4, -o),
                               {{"size_bytes", bits * (1 + l % 3)}}});
    }
    problem.layers.push_back(std::move(layer));
  }
  problem.budgets["size_bytes"] = 4 * 12;
  return problem;
}

// What assignments "really" do: the problem's losses, each wrong by a factor of its layer and its
// choice, and what neighbouring layers do together.
class Truth {
 public:
  explicit Truth(const Problem& problem, uint64_t seed = 1) : problem_(problem) {
    SplitMix64 random(seed);
    for (int l = 0; l < kLayers; ++l) {
      const double of_layer = std::exp(1.6 * (random.Uniform() - 0.5));
      for (int o = 0; o < kChoices; ++o) {
        factors_.push_back(of_layer * std::exp(0.8 * (random.Uniform() - 0.5)));
      }
    }
  }

  double Of(const Assignment& assignment) const {
    double sum = 0, before = 0;
    for (size_t l = 0; l < kLayers; ++l) {
      for (size_t o = 0; o < kChoices; ++o) {
        const Problem::Choice& choice = problem_.layers[l].choices[o];
        if (assignment.at(problem_.layers[l].name) != choice.name) continue;
        const double own = choice.loss * factors_[l * kChoices + o];
        sum += own + 0.5 * std::sqrt(own * before);
        before = own;
      }
    }
    return sum;
  }

  DivergenceFunction AsFunction() {
    return [this](const Assignment& assignment, const Progress&) -> absl::StatusOr<double> {
      ++calls;
      return Of(assignment);
    };
  }

  int calls = 0;

 private:
  const Problem& problem_;
  std::vector<double> factors_;
};

// The assignment within the budget that the truth says is best.
double BestPossible(const Problem& problem, const Truth& truth) {
  const ChoiceSpace space = *ChoiceSpace::Create(problem);
  double best = 1e9;
  Selection selection(kLayers, 0);
  while (true) {
    if (space.IsFeasible(selection)) best = std::min(best, truth.Of(space.AssignmentOf(selection)));
    size_t v = 0;
    while (v < kLayers && ++selection[v] == kChoices) selection[v++] = 0;
    if (v == kLayers) return best;
  }
}

Assignment OptimumOf(const Problem& problem) { return Solve(problem)->assignment; }

TEST(RefineTest, ComesCloseToTheBestWithFewEvaluations) {
  const Problem problem = SmallProblem();
  const Assignment optimum = OptimumOf(problem);
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Truth truth(problem, seed);
    RefineRequest request{problem, optimum};
    request.evaluations = 40;
    const absl::StatusOr<Refinement> refined = Refine(request, truth.AsFunction(), {});
    ASSERT_TRUE(refined.ok()) << refined.status();
    EXPECT_LE(truth.calls, 40);
    EXPECT_EQ(truth.calls, static_cast<int>(refined->evaluated.size()));
    EXPECT_DOUBLE_EQ(refined->divergence, truth.Of(refined->assignment));
    EXPECT_DOUBLE_EQ(refined->optimum_divergence, truth.Of(optimum));
    EXPECT_EQ(refined->LeastMeasured(), nullptr) << "without scores the least is chosen";
    EXPECT_LE(refined->divergence, 1.02 * BestPossible(problem, truth)) << "of 46,656";
    EXPECT_LE(refined->cost.at("size_bytes"), 48);
  }
}

// Scores rank choices, in a unit of their own.
TEST(RefineTest, ComesAsCloseFromScoresAsFromLosses) {
  const Problem problem = SmallProblem();
  const Assignment optimum = OptimumOf(problem);
  for (const double unit : {1e-4, 1e4}) {
    Problem scored = problem;
    for (Problem::Layer& layer : scored.layers) {
      for (Problem::Choice& choice : layer.choices) choice.loss *= unit;
    }
    Truth truth(problem, /*seed=*/2);
    RefineRequest request{scored, optimum};
    request.evaluations = 40;
    const absl::StatusOr<Refinement> refined = Refine(request, truth.AsFunction(), {});
    ASSERT_TRUE(refined.ok()) << refined.status();
    EXPECT_LE(refined->divergence, 1.02 * BestPossible(problem, truth)) << unit;
    const Refinement::Evaluated& last = refined->evaluated.back();
    EXPECT_NEAR(std::log(last.predicted / last.divergence), 0, std::log(1.5)) << unit;
  }
}

TEST(RefineTest, IsNeverWorseThanTheOptimumAndSaysSo) {
  const Problem problem = SmallProblem();
  const Assignment optimum = OptimumOf(problem);
  Truth truth(problem);
  RefineRequest request{problem, optimum};
  request.evaluations = 1;
  const absl::StatusOr<Refinement> refined = Refine(request, truth.AsFunction(), {});
  ASSERT_TRUE(refined.ok()) << refined.status();
  EXPECT_EQ(refined->assignment, optimum);
  EXPECT_EQ(refined->source, "optimum");
  EXPECT_FALSE(refined->Improves());
  EXPECT_EQ(truth.calls, 1);

  const auto json = RefinementToJson(*refined);
  EXPECT_EQ(json["evaluations"], 1);
  const absl::StatusOr<Refinement> read = RefinementFromJson(json);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(RefinementToJson(*read), json);
}

TEST(RefineTest, ATruthThatIsTheModelLeavesTheOptimum) {
  const Problem problem = SmallProblem();
  const Solution solution = *Solve(problem);
  const DivergenceFunction measure = [&](const Assignment& assignment, const Progress&) {
    double sum = 0;
    for (const Problem::Layer& layer : problem.layers) {
      for (const Problem::Choice& choice : layer.choices) {
        if (assignment.at(layer.name) == choice.name) sum += choice.loss;
      }
    }
    return absl::StatusOr<double>(sum);
  };
  const absl::StatusOr<Refinement> refined =
      Refine(RefineRequest{problem, solution.assignment}, measure, {});
  ASSERT_TRUE(refined.ok()) << refined.status();
  EXPECT_NEAR(refined->divergence, solution.loss, 1e-12);
  EXPECT_FALSE(refined->Improves());
}

TEST(RefineTest, TriesOtherEstimatesAndPairs) {
  const Problem problem = SmallProblem();
  Truth truth(problem);
  NamedLosses reversed{"reversed", {}};
  for (const Problem::Layer& layer : problem.layers) {
    std::vector<double>& losses = reversed.losses.emplace_back();
    for (size_t o = 0; o < layer.choices.size(); ++o) losses.push_back(static_cast<double>(o));
  }
  const size_t size = kLayers * kChoices;
  std::vector<float> pairs(size * size, 0.3f);
  const Assignment optimum = OptimumOf(problem);
  RefineRequest request{problem, optimum, {reversed}, pairs};
  request.evaluations = 5;
  const absl::StatusOr<Refinement> refined = Refine(request, truth.AsFunction(), {});
  ASSERT_TRUE(refined.ok()) << refined.status();
  ASSERT_GE(refined->evaluated.size(), 2u);
  EXPECT_EQ(refined->evaluated[0].source, "optimum");
  EXPECT_EQ(refined->evaluated[1].source, "reversed");
  EXPECT_EQ(refined->joint_optima.size(), 3u);
}

TEST(RefineTest, ProvesTheOptimaWithTheLossesOfPairs) {
  const Problem problem = SmallProblem();
  // What the choices of neighbouring layers do cancels.
  const size_t size = kLayers * kChoices;
  std::vector<float> pairs(size * size, 0.0f);
  const auto effect = [&](size_t column) {
    const size_t l = column / kChoices;
    const double loss = problem.layers[l].choices[column % kChoices].loss;
    return (l % 2 == 0 ? 1 : -1) * std::sqrt(2 * loss);
  };
  for (size_t a = 0; a < size; ++a) {
    for (size_t b = 0; b < size; ++b) {
      pairs[a * size + b] = static_cast<float>(effect(a) * effect(b));
    }
  }
  const Assignment optimum = OptimumOf(problem);
  RefineRequest request{problem, optimum, {}, pairs};
  Truth truth(problem);
  const absl::StatusOr<Refinement> refined = Refine(request, truth.AsFunction(), {});
  ASSERT_TRUE(refined.ok()) << refined.status();
  ASSERT_EQ(refined->joint_optima.size(), 3u);
  const ChoiceSpace space = *ChoiceSpace::Create(problem);
  const PairLosses losses = *PairLosses::Create(space, pairs);
  for (const Refinement::JointOptimum& joint : refined->joint_optima) {
    EXPECT_EQ(joint.solution.status, Solution::Status::kOptimal);
    double best = 1e9;
    for (int number = 0; number < std::pow(kChoices, kLayers); ++number) {
      Selection selection;
      for (int l = 0, rest = number; l < kLayers; ++l, rest /= kChoices) {
        selection.push_back(rest % kChoices);
      }
      if (!space.IsFeasible(selection)) continue;
      best = std::min(best, space.compact().Evaluate(selection)[0] +
                                joint.weight * losses.Sum(space, selection));
    }
    EXPECT_NEAR(joint.solution.loss, best, 1e-6) << joint.weight;
  }
  const absl::StatusOr<Refinement> read = RefinementFromJson(RefinementToJson(*refined));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(RefinementToJson(*read), RefinementToJson(*refined));
}

TEST(RefineTest, KeepsTiesPinsEdgesAndWhatIsNotAllowed) {
  Problem problem = SmallProblem();
  problem.ties = {{"l0", "l3"}};
  problem.pins["l1"] = "w7a8";
  problem.edges = {{"l4", "l5", {{"w3a8", "w4a8", {{"size_bytes", 20}}}}}};
  const Assignment optimum = OptimumOf(problem);
  Truth truth(problem);
  RefineRequest request{problem, optimum};
  int refused = 0;
  request.is_allowed = [&](const Assignment& assignment) {
    const bool allowed = assignment.at("l2") == optimum.at("l2");
    refused += allowed ? 0 : 1;
    return allowed;
  };
  const DivergenceFunction measure = [&](const Assignment& assignment,
                                         const Progress&) -> absl::StatusOr<double> {
    EXPECT_EQ(assignment.at("l0"), assignment.at("l3"));
    EXPECT_EQ(assignment.at("l1"), "w7a8");
    EXPECT_EQ(assignment.at("l2"), optimum.at("l2"));
    EXPECT_TRUE(ChoiceSpace::Create(problem)->IsFeasible(
        *ChoiceSpace::Create(problem)->SelectionOf(assignment)));
    return truth.Of(assignment);
  };
  const absl::StatusOr<Refinement> refined = Refine(request, measure, {});
  ASSERT_TRUE(refined.ok()) << refined.status();
  EXPECT_GT(refused, 0);
  EXPECT_LE(refined->divergence, refined->optimum_divergence);
}

TEST(RefineTest, KeepsTheLimitOnPrecisionChanges) {
  Problem problem = SmallProblem();
  for (size_t l = 1; l < kLayers; ++l) {
    problem.edges.push_back({problem.layers[l - 1].name, problem.layers[l].name, {}});
  }
  problem.max_changes = 2;
  const Assignment optimum = OptimumOf(problem);
  Truth truth(problem);
  const DivergenceFunction measure = [&](const Assignment& assignment,
                                         const Progress&) -> absl::StatusOr<double> {
    int changes = 0;
    for (size_t l = 1; l < kLayers; ++l) {
      changes += assignment.at(problem.layers[l].name) != assignment.at(problem.layers[l - 1].name);
    }
    EXPECT_LE(changes, 2);
    return truth.Of(assignment);
  };
  const absl::StatusOr<Refinement> refined = Refine(RefineRequest{problem, optimum}, measure, {});
  ASSERT_TRUE(refined.ok()) << refined.status();
  EXPECT_GT(refined->evaluated.size(), 3u);
}

TEST(RefineTest, StopsWhereEverythingWasEvaluated) {
  Problem problem = SmallProblem();
  problem.layers.resize(2);
  problem.budgets["size_bytes"] = 9;
  const Assignment optimum = OptimumOf(problem);
  int calls = 0;
  const DivergenceFunction measure = [&](const Assignment&, const Progress&) {
    ++calls;
    return absl::StatusOr<double>(1.0);
  };
  const auto refined = Refine(RefineRequest{problem, optimum}, measure, {});
  ASSERT_TRUE(refined.ok()) << refined.status();
  EXPECT_LT(calls, 36);
  EXPECT_TRUE(refined->is_exhausted);
  EXPECT_TRUE(RefinementFromJson(RefinementToJson(*refined))->is_exhausted);
}

// What is within the budget differs from the best in up to five layers.
TEST(RefineTest, GoesOnFarFromTheBestWhileEvaluationsAreLeft) {
  Problem problem = SmallProblem();
  problem.budgets["size_bytes"] = 2 * 12 + 6;
  const ChoiceSpace space = *ChoiceSpace::Create(problem);
  int feasible = 0;
  for (int number = 0; number < std::pow(kChoices, kLayers); ++number) {
    Selection selection;
    for (int l = 0, rest = number; l < kLayers; ++l, rest /= kChoices) {
      selection.push_back(rest % kChoices);
    }
    feasible += space.IsFeasible(selection) ? 1 : 0;
  }
  const Assignment optimum = OptimumOf(problem);
  Truth truth(problem);
  RefineRequest request{problem, optimum};
  request.evaluations = feasible + 10;
  const absl::StatusOr<Refinement> refined = Refine(request, truth.AsFunction(), {});
  ASSERT_TRUE(refined.ok()) << refined.status();
  // What no few changes within the budget lead to from the others may be left.
  EXPECT_LE(truth.calls, feasible);
  EXPECT_GE(truth.calls, 0.95 * feasible);
  EXPECT_TRUE(refined->is_exhausted);
  request.evaluations = feasible / 2;
  EXPECT_FALSE(Refine(request, truth.AsFunction(), {})->is_exhausted);
}

TEST(RefineTest, NamesTheLeastMeasuredWhereItWasNotChosen) {
  Refinement refined;
  refined.divergence = 2;
  refined.evaluated.resize(2);
  refined.evaluated[0].divergence = 2;
  refined.evaluated[1].divergence = 3;
  EXPECT_EQ(refined.LeastMeasured(), nullptr);
  refined.evaluated[1].divergence = 1;
  EXPECT_EQ(refined.LeastMeasured(), &refined.evaluated[1]);
}

TEST(RefineTest, ChoosesByScoreAmongThoseNoWorseThanTheOptimum) {
  const Problem problem = SmallProblem();
  const Assignment optimum = OptimumOf(problem);
  Truth truth(problem), other(problem, 2);
  std::map<Assignment, double> measured;
  const DivergenceFunction measure = [&](const Assignment& assignment, const Progress&) {
    return absl::StatusOr<double>(measured[assignment] = truth.Of(assignment));
  };
  RefineRequest request{problem, optimum};
  request.score = [&](const Assignment& assignment) -> absl::StatusOr<Score> {
    if (!measured.contains(assignment)) return absl::NotFoundError("not measured");
    return Score{other.Of(assignment), {}};
  };
  const absl::StatusOr<Refinement> refined = Refine(request, measure, {});
  ASSERT_TRUE(refined.ok()) << refined.status();
  EXPECT_DOUBLE_EQ(refined->divergence, truth.Of(refined->assignment));
  EXPECT_LE(refined->divergence, refined->optimum_divergence);
  // It shows what it chose by.
  double least_posterior = 1e9, posterior = 0;
  for (const Refinement::Evaluated& evaluated : refined->evaluated) {
    if (evaluated.divergence == refined->divergence) posterior = evaluated.posterior.value();
    if (evaluated.divergence > refined->optimum_divergence) continue;
    least_posterior = std::min(least_posterior, evaluated.posterior.value());
  }
  EXPECT_EQ(posterior, least_posterior);
  EXPECT_EQ(RefinementToJson(*RefinementFromJson(RefinementToJson(*refined))),
            RefinementToJson(*refined));
  for (const auto& [assignment, divergence] : measured) {
    if (divergence > refined->optimum_divergence) continue;
    // What the model holds best, which knows the scores to a few percent.
    EXPECT_GE(1.05 * other.Of(assignment), other.Of(refined->assignment));
  }
}

// What a trial measures is mostly luck of the samples here, and its parts say so: the answer stays
// at the optimum of a model that is right, rather than at the least of many measurements.
TEST(RefineTest, DoesNotChooseLuck) {
  const Problem problem = SmallProblem();
  const Assignment optimum = OptimumOf(problem);
  std::map<Assignment, Score> scores;
  SplitMix64 random(7);
  const DivergenceFunction measure = [&](const Assignment& assignment, const Progress&) {
    Score& score = scores[assignment];
    const double mean = EvaluateAssignment(problem, assignment)->loss;
    for (int i = 0; i < 32; ++i) {
      score.parts.push_back(mean * (random.Uniform() < 0.5 ? 0 : 2));
      score.value += score.parts.back() / 32;
    }
    // The optimum's own is high, so that nothing is ruled out.
    return absl::StatusOr<double>(assignment == optimum ? 2 * mean : score.value);
  };
  RefineRequest request{problem, optimum};
  request.score = [&](const Assignment& assignment) {
    return absl::StatusOr<Score>(scores[assignment]);
  };
  const absl::StatusOr<Refinement> refined = Refine(request, measure, {});
  ASSERT_TRUE(refined.ok()) << refined.status();
  double least_measured = 1e9;
  Assignment luckiest;
  for (const auto& [assignment, score] : scores) {
    if (score.value >= least_measured) continue;
    least_measured = score.value;
    luckiest = assignment;
  }
  const double chosen = EvaluateAssignment(problem, refined->assignment)->loss;
  EXPECT_LT(least_measured, 0.9 * EvaluateAssignment(problem, optimum)->loss);
  EXPECT_LT(chosen, EvaluateAssignment(problem, luckiest)->loss);
  EXPECT_LE(chosen, 1.02 * EvaluateAssignment(problem, optimum)->loss);
}

TEST(RefineTest, PassesErrorsAndCancellationOn) {
  const Problem problem = SmallProblem();
  const Assignment optimum = OptimumOf(problem);
  const DivergenceFunction fails = [](const Assignment&, const Progress&) {
    return absl::StatusOr<double>(absl::InternalError("output 'y' is not finite"));
  };
  EXPECT_THAT(Refine(RefineRequest{problem, optimum}, fails, {}).status().ToString(),
              HasSubstr("not finite"));

  Progress progress;
  Truth truth(problem);
  const DivergenceFunction cancels = [&](const Assignment& assignment, const Progress&) {
    progress.cancellation.Cancel();
    return absl::StatusOr<double>(truth.Of(assignment));
  };
  EXPECT_TRUE(
      absl::IsCancelled(Refine(RefineRequest{problem, optimum}, cancels, progress).status()));

  Assignment other = optimum;
  for (auto& [layer, choice] : other) choice = "w7a8";
  EXPECT_THAT(Refine(RefineRequest{problem, other}, truth.AsFunction(), {}).status().ToString(),
              HasSubstr("not within the budgets"));
  other.begin()->second = "w9a9";
  EXPECT_THAT(Refine(RefineRequest{problem, other}, truth.AsFunction(), {}).status().ToString(),
              HasSubstr("l0"));
  RefineRequest wrong{problem, optimum};
  const std::vector<float> pairs(4);
  wrong.pairs = pairs;
  EXPECT_TRUE(absl::IsInvalidArgument(Refine(wrong, truth.AsFunction(), {}).status()));
  RefineRequest odd{problem, optimum, {{"odd", {{1, 2}}}}};
  EXPECT_THAT(Refine(odd, truth.AsFunction(), {}).status().ToString(), HasSubstr("odd"));
}

}  // namespace
}  // namespace halftone
