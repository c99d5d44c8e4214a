#include "search/what_if.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/field_path.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "profilers/builtin.h"
#include "search/memory_store.h"
#include "search/pipeline.h"
#include "search/stage_keys.h"

namespace halftone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::string ReadDigits(const std::string& file) {
  const absl::StatusOr<std::string> bytes =
      ReadFile(std::string(HALFTONE_SOURCE_DIR) + "/tests/data/tiny-digits/" + file);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.value_or("");
}

// A finished search of the small network.
class WhatIfTest : public testing::Test {
 protected:
  void SetUp() override {
    EXPECT_TRUE(RegisterBuiltinProfilers(profilers_, nullptr).ok());
    spec_.model = *store_.StoreBlob(ReadDigits("model.onnx"));
    spec_.calibration = *store_.StoreBlob(ReadDigits("calib.npz"));
    spec_.target = "bitfusion";
    spec_.sensitivity.samples = 64;
    spec_.evaluations = 5;
    spec_.explain = false;
    spec_.budgets = {*Budget::Parse("latency=50%"), *Budget::Parse("size=0.4x")};
  }

  void Search() {
    absl::StatusOr<SearchResult> result = RunSearch(spec_, store_, profilers_, {}, {});
    ASSERT_TRUE(result.ok()) << result.status();
    result_ = *std::move(result);
    tables_ = result_.tables;
  }

  Solution Answer(const WhatIf& what_if = {}) { return Whole(what_if).solution; }

  WhatIfAnswer Whole(const WhatIf& what_if = {}) {
    const absl::StatusOr<WhatIfAnswer> answer = ReSolve(spec_, tables_, store_, {}, what_if);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.value_or(WhatIfAnswer());
  }

  std::string Error(const WhatIf& what_if, absl::StatusCode code) {
    const absl::Status status = ReSolve(spec_, tables_, store_, {}, what_if).status();
    EXPECT_EQ(status.code(), code) << status;
    return std::string(status.message());
  }

  MemoryStore store_;
  ProfilerRegistry profilers_;
  SearchSpec spec_;
  SearchResult result_;
  std::optional<TableNames> tables_;  // that are named to ReSolve
};

TEST_F(WhatIfTest, OtherBudgetsPinsAndRulesAreSolvedOnTheStoredTables) {
  EXPECT_THAT(Error({}, absl::StatusCode::kFailedPrecondition), HasSubstr("not stored"));
  Search();
  const Solution same = Answer();
  EXPECT_EQ(same.assignment, result_.solution.assignment);
  spec_.budgets = {*Budget::Parse("size=0.2x")};
  spec_.frontier = Metric::kSize;
  const Solution smaller = Answer();
  EXPECT_LT(smaller.cost.at("size_bytes"), same.cost.at("size_bytes"));
  EXPECT_FALSE(smaller.frontier.empty());
  EXPECT_TRUE(Answer({.frontier = false}).frontier.empty());
  spec_.pins = {{"/conv1/Conv", "w8a8"}};
  EXPECT_EQ(Answer().assignment.at("/conv1/Conv"), "w8a8");
  spec_.pins.clear();
  spec_.rules.max_changes = 0;
  EXPECT_EQ(Answer().cost.at("precision_changes"), 0);
  spec_.rules = {};
  tables_.reset();
  spec_.sensitivity.seed = 99;
  EXPECT_THAT(Error({}, absl::StatusCode::kFailedPrecondition), HasSubstr("sensitivities"));
}

TEST_F(WhatIfTest, TheAnswerSaysWhatItsFiguresAre) {
  Search();
  spec_.rules.loss_factors = {{"/conv1/Conv", 2}};
  const nlohmann::json answer = WhatIfAnswerToJson(Whole());
  EXPECT_THAT(answer.at("measure").at("text"), HasSubstr("times the loss factors"));
  EXPECT_EQ(answer.at("warnings"), nlohmann::json::array());
  EXPECT_EQ(answer.at("layer_order").at(0), "/conv1/Conv");
  ASSERT_EQ(answer.at("budgets").size(), 2u);
  const nlohmann::json& latency = answer.at("budgets").at(0);
  const nlohmann::json& size = answer.at("budgets").at(1);
  EXPECT_EQ(latency.at("asked"), "latency=50%");
  EXPECT_DOUBLE_EQ(
      latency.at("limit"),
      (latency.at("cheapest").get<double>() + latency.at("dearest").get<double>()) / 2);
  EXPECT_EQ(size.at("asked"), "size=0.4x");
  EXPECT_EQ(size.at("metric"), "size_bytes");
  EXPECT_DOUBLE_EQ(size.at("limit"), 0.4 * size.at("reference_cost").get<double>());
  EXPECT_EQ(answer.at("reference"), result_.reference.ToString());
  EXPECT_EQ(size.at("reference_cost"), result_.reference_cost.at("size_bytes"));
}

// As it would be had another version given this key to what is stored by that name.
absl::Status StoreUnder(const std::string& key, Stage stage, ArtifactStore& from, ArtifactStore& to,
                        StoredName& name) {
  const absl::StatusOr<std::string> bytes = from.LoadStage(stage, name.key);
  if (!bytes.ok()) return bytes.status();
  name.key = key;
  return to.StoreStage(stage, key, *bytes);
}

TEST_F(WhatIfTest, TablesAreFoundUnderTheKeysOfAnotherVersion) {
  Search();
  ASSERT_TRUE(result_.tables.has_value());
  const Solution same = Answer({.interactions = 1, .frontier = false});
  MemoryStore other;
  TableNames names = *result_.tables;
  ASSERT_TRUE(StoreUnder("n", Stage::kImport, store_, other, names.network).ok());
  ASSERT_TRUE(StoreUnder("s", Stage::kSensitivity, store_, other, names.sensitivity).ok());
  ASSERT_TRUE(StoreUnder("p", Stage::kSensitivity, store_, other, names.pairs).ok());
  ASSERT_TRUE(StoreUnder("c", Stage::kProfile, store_, other, names.costs).ok());
  const WhatIf what_if = {.interactions = 1, .frontier = false};
  const auto found = ReSolve(spec_, names, other, {}, what_if);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->solution.assignment, same.assignment);
  EXPECT_EQ(found->solution.loss, same.loss);
  EXPECT_TRUE(absl::IsFailedPrecondition(ReSolve(spec_, {}, other, {}, what_if).status()))
      << "by this version's keys nothing is there";
}

TEST_F(WhatIfTest, WhatTheTargetOffersByNowDoesNotMatter) {
  Search();
  tables_ = result_.tables;
  const Solution same = Answer();
  const Offer fewer = {{Precision::Int(8, 8)}, {Precision::Int(8, 8)}, Precision::Int(8, 8)};
  ASSERT_TRUE(store_.StoreStage(Stage::kProfile, OfferKey(spec_), OfferToBytes(fewer)).ok());
  EXPECT_EQ(Answer().assignment, same.assignment);
  tables_.reset();
  EXPECT_THAT(Error({}, absl::StatusCode::kFailedPrecondition), HasSubstr("not stored"));
}

TEST_F(WhatIfTest, ATableThatWasMeasuredAgainIsStillTheAnswers) {
  Search();
  tables_ = result_.tables;
  const Solution same = Answer();
  const std::string costs = *store_.LoadStage(Stage::kProfile, tables_->costs.key);
  EXPECT_EQ(*store_.StoreBlob(costs), tables_->costs.sha256);
  ASSERT_TRUE(store_.StoreStage(Stage::kProfile, tables_->costs.key, "another").ok());
  EXPECT_EQ(Answer().assignment, same.assignment);
}

TEST_F(WhatIfTest, WeightsTradeLossForCosts) {
  Search();
  spec_.budgets.clear();
  double least = 0;
  std::vector<double> latencies;
  for (const double weight : {0.0, 1e-7, 1e-5, 1e-3}) {
    const Solution solution =
        Answer({.weights = {{Metric::kLatency, weight}, {Metric::kSize, 1e-6}}});
    ASSERT_EQ(solution.status, Solution::Status::kOptimal);
    const double costs =
        weight * solution.cost.at("latency_ns") + 1e-6 * solution.cost.at("size_bytes");
    ASSERT_TRUE(solution.objective.has_value());
    EXPECT_NEAR(solution.objective->value, solution.loss + costs, 1e-9 * (1 + costs));
    EXPECT_EQ(solution.objective->lower_bound, solution.objective->value);
    EXPECT_GE(solution.objective->value, least) << "dearer costs";
    least = solution.objective->value;
    latencies.push_back(solution.cost.at("latency_ns"));
  }
  EXPECT_TRUE(std::is_sorted(latencies.rbegin(), latencies.rend()));
  EXPECT_LT(latencies.back(), latencies.front());
}

TEST_F(WhatIfTest, InteractionsAreThoseThatTheSearchMeasured) {
  Search();
  ASSERT_TRUE(result_.refined.has_value());
  ASSERT_FALSE(result_.refined->joint_optima.empty());
  for (const Refinement::JointOptimum& joint : result_.refined->joint_optima) {
    const Solution solution = Answer({.interactions = joint.weight, .frontier = false});
    EXPECT_EQ(solution.status, Solution::Status::kOptimal);
    EXPECT_EQ(solution.assignment, joint.solution.assignment);
    EXPECT_NEAR(solution.loss, joint.solution.loss, 1e-9 * joint.solution.loss);
  }
  const Solution plain = Answer({.interactions = 0.5, .frontier = false});
  EXPECT_TRUE(plain.frontier.empty());
  EXPECT_FALSE(Answer({.interactions = 0.5}).frontier.empty());
  // All losses twice as large, those of pairs among them.
  spec_.rules.loss_factors = {{"*", 2}};
  const Solution doubled = Answer({.interactions = 0.5, .frontier = false});
  EXPECT_EQ(doubled.assignment, plain.assignment);
  EXPECT_NEAR(doubled.loss, 2 * plain.loss, 1e-6 * plain.loss);
}

TEST_F(WhatIfTest, InteractionsAndWeightsAreExplained) {
  Search();
  spec_.budgets = {*Budget::Parse("size=0.3x")};
  spec_.explain = true;
  const Solution solution =
      Answer({.weights = {{Metric::kLatency, 1e-7}}, .interactions = 0.5, .frontier = false});
  ASSERT_TRUE(solution.explanation.has_value());
  ASSERT_EQ(solution.explanation->limits.size(), 1u);
  const Explanation::Limit& limit = solution.explanation->limits[0];
  ASSERT_TRUE(limit.binds);
  EXPECT_GT(limit.next_limit, limit.limit);
  EXPECT_EQ(limit.next_limit_bound, limit.next_limit);
  EXPECT_LT(*limit.next_loss, solution.objective->value);
}

TEST_F(WhatIfTest, InteractionsThatAreNotStoredAreMissed) {
  spec_.sensitivity.method = SensitivityMethod::kSqnr;
  spec_.evaluations = 0;
  Search();
  EXPECT_THAT(Error({.interactions = 1}, absl::StatusCode::kFailedPrecondition),
              HasSubstr("pairs of layers add are not stored"));
}

TEST(ParseWeightsTest, MetricsHaveUnits) {
  const auto weights =
      ParseWeights({{"latency_ms", 0.02}, {"energy_pj", 1e-9}, {"size_KB", 3}, {"bops", 2}});
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_THAT(*weights, ElementsAre(Pair(Metric::kLatency, 0.02 / 1e6), Pair(Metric::kSize, 3e-3),
                                    Pair(Metric::kEnergy, 1e-9), Pair(Metric::kBops, 2)));
  EXPECT_EQ(ParseWeights({{"latency", 2}})->at(Metric::kLatency), 2);
}

TEST(ParseWeightsTest, TheFieldAtFaultIsNamed) {
  EXPECT_EQ(FieldOf(ParseWeights({{"latency", 1}, {"beauty", 1}}).status()), "weights['beauty']");
}

TEST(ParseWeightsTest, MistakesAreNamed) {
  const auto error = [](const std::map<std::string, double>& weights) {
    const absl::Status status = ParseWeights(weights).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(error({{"beauty", 1}}), HasSubstr("beauty"));
  EXPECT_THAT(error({{"latency_kg", 1}}), HasSubstr("latency_kg"));
  EXPECT_THAT(error({{"latency_5ms", 1}}), HasSubstr("latency_5ms"));
  EXPECT_THAT(error({{"latency_", 1}}), HasSubstr("unit"));
  EXPECT_THAT(error({{"latency_ms", -1}}), HasSubstr("negative"));
  EXPECT_THAT(error({{"latency_ms", 0.0 / 0.0}}), HasSubstr("not finite"));
  EXPECT_THAT(error({{"latency_ms", 1}, {"latency", 1}}), HasSubstr("given twice"));
  EXPECT_THAT(error({{"activation-memory", 1}}), HasSubstr("no sum"));
}

}  // namespace
}  // namespace halftone
