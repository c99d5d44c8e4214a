#include "search/problem_builder.h"

#include <functional>
#include <string>
#include <utility>

#include "base/fake_clock.h"
#include "base/field_path.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using ::testing::HasSubstr;

const Precision kInt8 = Precision::Int(8, 8);
const Precision kInt4 = Precision::Int(4, 4);

// Three layers in a row, a and b tied, with 8 and 4 bits offered and f32 as the reference.
struct Fixture {
  NetworkSummary network;
  SensitivityResult sensitivity;
  CostTable costs;
  std::vector<Precision> precisions = {kInt8, kInt4};
  SearchSpec spec;

  Fixture() {
    network.layers = {
        {"a", "Conv", "tie0", 100}, {"b", "Conv", "tie0", 200}, {"c", "Gemm", "c", 50}};
    network.ties = {{{"a", "b"}, "they are added"}};
    network.live_sets = {{"a", 40, {{"a", 100}, {"b", 50}}}, {"c", 0, {{"c", 200}}}};
    for (const NetworkSummary::LayerFacts& layer : network.layers) {
      sensitivity.layers.push_back({.name = layer.name,
                                    .weights = layer.name,
                                    .choices = {{kInt8, 0.1, 0.01}, {kInt4, 1, 0.1}}});
      for (const Precision& precision : {Precision::Float32(), kInt8, kInt4}) {
        CostRow row;
        row.layer = layer.name;
        row.precision = row.executed_as = precision;
        row.latency_ns = layer.macs * precision.weights.bits;
        row.weight_bytes = precision.weights.bits;
        costs.rows.push_back(row);
      }
    }
    costs.target = "toy";
    costs.fixed_latency_ns = 1000;
  }

  absl::StatusOr<BuiltProblem> Build(const std::vector<std::string>& budgets,
                                     const Progress& progress = {}) {
    spec.budgets.clear();
    for (const std::string& text : budgets) spec.budgets.push_back(*Budget::Parse(text));
    return BuildProblem({network, sensitivity, costs, precisions, Precision::Float32(), spec},
                        progress);
  }
};

TEST(ProblemBuilderTest, CostsComeFromTheTable) {
  Fixture fixture;
  const absl::StatusOr<BuiltProblem> built = fixture.Build({});
  ASSERT_TRUE(built.ok()) << built.status();
  const Costs& first = built->problem.layers[0].choices[0].cost;
  EXPECT_EQ(first.at("latency_ns"), 800 + 1000) << "with the latency that no choice changes";
  EXPECT_EQ(first.at("bops"), 100 * 64);
  EXPECT_EQ(built->problem.layers[1].choices[1].cost.at("latency_ns"), 800);
  EXPECT_EQ(built->problem.layers[2].choices[1].loss, 1);
  EXPECT_FALSE(first.contains("energy_pj")) << "the target does not know it";
  EXPECT_EQ(built->reference_cost.at("latency_ns"), 350 * 32 + 1000);
  EXPECT_EQ(built->reference_cost.at("size_bytes"), 96);
  EXPECT_EQ(built->reference_cost.at("activation_bytes"), 800);
  EXPECT_EQ(built->problem.ties.size(), 1u);
  fixture.spec.use_ties = false;
  EXPECT_TRUE(fixture.Build({})->problem.ties.empty());
}

TEST(ProblemBuilderTest, AProductOfActivationsHasOperandsOfActivationBitsOnly) {
  Fixture fixture;
  fixture.network.layers[1].has_weights = false;
  fixture.precisions = {kInt8, Precision::Int(4, 8)};
  for (LayerSensitivity& layer : fixture.sensitivity.layers) {
    layer.choices[1].precision = fixture.precisions[1];
  }
  for (CostRow& row : fixture.costs.rows) {
    if (row.precision == kInt4) row.precision = fixture.precisions[1];
  }
  const absl::StatusOr<BuiltProblem> built = fixture.Build({});
  ASSERT_TRUE(built.ok()) << built.status();
  EXPECT_EQ(built->problem.layers[0].choices[1].cost.at("bops"), 100 * 4 * 8);
  EXPECT_EQ(built->problem.layers[1].choices[1].cost.at("bops"), 200 * 8 * 8);
}

// A tensor that two layers read is stored once, its scales too where they are along one axis.
TEST(ProblemBuilderTest, SharedWeightsCountOnce) {
  Fixture fixture;
  NetworkSummary::LayerFacts& second = fixture.network.layers[1];
  second.shares_weights_with = "a";
  second.bias_bytes = 3;
  absl::StatusOr<BuiltProblem> built = fixture.Build({});
  ASSERT_TRUE(built.ok()) << built.status();
  EXPECT_EQ(built->reference_cost.at("size_bytes"), 32 + 3 + 32);
  EXPECT_EQ(built->problem.layers[1].choices[1].cost.at("size_bytes"), 4) << "by other scales";
  second.shares_scales = true;
  built = fixture.Build({});
  ASSERT_TRUE(built.ok()) << built.status();
  EXPECT_EQ(built->problem.layers[0].choices[1].cost.at("size_bytes"), 4);
  EXPECT_EQ(built->problem.layers[1].choices[1].cost.at("size_bytes"), 3);
  fixture.spec.use_ties = false;
  built = fixture.Build({});
  ASSERT_TRUE(built.ok()) << built.status();
  EXPECT_EQ(built->problem.layers[1].choices[1].cost.at("size_bytes"), 4)
      << "each may have a precision of its own";
}

// A row without energy would win by what the table does not say.
// Once, whatever is chosen; a table that a layer reads too is there in float.
TEST(ProblemBuilderTest, TensorsOfNoLayerCount) {
  Fixture fixture;
  fixture.network.other_bytes = 1000;
  fixture.network.layers[2].is_float_anyway = true;
  fixture.network.layers[2].bias_bytes = 2;
  fixture.precisions = {kInt8, Precision::Float32()};
  for (LayerSensitivity& layer : fixture.sensitivity.layers) {
    layer.choices[1].precision = Precision::Float32();
  }
  const absl::StatusOr<BuiltProblem> built = fixture.Build({"size=0.5x"});
  ASSERT_TRUE(built.ok()) << built.status();
  const auto size = [&](size_t layer, size_t choice) {
    return built->problem.layers[layer].choices[choice].cost.at("size_bytes");
  };
  EXPECT_EQ(size(0, 0), 1008);
  EXPECT_EQ(size(0, 1), 1032);
  EXPECT_EQ(size(1, 0), 8);
  EXPECT_EQ(size(2, 0), 8);
  EXPECT_EQ(size(2, 1), 2);
  EXPECT_EQ(built->reference_cost.at("size_bytes"), 1032 + 32 + 2);
  EXPECT_EQ(built->budgets[0].limit, 0.5 * (1032 + 32 + 2));
}

TEST(ProblemBuilderTest, BudgetsAreOnCostsThatAllChoicesOfALayerHaveOrNone) {
  Fixture fixture;
  for (CostRow& row : fixture.costs.rows) {
    if (row.layer != "b" && row.precision != Precision::Float32()) row.energy_pj = 100;
    if (row.layer == "a" && row.precision == Precision::Float32()) row.energy_pj = 400;
  }
  EXPECT_TRUE(fixture.Build({"energy=150"}).ok()) << "what b costs no choice changes";
  EXPECT_TRUE(fixture.Build({"energy=50%"}).ok());
  for (CostRow& row : fixture.costs.rows) {
    if (row.layer == "c" && row.precision == kInt4) row.energy_pj.reset();
  }
  EXPECT_TRUE(fixture.Build({"size=50%"}).ok()) << "nothing asks for energy";
  for (const char* budget : {"energy=150", "energy=0.5x", "energy=50%"}) {
    const absl::Status status = fixture.Build({budget}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << budget << ": " << status;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("layer 'c', choice 'w4a4': cost 'energy_pj' is missing"));
  }
  fixture.spec.objectives = {Metric::kSize, Metric::kEnergy};
  EXPECT_EQ(FieldOf(fixture.Build({}).status()), "objectives[1]");
  fixture.spec.objectives.clear();
  fixture.spec.frontier = Metric::kEnergy;
  EXPECT_EQ(FieldOf(fixture.Build({}).status()), "frontier_metric");
}

TEST(ProblemBuilderTest, BudgetsAreLimitsOfTheWholeNetwork) {
  Fixture fixture;
  const absl::StatusOr<BuiltProblem> built =
      fixture.Build({"latency=0.5x", "size=20B", "size=50%", "bops=1M"});
  ASSERT_TRUE(built.ok()) << built.status();
  EXPECT_DOUBLE_EQ(built->problem.budgets.at("latency_ns"), 0.5 * (350 * 32 + 1000));
  EXPECT_DOUBLE_EQ(built->problem.budgets.at("size_bytes"), 18) << "the lower: half of 12 to 24";
  EXPECT_DOUBLE_EQ(built->problem.budgets.at("bops"), 1e6);
}

TEST(ProblemBuilderTest, SharesCountTheCheapestConversions) {
  Fixture fixture;
  // From 4 bits everything costs, so that the cheapest assignment by layers alone is not cheapest.
  fixture.costs.edges = {{"b", "c", kInt4, kInt4, 5000, {}}};
  const absl::StatusOr<BuiltProblem> built = fixture.Build({"latency=0%"});
  ASSERT_TRUE(built.ok()) << built.status();
  // a and b in 4 bits, c in 8: 1200 + 400 + 1000.
  EXPECT_DOUBLE_EQ(built->problem.budgets.at("latency_ns"), 2600);
}

TEST(ProblemBuilderTest, PeakActivationMemoryIsAMaximumOfSums) {
  Fixture fixture;
  // All in 8 bits: the set of a takes 190 bytes, that of c 200. With 150 to spend both must shrink.
  absl::StatusOr<BuiltProblem> built = fixture.Build({"activation-memory=150B"});
  ASSERT_TRUE(built.ok()) << built.status();
  absl::StatusOr<Solution> solution = SolveWithLiveSets(*built, Progress());
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_EQ(solution->status, Solution::Status::kOptimal);
  EXPECT_EQ(solution->assignment, (Assignment{{"a", "w4a4"}, {"b", "w4a4"}, {"c", "w4a4"}}));
  EXPECT_EQ(solution->cost.at("activation_bytes"), 115);

  built = fixture.Build({"activation-memory=195B"});
  solution = SolveWithLiveSets(*built, Progress());
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_EQ(solution->assignment, (Assignment{{"a", "w8a8"}, {"b", "w8a8"}, {"c", "w4a4"}}));
  for (const FrontierPoint& point : solution->frontier) {
    EXPECT_LE(point.cost.at("activation_bytes"), 195);
  }

  built = fixture.Build({"activation-memory=50B"});
  solution = SolveWithLiveSets(*built, Progress());
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_EQ(solution->status, Solution::Status::kInfeasible);
  EXPECT_EQ(solution->infeasible->conflict, std::vector<std::string>{"activation_bytes"});
  EXPECT_GT(solution->infeasible->minimum.at("activation_bytes"), 50);
}

// The clock stands still but while something is solved, which takes 25 seconds.
struct SlowSolver {
  FakeSteadyClock clock;
  Progress progress;

  SlowSolver() {
    progress.cancellation = Cancellation(clock);
    progress.report = [this](double, absl::string_view detail) {
      if (detail == "solved") clock.Advance(absl::Seconds(25));
    };
  }
};

TEST(ProblemBuilderTest, RoundsOfLiveSetsShareOneTimeLimit) {
  Fixture fixture;
  fixture.spec.use_ties = false;
  // Every layer is a live set of its own, and each round finds one more that is exceeded.
  fixture.network.live_sets.clear();
  for (const char* layer : {"a", "b", "c"}) {
    fixture.network.live_sets.push_back({layer, 0, {{layer, 100}}});
  }
  const auto solve_within = [&](absl::Duration limit) {
    SlowSolver slow;
    fixture.spec.time_limit = limit;
    absl::StatusOr<BuiltProblem> built = fixture.Build({"activation-memory=60B"}, slow.progress);
    EXPECT_TRUE(built.ok()) << built.status();
    return SolveWithLiveSets(*built, slow.progress).status();
  };
  EXPECT_TRUE(solve_within(absl::Seconds(101)).ok());
  // Each of the four rounds has enough, and all of them have not.
  EXPECT_EQ(solve_within(absl::Seconds(60)).code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(ProblemBuilderTest, TheTimeLimitBeginsBeforeTheProblemIsBuilt) {
  SlowSolver slow;
  Fixture fixture;
  fixture.costs.edges = {{"b", "c", kInt4, kInt4, 5000, {}}};
  fixture.spec.time_limit = absl::Seconds(60);
  const SteadyTime begin = slow.clock.Now();
  const absl::StatusOr<BuiltProblem> built = fixture.Build({"latency=50%"}, slow.progress);
  ASSERT_TRUE(built.ok()) << built.status();
  EXPECT_EQ(slow.clock.Now(), begin + absl::Seconds(25)) << "for the cheapest assignment";
  EXPECT_EQ(built->deadline, begin + absl::Seconds(60));
}

TEST(ProblemBuilderTest, APinOfAPatternYieldsToALayersOwn) {
  Fixture fixture;
  fixture.spec.use_ties = false;
  fixture.spec.pins = {{"*", "w8a8"}, {"b", "w4a4"}};
  fixture.spec.rules.first_layer = "8";
  const absl::StatusOr<BuiltProblem> built = fixture.Build({});
  ASSERT_TRUE(built.ok()) << built.status();
  EXPECT_EQ(built->problem.pins.at("a"), "w8a8");
  EXPECT_EQ(built->problem.pins.at("b"), "w4a4");
  EXPECT_EQ(built->problem.allowed.at("a"), std::vector<std::string>{"w8a8"});
  EXPECT_EQ(built->problem.layers[0].choices[0].loss_stderr, 0.01);
}

TEST(ProblemBuilderTest, NamesTheFieldAtFault) {
  Fixture fixture;
  const SearchSpec sound = fixture.spec;
  const auto field = [&](const std::function<void(SearchSpec&)>& change,
                         const std::vector<std::string>& budgets = {}) {
    fixture.spec = sound;
    change(fixture.spec);
    const absl::Status status = fixture.Build(budgets).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return FieldOf(status);
  };
  const auto nothing = [](SearchSpec&) {};
  EXPECT_EQ(field(nothing, {"latency=1x", "energy=1mJ"}), "budgets[1]");
  const double fixed = std::exchange(fixture.costs.fixed_latency_ns, 1e45);
  EXPECT_EQ(field(nothing, {"latency=1e60x"}), "budgets");
  fixture.costs.fixed_latency_ns = fixed;
  EXPECT_EQ(field([](SearchSpec& spec) { spec.frontier = Metric::kEnergy; }), "frontier_metric");
  EXPECT_EQ(field([](SearchSpec& spec) { spec.pins = {{"z", "w8a8"}}; }), "pins['z']");
  EXPECT_EQ(field([](SearchSpec& spec) { spec.pins = {{"a", "w2a2"}}; }), "pins['a']");
  EXPECT_EQ(field([](SearchSpec& spec) { spec.pins = {{"a", "w8a8"}, {"b", "w4a4"}}; }), "pins");
  EXPECT_EQ(field([](SearchSpec& spec) {
              spec.rules.allowed = {{"a", {kInt8}}, {"b", {kInt4}}};
            }),
            "rules");
}

TEST(ProblemBuilderTest, RefusesWhatTheTargetDoesNotKnow) {
  Fixture fixture;
  const auto message = [&](const absl::StatusOr<BuiltProblem>& built, absl::StatusCode code) {
    EXPECT_EQ(built.status().code(), code) << built.status();
    return std::string(built.status().message());
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(message(fixture.Build({"energy=1mJ"}), kInvalid), HasSubstr("energy"));
  fixture.spec.pins = {{"z", "w8a8"}};
  EXPECT_THAT(message(fixture.Build({}), kInvalid), HasSubstr("'z'"));
  fixture.spec.pins = {{"a", "w2a2"}};
  EXPECT_THAT(message(fixture.Build({}), kInvalid), HasSubstr("w2a2"));
  fixture.spec.pins.clear();
  fixture.spec.frontier = Metric::kActivationMemory;
  EXPECT_THAT(message(fixture.Build({}), kInvalid), HasSubstr("frontier"));
  fixture.spec.frontier = Metric::kLatency;
  fixture.costs.rows.pop_back();
  EXPECT_THAT(message(fixture.Build({}), absl::StatusCode::kFailedPrecondition), HasSubstr("'c'"));
}

TEST(ChooseReferenceTest, IsFloatWhereItRunsElseTheWidest) {
  const std::vector<Precision> offered = {kInt4, Precision::Int(8, 4), kInt8};
  EXPECT_EQ(ChooseReference(true, offered), Precision::Float32());
  EXPECT_EQ(ChooseReference(false, offered), kInt8);
}

}  // namespace
}  // namespace halftone
