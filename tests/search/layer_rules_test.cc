#include "search/layer_rules.h"

#include <cmath>

#include "base/field_path.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

const Precision kInt8 = Precision::Int(8, 8);
const Precision kInt4 = Precision::Int(4, 4);

// Three layers with 8 and 4 bits.
Problem ThreeLayers() {
  Problem problem;
  for (const char* name : {"conv1", "block/conv2", "fc"}) {
    problem.layers.push_back({name, {{"w8a8", 1, {{"x", 8}}}, {"w4a4", 2, {{"x", 4}}}}});
  }
  return problem;
}

NetworkSummary Network() {
  NetworkSummary network;
  network.neighbours = {{"conv1", "block/conv2"}, {"block/conv2", "fc"}};
  return network;
}

TEST(MatchesPatternTest, StarsAndQuestionMarks) {
  EXPECT_TRUE(MatchesPattern("conv1", "conv1"));
  EXPECT_FALSE(MatchesPattern("conv1", "conv"));
  EXPECT_TRUE(MatchesPattern("conv1", "conv?"));
  EXPECT_FALSE(MatchesPattern("conv12", "conv?"));
  EXPECT_TRUE(MatchesPattern("block/conv2", "*conv*"));
  EXPECT_TRUE(MatchesPattern("block/conv2", "b*/*2"));
  EXPECT_FALSE(MatchesPattern("block/conv2", "b*/*3"));
  EXPECT_TRUE(MatchesPattern("", "*"));
  EXPECT_FALSE(MatchesPattern("", "?"));
  EXPECT_TRUE(MatchesPattern("a*b", "a*b")) << "a layer's own name, whatever is in it";
}

TEST(LayerRulesTest, AllowedSetsOfSeveralPatternsAllHold) {
  Problem problem = ThreeLayers();
  LayerRules rules;
  rules.allowed = {{"*conv*", {kInt8, kInt4}}, {"conv1", {kInt8}}};
  ASSERT_TRUE(ApplyRules(rules, Network(), problem).ok());
  EXPECT_THAT(problem.allowed.at("conv1"), ElementsAre("w8a8"));
  EXPECT_EQ(problem.allowed.at("block/conv2").size(), 2u);
  EXPECT_FALSE(problem.allowed.contains("fc"));
  EXPECT_TRUE(CheckProblem(problem).ok());
}

TEST(LayerRulesTest, EndsTakeAPrecisionOrAtLeastSoManyBits) {
  Problem problem = ThreeLayers();
  LayerRules rules;
  rules.first_layer = "w4a4";
  rules.last_layer = "5";
  ASSERT_TRUE(ApplyRules(rules, Network(), problem).ok());
  EXPECT_THAT(problem.allowed, UnorderedElementsAre(Pair("conv1", ElementsAre("w4a4")),
                                                    Pair("fc", ElementsAre("w8a8"))));
}

TEST(LayerRulesTest, GroupsAreTiesAndChangesAreBetweenNeighbours) {
  Problem problem = ThreeLayers();
  LayerRules rules;
  rules.groups = {{"conv1", "fc"}};
  rules.max_changes = 1;
  ASSERT_TRUE(ApplyRules(rules, Network(), problem).ok());
  EXPECT_THAT(problem.ties, ElementsAre(UnorderedElementsAre("conv1", "fc")));
  EXPECT_EQ(problem.max_changes, 1u);
  EXPECT_EQ(problem.neighbours.size(), 2u);
}

struct Mistake {
  const char* says;
  LayerRules rules;
  const char* field;
};

TEST(LayerRulesTest, MistakesAreNamed) {
  const Mistake mistakes[] = {
      {"'dense'", {.allowed = {{"dense", {kInt8}}}}, "rules.allowed['dense']"},
      {"w2a2", {.allowed = {{"fc", {Precision::Int(2, 2)}}}}, "rules.allowed['fc']"},
      {"fewer than two layers", {.groups = {{"fc"}}}, "rules.groups[0]"},
      {"no precision", {.allowed = {{"fc", {kInt8}}}, .last_layer = "w4a4"}, "rules.last_layer"},
      {"so many bits", {.first_layer = "16"}, "rules.first_layer"},
      {"int8", {.first_layer = "int8"}, "rules.first_layer"},
      {"'-1' is no number of bits", {.first_layer = "-1"}, "rules.first_layer"},
      {"'0' is no number of bits", {.last_layer = "0"}, "rules.last_layer"},
  };
  for (const Mistake& mistake : mistakes) {
    Problem problem = ThreeLayers();
    const absl::Status status = ApplyRules(mistake.rules, Network(), problem);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << mistake.says;
    EXPECT_THAT(std::string(status.message()), HasSubstr(mistake.says));
    EXPECT_EQ(FieldOf(status), mistake.field);
  }
}

TEST(LayerRulesTest, JsonAndBack) {
  LayerRules rules;
  rules.allowed = {{"conv*", {kInt8, kInt4}}};
  rules.groups = {{"a", "b"}};
  rules.first_layer = "w8a8";
  rules.last_layer = "8";
  rules.max_changes = 0;
  rules.loss_factors = {{"fc", 2}};
  const auto back = LayerRulesFromJson(LayerRulesToJson(rules));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, rules);
  const auto none = LayerRulesFromJson(LayerRulesToJson({}));
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(*none, LayerRules());
  EXPECT_FALSE(LayerRulesFromJson({{"loss_factors", {{"fc", -1}}}}).ok());
  EXPECT_FALSE(LayerRulesFromJson({{"max_changes", -1}}).ok());
}

TEST(ScaleLossesTest, FactorsReachEveryFormOfTheLosses) {
  SensitivityResult sensitivity;
  sensitivity.layers = {{.name = "a", .choices = {{kInt8, 1, 0.1}}},
                        {.name = "b", .choices = {{kInt8, 2, 0.2}}}};
  sensitivity.resampled_losses = {{1.5, 2.5}};
  sensitivity.interactions = {2, 1, 1, 4};
  const auto scaled = ScaleLosses({{"b", 4}}, sensitivity);
  ASSERT_TRUE(scaled.ok()) << scaled.status();
  EXPECT_EQ(scaled->layers[0].choices[0].loss, 1);
  EXPECT_EQ(scaled->layers[1].choices[0].loss, 8);
  EXPECT_EQ(scaled->layers[1].choices[0].loss_stderr, 0.8);
  EXPECT_THAT(scaled->resampled_losses, ElementsAre(ElementsAre(1.5, 10)));
  EXPECT_THAT(scaled->interactions, ElementsAre(2, 2, 2, 16));
  const auto unknown = ScaleLosses({{"c", 4}}, sensitivity);
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("'c'"));
}

}  // namespace
}  // namespace halftone
