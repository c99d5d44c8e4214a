#include "search/result.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/golden.h"
#include "tests/search/full_result.h"

namespace halftone {
namespace {

TEST(SearchResultJsonTest, RoundTrips) {
  const nlohmann::json json = SearchResultToJson(FullResult());
  const absl::StatusOr<SearchResult> result =
      SearchResultFromJson(nlohmann::json::parse(json.dump()));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(SearchResultToJson(*result), json);
  EXPECT_EQ(result->layers[0].executed_as, Precision::Int(8, 8));
  EXPECT_EQ(result->layers[0].loss, 1.0 / 7);
  EXPECT_FALSE(result->latency.measured.has_value());
  EXPECT_EQ(*result->latency.reference_measured, 4.5);
  EXPECT_EQ(*result->evaluation->quantized_accuracy, 0.875);
  EXPECT_EQ(result->solution.frontier.size(), 1u);
  EXPECT_EQ(json["chosen"], "refined");
  EXPECT_EQ(json["refined"]["evaluations"], 2);
  EXPECT_EQ(result->refined->assignment.at("a"), "w8a8");
}

// The document that a job's result is, as a whole: clients read it.
TEST(SearchResultJsonTest, IsTheDocumentThatClientsKnow) {
  ExpectGolden("result.json", SearchResultToJson(FullResult()).dump(2) + "\n");
}

TEST(SearchResultJsonTest, KeepsAnInfeasibleAnswer) {
  SearchResult full = FullResult();
  full.solution = Solution();
  full.solution.infeasible = Solution::Infeasible{
      {{"latency_ns", 1}}, {"latency_ns"}, {0.5, 0.5, {{"latency_ns", 1}}, {{"a", "w4a4"}}}};
  const absl::StatusOr<SearchResult> result = SearchResultFromJson(SearchResultToJson(full));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->solution.status, Solution::Status::kInfeasible);
  ASSERT_TRUE(result->solution.infeasible.has_value());
  EXPECT_EQ(result->solution.infeasible->conflict, std::vector<std::string>{"latency_ns"});
  EXPECT_EQ(result->solution.infeasible->nearest.assignment.at("a"), "w4a4");
}

TEST(SearchResultJsonTest, ErrorsNameTheField) {
  nlohmann::json json = SearchResultToJson(FullResult());
  json["layers"][0]["precision"] = "w0a0";
  const absl::StatusOr<SearchResult> result = SearchResultFromJson(json);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(result.status().message()), ::testing::HasSubstr("precision"));
}

}  // namespace
}  // namespace halftone
