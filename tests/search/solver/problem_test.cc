#include "search/solver/problem.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "base/infinity.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "search/solver/problem_fields.h"

namespace halftone {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// Every part of the format once.
const char kExample[] = R"json({
  "layers": [
    {"name": "a", "choices": [{"name": "w4", "loss": 0.5, "cost": {"latency_ns": 1, "size_bytes": 4}},
                              {"name": "w8", "loss": 0.1, "cost": {"latency_ns": 2, "size_bytes": 8}}]},
    {"name": "b", "choices": [{"name": "w8", "loss": 0.2, "cost": {"latency_ns": 3}},
                              {"name": "w4", "loss": 0.6, "cost": {"latency_ns": 2}}]},
    {"name": "c", "choices": [{"name": "f32", "loss": 0}]}],
  "ties": [["a", "b"]],
  "budgets": {"latency_ns": 10},
  "edges": [{"from": "a", "to": "c", "cost": [{"from": "w4", "to": "f32", "cost": {"latency_ns": 7}}]}],
  "interactions": [{"a": ["a", "w4"], "b": ["c", "f32"], "loss": -0.01}],
  "interaction_rows": {"choices": [["a", "w4"], ["c", "f32"]], "rows": [[1, 2], [0.5, -1]],
                       "weight": 0.5},
  "pins": {"a": "w8"},
  "frontier": "latency_ns"})json";

class ProblemJsonTest : public testing::Test {
 protected:
  // The message of the error that the example gives with one value replaced.
  static std::string Error(const char* pointer, const json& value) {
    json document = json::parse(kExample);
    document[json::json_pointer(pointer)] = value;
    return Message(document);
  }
  static std::string ErrorWithout(const char* object, const char* field) {
    json document = json::parse(kExample);
    document[json::json_pointer(object)].erase(field);
    return Message(document);
  }
  static std::string Message(const json& document) {
    const absl::Status status = ProblemFromJson(document).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  }
};

TEST_F(ProblemJsonTest, ReadsBackWhatItWrote) {
  const auto problem = ProblemFromJson(json::parse(kExample));
  ASSERT_TRUE(problem.ok()) << problem.status();
  EXPECT_EQ(problem->layers[0].choices[1].cost.at("size_bytes"), 8);
  EXPECT_EQ(problem->edges[0].costs[0].cost.at("latency_ns"), 7);
  EXPECT_EQ(problem->interactions[0].loss, -0.01);
  ASSERT_TRUE(problem->interaction_rows.has_value());
  EXPECT_EQ(problem->interaction_rows->choices[1].second, "f32");
  EXPECT_EQ(problem->interaction_rows->rows[1][0], 0.5);
  EXPECT_EQ(problem->interaction_rows->weight, 0.5);
  const json written = ProblemToJson(*problem);
  const auto again = ProblemFromJson(written);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(ProblemToJson(*again), written);
  EXPECT_EQ(written["pins"], json::parse(kExample)["pins"]);
  EXPECT_EQ(written["edges"], json::parse(kExample)["edges"]);
}

TEST_F(ProblemJsonTest, WrongTypesAreNamed) {
  EXPECT_THAT(Message(json::array()), HasSubstr("object"));
  EXPECT_THAT(Message(json(3)), HasSubstr("object"));
  EXPECT_THAT(Error("/layers", 3), HasSubstr("layers: must be an array"));
  EXPECT_THAT(Error("/layers/1", "b"), HasSubstr("layers[1]"));
  EXPECT_THAT(Error("/layers/1/name", 2), HasSubstr("layers[1].name"));
  EXPECT_THAT(Error("/layers/0/choices/1/loss", "0.1"), HasSubstr("layers[0].choices[1].loss"));
  EXPECT_THAT(Error("/layers/0/choices/1/cost/latency_ns", json()),
              HasSubstr("layers[0].choices[1].cost.latency_ns"));
  EXPECT_THAT(Error("/budgets/latency_ns", "4ms"), HasSubstr("budgets.latency_ns"));
  EXPECT_THAT(Error("/edges/0/cost", 1), HasSubstr("edges[0].cost"));
  EXPECT_THAT(Error("/interactions/0/a", "a"), HasSubstr("interactions[0].a"));
  EXPECT_THAT(Error("/pins/a", 8), HasSubstr("pins.a"));
  EXPECT_THAT(Error("/frontier", 1), HasSubstr("frontier"));
  EXPECT_THAT(Error("/ties/0", "a"), HasSubstr("ties[0]"));
  EXPECT_THAT(Error("/interaction_rows", 3), HasSubstr("interaction_rows: must be an object"));
  EXPECT_THAT(Error("/interaction_rows/choices/0", "a"), HasSubstr("interaction_rows.choices[0]"));
  EXPECT_THAT(Error("/interaction_rows/rows/1/0", "x"), HasSubstr("interaction_rows.rows[1][0]"));
}

TEST_F(ProblemJsonTest, MissingFieldsAreNamed) {
  EXPECT_THAT(ErrorWithout("", "layers"), HasSubstr("'layers' is missing"));
  EXPECT_THAT(ErrorWithout("/layers/0", "choices"), HasSubstr("'choices' is missing"));
  EXPECT_THAT(ErrorWithout("/layers/0/choices/0", "loss"), HasSubstr("'loss' is missing"));
  EXPECT_THAT(ErrorWithout("/edges/0/cost/0", "to"), HasSubstr("'to' is missing"));
}

TEST_F(ProblemJsonTest, UnknownFieldsAreRefusedWithTheirPlace) {
  const json example = json::parse(kExample);
  EXPECT_EQ(CheckProblemFields(example), absl::OkStatus());
  const auto problem = ProblemFromJson(example);
  ASSERT_TRUE(problem.ok()) << problem.status();
  EXPECT_EQ(CheckProblemFields(ProblemToJson(*problem)), absl::OkStatus());
  for (const auto& [object, place] : {std::pair<const char*, const char*>{"", "problem"},
                                      {"/layers/1", "layers[1]"},
                                      {"/layers/0/choices/1", "layers[0].choices[1]"},
                                      {"/edges/0", "edges[0]"},
                                      {"/edges/0/cost/0", "edges[0].cost[0]"},
                                      {"/interactions/0", "interactions[0]"},
                                      {"/interaction_rows", "interaction_rows"}}) {
    json document = example;
    document[json::json_pointer(object)]["budget"] = 1;
    const absl::Status status = CheckProblemFields(document);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << object;
    EXPECT_THAT(status.message(),
                HasSubstr(absl::StrCat(place, ": field 'budget' is not known; there are ")));
    EXPECT_TRUE(ProblemFromJson(document).ok()) << "what is stored may have it: " << object;
  }
}

TEST_F(ProblemJsonTest, UnknownFieldsOfWrongTypesAreLeftToTheReader) {
  for (const char* text : {"3", "[]", "{\"layers\":3}", "{\"layers\":[3,{\"choices\":[4]}]}",
                           "{\"edges\":{}}", "{\"interaction_rows\":[]}"}) {
    EXPECT_EQ(CheckProblemFields(json::parse(text)), absl::OkStatus()) << text;
    EXPECT_FALSE(ProblemFromJson(json::parse(text)).ok()) << text;
  }
}

TEST_F(ProblemJsonTest, NamesAreUniqueAndKnown) {
  EXPECT_THAT(Error("/layers/1/name", "a"), HasSubstr("layer 'a' is there twice"));
  EXPECT_THAT(Error("/layers/0/choices/1/name", "w4"), HasSubstr("choice 'w4' twice"));
  EXPECT_THAT(Error("/ties/0/1", "z"), HasSubstr("unknown layer 'z'"));
  EXPECT_THAT(Error("/ties/0/1", "a"), HasSubstr("names 'a' twice"));
  EXPECT_THAT(Error("/edges/0/to", "z"), HasSubstr("unknown layer 'z'"));
  EXPECT_THAT(Error("/edges/0/to", "a"), HasSubstr("to itself"));
  EXPECT_THAT(Error("/edges/0/cost/0/from", "w2"), HasSubstr("no choice 'w2'"));
  EXPECT_THAT(Error("/interactions/0/b/1", "w2"), HasSubstr("no choice 'w2'"));
  EXPECT_THAT(Error("/interactions/0/b", json::array({"a", "w4"})), HasSubstr("with itself"));
  EXPECT_THAT(Error("/pins", {{"z", "w4"}}), HasSubstr("unknown layer 'z'"));
  EXPECT_THAT(Error("/pins/a", "w2"), HasSubstr("no choice 'w2'"));
  EXPECT_THAT(Error("/frontier", "weight"), HasSubstr("'weight'"));
  EXPECT_THAT(Error("/budgets/energy_pj", 3), HasSubstr("'energy_pj'"));
  EXPECT_THAT(Error("/layers/0/name", ""), HasSubstr("empty name"));
  EXPECT_THAT(Error("/layers/0/name", std::string(5000, 'x')), HasSubstr("longer than"));
}

TEST_F(ProblemJsonTest, TiedLayersHaveTheSameChoicesAndPins) {
  EXPECT_THAT(Error("/ties/0/1", "c"), HasSubstr("'a' and 'c' have different choices"));
  EXPECT_THAT(Error("/pins/b", "w4"), HasSubstr("pinned to different choices"));
}

TEST_F(ProblemJsonTest, EmptyPartsAreNamed) {
  EXPECT_THAT(Error("/layers", json::array()), HasSubstr("no layers"));
  EXPECT_THAT(Error("/layers/2/choices", json::array()), HasSubstr("layer 'c' has no choices"));
  EXPECT_THAT(Error("/ties/0", json::array()), HasSubstr("tie 0 is empty"));
}

TEST_F(ProblemJsonTest, NumbersAreFiniteAndBudgetsNotNegative) {
  EXPECT_THAT(Error("/budgets/latency_ns", -1), HasSubstr("'latency_ns' is negative"));
  auto problem = ProblemFromJson(json::parse(kExample));
  ASSERT_TRUE(problem.ok());
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), kInfinity, 1e300}) {
    Problem broken = *problem;
    broken.layers[1].choices[0].loss = bad;
    EXPECT_THAT(std::string(CheckProblem(broken).message()), HasSubstr("layer 'b'"));
    broken = *problem;
    broken.layers[1].choices[0].cost["latency_ns"] = bad;
    EXPECT_THAT(std::string(CheckProblem(broken).message()), HasSubstr("latency_ns"));
    broken = *problem;
    broken.budgets["latency_ns"] = bad;
    EXPECT_FALSE(CheckProblem(broken).ok());
    broken = *problem;
    broken.interactions[0].loss = bad;
    EXPECT_THAT(std::string(CheckProblem(broken).message()), HasSubstr("interaction 0"));
    broken = *problem;
    broken.edges[0].costs[0].cost["latency_ns"] = bad;
    EXPECT_THAT(std::string(CheckProblem(broken).message()), HasSubstr("edge 0"));
  }
}

TEST_F(ProblemJsonTest, ObjectiveWeightsAreOfKnownMetricsAndNotNegative) {
  EXPECT_THAT(Error("/objective_weights", {{"latency_ns", -0.5}}),
              HasSubstr("objective weight 'latency_ns' is negative"));
  EXPECT_THAT(Error("/objective_weights", {{"beauty", 1}}),
              HasSubstr("objective weight 'beauty' is on a metric that no choice has"));
  EXPECT_THAT(Error("/objective_weights", 3), HasSubstr("objective_weights: must be an object"));
  EXPECT_THAT(Error("/objective_weights", {{"latency_ns", "x"}}),
              HasSubstr("objective_weights.latency_ns"));
  EXPECT_THAT(Error("/objective_weights", {{"latency_ns", 1e100}}), HasSubstr("above 1e100"));
  auto problem = ProblemFromJson(json::parse(kExample));
  ASSERT_TRUE(problem.ok());
  problem->objective_weights["latency_ns"] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(std::string(CheckProblem(*problem).message()), HasSubstr("not finite"));
  problem->objective_weights["latency_ns"] = 0.25;
  const auto back = ProblemFromJson(ProblemToJson(*problem));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->objective_weights, problem->objective_weights);
}

TEST_F(ProblemJsonTest, DuplicateEdgeCostsAreRefused) {
  auto problem = ProblemFromJson(json::parse(kExample));
  ASSERT_TRUE(problem.ok());
  problem->edges[0].costs.push_back(problem->edges[0].costs[0]);
  EXPECT_THAT(std::string(CheckProblem(*problem).message()), HasSubstr("twice"));
}

TEST_F(ProblemJsonTest, DuplicateInteractionsAreRefusedWhicheverEndComesFirst) {
  auto problem = ProblemFromJson(json::parse(kExample));
  ASSERT_TRUE(problem.ok());
  problem->interactions.push_back({{"a", "w8"}, {"c", "f32"}, 0.5});
  EXPECT_EQ(CheckProblem(*problem), absl::OkStatus());
  for (const Problem::Interaction& again :
       {problem->interactions[0], Problem::Interaction{{"c", "f32"}, {"a", "w4"}, 0.25}}) {
    Problem doubled = *problem;
    doubled.interactions.push_back(again);
    const absl::Status status = CheckProblem(doubled);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("interaction 2 has the loss of"));
    EXPECT_THAT(std::string(status.message()), HasSubstr("twice"));
  }
}

// What has no cost costs nothing, but not where only some choices of a layer say what they cost.
TEST_F(ProblemJsonTest, AChoiceMayNotWinByACostThatIsNotGiven) {
  const char kMissing[] = "layer 'a', choice 'w8': cost 'size_bytes' is missing, which choice 'w4'";
  json document = json::parse(kExample);
  json& costs = document["/layers/0/choices/1/cost"_json_pointer];
  costs.erase("size_bytes");
  EXPECT_TRUE(ProblemFromJson(document).ok()) << "nothing asks for sizes";
  for (const auto& [field, value] : {std::pair<const char*, json>{"budgets", {{"size_bytes", 6}}},
                                     {"objective_weights", {{"size_bytes", 0.5}}},
                                     {"frontier", "size_bytes"}}) {
    json asking = document;
    asking[field] = value;
    EXPECT_THAT(Message(asking), HasSubstr(kMissing)) << field;
    asking["layers"][0]["choices"][1]["cost"]["size_bytes"] = 8;
    EXPECT_TRUE(ProblemFromJson(asking).ok()) << field << ": layers b and c cost no bytes";
  }
}

TEST_F(ProblemJsonTest, InteractionRowsFitTheirChoices) {
  EXPECT_THAT(Error("/interaction_rows/rows/1", json::array({1})),
              HasSubstr("row 1 has 1 entries"));
  EXPECT_THAT(Error("/interaction_rows/choices/1/0", "z"), HasSubstr("unknown layer 'z'"));
  EXPECT_THAT(Error("/interaction_rows/choices/1/1", "w4"), HasSubstr("no choice 'w4'"));
  EXPECT_THAT(Error("/interaction_rows/choices/1", json::array({"a", "w4"})),
              HasSubstr("has a column already"));
  EXPECT_THAT(Error("/interaction_rows/weight", -1), HasSubstr("weight"));
  EXPECT_THAT(Error("/interaction_rows/rows/0/1", 1e60), HasSubstr("row 0"));
}

TEST_F(ProblemJsonTest, TooManyChoicesAreRefused) {
  Problem problem;
  problem.layers.push_back({"a", {}});
  for (size_t i = 0; i <= kMaxChoicesPerLayer; ++i) {
    problem.layers[0].choices.push_back({absl::StrCat(i), 0, {}});
  }
  EXPECT_THAT(std::string(CheckProblem(problem).message()), HasSubstr("more than 4096 choices"));
}

}  // namespace
}  // namespace halftone
