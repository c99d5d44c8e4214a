#include "search/result.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

SearchResult FullResult() {
  SearchResult result;
  result.model_name = "net";
  result.target = "cpu";
  result.device = {"CPU", "avx2", "oneDNN", 2};
  result.reference = Precision::Float32();
  result.problem.layers = {
      {"a", {{"w4a4", 0.5, {{"latency_ns", 1}}}, {"w8a8", 1.0 / 3, {{"latency_ns", 2}}}}}};
  result.problem.budgets = {{"latency_ns", 1.5}};
  result.solution.status = Solution::Status::kOptimal;
  result.solution.loss = result.solution.lower_bound = 0.5;
  result.solution.cost = {{"latency_ns", 1}};
  result.solution.assignment = {{"a", "w4a4"}};
  result.solution.frontier = {{0.5, 0.5, {{"latency_ns", 1}}, {{"a", "w4a4"}}}};
  result.reference_cost = {{"latency_ns", 4}};
  result.refined =
      Refinement{{{"a", "w8a8"}},        "neighbour", 0.25, 0.5, 1.0 / 3, {{"latency_ns", 2}},
                 {{"optimum", 0.5, 0.5}}};
  LayerResult layer;
  layer.name = "a";
  layer.precision = Precision::Int(4, 4);
  layer.executed_as = Precision::Int(8, 8);
  layer.loss = 1.0 / 7;
  layer.warning = "ref";
  result.layers = {layer};
  result.latency = {4, 1, 4.5, std::nullopt};
  result.evaluation = Evaluation{100, 0.9, 0.875, 0.01, 0.02, 30};
  result.evaluated_on_held_out = true;
  const Precision w4a4 = Precision::Int(4, 4), w8a8 = Precision::Int(8, 8);
  result.tables = TableNames{{{w4a4, w8a8}, {w4a4, w8a8}, w8a8},
                             {"n", "1"},
                             {"q", "2"},
                             {"s", "3"},
                             {"p", ""},
                             {"c", "4"}};
  result.artifacts = {{"report.html", "ab"}};
  return result;
}

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
  EXPECT_EQ(json["refined"]["evaluations"], 1);
  EXPECT_EQ(result->refined->assignment.at("a"), "w8a8");
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
