// Corrections of the model, from what is measured of pairs to the problem that is solved again.
#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "search/refine/correction.h"
#include "search/refine/correction_table.h"
#include "search/refine/model_corrector.h"
#include "search/refine/refine.h"
#include "search/refine/uniform_selections.h"
#include "search/solver/compile.h"
#include "search/solver/solver.h"
#include "tests/search/refine/planted_pairs.h"

namespace halftone {
namespace {

using testing::ElementsAre;

Correction PairOf(const std::string& a, const std::string& a_choice, const std::string& b,
                  const std::string& b_choice, double added) {
  Correction correction;
  correction.parts = {{{a}, a_choice, 0.001}, {{b}, b_choice, 0.002}};
  correction.added = added;
  correction.divergence = added + 0.003;
  return correction;
}

TEST(CorrectionTest, KnowsWhichPrecisionHasNoMoreBits) {
  EXPECT_TRUE(IsNoFiner("w2a4", "w4a8"));
  EXPECT_TRUE(IsNoFiner("w4a4", "w4a8"));
  EXPECT_TRUE(IsNoFiner("w8a8", "f32"));
  EXPECT_FALSE(IsNoFiner("w4a8", "w4a8"));
  EXPECT_FALSE(IsNoFiner("w2a8", "w4a4"));
  EXPECT_FALSE(IsNoFiner("w8a8", "w4a8"));
  EXPECT_FALSE(IsNoFiner("small", "large"));
}

TEST(CorrectionTest, FewerBitsDoNoLess) {
  const std::vector<Correction> corrections = {PairOf("a", "w4a4", "b", "w2a4", 0.5),
                                               PairOf("a", "w8a8", "b", "w2a4", 0)};
  const auto added = [&](const std::string& of_a, const std::string& of_b) {
    return AddedByPair(corrections, "a", of_a, "b", of_b);
  };
  EXPECT_EQ(added("w4a4", "w2a4"), 0.5);
  EXPECT_EQ(added("w2a4", "w2a4"), 0.5) << "implied";
  EXPECT_EQ(added("w8a8", "w2a4"), 0) << "measured";
  EXPECT_EQ(added("w4a8", "w2a4"), std::nullopt);
  EXPECT_EQ(added("w4a4", "w4a4"), std::nullopt);
  EXPECT_EQ(AddedByPair(corrections, "b", "w2a4", "a", "w4a4"), 0.5) << "in either order";
  EXPECT_EQ(AddedByPair(corrections, "a", "w4a4", "c", "w2a4"), std::nullopt);
}

TEST(CorrectionTest, BecomesInteractionsAndLossesOfAProblem) {
  Problem problem = PlantedProblem(3);
  Correction alone;
  alone.parts = {{{"l2"}, "w4a8", 0.1}};
  alone.added = 0.25;
  const double before = problem.layers[2].choices[2].loss;
  ApplyCorrections(
      {{PairOf("l0", "w4a4", "l1", "w4a4", 0.5), alone, PairOf("l0", "w2a4", "gone", "w4a4", 9)}},
      problem);
  EXPECT_DOUBLE_EQ(problem.layers[2].choices[2].loss, before + 0.25);
  EXPECT_EQ(problem.interactions.size(), 4u) << "of w2a4 and w4a4 with each other";
  for (const Problem::Interaction& interaction : problem.interactions) {
    EXPECT_EQ(interaction.loss, 0.5);
  }
  EXPECT_TRUE(CheckProblem(problem).ok());

  // The table says the same of a selection.
  const ChoiceSpace space = *ChoiceSpace::Create(problem);
  const CorrectionTable table(space, {{PairOf("l1", "w4a4", "l0", "w4a4", 0.5), alone}});
  EXPECT_DOUBLE_EQ(table.SumOfPairs({0, 1, 2}), 0.5);
  EXPECT_DOUBLE_EQ(table.SumOfPairs({0, 2, 2}), 0);
  EXPECT_DOUBLE_EQ(table.SumOfPairs({0, -1, 2}), 0);
  EXPECT_DOUBLE_EQ(table.Alone(space.ColumnOf(2, 2)), 0.25);
  ASSERT_EQ(table.pairs().size(), 1u);
  EXPECT_TRUE(table.IsKnown(table.pairs()[0], {0, 0, 0}));
  EXPECT_FALSE(table.IsKnown(table.pairs()[0], {0, 2, 0}));
  EXPECT_EQ(table.PairOf(1, 0), 0);
  EXPECT_LT(table.PairOf(1, 2), 0);
}

TEST(CorrectionTest, SurvivesJson) {
  const Correction correction = PairOf("a", "w4a4", "b", "w2a4", 0.5);
  const auto json = CorrectionToJson(correction);
  const absl::StatusOr<Correction> read = CorrectionFromJson(json);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(CorrectionToJson(*read), json);
  EXPECT_TRUE(read->IsIn({{"a", "w4a4"}, {"b", "w2a4"}, {"c", "w2a4"}}));
  EXPECT_FALSE(read->IsIn({{"a", "w4a4"}, {"b", "w4a4"}}));
  EXPECT_FALSE(read->IsIn({{"a", "w4a4"}}));
  for (const char* const bad : {R"({})", R"({"groups": []})", R"({"groups": [{"layers": []}]})",
                                R"({"groups": [{"precision": "w2a4"}]})", R"({"groups": 1})"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CorrectionFromJson(nlohmann::json::parse(bad)).status()))
        << bad;
  }
}

TEST(UniformSelectionsTest, AreThoseOfTheMostBitsThatFit) {
  const auto names = [](const Problem& problem) {
    const ChoiceSpace space = *ChoiceSpace::Create(problem);
    std::vector<std::string> found;
    for (const Selection& selection : UniformSelections(space)) {
      EXPECT_TRUE(space.IsFeasible(selection));
      found.push_back(space.AssignmentOf(selection).at("l0"));
    }
    return found;
  };
  Problem problem = PlantedProblem(5);
  EXPECT_THAT(names(problem), ElementsAre("w4a8"));
  problem.budgets["size_bytes"] *= 0.5;
  EXPECT_THAT(names(problem), ElementsAre("w2a4"));
  problem.budgets["size_bytes"] *= 0.5;
  EXPECT_THAT(names(problem), ElementsAre());
  // None is better than the other.
  problem = PlantedProblem(5);
  for (Problem::Layer& layer : problem.layers) layer.choices[0].name = "w2a16";
  EXPECT_THAT(names(problem), ElementsAre("w2a16", "w4a8"));
  problem.pins["l1"] = "w8a8";
  EXPECT_THAT(names(problem), ElementsAre());
}

TEST(ModelCorrectorTest, FindsAndMeasuresAPair) {
  const Problem problem = PlantedProblem(33);
  const ChoiceSpace space = *ChoiceSpace::Create(problem);
  PlantedTruth truth(problem, {{11, 12}}, 0.64);
  ModelCorrector corrector(space, [&](const Assignment& parts) -> absl::StatusOr<double> {
    return truth.AsFunction()(parts, {});
  });
  const Selection lowest(33, 0);
  const double measured = truth.Of(space.AssignmentOf(lowest));
  EXPECT_FALSE(Holds(corrector.Predict(lowest), measured));
  const absl::StatusOr<bool> explained = corrector.Explain(lowest, measured, 64);
  ASSERT_TRUE(explained.ok() && *explained) << explained.status();
  EXPECT_LE(corrector.evaluations(), EvaluationsOfBisection(33));
  ASSERT_EQ(corrector.corrections().size(), 1u);
  const Correction& correction = corrector.corrections()[0];
  ASSERT_EQ(correction.parts.size(), 2u);
  EXPECT_THAT(correction.parts[0].layers, ElementsAre("l11"));
  EXPECT_THAT(correction.parts[1].layers, ElementsAre("l12"));
  EXPECT_EQ(correction.parts[0].choice, "w2a4");
  EXPECT_NEAR(correction.added, 0.64, 1e-9);
  EXPECT_NEAR(corrector.Predict(lowest), measured, 1e-9);

  // Other choices of the pair are measured where a selection has them, once.
  Selection other = lowest;
  other[12] = 1;
  const int before = corrector.evaluations();
  EXPECT_FALSE(*corrector.MeasureKnownPairs(other, 10)) << "it adds nothing";
  EXPECT_FALSE(*corrector.MeasureKnownPairs(other, 10));
  EXPECT_EQ(corrector.evaluations(), before + 1);
  // Nor is what is as good as float suspected.
  other[12] = 4;
  EXPECT_FALSE(*corrector.MeasureKnownPairs(other, 10));
  EXPECT_EQ(corrector.evaluations(), before + 1);
}

// What fewer bits imply is replaced by what is measured of them.
TEST(ModelCorrectorTest, CountsWhatIsMeasuredOnTopOfWhatIsImpliedOnce) {
  const Problem problem = PlantedProblem(6);
  const ChoiceSpace space = *ChoiceSpace::Create(problem);
  PlantedTruth separable(problem, {}, 0);
  ModelCorrector corrector(space, [&](const Assignment& parts) -> absl::StatusOr<double> {
    const auto a = parts.find("l1"), b = parts.find("l2");
    if (a == parts.end() || b == parts.end()) return separable.Of(parts);
    const auto harm = [](const std::string& name) {
      return name == "w2a4" ? 1.0 : name == "w4a4" ? 0.5 : 0.0;
    };
    return separable.Of(parts) + harm(a->second) * harm(b->second);
  });
  const Selection finer(6, 1), coarser(6, 0);
  const double of_finer = separable.Of(space.AssignmentOf(finer)) + 0.25;
  ASSERT_TRUE(*corrector.Explain(finer, of_finer, 64));
  EXPECT_NEAR(corrector.Predict(finer), of_finer, 1e-9);
  const double of_coarser = separable.Of(space.AssignmentOf(coarser)) + 1;
  EXPECT_NEAR(corrector.Predict(coarser), of_coarser - 0.75, 1e-9) << "implied";
  ASSERT_TRUE(*corrector.Explain(coarser, of_coarser, 64));
  EXPECT_NEAR(corrector.Predict(coarser), of_coarser, 1e-9);
  EXPECT_NEAR(corrector.Predict(finer), of_finer, 1e-9);
}

TEST(ModelCorrectorTest, FindsAGroupWhoseOwnLossIsWrong) {
  Problem problem = PlantedProblem(9);
  problem.ties = {{"l3", "l7"}};
  const ChoiceSpace space = *ChoiceSpace::Create(problem);
  PlantedTruth truth(problem, {{3, 7}}, 0.5);  // within a group: one change
  ModelCorrector corrector(space, [&](const Assignment& parts) -> absl::StatusOr<double> {
    return truth.AsFunction()(parts, {});
  });
  const Selection lowest(space.variables(), 0);
  const double measured = truth.Of(space.AssignmentOf(lowest));
  ASSERT_TRUE(*corrector.Explain(lowest, measured, 64));
  ASSERT_EQ(corrector.corrections().size(), 1u);
  const Correction& correction = corrector.corrections()[0];
  ASSERT_EQ(correction.parts.size(), 1u);
  EXPECT_THAT(correction.parts[0].layers, ElementsAre("l3", "l7"));
  EXPECT_NEAR(correction.added, 0.5, 1e-9);
  EXPECT_NEAR(corrector.Predict(lowest), measured, 1e-9);
  Problem corrected = problem;
  ApplyCorrections(corrector.corrections(), corrected);
  EXPECT_NEAR(EvaluateAssignment(corrected, space.AssignmentOf(lowest))->loss, measured, 1e-9);
}

TEST(ModelCorrectorTest, SharesWhatThreeDoAmongTheirPairs) {
  const Problem problem = PlantedProblem(8);
  const ChoiceSpace space = *ChoiceSpace::Create(problem);
  const auto is_low = [](const Assignment& parts, const char* layer) {
    const auto found = parts.find(layer);
    return found != parts.end() && found->second == "w2a4";
  };
  PlantedTruth separable(problem, {}, 0);
  ModelCorrector corrector(space, [&](const Assignment& parts) -> absl::StatusOr<double> {
    const bool all = is_low(parts, "l1") && is_low(parts, "l4") && is_low(parts, "l6");
    return separable.Of(parts) + (all ? 0.9 : 0);
  });
  const Selection lowest(8, 0);
  const double measured = separable.Of(space.AssignmentOf(lowest)) + 0.9;
  ASSERT_TRUE(*corrector.Explain(lowest, measured, 64));
  ASSERT_EQ(corrector.corrections().size(), 3u);
  for (const Correction& pair : corrector.corrections()) EXPECT_NEAR(pair.added, 0.3, 1e-9);
  EXPECT_NEAR(corrector.Predict(lowest), measured, 1e-9);
}

// As at few bits in a network of depthwise and pointwise convolutions: each layer alone
// does nothing, neighbours do.
TEST(RefineTest, CorrectsTheModelUntilItsPredictionHolds) {
  for (const int pairs : {1, 2, 5}) {
    const Problem problem = PlantedProblem(33, 0.2);
    std::set<std::pair<int, int>> planted;
    // Those of the first optimum, so that it does much more than predicted.
    const Assignment optimum = Solve(problem)->assignment;
    std::vector<int> low;
    for (int l = 0; l < 33; ++l) {
      if (optimum.at(absl::StrCat("l", l)) == "w2a4") low.push_back(l);
    }
    ASSERT_GT(low.size(), 6u);
    for (int i = 0; i < pairs; ++i) planted.emplace(low[size_t(i)], low[size_t(i) + 1]);
    PlantedTruth truth(problem, planted, 0.64);
    RefineRequest request{problem, optimum};
    request.is_divergence = true;
    const absl::StatusOr<Refinement> refined = Refine(request, truth.AsFunction(), {});
    ASSERT_TRUE(refined.ok()) << refined.status();
    EXPECT_LE(truth.calls, request.evaluations);
    EXPECT_EQ(truth.calls,
              static_cast<int>(refined->evaluated.size()) + refined->partial_evaluations);
    EXPECT_GT(refined->evaluated[0].divergence, 0.6) << pairs;
    EXPECT_DOUBLE_EQ(refined->divergence, truth.Of(refined->assignment));
    EXPECT_LT(refined->divergence, 0.02) << pairs;
    EXPECT_LE(refined->divergence, 1.3 * refined->loss) << pairs;
    EXPECT_FALSE(refined->is_unexplained);
    ASSERT_FALSE(refined->corrections.empty());
    // The corrected problem has the optimum that was evaluated.
    Problem corrected = problem;
    ApplyCorrections(refined->corrections, corrected);
    EXPECT_EQ(Solve(corrected)->assignment, refined->optimum);
    EXPECT_DOUBLE_EQ(refined->optimum_divergence, truth.Of(refined->optimum));
    EXPECT_EQ(RefinementToJson(*RefinementFromJson(RefinementToJson(*refined))),
              RefinementToJson(*refined));
  }
}

TEST(RefineTest, LooksIntoNothingWhereLossesAreNoDivergences) {
  const Problem problem = PlantedProblem(20, 0.2);
  const Assignment optimum = Solve(problem)->assignment;
  PlantedTruth truth(problem, {{0, 1}, {1, 2}, {2, 3}, {3, 4}}, 0.64);
  const absl::StatusOr<Refinement> refined =
      Refine(RefineRequest{problem, optimum}, truth.AsFunction(), {});
  ASSERT_TRUE(refined.ok()) << refined.status();
  EXPECT_TRUE(refined->corrections.empty());
  EXPECT_EQ(refined->partial_evaluations, 0);
}

TEST(RefineTest, WhatIsSpreadOverAllIsOneFactor) {
  const Problem problem = PlantedProblem(33, 0.2);
  const Assignment optimum = Solve(problem)->assignment;
  PlantedTruth separable(problem, {}, 0);
  // All layers do a little more together, whatever they are.
  int parts_measured = 0;
  const DivergenceFunction measure = [&](const Assignment& parts, const Progress&) {
    parts_measured += parts.size() < 33 ? 1 : 0;
    const double sum = separable.Of(parts);
    return absl::StatusOr<double>(sum * (1 + static_cast<double>(parts.size()) / 20));
  };
  RefineRequest request{problem, optimum};
  request.is_divergence = true;
  const absl::StatusOr<Refinement> refined = Refine(request, measure, {});
  ASSERT_TRUE(refined.ok()) << refined.status();
  EXPECT_TRUE(refined->corrections.empty());
  EXPECT_NEAR(refined->factor, 2.65, 1e-6);
  EXPECT_NEAR(refined->loss, refined->divergence, 1e-6);
  EXPECT_EQ(refined->optimum, optimum) << "a factor changes no optimum";
  EXPECT_GT(parts_measured, 0);
  EXPECT_LE(refined->evaluated.size() + static_cast<size_t>(refined->partial_evaluations), 64u);
  Problem corrected = problem;
  refined->ApplyTo(corrected);
  const auto solution = Solve(corrected);
  EXPECT_EQ(solution->assignment, optimum);
  EXPECT_NEAR(solution->loss, refined->factor * Solve(problem)->loss, 1e-9);

  // Nothing is searched for where the estimator's pairs account for it.
  const size_t size = 33 * 5;
  std::vector<float> pairs(size * size, 0.0f);
  for (size_t a = 0; a < size; ++a) {
    for (size_t b = 0; b < size; ++b) {
      const double of_a = problem.layers[a / 5].choices[a % 5].loss;
      const double of_b = problem.layers[b / 5].choices[b % 5].loss;
      pairs[a * size + b] = static_cast<float>((a == b ? 2 : 0.1) * std::sqrt(of_a * of_b));
    }
  }
  request.pairs = pairs;
  parts_measured = 0;
  const absl::StatusOr<Refinement> with_pairs = Refine(request, measure, {});
  ASSERT_TRUE(with_pairs.ok()) << with_pairs.status();
  EXPECT_EQ(parts_measured, 0);
  EXPECT_LE(with_pairs->divergence, 1.3 * with_pairs->loss);
}

TEST(RefineTest, NeverTakesMoreThanAUniformPrecisionDoes) {
  const Problem problem = PlantedProblem(20, 0.3);
  const Assignment optimum = Solve(problem)->assignment;
  // Whatever mixes precisions is bad.
  const DivergenceFunction measure = [&](const Assignment& assignment, const Progress&) {
    std::set<std::string> names;
    for (const auto& [layer, name] : assignment) names.insert(name);
    return absl::StatusOr<double>(names.size() > 1 ? 1.0 + 0.01 * names.size() : 0.13);
  };
  for (const int evaluations : {2, 5, 64}) {
    RefineRequest request{problem, optimum};
    request.evaluations = evaluations;
    request.is_divergence = true;
    const absl::StatusOr<Refinement> refined = Refine(request, measure, {});
    ASSERT_TRUE(refined.ok()) << refined.status();
    EXPECT_EQ(refined->source, "uniform");
    EXPECT_EQ(refined->divergence, 0.13);
  }
}

}  // namespace
}  // namespace halftone
