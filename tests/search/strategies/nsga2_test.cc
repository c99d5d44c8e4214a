#include "search/strategies/nsga2.h"

#include <cmath>
#include <numeric>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/strategies/pareto_archive.h"

namespace halftone {
namespace {

// All selections of a small space.
std::vector<Selection> AllOf(const std::vector<int>& choices) {
  std::vector<Selection> all = {Selection(choices.size(), 0)};
  while (true) {
    Selection next = all.back();
    size_t v = 0;
    while (v < next.size() && ++next[v] == choices[v]) next[v++] = 0;
    if (v == next.size()) return all;
    all.push_back(next);
  }
}

// Loss falls and cost rises with every variable's choice, each at a rate of its own; the known
// front is what brute force finds.
Merit LossAndCost(const Selection& selection) {
  Merit merit = {{0, 0}, 0};
  for (size_t v = 0; v < selection.size(); ++v) {
    const double bits = selection[v];
    merit.objectives[0] += std::pow(4.0, -bits) * static_cast<double>(v * v + 1);
    merit.objectives[1] += bits * (1 + 0.37 * static_cast<double>((5 * v) % 7));
  }
  return merit;
}

// `tries` selections, one at a time.
std::vector<Selection> TryOut(Nsga2& strategy, int tries, ParetoArchive& archive) {
  std::vector<Selection> tried;
  for (int i = 0; i < tries; ++i) {
    const std::vector<Selection> asked = strategy.Ask(1);
    if (asked.empty()) break;
    const Merit merit = LossAndCost(asked[0]);
    strategy.Tell(asked[0], merit);
    archive.Add(asked[0], merit);
    tried.push_back(asked[0]);
  }
  return tried;
}

TEST(Nsga2Test, ComesNearAKnownFront) {
  const std::vector<int> choices(8, 4);  // 65,536 selections
  ParetoArchive known;
  for (const Selection& selection : AllOf(choices)) known.Add(selection, LossAndCost(selection));
  const std::vector<double> reference = {141, 60};
  const double most = Hypervolume(known.Objectives(), reference);

  ParetoArchive found, guessed;
  Nsga2 strategy(choices, {}, {.population = 24, .seed = 1});
  TryOut(strategy, 600, found);
  EXPECT_GT(Hypervolume(found.Objectives(), reference), 0.96 * most);
  // Chance alone, as many times, does not.
  SplitMix64 random(1);
  for (int i = 0; i < 600; ++i) {
    Selection selection;
    for (const int count : choices) {
      selection.push_back(static_cast<int>(random() % static_cast<uint64_t>(count)));
    }
    guessed.Add(selection, LossAndCost(selection));
  }
  EXPECT_LT(Hypervolume(guessed.Objectives(), reference), 0.95 * most);
}

TEST(Nsga2Test, AsksForItsSeedsFirstAndForNothingTwice) {
  const std::vector<int> choices = {3, 2, 2};
  Nsga2 strategy(choices, {{2, 1, 1}, {0, 0, 0}, {2, 1, 1}}, {.population = 4});
  strategy.Tell({1, 1, 1}, {{5, 5}, 0});
  const std::vector<Selection> first = strategy.Ask(2);
  EXPECT_THAT(first, testing::ElementsAre(Selection{2, 1, 1}, Selection{0, 0, 0}));
  std::set<Selection> seen(first.begin(), first.end());
  seen.insert({1, 1, 1});
  const std::vector<Selection> rest = strategy.Ask(100);
  EXPECT_EQ(rest.size(), 12 - seen.size()) << "to the end of the space";
  for (const Selection& selection : rest) EXPECT_TRUE(seen.insert(selection).second);
  EXPECT_TRUE(strategy.Ask(1).empty());
}

TEST(Nsga2Test, IsDeterministicByItsSeed) {
  const std::vector<int> choices(10, 5);
  const auto tried = [&](uint64_t seed) {
    ParetoArchive archive;
    Nsga2 strategy(choices, {}, {.population = 10, .seed = seed});
    return TryOut(strategy, 120, archive);
  };
  EXPECT_EQ(tried(3), tried(3));
  EXPECT_NE(tried(3), tried(4));
}

TEST(Nsga2Test, PrefersWhatKeepsTheLimits) {
  const std::vector<int> choices(8, 4);
  Nsga2::Options options;
  options.violation = [](const Selection& selection) {
    return std::max(0, std::accumulate(selection.begin(), selection.end(), 0) - 10);
  };
  Nsga2 strategy(choices, {Selection(8, 0)}, options);
  ParetoArchive archive;
  for (const Selection& selection : TryOut(strategy, 200, archive)) {
    EXPECT_EQ(options.violation(selection), 0);
  }
}

TEST(Nsga2Test, LearnsFromWhatItDidNotAskFor) {
  const std::vector<int> choices(12, 4);
  Nsga2 strategy(choices, {}, {.population = 4, .seed = 2});
  for (int i = 0; i < 8; ++i) strategy.Tell(Selection(12, i % 4), {{i % 4 == 2 ? 0.0 : 9.0}, 0});
  // Children of the one that is better than all others share most of its choices.
  int like_best = 0;
  for (const Selection& child : strategy.Ask(100)) {
    like_best += static_cast<int>(std::count(child.begin(), child.end(), 2));
  }
  EXPECT_GT(like_best, 400) << "of 1200; a quarter by chance";
}

TEST(Nsga2Test, VariablesWithOneChoiceStayAsTheyAre) {
  Nsga2 strategy({1, 3, 1}, {}, {});
  EXPECT_EQ(strategy.Ask(10).size(), 3u);
}

}  // namespace
}  // namespace halftone
