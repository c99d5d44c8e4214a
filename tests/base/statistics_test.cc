#include "base/statistics.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "nlohmann/json.hpp"

namespace halftone {
namespace {

TEST(Median, IsTheMiddleOrTheMeanOfTheTwo) {
  EXPECT_EQ(Median({3}), 3);
  EXPECT_EQ(Median({9, 1, 5}), 5);
  EXPECT_EQ(Median({4, 1, 10, 2}), 3);
  EXPECT_EQ(Median({7, 7}), 7);
}

// What make_reference.py computed with scipy.
TEST(RankCorrelation, EqualsScipy) {
  const auto reference = nlohmann::json::parse(
      std::ifstream(std::string(HALFTONE_SOURCE_DIR) + "/tests/base/statistics_reference.json"));
  ASSERT_GT(reference["cases"].size(), 15u);
  for (const nlohmann::json& test : reference["cases"]) {
    const auto a = test["a"].get<std::vector<double>>(), b = test["b"].get<std::vector<double>>();
    EXPECT_EQ(Ranks(a), test["ranks_of_a"].get<std::vector<double>>());
    EXPECT_NEAR(StandardDeviation(a), test["deviation_of_a"].get<double>(), 1e-12);
    EXPECT_NEAR(*SpearmanCorrelation(a, b), test["spearman"].get<double>(), 1e-12);
    EXPECT_NEAR(*KendallCorrelation(a, b), test["kendall"].get<double>(), 1e-12);
    EXPECT_NEAR(*KendallCorrelation(b, a), test["kendall"].get<double>(), 1e-12);
  }
}

TEST(RankCorrelation, IsUndefinedWithoutSpread) {
  const std::vector<double> flat = {2, 2, 2}, rising = {1, 2, 3}, one = {1}, none;
  EXPECT_FALSE(SpearmanCorrelation(flat, rising).has_value());
  EXPECT_FALSE(KendallCorrelation(rising, flat).has_value());
  EXPECT_FALSE(SpearmanCorrelation(one, one).has_value());
  EXPECT_FALSE(KendallCorrelation(one, one).has_value());
  EXPECT_FALSE(SpearmanCorrelation(none, none).has_value());
  EXPECT_FALSE(KendallCorrelation(none, none).has_value());
  EXPECT_EQ(StandardDeviation(one), 0);
}

}  // namespace
}  // namespace halftone
