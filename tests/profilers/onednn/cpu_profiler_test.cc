#include "profilers/onednn/cpu_profiler.h"

#include <cmath>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "base/memory_budget.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "nn/engine/onednn/inference_plan.h"
#include "profilers/onednn/cost_attribution.h"
#include "profilers/onednn/cpu_lease.h"
#include "profilers/onednn/measured_cache.h"
#include "profilers/onednn/thread_pinning.h"
#include "tests/nn/engine/graph_maker.h"
#include "tests/nn/engine/plan_network.h"

namespace halftone {
namespace {

using testing::HasSubstr;

// Enough to have numbers; what they are worth is not the matter here.
MeasurementOptions Quick() {
  MeasurementOptions options;
  options.min_rounds = 2;
  options.max_rounds = 3;
  options.target_duration = absl::Milliseconds(200);
  options.quiet_runs = 2;
  options.least_processor_share = 0;  // the machine that tests run on may be busy
  options.most_slowdown = 1e9;
  return options;
}

class MapCache final : public CostCache {
 public:
  absl::StatusOr<std::string> Load(const std::string& key) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto it = values_.find(key);
    if (it == values_.end()) return absl::NotFoundError(key);
    return it->second;
  }
  absl::Status Store(const std::string& key, absl::string_view value) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    values_[key] = std::string(value);
    ++stores_;
    return absl::OkStatus();
  }
  int stores() const { return stores_; }
  std::map<std::string, std::string>& values() { return values_; }

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> values_;
  int stores_ = 0;
};

class CpuProfilerTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<PlanNetwork> network = MakeRandomNetwork(1, 11);
    ASSERT_TRUE(network.ok()) << network.status();
    network_ = *std::move(network);
    request_.graph = &network_.graph;
    request_.layers = &network_.layers;
    request_.threads = 1;
    for (const char* name : {"f32", "w8a8", "w7a8", "w4a8", "w4a4", "w4"}) {
      request_.precisions.push_back(*Precision::Parse(name));
    }
  }

  PlanNetwork network_;
  ProfileRequest request_;
};

TEST_F(CpuProfilerTest, RowsAddUpToTheNetwork) {
  const auto table = MakeCpuProfiler(nullptr, Quick())->Profile(request_, {});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->device.threads, 1);
  ASSERT_EQ(table->rows.size(), network_.layers.layers.size() * request_.precisions.size());
  ASSERT_EQ(table->network.size(), request_.precisions.size());
  for (const NetworkRow& network : table->network) {
    std::map<std::string, Precision> uniform;
    for (const Layer& layer : network_.layers.layers) {
      const CostRow* row = table->Find(layer.name, network.precision);
      ASSERT_NE(row, nullptr);
      EXPECT_GT(row->latency_ns, 0) << layer.name;
      EXPECT_FALSE(row->implementation.empty()) << layer.name;
      EXPECT_EQ(row->executed_as, ExecutedAs(layer, network.precision));
      uniform[layer.name] = network.precision;
    }
    EXPECT_NEAR(table->PredictLatency(uniform) / network.predicted_ns, 1, 1e-9)
        << network.precision.ToString();
    EXPECT_GT(*network.measured_ns, 0);
  }
}

TEST_F(CpuProfilerTest, WhatDoesNotFitTheMemoryIsRefusedBeforeItIsPlanned) {
  bool planned = false;
  Progress progress;
  progress.report = [&](double, absl::string_view) { planned = true; };
  MemoryBudget::SetLimitBytes(100);
  const absl::Status refused =
      MakeCpuProfiler(nullptr, Quick())->Profile(request_, progress).status();
  MemoryBudget::SetLimitBytes(0);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("needs a higher limit"));
  EXPECT_FALSE(planned);
}

TEST_F(CpuProfilerTest, PrecisionsOfEqualKernelsCostTheSame) {
  const auto table = MakeCpuProfiler(nullptr, Quick())->Profile(request_, {});
  ASSERT_TRUE(table.ok()) << table.status();
  for (const Layer& layer : network_.layers.layers) {
    const CostRow* w7 = table->Find(layer.name, Precision::Int(7, 8));
    const CostRow* w4 = table->Find(layer.name, Precision::Int(4, 8));
    EXPECT_EQ(w7->latency_ns, w4->latency_ns) << layer.name;
    EXPECT_LT(w4->weight_bytes, w7->weight_bytes) << layer.name;
    EXPECT_EQ(table->Find(layer.name, *Precision::Parse("w4"))->latency_ns,
              table->Find(layer.name, Precision::Float32())->latency_ns);
  }
}

TEST_F(CpuProfilerTest, WhatTheCacheKnowsIsNotMeasuredAgain) {
  MapCache cache;
  const auto profiler = MakeCpuProfiler(&cache, Quick());
  const auto first = profiler->Profile(request_, {});
  ASSERT_TRUE(first.ok()) << first.status();
  const int stores = cache.stores();
  ASSERT_GT(stores, 0);
  // Measuring needs the lease; what is known does not.
  const auto lease = CpuLease::Acquire({});
  ASSERT_TRUE(lease.ok()) << lease.status();
  const auto second = profiler->Profile(request_, {});
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(cache.stores(), stores);
  for (size_t i = 0; i < first->rows.size(); ++i) {
    EXPECT_EQ(first->rows[i].latency_ns, second->rows[i].latency_ns);
  }
}

TEST_F(CpuProfilerTest, ARowSaysWhenItWasReallyMeasured) {
  MapCache cache;
  const auto profiler = MakeCpuProfiler(&cache, Quick());
  ASSERT_TRUE(profiler->Profile(request_, {}).ok());
  constexpr char kLongAgo[] = "2001-02-03T04:05:06Z";
  for (auto& [key, value] : cache.values()) {
    nlohmann::json json = nlohmann::json::parse(value);
    json["when"] = kLongAgo;
    value = json.dump();
  }
  const auto cached = profiler->Profile(request_, {});
  ASSERT_TRUE(cached.ok()) << cached.status();
  for (const CostRow& row : cached->rows) EXPECT_EQ(row.origin.when, kLongAgo) << row.layer;

  const absl::Time before = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()));
  request_.refresh = true;
  const auto fresh = profiler->Profile(request_, {});
  ASSERT_TRUE(fresh.ok()) << fresh.status();
  for (const CostRow& row : fresh->rows) {
    EXPECT_GE(*ParseUtc(row.origin.when), before) << row.layer;
    EXPECT_EQ(row.origin.where, fresh->device.name);
    EXPECT_THAT(row.origin.with, HasSubstr(fresh->device.library));
    EXPECT_THAT(row.origin.with, HasSubstr("1 thread"));
  }
}

TEST_F(CpuProfilerTest, WhatABusyMachineGaveIsMarkedAndNotRemembered) {
  MeasurementOptions starved = Quick();
  starved.least_processor_share = 1000;  // which no machine gives
  MeasurementOptions slowed = Quick();
  slowed.most_slowdown = 0.5;  // which no run keeps
  for (const MeasurementOptions& options : {starved, slowed}) {
    MapCache cache;
    const auto table = MakeCpuProfiler(&cache, options)->Profile(request_, {});
    ASSERT_TRUE(table.ok()) << table.status();
    EXPECT_EQ(cache.stores(), 0);
    for (const CostRow& row : table->rows) {
      EXPECT_THAT(row.warning, HasSubstr("not kept")) << row.layer;
    }
    EXPECT_TRUE(table->IsDisturbed());
  }
}

TEST_F(CpuProfilerTest, RefreshMeasuresAgain) {
  MapCache cache;
  const auto profiler = MakeCpuProfiler(&cache, Quick());
  ASSERT_TRUE(profiler->Profile(request_, {}).ok());
  const int stores = cache.stores();
  request_.refresh = true;
  ASSERT_TRUE(profiler->Profile(request_, {}).ok());
  EXPECT_EQ(cache.stores(), 2 * stores);
}

TEST_F(CpuProfilerTest, ADamagedCacheIsMeasuredAgain) {
  MapCache cache;
  const auto profiler = MakeCpuProfiler(&cache, Quick());
  ASSERT_TRUE(profiler->Profile(request_, {}).ok());
  for (auto& [key, value] : cache.values())
    value = R"({"latency_ns": -1, "mad_ns": 0, "when": "2001-02-03T04:05:06Z"})";
  const auto table = profiler->Profile(request_, {});
  ASSERT_TRUE(table.ok()) << table.status();
  for (const CostRow& row : table->rows) EXPECT_GT(row.latency_ns, 0);
}

// While the lease is held it cannot get on: that it ends at all is the test.
TEST_F(CpuProfilerTest, WaitsForTheLeaseAndCanBeCancelled) {
  const auto lease = CpuLease::Acquire({});
  ASSERT_TRUE(lease.ok()) << lease.status();
  Progress progress;
  absl::Notification waits;
  std::vector<std::string> after;
  progress.report = [&](double, absl::string_view detail) {
    if (waits.HasBeenNotified()) after.emplace_back(detail);
    if (detail == "waiting for other measurements to end") waits.Notify();
  };
  absl::Status status;
  std::thread thread(
      [&] { status = MakeCpuProfiler(nullptr, Quick())->Profile(request_, progress).status(); });
  waits.WaitForNotification();
  progress.cancellation.Cancel();
  thread.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(after, testing::IsEmpty()) << "it went on without the lease";
}

// With rounds without end: again, that it ends is the test.
TEST_F(CpuProfilerTest, IsCancelledWhileMeasuring) {
  MeasurementOptions endless;
  endless.min_rounds = endless.max_rounds = 1 << 30;
  Progress progress;
  int rounds_after = 0;
  progress.report = [&](double, absl::string_view detail) {
    if (progress.cancellation.IsCancelled()) ++rounds_after;
    if (detail == "round 1") progress.cancellation.Cancel();
  };
  const absl::Status status =
      MakeCpuProfiler(nullptr, endless)->Profile(request_, progress).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(rounds_after, 0);
}

TEST_F(CpuProfilerTest, AssignmentsAreRunBesideTheirPredictions) {
  const std::string first = network_.layers.layers[0].name;
  request_.assignments.push_back({{first, Precision::Int(8, 8)}});
  request_.mixes = 3;
  const auto table = MakeCpuProfiler(nullptr, Quick())->Profile(request_, {});
  ASSERT_TRUE(table.ok()) << table.status();
  ASSERT_EQ(table->assignments.size(), 4u);
  for (const Layer& layer : network_.layers.layers) {
    EXPECT_EQ(table->assignments[0].assignment.at(layer.name),
              layer.name == first ? Precision::Int(8, 8) : Precision::Float32());
  }
  for (const AssignmentCost& cost : table->assignments) {
    EXPECT_GT(cost.measured_ns, 0);
    EXPECT_EQ(cost.predicted_ns, table->PredictLatency(cost.assignment));
  }
  EXPECT_NE(table->assignments[1].assignment, table->assignments[2].assignment);
}

TEST_F(CpuProfilerTest, RefusesAssignmentsThatTheTableCannotPredict) {
  const auto refused = [&] { return MakeCpuProfiler(nullptr, Quick())->Profile(request_, {}); };
  request_.assignments = {{{"no such layer", Precision::Float32()}}};
  EXPECT_THAT(std::string(refused().status().message()), HasSubstr("no such layer"));
  request_.assignments = {{{network_.layers.layers[0].name, Precision::Int(3, 3)}}};
  EXPECT_THAT(std::string(refused().status().message()), HasSubstr("w3a3"));
  request_.assignments.clear();
  request_.mixes = 1'000'000;
  EXPECT_EQ(refused().status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(CpuProfilerTest, ColdCachesAreMeasuredApart) {
  request_.precisions = {Precision::Float32(), Precision::Int(8, 8)};
  MapCache cache;
  const auto profiler = MakeCpuProfiler(&cache, Quick());
  ASSERT_TRUE(profiler->Profile(request_, {}).ok());
  const int warm = cache.stores();
  request_.cold_caches = true;
  const auto table = profiler->Profile(request_, {});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(cache.stores(), 2 * warm);
  EXPECT_THAT(table->rows[0].origin.with, HasSubstr("cold caches"));
}

TEST(ThreadPinningTest, GivesTheProcessorsBack) {
  cpu_set_t before, during, after;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(before), &before), 0);
  {
    const ThreadPinning pinning(1);
    ASSERT_EQ(::sched_getaffinity(0, sizeof(during), &during), 0);
    EXPECT_EQ(CPU_COUNT(&during), 1);
  }
  ASSERT_EQ(::sched_getaffinity(0, sizeof(after), &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
  const ThreadPinning too_many(CPU_COUNT(&before) + 1);
  ASSERT_EQ(::sched_getaffinity(0, sizeof(during), &during), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &during));
}

TEST_F(CpuProfilerTest, ANetworkWithoutLayersIsRefused) {
  const LayerSet none;
  request_.layers = &none;
  EXPECT_EQ(MakeCpuProfiler(nullptr)->Profile(request_, {}).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

// Of so few layers, random assignments are uniform ones.
TEST(SmallNetworkTest, ChainsOfOneAndTwoLayersHaveCosts) {
  for (const int layers : {1, 2}) {
    GraphMaker maker(Shape{1, 1, 6, 6}, 1);
    std::string value = "x";
    for (int i = 0; i < layers; ++i) value = maker.Convolution(value, 1, 1, 3);
    const auto network = PlanNetwork::Create(maker.Finish(value), 1, std::vector<float>(36, 0.5f));
    ASSERT_TRUE(network.ok()) << network.status();
    ProfileRequest request;
    request.graph = &network->graph;
    request.layers = &network->layers;
    request.threads = 1;
    request.precisions = {Precision::Float32(), Precision::Int(8, 8)};
    const auto table = MakeCpuProfiler(nullptr, Quick())->Profile(request, {});
    ASSERT_TRUE(table.ok()) << table.status();
    EXPECT_EQ(table->rows.size(), 2u * static_cast<size_t>(layers));
    for (const CostRow& row : table->rows) EXPECT_GT(row.latency_ns, 0) << row.layer;
  }
}

// With a made-up time for every kind of step, costs of layers and edges must give back the sum of
// the steps of any assignment: no clock, so no noise.
class CostAttributionTest : public CpuProfilerTest {
 protected:
  void SetUp() override {
    CpuProfilerTest::SetUp();
    request_.precisions = {Precision::Float32(), Precision::Int(8, 8)};
    assignment_ = ProfilingAssignment::Create(network_.graph, network_.layers).value();
    survey_ = SurveyPlans(network_.graph, network_.layers, *assignment_, request_.precisions,
                          options_, {})
                  .value();
    for (const SurveyedPlan& plan : survey_.uniform) TimeSteps(plan.steps);
    for (const PlanSurvey::Mix& mix : survey_.mixes) TimeSteps(mix.plan.steps);
  }

  // Kernels take from 20 to 40 us, conversions 2 to 4, the rest 1 to 2.
  void TimeSteps(const std::vector<PlanStep>& steps) {
    for (const PlanStep& step : steps) {
      const double share = static_cast<double>(std::hash<std::string>()(step.key) % 1000) / 1000;
      const double unit = step.kind == PlanStep::Kind::kLayer        ? 20e3
                          : step.kind == PlanStep::Kind::kConversion ? 2e3
                                                                     : 1e3;
      times_[step.key] = times_[UniformKey(step.key)] = {unit * (1 + share), 0};
    }
  }

  double TotalOf(const std::vector<PlanStep>& steps) const {
    double total = 0;
    for (const PlanStep& step : steps) total += times_.at(step.key).latency_ns;
    return total;
  }

  std::vector<PlanStep> Describe(const std::vector<Precision>& precisions) {
    const auto quantized = assignment_->Assign(precisions).value();
    return DescribePlan(network_.graph, network_.layers, quantized, options_).value();
  }

  const PlanOptions options_{false, 1};
  std::optional<ProfilingAssignment> assignment_;
  PlanSurvey survey_;
  std::map<std::string, MeasuredTime> times_;
};

double Sum(const CostAttribution& costs, const std::vector<size_t>& chosen, bool with_edges) {
  double sum = costs.fixed_latency_ns();
  for (size_t layer = 0; layer < chosen.size(); ++layer) {
    sum += costs.Row(layer, chosen[layer]).latency_ns;
  }
  for (const CostAttribution::Edge& edge : costs.edges()) {
    const bool taken = chosen[edge.from] == edge.from_class && chosen[edge.to] == edge.to_class;
    if (taken && with_edges) sum += edge.latency_ns;
  }
  return sum;
}

TEST_F(CostAttributionTest, GivesBackTheTimesOfUniformPlansExactly) {
  const CostAttribution costs(network_.graph, network_.layers, survey_, times_);
  for (size_t own = 0; own < survey_.classes.size(); ++own) {
    const std::vector<size_t> chosen(network_.layers.layers.size(), own);
    EXPECT_NEAR(Sum(costs, chosen, true), costs.UniformTotal(own), 1e-3);
    EXPECT_NEAR(costs.UniformTotal(own), TotalOf(survey_.uniform[own].steps), 1e-3);
  }
}

// Conversions take 2 to 4 us each, and one between two precisions is always there: no edge is
// cheaper than none, some cost what a conversion does, and none more than the few that one layer
// may need.
TEST_F(CostAttributionTest, EdgesCostWhatConversionsDo) {
  const CostAttribution costs(network_.graph, network_.layers, survey_, times_);
  double dearest = 0;
  int priced = 0;
  for (const CostAttribution::Edge& edge : costs.edges()) {
    EXPECT_GE(edge.latency_ns, 0);
    dearest = std::max(dearest, edge.latency_ns);
    priced += edge.latency_ns >= 1e3;
  }
  RecordProperty("edges", static_cast<int>(costs.edges().size()));
  RecordProperty("priced", priced);
  RecordProperty("dearest", std::to_string(dearest));
  EXPECT_GE(priced, static_cast<int>(network_.layers.layers.size()) / 2);
  EXPECT_GE(dearest, 2e3);
  EXPECT_LE(dearest, 20e3);
}

TEST_F(CostAttributionTest, EdgesMakeMixedPlansRight) {
  const CostAttribution costs(network_.graph, network_.layers, survey_, times_);
  std::mt19937 random(5);
  double with_edges = 0, without_edges = 0, bias = 0;
  constexpr int kPlans = 40;
  for (int i = 0; i < kPlans; ++i) {
    std::vector<size_t> chosen(network_.layers.layers.size());
    std::vector<Precision> precisions;
    for (size_t& own : chosen) {
      own = random() % 2;
      precisions.push_back(survey_.classes[own]);
    }
    const std::vector<PlanStep> steps = Describe(precisions);
    TimeSteps(steps);
    const double actual = TotalOf(steps);
    bias += (Sum(costs, chosen, true) / actual - 1) / kPlans;
    with_edges += std::abs(Sum(costs, chosen, true) / actual - 1) / kPlans;
    without_edges += std::abs(Sum(costs, chosen, false) / actual - 1) / kPlans;
  }
  EXPECT_LT(std::abs(bias), 0.02);
  EXPECT_LT(with_edges, 0.05);
  EXPECT_LT(with_edges, 0.5 * without_edges);
}

TEST_F(CostAttributionTest, FewPlansCoverAllKeys) {
  const std::set<std::string> keys = survey_.Keys();
  const auto cover = CoverKeys(survey_, keys);
  EXPECT_LT(cover.size(), survey_.uniform.size() + survey_.mixes.size());
  std::set<std::string> covered;
  for (const std::vector<Precision>& precisions : cover) {
    const std::set<Precision> distinct(precisions.begin(), precisions.end());
    for (const PlanStep& step : Describe(precisions)) {
      covered.insert(distinct.size() == 1 ? UniformKey(step.key) : step.key);
    }
  }
  EXPECT_EQ(covered, keys);
  EXPECT_TRUE(CoverKeys(survey_, {}).empty());
}

TEST(StepMeasurementTest, SummariesAreMeansWithTheirSpread) {
  const MeasuredTime time = Summarize({10, 11, 12, 9, 13});
  EXPECT_EQ(time.latency_ns, 11);
  EXPECT_EQ(time.mad_ns, 1);
}

}  // namespace
}  // namespace halftone
