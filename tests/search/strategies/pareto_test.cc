#include "search/strategies/pareto.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/strategies/pareto_archive.h"

namespace halftone {
namespace {

using testing::ElementsAre;

Merit At(double x, double y, double violation = 0) { return {{x, y}, violation}; }

TEST(DominatesTest, FeasibleOnesComeFirst) {
  EXPECT_TRUE(Dominates(At(1, 2), At(1, 3)));
  EXPECT_FALSE(Dominates(At(1, 3), At(1, 3))) << "equals do not dominate each other";
  EXPECT_FALSE(Dominates(At(0, 3), At(1, 2)));
  EXPECT_TRUE(Dominates(At(9, 9), At(0, 0, 0.1)));
  EXPECT_TRUE(Dominates(At(9, 9, 0.1), At(0, 0, 0.2)));
  EXPECT_FALSE(Dominates(At(0, 0, 0.1), At(0, 0, 0.1)));
}

TEST(SortIntoFrontsTest, PeelsFrontAfterFront) {
  const std::vector<Merit> merits = {At(1, 5), At(2, 2), At(3, 3), At(5, 1), At(4, 4), At(0, 0, 1)};
  const auto fronts = SortIntoFronts(merits);
  ASSERT_EQ(fronts.size(), 4u);
  EXPECT_THAT(fronts[0], ElementsAre(0, 1, 3));
  EXPECT_THAT(fronts[1], ElementsAre(2));
  EXPECT_THAT(fronts[2], ElementsAre(4));
  EXPECT_THAT(fronts[3], ElementsAre(5));
}

TEST(SortIntoFrontsTest, AgreesWithCountingChainsOnRandomMerits) {
  SplitMix64 random(7);
  std::vector<Merit> merits;
  for (int i = 0; i < 80; ++i) {
    const auto draw = [&] { return std::floor(random.Uniform() * 8); };
    merits.push_back(At(draw(), draw(), std::max(0.0, draw() - 4)));
  }
  // The rank is the length of the longest chain of dominators.
  std::vector<int> rank(merits.size(), 0);
  for (size_t pass = 0; pass < merits.size(); ++pass) {
    for (size_t i = 0; i < merits.size(); ++i) {
      for (size_t j = 0; j < merits.size(); ++j) {
        if (Dominates(merits[j], merits[i])) rank[i] = std::max(rank[i], rank[j] + 1);
      }
    }
  }
  const auto fronts = SortIntoFronts(merits);
  size_t members = 0;
  for (size_t front = 0; front < fronts.size(); ++front) {
    members += fronts[front].size();
    for (const size_t i : fronts[front]) EXPECT_EQ(rank[i], static_cast<int>(front));
  }
  EXPECT_EQ(members, merits.size());
}

TEST(CrowdingDistancesTest, MeasureTheSpaceAround) {
  const std::vector<Merit> merits = {At(0, 10), At(9, 9), At(1, 8), At(5, 2), At(10, 0)};
  const std::vector<size_t> front = {0, 2, 3, 4};
  const std::vector<double> distances = CrowdingDistances(merits, front);
  EXPECT_TRUE(std::isinf(distances[0]));
  EXPECT_TRUE(std::isinf(distances[3]));
  EXPECT_DOUBLE_EQ(distances[1], 5.0 / 10 + 8.0 / 10);
  EXPECT_DOUBLE_EQ(distances[2], 9.0 / 10 + 8.0 / 10);
  EXPECT_TRUE(CrowdingDistances(merits, {}).empty());
}

TEST(HypervolumeTest, OfTwoObjectivesIsTheAreaOfTheStaircase) {
  const std::vector<double> reference = {10, 10};
  EXPECT_DOUBLE_EQ(Hypervolume({}, reference), 0);
  EXPECT_DOUBLE_EQ(Hypervolume({{4, 6}}, reference), 6 * 4);
  EXPECT_DOUBLE_EQ(Hypervolume({{4, 6}, {2, 8}, {7, 1}}, reference), 3 * 9 + 3 * 4 + 2 * 2);
  EXPECT_DOUBLE_EQ(Hypervolume({{4, 6}, {5, 7}, {4, 6}}, reference), 6 * 4)
      << "dominated and equal";
  EXPECT_DOUBLE_EQ(Hypervolume({{4, 12}, {10, 0}}, reference), 0) << "beyond the reference";
}

TEST(HypervolumeTest, OfThreeObjectivesAgreesWithCountingCells) {
  SplitMix64 random(3);
  constexpr int kSide = 9;
  std::vector<std::vector<double>> points;
  for (int i = 0; i < 12; ++i) {
    std::vector<double> point;
    for (int k = 0; k < 3; ++k) point.push_back(std::floor(random.Uniform() * kSide));
    points.push_back(point);
  }
  int cells = 0;
  for (int x = 0; x < kSide; ++x) {
    for (int y = 0; y < kSide; ++y) {
      for (int z = 0; z < kSide; ++z) {
        cells += std::any_of(points.begin(), points.end(), [&](const auto& point) {
          return point[0] <= x && point[1] <= y && point[2] <= z;
        });
      }
    }
  }
  EXPECT_DOUBLE_EQ(Hypervolume(points, std::vector<double>(3, kSide)), cells);
}

TEST(ParetoArchiveTest, LosesNothingButToSomethingBetter) {
  ParetoArchive archive;
  EXPECT_TRUE(archive.Add({0}, At(5, 5)));
  EXPECT_TRUE(archive.Add({1}, At(1, 9)));
  EXPECT_FALSE(archive.Add({2}, At(6, 6)));
  EXPECT_FALSE(archive.Add({3}, At(5, 5))) << "the earlier stays";
  EXPECT_FALSE(archive.Add({4}, At(0, 0, 0.5))) << "beyond the budgets";
  EXPECT_TRUE(archive.Add({5}, At(4, 4)));
  ASSERT_EQ(archive.members().size(), 2u);
  EXPECT_EQ(archive.members()[1].selection, Selection{5});
}

}  // namespace
}  // namespace halftone
