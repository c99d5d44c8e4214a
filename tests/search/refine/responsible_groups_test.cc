#include "search/refine/responsible_groups.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using testing::ElementsAre;

// What some sets of changes do together, and no part of these does.
class Planted {
 public:
  explicit Planted(std::vector<std::pair<std::set<size_t>, double>> sets)
      : sets_(std::move(sets)) {}

  double Of(const std::vector<size_t>& members) const {
    double sum = 0;
    for (const auto& [set, excess] : sets_) {
      const bool is_whole = std::all_of(set.begin(), set.end(), [&](size_t member) {
        return std::find(members.begin(), members.end(), member) != members.end();
      });
      if (is_whole) sum += excess;
    }
    return sum;
  }

  ExcessFunction AsFunction() {
    return [this](const std::vector<size_t>& members) -> absl::StatusOr<double> {
      ++calls;
      EXPECT_TRUE(std::is_sorted(members.begin(), members.end()));
      EXPECT_EQ(std::set<size_t>(members.begin(), members.end()).size(), members.size());
      return Of(members);
    };
  }

  int calls = 0;

 private:
  std::vector<std::pair<std::set<size_t>, double>> sets_;
};

TEST(ResponsibleGroupsTest, FindsEveryPairWithinTwiceTheLogarithm) {
  for (const size_t count : {2u, 3u, 8u, 33u, 100u}) {
    for (size_t i = 0; i < count; ++i) {
      for (size_t j = i + 1; j < count; ++j) {
        Planted planted({{{i, j}, 0.64}});
        const auto found =
            FindResponsibleGroups(count, 0.64, EvaluationsOfBisection(count), planted.AsFunction());
        ASSERT_TRUE(found.ok()) << found.status();
        ASSERT_TRUE(found->has_value()) << i << " and " << j << " of " << count;
        EXPECT_THAT((*found)->members, ElementsAre(i, j));
        EXPECT_DOUBLE_EQ((*found)->excess, 0.64);
        EXPECT_EQ((*found)->evaluations, planted.calls);
        EXPECT_LE(planted.calls, EvaluationsOfBisection(count));
      }
    }
  }
  EXPECT_EQ(EvaluationsOfBisection(33), 13);
  EXPECT_EQ(EvaluationsOfBisection(1000), 21);
}

TEST(ResponsibleGroupsTest, FindsOneAloneAndSeveralTogether) {
  for (const std::set<size_t>& set : {std::set<size_t>{0}, {6}, {32}, {1, 2, 30}, {0, 9, 10, 31}}) {
    Planted planted({{set, 2.0}});
    const auto found = FindResponsibleGroups(33, 2, 64, planted.AsFunction());
    ASSERT_TRUE(found.ok() && found->has_value());
    EXPECT_EQ(std::set<size_t>((*found)->members.begin(), (*found)->members.end()), set);
    EXPECT_DOUBLE_EQ((*found)->excess, 2);
  }
}

TEST(ResponsibleGroupsTest, FindsOneOfSeveralPairs) {
  Planted planted({{{2, 3}, 0.3}, {{7, 8}, 0.25}, {{20, 25}, 0.45}});
  const auto found = FindResponsibleGroups(33, 1, 64, planted.AsFunction());
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_THAT((*found)->members, ElementsAre(7, 8)) << "with which the first ones have a half";
  EXPECT_DOUBLE_EQ((*found)->excess, 0.25);
}

TEST(ResponsibleGroupsTest, FindsNothingInWhatIsSpreadOrNotThere) {
  std::vector<std::pair<std::set<size_t>, double>> spread;
  for (size_t i = 0; i < 32; ++i) {
    for (size_t j = i + 1; j < 32; ++j) spread.push_back({{i, j}, 1.0 / 496});
  }
  Planted planted(spread);
  const auto found = FindResponsibleGroups(32, 1, 64, planted.AsFunction());
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_FALSE(found->has_value());
  EXPECT_LE(planted.calls, 40);

  Planted nothing({});
  EXPECT_FALSE(FindResponsibleGroups(0, 1, 64, nothing.AsFunction())->has_value());
  EXPECT_FALSE(FindResponsibleGroups(5, 0, 64, nothing.AsFunction())->has_value());
  EXPECT_EQ(nothing.calls, 0);
  // An excess that cannot be found again.
  EXPECT_FALSE(FindResponsibleGroups(33, 1, 64, nothing.AsFunction())->has_value());
}

TEST(ResponsibleGroupsTest, StopsWhereEvaluationsEnd) {
  Planted whole({{{15, 17}, 1.0}});
  const auto found = FindResponsibleGroups(33, 1, 64, whole.AsFunction());
  ASSERT_TRUE(found.ok() && found->has_value());
  for (int most = 0; most < whole.calls; ++most) {
    Planted planted({{{15, 17}, 1.0}});
    const auto found = FindResponsibleGroups(33, 1, most, planted.AsFunction());
    ASSERT_TRUE(found.ok());
    // Of so many members as were found, the last measurements may already have told.
    if (found->has_value()) {
      EXPECT_THAT((*found)->members, ElementsAre(15, 17)) << most;
    }
    EXPECT_LE(planted.calls, most);
  }
}

TEST(ResponsibleGroupsTest, PassesErrorsOn) {
  const ExcessFunction failing = [](const std::vector<size_t>&) -> absl::StatusOr<double> {
    return absl::CancelledError("stop");
  };
  EXPECT_TRUE(absl::IsCancelled(FindResponsibleGroups(9, 1, 64, failing).status()));
}

}  // namespace
}  // namespace halftone
