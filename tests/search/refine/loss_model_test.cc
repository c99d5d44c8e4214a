#include "search/refine/loss_model.h"

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "search/refine/model_search.h"

namespace halftone {
namespace {

// Layers with choices that are not precisions, without budgets.
Problem LooseProblem(int layers, int choices, uint64_t seed = 3) {
  Problem problem;
  SplitMix64 random(seed);
  for (int l = 0; l < layers; ++l) {
    Problem::Layer layer{absl::StrCat("l", l), {}};
    for (int o = 0; o < choices; ++o) {
      layer.choices.push_back({absl::StrCat("o", o), 0.1 + random.Uniform(), {{"size", o}}});
    }
    problem.layers.push_back(std::move(layer));
  }
  return problem;
}

std::vector<float> RandomPairs(size_t size) {
  SplitMix64 random(11);
  std::vector<float> gram(size * size);
  for (size_t a = 0; a < size; ++a) {
    for (size_t b = 0; b <= a; ++b) {
      gram[a * size + b] = gram[b * size + a] = static_cast<float>(random.Uniform() - 0.4);
    }
  }
  return gram;
}

TEST(PairLossesTest, SumsPairsAndWhatTiedLayersAddAmongThemselves) {
  Problem problem = LooseProblem(3, 2);
  const std::vector<float> gram = RandomPairs(6);
  const auto at = [&](int a, int b) { return gram[static_cast<size_t>(a * 6 + b)]; };
  {
    const ChoiceSpace space = *ChoiceSpace::Create(problem);
    const PairLosses pairs = *PairLosses::Create(space, gram);
    EXPECT_NEAR(pairs.Sum(space, {0, 1, 1}), at(0, 3) + at(0, 5) + at(3, 5), 1e-6);
  }
  problem.ties = {{"l0", "l2"}};
  const ChoiceSpace space = *ChoiceSpace::Create(problem);
  const PairLosses pairs = *PairLosses::Create(space, gram);
  ASSERT_EQ(space.variables(), 2u);
  EXPECT_NEAR(pairs.Sum(space, {1, 0}), at(1, 5) + at(1, 2) + at(2, 5), 1e-6);
  EXPECT_TRUE(absl::IsInvalidArgument(PairLosses::Create(space, std::vector<float>(9)).status()));
}

TEST(LossModelTest, BeforeTrialsPredictsTheEstimate) {
  const Problem problem = LooseProblem(3, 3);
  const ChoiceSpace space = *ChoiceSpace::Create(problem);
  const PairLosses pairs = *PairLosses::Create(space, RandomPairs(9));
  const LossModel model(space, pairs, LossesOfColumns(space), 0.5);
  const Selection selection = {2, 0, 1};
  double sum = 0;
  for (size_t l = 0; l < 3; ++l) {
    sum += problem.layers[l].choices[static_cast<size_t>(selection[l])].loss;
  }
  EXPECT_NEAR(model.Predict(selection), sum + 0.5 * pairs.Sum(space, selection), 1e-6);
  EXPECT_EQ(model.StandardError(selection), 0);
}

Selection DrawSelection(int variables, int choices, SplitMix64& random) {
  Selection selection;
  for (int v = 0; v < variables; ++v) {
    selection.push_back(static_cast<int>(choices * random.Uniform()));
  }
  return selection;
}

TEST(LossModelTest, LearnsWhichLayersAndChoicesAreWrong) {
  const Problem problem = LooseProblem(5, 4);
  const ChoiceSpace space = *ChoiceSpace::Create(problem);
  const PairLosses none = *PairLosses::Create(space, {});
  const std::vector<double> losses = LossesOfColumns(space);
  // All losses are 1.3 times the estimate, and those of layer 2 twice that.
  const auto truth = [&](const Selection& selection) {
    double sum = 0;
    for (size_t v = 0; v < 5; ++v) {
      sum += losses[space.ColumnOf(v, selection[v])] * 1.3 * (v == 2 ? 2 : 1);
    }
    return sum;
  };
  SplitMix64 random(5);
  const auto draw = [&] { return DrawSelection(5, 4, random); };
  std::vector<Trial> trials;
  for (int i = 0; i < 30; ++i) {
    const Selection selection = draw();
    trials.push_back({selection, truth(selection)});
  }
  LossModel model(space, none, losses, 0);
  double before = 0, after = 0, expected = 0;
  const LossModel estimate = model;
  model.Learn(trials);
  for (int i = 0; i < 50; ++i) {
    const Selection selection = draw();
    before += std::abs(estimate.Predict(selection) / truth(selection) - 1);
    after += std::abs(model.Predict(selection) / truth(selection) - 1);
    expected += model.StandardError(selection) / truth(selection);
  }
  EXPECT_GT(before / 50, 0.3);
  EXPECT_LT(after / 50, 0.05);
  EXPECT_GT(expected, 0);
  for (const Trial& trial : trials) {
    EXPECT_NEAR(model.Predict(trial.selection), trial.divergence, 0.1 * trial.divergence);
    EXPECT_LT(model.StandardError(trial.selection), 0.2 * trial.divergence);
  }
}

// How far predictions are off on the whole, of selections that were not tried.
double ErrorAfterTrials(const std::vector<double>& losses, const ChoiceSpace& space,
                        const std::function<double(const Selection&)>& truth) {
  const PairLosses none = *PairLosses::Create(space, {});
  SplitMix64 random(5);
  std::vector<Trial> trials;
  for (int i = 0; i < 30; ++i) {
    const Selection selection = DrawSelection(5, 4, random);
    trials.push_back({selection, truth(selection)});
  }
  LossModel model(space, none, losses, 0);
  model.Learn(trials);
  double error = 0;
  for (int i = 0; i < 50; ++i) {
    const Selection selection = DrawSelection(5, 4, random);
    error += std::abs(model.Predict(selection) / truth(selection) - 1) / 50;
  }
  return error;
}

// Scores that only rank say nothing of how much diverges.
TEST(LossModelTest, FindsTheUnitOfTheLosses) {
  const Problem problem = LooseProblem(5, 4);
  const ChoiceSpace space = *ChoiceSpace::Create(problem);
  const std::vector<double> losses = LossesOfColumns(space);
  for (const double unit : {1e-4, 1.0, 1e4}) {
    const auto truth = [&](const Selection& selection) {
      double sum = 0;
      for (size_t v = 0; v < 5; ++v) {
        sum += losses[space.ColumnOf(v, selection[v])] * unit * (v == 2 ? 2 : 1);
      }
      return sum;
    };
    EXPECT_LT(ErrorAfterTrials(losses, space, truth), 0.05) << unit;
  }
}

// As methods that speak of weights only say nothing of products of two activations.
TEST(LossModelTest, LearnsOfLayersThatTheEstimateSaysNothingOf) {
  const Problem problem = LooseProblem(5, 4);
  const ChoiceSpace space = *ChoiceSpace::Create(problem);
  const std::vector<double> losses = LossesOfColumns(space);
  const auto truth = [&](const Selection& selection) {
    double sum = 0;
    for (size_t v = 0; v < 5; ++v) sum += losses[space.ColumnOf(v, selection[v])];
    return sum;
  };
  std::vector<double> silent = losses;
  for (size_t column = space.Begin(3); column < space.End(3); ++column) silent[column] = 0;
  EXPECT_LT(ErrorAfterTrials(silent, space, truth), 0.05);
}

// Samples are hit by a choice with a loss of their own, so that the few that are measured differ
// from the truth, which is the estimate, in the same way in all trials.
TEST(LossModelTest, DoesNotLearnTheSamplesAtHand) {
  const Problem problem = LooseProblem(5, 4);
  const ChoiceSpace space = *ChoiceSpace::Create(problem);
  const PairLosses none = *PairLosses::Create(space, {});
  const std::vector<double> losses = LossesOfColumns(space);
  SplitMix64 random(8);
  std::vector<std::vector<double>> of_samples(40);  // [sample][column]
  for (std::vector<double>& sample : of_samples) {
    for (const double loss : losses) sample.push_back(loss * (random.Uniform() < 0.1 ? 10 : 0));
  }
  const auto draw = [&] { return DrawSelection(5, 4, random); };
  std::vector<Trial> trials;
  for (int i = 0; i < 30; ++i) {
    Trial& trial = trials.emplace_back(Trial{draw()});
    for (const std::vector<double>& sample : of_samples) {
      double& part = trial.parts.emplace_back(0);
      for (size_t v = 0; v < 5; ++v) part += sample[space.ColumnOf(v, trial.selection[v])];
      trial.divergence += part / 40;
    }
  }
  LossModel aware(space, none, losses, 0), unaware = aware;
  const LossModel truth = aware;
  aware.Learn(trials);
  for (Trial& trial : trials) trial.parts.clear();
  unaware.Learn(trials);
  double aware_error = 0, unaware_error = 0;
  for (int i = 0; i < 200; ++i) {
    const Selection selection = draw();
    aware_error += std::abs(aware.Predict(selection) / truth.Predict(selection) - 1) / 200;
    unaware_error += std::abs(unaware.Predict(selection) / truth.Predict(selection) - 1) / 200;
  }
  EXPECT_GT(unaware_error, 0.1);
  EXPECT_LT(aware_error, 0.5 * unaware_error);
}

TEST(LossModelTest, StaysWithTheEstimateWhereNothingDiverges) {
  Problem problem = LooseProblem(3, 3);
  for (Problem::Layer& layer : problem.layers) {
    for (Problem::Choice& choice : layer.choices) choice.loss = 0;
  }
  const ChoiceSpace space = *ChoiceSpace::Create(problem);
  const PairLosses none = *PairLosses::Create(space, {});
  LossModel model(space, none, LossesOfColumns(space), 0);
  const std::vector<Trial> trials = {{{0, 0, 0}, 0}, {{1, 0, 2}, 0}};
  model.Learn(trials);
  EXPECT_EQ(model.Predict({1, 1, 1}), 0);
  EXPECT_EQ(model.StandardError({1, 1, 1}), 0);
}

TEST(LossModelTest, FindsThePairsWeight) {
  const Problem problem = LooseProblem(6, 4);
  const ChoiceSpace space = *ChoiceSpace::Create(problem);
  const PairLosses pairs = *PairLosses::Create(space, RandomPairs(24));
  LossModel model(space, pairs, LossesOfColumns(space), 0.5);
  const LossModel truth(space, pairs, LossesOfColumns(space), 1);
  SplitMix64 random(6);
  std::vector<Trial> trials;
  for (int i = 0; i < 24; ++i) {
    const Selection selection = DrawSelection(6, 4, random);
    trials.push_back({selection, truth.Predict(selection)});
  }
  model.Learn(trials);
  EXPECT_NEAR(model.pair_weight(), 1, 0.05);
}

// The best feasible selection by trying all, of those `accept` takes.
template <typename Accept>
double BestOf(const ChoiceSpace& space, const LossModel& model, const Accept& accept) {
  double best = 1e9;
  Selection selection(space.variables(), 0);
  while (true) {
    if (space.IsFeasible(selection) && accept(selection)) {
      best = std::min(best, model.Predict(selection));
    }
    size_t v = 0;
    while (v < selection.size() && ++selection[v] == space.compact().choices[v]) {
      selection[v++] = 0;
    }
    if (v == selection.size()) return best;
  }
}

TEST(ModelSearchTest, DescendsToALocalOptimumWithinTheBudget) {
  Problem problem = LooseProblem(5, 4);
  problem.budgets["size"] = 7;
  problem.edges = {{"l0", "l1", {{"o1", "o2", {{"size", 3}}}, {"o0", "o3", {{"size", 1}}}}}};
  const ChoiceSpace space = *ChoiceSpace::Create(problem);
  const PairLosses pairs = *PairLosses::Create(space, RandomPairs(20));
  const LossModel model(space, pairs, LossesOfColumns(space), 1);
  const ModelSearch search(space, pairs, model);
  const Selection reached = search.Descend(Selection(5, 0), Cancellation());
  EXPECT_TRUE(space.IsFeasible(reached));
  const double local = BestOf(space, model, [&](const Selection& other) {
    int changed = 0;
    for (size_t v = 0; v < 5; ++v) changed += other[v] != reached[v] ? 1 : 0;
    return changed <= 1;
  });
  EXPECT_LE(model.Predict(reached), local + 1e-9);
}

TEST(ModelSearchTest, ListsTheBestNeighboursInOrder) {
  Problem problem = LooseProblem(4, 4);
  problem.budgets["size"] = 6;
  const ChoiceSpace space = *ChoiceSpace::Create(problem);
  const PairLosses none = *PairLosses::Create(space, {});
  const LossModel model(space, none, LossesOfColumns(space), 0);
  const ModelSearch search(space, none, model);
  const Selection center(4, 1);
  const std::vector<Selection> neighbours = search.Neighbours(center, 10);
  ASSERT_FALSE(neighbours.empty());
  double before = -1e9;
  for (const Selection& neighbour : neighbours) {
    EXPECT_TRUE(space.IsFeasible(neighbour));
    EXPECT_NE(neighbour, center);
    EXPECT_GE(model.Predict(neighbour), before - 1e-12);
    before = model.Predict(neighbour);
  }
  const double best = BestOf(space, model, [&](const Selection& other) {
    int changed = 0;
    for (size_t v = 0; v < 4; ++v) changed += other[v] != center[v] ? 1 : 0;
    return changed > 0 && changed <= 2;
  });
  EXPECT_NEAR(model.Predict(neighbours[0]), best, 1e-9);
}

}  // namespace
}  // namespace halftone
