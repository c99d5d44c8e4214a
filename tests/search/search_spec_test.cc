#include "search/search_spec.h"

#include <ostream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using ::testing::HasSubstr;

TEST(MetricTest, NamesRoundTrip) {
  for (const Metric metric : {Metric::kLatency, Metric::kSize, Metric::kEnergy, Metric::kBops,
                              Metric::kActivationMemory}) {
    const absl::StatusOr<Metric> parsed = ParseMetric(MetricName(metric));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, metric);
  }
  EXPECT_EQ(MetricCostKey(Metric::kLatency), "latency_ns");
  EXPECT_EQ(MetricCostKey(Metric::kSize), "size_bytes");
}

struct BudgetCase {
  const char* text;
  Metric metric;
  Budget::Kind kind;
  double value;
};

void PrintTo(const BudgetCase& budget, std::ostream* out) { *out << budget.text; }

class BudgetParseTest : public ::testing::TestWithParam<BudgetCase> {};

TEST_P(BudgetParseTest, ParsesAndFormatsBack) {
  const absl::StatusOr<Budget> budget = Budget::Parse(GetParam().text);
  ASSERT_TRUE(budget.ok()) << budget.status();
  EXPECT_EQ(budget->metric, GetParam().metric);
  EXPECT_EQ(budget->kind, GetParam().kind);
  EXPECT_DOUBLE_EQ(budget->value, GetParam().value);
  const absl::StatusOr<Budget> again = Budget::Parse(budget->ToString());
  ASSERT_TRUE(again.ok()) << budget->ToString() << ": " << again.status();
  EXPECT_EQ(again->metric, budget->metric);
  EXPECT_EQ(again->kind, budget->kind);
  EXPECT_DOUBLE_EQ(again->value, budget->value);
}

INSTANTIATE_TEST_SUITE_P(
    All, BudgetParseTest,
    ::testing::Values(BudgetCase{"latency=4ms", Metric::kLatency, Budget::Kind::kAbsolute, 4e6},
                      BudgetCase{"size=300KB", Metric::kSize, Budget::Kind::kAbsolute, 300e3},
                      BudgetCase{"energy=2mJ", Metric::kEnergy, Budget::Kind::kAbsolute, 2e9},
                      BudgetCase{"bops=1.5G", Metric::kBops, Budget::Kind::kAbsolute, 1.5e9},
                      BudgetCase{"activation-memory=64KiB", Metric::kActivationMemory,
                                 Budget::Kind::kAbsolute, 65536},
                      BudgetCase{"latency=0.4x", Metric::kLatency, Budget::Kind::kReference, 0.4},
                      BudgetCase{" size = 50% ", Metric::kSize, Budget::Kind::kShare, 0.5}));

TEST(BudgetParseTest, ANumberThatCannotBeToldFromZeroIsRefused) {
  for (const char* text :
       {"latency=1e-400x", "size=1e-320x", "size=1e-400%", "latency=1e-400ms", "size=1e-320B"}) {
    const absl::Status status = Budget::Parse(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("too small")) << text;
  }
  EXPECT_TRUE(Budget::Parse("latency=0x").ok());
  EXPECT_TRUE(Budget::Parse("size=0.0e5B").ok());
}

struct BadBudget {
  const char* text;
  const char* message;
};

void PrintTo(const BadBudget& budget, std::ostream* out) { *out << budget.text; }

class BadBudgetTest : public ::testing::TestWithParam<BadBudget> {};

TEST_P(BadBudgetTest, NamesThePart) {
  const absl::StatusOr<Budget> budget = Budget::Parse(GetParam().text);
  EXPECT_EQ(budget.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(budget.status().message()), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadBudgetTest,
    ::testing::Values(BadBudget{"latency", "METRIC=LIMIT"},
                      BadBudget{"speed=4ms", "latency, size, energy, bops, activation-memory"},
                      BadBudget{"latency=-4ms", "negative"}, BadBudget{"latency=-0.5x", "negative"},
                      BadBudget{"size=-1%", "negative"}, BadBudget{"latency=4KB", "'4KB'"},
                      BadBudget{"size=nan", "'nan'"}, BadBudget{"size=nanx", "'nan'"},
                      BadBudget{"size=1e999x", "'1e999'"}, BadBudget{"size=101%", "more than 100%"},
                      BadBudget{"size=", "''"}, BadBudget{"size=x", "''"},
                      BadBudget{"latency=1e308x", "more than 1e+60x"},
                      BadBudget{"energy=1e101pJ", "more than 1e+100pJ"}));

TEST(BudgetTest, ANegativeNumberIsToldFromNoNumber) {
  EXPECT_EQ(Budget::Parse("latency=-3ms").status().message(),
            "budget 'latency=-3ms': '-3ms' is negative");
  EXPECT_EQ(Budget::Parse("size=1e-320").status().message(),
            "budget 'size=1e-320': '1e-320' is too small to be told from 0");
  EXPECT_THAT(std::string(Budget::Parse("latency=3kg").status().message()),
              HasSubstr("nor a factor like 0.4x, nor a share like 50%"));
}

SearchSpec FullSpec() {
  SearchSpec spec;
  spec.model = "m";
  spec.calibration = "c";
  spec.evaluation = "e";
  spec.target = "array.json";
  spec.precisions = {Precision::Int(4, 8), Precision::Float32()};
  spec.budgets = {{Metric::kLatency, Budget::Kind::kReference, 0.1},
                  {Metric::kSize, Budget::Kind::kAbsolute, 1.0 / 3}};
  spec.frontier = Metric::kSize;
  spec.use_ties = false;
  spec.batch = 7;
  spec.threads = 3;
  spec.refresh = true;
  spec.evaluations = 12;
  spec.robust = 1.5;
  spec.pins = {{"conv", "w4a8"}};
  spec.rules.allowed = {{"fc*", {Precision::Int(8, 8)}}};
  spec.rules.max_changes = 2;
  spec.inputs.shapes["x"] = {Shape::kDynamic, 3, 32, 32};
  spec.inputs.axes["H"] = 32;
  spec.inputs.constants["rate"] = {16000};
  spec.inputs.sample_axes["state"] = 1;
  spec.heads["boxes"] = {HeadKind::kMse, 0.1};
  spec.heads["scores"] = {HeadKind::kKl, 1, -1};
  spec.explain = false;
  spec.strategy = SearchStrategy::kEvolutionary;
  spec.objectives = {Metric::kSize, Metric::kEnergy};
  spec.quantization.weights_per_channel = false;
  spec.quantization.weight_symmetry = Symmetry::kSymmetricFull;
  spec.quantization.activation_range = {RangeMethod::kPercentile, 99.5};
  spec.sensitivity.method = SensitivityMethod::kHessianTrace;
  spec.sensitivity.loss = LossKind::kCrossEntropy;
  spec.sensitivity.seed = UINT64_MAX;
  spec.sensitivity.tolerance = 0.01;
  spec.time_limit = absl::Seconds(1.5);
  return spec;
}

TEST(SearchSpecJsonTest, RoundTrips) {
  const nlohmann::json json = SearchSpecToJson(FullSpec());
  const absl::StatusOr<SearchSpec> spec = SearchSpecFromJson(nlohmann::json::parse(json.dump()));
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(SearchSpecToJson(*spec), json);
  EXPECT_EQ(spec->precisions, FullSpec().precisions);
  EXPECT_EQ(spec->budgets[1].value, 1.0 / 3);
  EXPECT_EQ(spec->pins, FullSpec().pins);
  EXPECT_EQ(spec->rules, FullSpec().rules);
  EXPECT_EQ(spec->inputs, FullSpec().inputs);
  EXPECT_EQ(spec->heads, FullSpec().heads);
  EXPECT_EQ(spec->strategy, SearchStrategy::kEvolutionary);
  EXPECT_EQ(spec->objectives, FullSpec().objectives);
  EXPECT_EQ(spec->sensitivity.seed, UINT64_MAX);
  EXPECT_EQ(spec->time_limit, absl::Seconds(1.5));
}

TEST(SearchSpecJsonTest, AbsentFieldsKeepTheirDefaults) {
  const absl::StatusOr<SearchSpec> spec = SearchSpecFromJson(nlohmann::json::object());
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(SearchSpecToJson(*spec), SearchSpecToJson(SearchSpec()));
}

TEST(SearchSpecJsonTest, ErrorsNameTheField) {
  const auto message = [](const char* text) {
    const absl::StatusOr<SearchSpec> spec = SearchSpecFromJson(nlohmann::json::parse(text));
    EXPECT_EQ(spec.status().code(), absl::StatusCode::kInvalidArgument) << text;
    return std::string(spec.status().message());
  };
  EXPECT_THAT(message("[]"), HasSubstr("spec must be a JSON object"));
  EXPECT_THAT(message(R"({"batch": 0})"), HasSubstr("spec.batch"));
  EXPECT_THAT(message(R"({"threads": "two"})"), HasSubstr("spec.threads"));
  EXPECT_THAT(message(R"({"precisions": ["w99a1"]})"), HasSubstr("w99a1"));
  EXPECT_THAT(message(R"({"budgets": ["latency=soon"]})"), HasSubstr("latency=soon"));
  EXPECT_THAT(message(R"({"sensitivity": {"method": "guess"}})"), HasSubstr("guess"));
  EXPECT_THAT(message(R"({"frontier": "beauty"})"), HasSubstr("beauty"));
  EXPECT_THAT(message(R"({"strategy": "luck"})"), HasSubstr("luck"));
  EXPECT_THAT(message(R"({"objectives": ["taste"]})"), HasSubstr("taste"));
  EXPECT_THAT(message(R"({"time_limit_seconds": -1})"), HasSubstr("negative"));
}

}  // namespace
}  // namespace halftone
