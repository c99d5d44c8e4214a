#include "search/result.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "search/stage_outputs.h"
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
  EXPECT_EQ(*result->evaluation->executed->accuracy, 0.75);
  EXPECT_EQ(result->evaluation->executed->assignment.at("a"), Precision::Int(4, 4));
  EXPECT_EQ(result->evaluation->executed->warning, "differs");
  EXPECT_EQ(json["evaluation"]["executed"]["kl"], 0.015625);
  EXPECT_EQ(result->solution.frontier.size(), 1u);
  EXPECT_EQ(json["chosen"], "refined");
  EXPECT_EQ(json["refined"]["evaluations"], 11) << "nine of these of parts";
  EXPECT_EQ(result->refined->assignment.at("a"), "w8a8");
}

TEST(SearchResultJsonTest, OlderResultsSayNothingOfWhatWasExecuted) {
  nlohmann::json json = SearchResultToJson(FullResult());
  json["evaluation"].erase("executed");
  const absl::StatusOr<SearchResult> result = SearchResultFromJson(json);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->evaluation->kl, 0.01);
  EXPECT_FALSE(result->evaluation->executed.has_value());
}

// Of the answer that was chosen, whose proof is the optimum's.
TEST(SearchResultJsonTest, TheTopLevelIsTheChosenAnswer) {
  SearchResult result = FullResult();
  result.solution.loss = result.solution.lower_bound = 0.25;
  nlohmann::json json = SearchResultToJson(result);
  EXPECT_EQ(json["chosen"], "refined");
  EXPECT_EQ(json["status"], "OPTIMAL");
  EXPECT_EQ(json["assignment"], (nlohmann::json{{"a", "w8a8"}}));
  EXPECT_EQ(json["cost"], (nlohmann::json{{"latency_ns", 2.0}}));
  EXPECT_EQ(json["loss"], 1.0 / 3);
  EXPECT_EQ(json["lower_bound"], 0.25);
  EXPECT_DOUBLE_EQ(json["gap"].get<double>(), 0.25) << "(1/3 - 1/4) / (1/3)";
  EXPECT_EQ(json["departures"], 1);
  result.refined->divergence = result.refined->optimum_divergence;
  json = SearchResultToJson(result);
  EXPECT_EQ(json["chosen"], "optimum");
  EXPECT_EQ(json["assignment"], (nlohmann::json{{"a", "w4a4"}}));
  EXPECT_EQ(json["cost"], (nlohmann::json{{"latency_ns", 1.0}}));
  EXPECT_EQ(json["loss"], 0.25);
  EXPECT_EQ(json["gap"], 0);
  EXPECT_FALSE(json.contains("departures"));
}

TEST(SearchResultJsonTest, AnInfeasibleSearchHasNoAnswerAtTheTop) {
  SearchResult result = FullResult();
  result.refined.reset();
  result.solution = Solution();
  const nlohmann::json json = SearchResultToJson(result);
  EXPECT_EQ(json["status"], "INFEASIBLE");
  for (const char* key : {"chosen", "assignment", "cost", "loss", "gap"}) {
    EXPECT_FALSE(json.contains(key)) << key;
  }
}

// What a precision says of weights means nothing to a product of two activations.
TEST(SearchResultTest, AnotherNameOfTheSamePrecisionIsNoDeparture) {
  SearchResult result = FullResult();
  result.solution.assignment = {{"a", "w8a8"}, {"product", "w8a8"}, {"b", "w8a8"}};
  result.refined->assignment = {{"a", "w8a8"}, {"product", "w4a8"}, {"b", "w4a8"}};
  result.layers.resize(3);
  result.layers[1].name = "product";
  result.layers[1].has_weights = false;
  result.layers[2].name = "b";
  EXPECT_EQ(CountDepartures(result), 1) << "b alone";
  result.refined->assignment["product"] = "w4a4";
  EXPECT_EQ(CountDepartures(result), 2);
}

// A busy machine disturbs the measurements of all layers alike.
TEST(SearchResultTest, LayersThatSayTheSameShareAWarning) {
  NetworkSummary network;
  SensitivityResult sensitivity;
  CostTable costs;
  SolveOutput solved;
  solved.reference = Precision::Int(8, 8);
  solved.solution.status = Solution::Status::kOptimal;
  for (const auto& [name, warning] : std::vector<std::pair<std::string, std::string>>{
           {"a", "the machine was busy"}, {"b", ""}, {"c", "the machine was busy"}, {"d", "ref"}}) {
    network.layers.push_back({name, "Conv", name, 1, name != "d"});
    sensitivity.layers.push_back({.name = name});
    CostRow& row = costs.rows.emplace_back();
    row.layer = name;
    row.precision = row.executed_as = solved.reference;
    row.warning = warning;
    solved.solution.assignment[name] = "w8a8";
  }
  const absl::StatusOr<SearchResult> result =
      AssembleResult({}, network, sensitivity, costs, solved, std::nullopt, {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->warnings,
              testing::UnorderedElementsAre("layer 'a' and 1 more: the machine was busy",
                                            "layer 'd': ref"));
  EXPECT_EQ(result->measure.name, "loss");
  EXPECT_TRUE(result->layers[0].has_weights);
  EXPECT_FALSE(result->layers[3].has_weights);
}

TEST(SearchResultTest, LimitsOfLiveSetsAreOneBudget) {
  Problem problem;
  problem.budgets = {{"latency_ns", 5}, {"activation_bytes/x", 64}, {"activation_bytes/y", 64}};
  problem.max_changes = 2;
  EXPECT_EQ(BudgetsOf(problem),
            (std::map<std::string, double>{
                {"latency_ns", 5}, {"activation_bytes", 64}, {"precision_changes", 2}}));
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
