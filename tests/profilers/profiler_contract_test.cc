#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "profilers/builtin.h"
#include "profilers/simulated/accelerator.h"
#include "tests/profilers/remote/served_target.h"
#include "tests/profilers/small_network.h"

namespace halftone {
namespace {

// Keeps what a measuring target has found out, so that the tests measure once.
class MemoryCache final : public CostCache {
 public:
  absl::StatusOr<std::string> Load(const std::string& key) override {
    absl::MutexLock lock(&mutex_);
    const auto found = values_.find(key);
    if (found == values_.end()) return absl::NotFoundError(key);
    return found->second;
  }
  absl::Status Store(const std::string& key, absl::string_view value) override {
    absl::MutexLock lock(&mutex_);
    values_[key] = std::string(value);
    return absl::OkStatus();
  }

 private:
  absl::Mutex mutex_;
  std::map<std::string, std::string> values_;
};

CostCache& Cache() {
  static MemoryCache cache;
  return cache;
}

absl::StatusOr<std::unique_ptr<CostProfiler>> MakeBuiltin(const std::string& name) {
  ProfilerRegistry registry;
  const absl::Status registered = RegisterBuiltinProfilers(registry, &Cache());
  if (!registered.ok()) return registered;
  return registry.Create(name);
}

constexpr int kBatch = 2;

ProfileRequest RequestOf(const SmallNetwork& network, std::vector<Precision> precisions) {
  ProfileRequest request;
  request.graph = &network.graph();
  request.layers = &network.layers();
  request.batch = kBatch;
  request.precisions = std::move(precisions);
  return request;
}

// Costs of the network to make tables of.
CostTable ExampleCosts(const SmallNetwork& network) {
  const auto profiler = MakeBuiltin("bitfusion").value();
  CostTable costs =
      profiler->Profile(RequestOf(network, {Precision::Int(8, 8), Precision::Int(4, 4)}), {})
          .value();
  costs.edges.push_back({"conv", "depthwise", Precision::Int(8, 8), Precision::Int(4, 4), 30});
  costs.fixed_latency_ns = 20;
  return costs;
}

absl::StatusOr<std::unique_ptr<CostProfiler>> MakeJsonTable(const SmallNetwork& network) {
  return MakeDescribedProfiler(
      {"costs.json", CostTableToJson(ExampleCosts(network)).dump(), absl::UnixEpoch()});
}

absl::StatusOr<std::unique_ptr<CostProfiler>> MakeCsvTable(const SmallNetwork& network) {
  std::string csv = "layer,precision,latency_ns,energy_pj,to_layer,to_precision,batch\n";
  const CostTable costs = ExampleCosts(network);
  for (const CostRow& row : costs.rows) {
    absl::StrAppend(&csv, row.layer, ",", row.precision.ToString(), ",", row.latency_ns, ",",
                    *row.energy_pj, ",,,", kBatch, "\n");
  }
  for (const EdgeRow& edge : costs.edges) {
    absl::StrAppend(&csv, edge.from, ",", edge.from_precision.ToString(), ",", edge.latency_ns,
                    ",,", edge.to, ",", edge.to_precision.ToString(), ",\n");
  }
  absl::StrAppend(&csv, ",,", costs.fixed_latency_ns, ",,,,\n");
  return MakeDescribedProfiler({"costs.csv", csv, absl::UnixEpoch()});
}

// The simulated array, asked over the network.
absl::StatusOr<std::unique_ptr<CostProfiler>> MakeRemote(const SmallNetwork&) {
  static const auto board = ServedTarget::Start("bitfusion", "board");
  if (!board.ok()) return board.status();
  return (*board)->directory().Targets().at(0).create();
}

struct ContractTarget {
  std::string name;
  Provenance provenance;
  // Makes the profiler; `network` is the one that it will be asked for.
  std::function<absl::StatusOr<std::unique_ptr<CostProfiler>>(const SmallNetwork& network)> make;
};
void PrintTo(const ContractTarget& target, std::ostream* out) { *out << target.name; }

ContractTarget BuiltinTarget(const std::string& name, Provenance provenance) {
  return {name, provenance, [name](const SmallNetwork&) { return MakeBuiltin(name); }};
}

std::vector<ContractTarget> AllTargets() {
  std::vector<ContractTarget> targets = {BuiltinTarget("cpu", Provenance::kMeasured)};
  for (const CatalogueEntry& entry : AcceleratorCatalogue()) {
    targets.push_back(BuiltinTarget(Accelerator::Parse(entry.json, entry.file).value().name,
                                    Provenance::kSimulated));
  }
  targets.push_back({"costs.csv", Provenance::kTable, MakeCsvTable});
  targets.push_back({"costs.json", Provenance::kTable, MakeJsonTable});
  targets.push_back({"board", Provenance::kRemote, MakeRemote});
  return targets;
}

// What every profiler promises, whatever its target.
class ProfilerContractTest : public testing::TestWithParam<ContractTarget> {
 protected:
  void SetUp() override {
    const absl::Status bound = network_.Bind(kBatch);
    ASSERT_TRUE(bound.ok()) << bound;
    auto profiler = GetParam().make(network_);
    ASSERT_TRUE(profiler.ok()) << profiler.status();
    profiler_ = *std::move(profiler);
    request_ = RequestOf(network_, {});
    for (const char* name : {"f32", "bf16", "w8a8", "w4a4", "w4"}) {
      const Precision precision = *Precision::Parse(name);
      (profiler_->Supports(precision) ? request_.precisions : unsupported_).push_back(precision);
    }
    ASSERT_FALSE(request_.precisions.empty());
  }

  // The cost table as JSON, without the time of day.
  static nlohmann::json Timeless(const CostTable& table) {
    nlohmann::json document = CostTableToJson(table);
    for (nlohmann::json& row : document["layers"]) row["origin"].erase("when");
    return document;
  }

  std::unique_ptr<CostProfiler> profiler_;
  SmallNetwork network_;
  ProfileRequest request_;
  std::vector<Precision> unsupported_;
};

TEST_P(ProfilerContractTest, EveryLayerAndPrecisionHasAFiniteRow) {
  const auto table = profiler_->Profile(request_, {});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->target, GetParam().name);
  EXPECT_EQ(profiler_->target(), GetParam().name);
  EXPECT_EQ(table->batch, kBatch);
  EXPECT_FALSE(table->device.isa.empty());
  EXPECT_EQ(table->rows.size(), network_.layers().layers.size() * request_.precisions.size());
  for (const Layer& layer : network_.layers().layers) {
    for (const Precision& precision : request_.precisions) {
      const CostRow* row = table->Find(layer.name, precision);
      ASSERT_NE(row, nullptr) << layer.name << " " << precision.ToString();
      EXPECT_TRUE(std::isfinite(row->latency_ns) && row->latency_ns > 0);
      EXPECT_TRUE(std::isfinite(row->mad_ns) && row->mad_ns >= 0);
      EXPECT_TRUE(std::isfinite(row->weight_bytes) && row->weight_bytes > 0);
      EXPECT_FALSE(row->implementation.empty());
      EXPECT_TRUE(std::isfinite(row->energy_pj.value_or(0)) && row->energy_pj.value_or(0) >= 0);
      EXPECT_TRUE(std::isfinite(row->cycles.value_or(0)) && row->cycles.value_or(0) >= 0);
      EXPECT_EQ(row->provenance, GetParam().provenance);
      EXPECT_FALSE(row->origin.where.empty());
      EXPECT_TRUE(ParseUtc(row->origin.when).ok()) << row->origin.when;
      EXPECT_FALSE(row->origin.with.empty());
    }
  }
  EXPECT_TRUE(std::isfinite(table->fixed_latency_ns) && table->fixed_latency_ns >= 0);
  for (const EdgeRow& edge : table->edges) {
    EXPECT_NE(network_.layers().Find(edge.from), nullptr) << edge.from;
    EXPECT_NE(network_.layers().Find(edge.to), nullptr) << edge.to;
    EXPECT_NE(edge.from, edge.to);
    for (const Precision& precision : {edge.from_precision, edge.to_precision}) {
      EXPECT_EQ(std::count(request_.precisions.begin(), request_.precisions.end(), precision), 1)
          << precision.ToString();
    }
    EXPECT_TRUE(std::isfinite(edge.latency_ns) && edge.latency_ns >= 0);
  }
}

TEST_P(ProfilerContractTest, NarrowerWeightsTakeFewerBytes) {
  const auto table = profiler_->Profile(request_, {});
  ASSERT_TRUE(table.ok()) << table.status();
  for (const CostRow& narrow : table->rows) {
    for (const CostRow& wide : table->rows) {
      const bool narrower = narrow.precision.weights.IsInteger() &&
                            narrow.precision.weights.bits < wide.precision.weights.bits;
      if (!narrower || narrow.layer != wide.layer) continue;
      EXPECT_LT(narrow.weight_bytes, wide.weight_bytes) << narrow.layer;
    }
  }
}

TEST_P(ProfilerContractTest, TheWholeNetworkIsPredictedInEveryPrecision) {
  const auto table = profiler_->Profile(request_, {});
  ASSERT_TRUE(table.ok()) << table.status();
  std::set<Precision> precisions;
  for (const NetworkRow& row : table->network) {
    precisions.insert(row.precision);
    double sum = table->fixed_latency_ns;
    for (const Layer& layer : network_.layers().layers) {
      sum += table->Find(layer.name, row.precision)->latency_ns;
    }
    // Edges between layers of one precision may add to it.
    EXPECT_GE(row.predicted_ns, sum * (1 - 1e-9)) << row.precision.ToString();
  }
  EXPECT_EQ(precisions,
            std::set<Precision>(request_.precisions.begin(), request_.precisions.end()));
}

TEST_P(ProfilerContractTest, AnUnsupportedPrecisionIsNamed) {
  for (const Precision& precision : unsupported_) {
    ProfileRequest request = request_;
    request.precisions.push_back(precision);
    const absl::Status status = profiler_->Profile(request, {}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
    EXPECT_NE(status.message().find(precision.ToString()), absl::string_view::npos) << status;
  }
}

// Each of its own: of these, what is measured here can do both.
TEST_P(ProfilerContractTest, SaysWhatElseItCanBeAskedFor) {
  const bool is_measured = GetParam().provenance == Provenance::kMeasured;
  EXPECT_EQ(profiler_->EmptiesCaches(), is_measured);
  EXPECT_EQ(profiler_->RunsAssignments(), is_measured);
}

// Of targets that do not measure: a measurement is never the same again.
class RepeatableProfilerTest : public ProfilerContractTest {};

TEST_P(RepeatableProfilerTest, IsTheSameAgain) {
  const auto first = profiler_->Profile(request_, {});
  const auto second = profiler_->Profile(request_, {});
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(Timeless(*first), Timeless(*second));
}

TEST_P(ProfilerContractTest, TheTableSurvivesJson) {
  const auto table = profiler_->Profile(request_, {});
  ASSERT_TRUE(table.ok()) << table.status();
  const nlohmann::json document = CostTableToJson(*table);
  const auto read = CostTableFromJson(document);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(CostTableToJson(*read), document);
}

TEST_P(ProfilerContractTest, ASavedProfileIsATargetOfTheSameCosts) {
  const auto table = profiler_->Profile(request_, {});
  ASSERT_TRUE(table.ok()) << table.status();
  const auto saved =
      MakeDescribedProfiler({"saved.json", CostTableToJson(*table).dump(), absl::UnixEpoch()});
  ASSERT_TRUE(saved.ok()) << saved.status();
  const auto again = (*saved)->Profile(request_, {});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->fixed_latency_ns, table->fixed_latency_ns);
  EXPECT_EQ(again->edges.size(), table->edges.size());
  for (const CostRow& row : table->rows) {
    const CostRow* other = again->Find(row.layer, row.precision);
    ASSERT_NE(other, nullptr);
    EXPECT_EQ(other->latency_ns, row.latency_ns);
    EXPECT_EQ(other->energy_pj, row.energy_pj);
    EXPECT_EQ(other->weight_bytes, row.weight_bytes);
    EXPECT_EQ(other->origin.when, row.origin.when);
    EXPECT_NE(other->origin.with.find(row.origin.with), std::string::npos) << other->origin.with;
  }
}

TEST_P(ProfilerContractTest, CancellationEndsIt) {
  Progress progress;
  progress.cancellation.Cancel();
  EXPECT_EQ(profiler_->Profile(request_, progress).status().code(), absl::StatusCode::kCancelled);
}

TEST_P(ProfilerContractTest, ProgressRisesToOne) {
  double last = 0;
  Progress progress;
  progress.report = [&](double fraction, absl::string_view) {
    EXPECT_GE(fraction, last);
    last = fraction;
  };
  ASSERT_TRUE(profiler_->Profile(request_, progress).ok());
  EXPECT_EQ(last, 1);
}

std::vector<ContractTarget> RepeatableTargets() {
  std::vector<ContractTarget> targets = AllTargets();
  std::erase_if(targets, [](const ContractTarget& target) {
    return target.provenance == Provenance::kMeasured;
  });
  return targets;
}

std::string NameOf(const testing::TestParamInfo<ContractTarget>& info) {
  std::string name = info.param.name;
  for (char& c : name) c = absl::ascii_isalnum(c) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Targets, ProfilerContractTest, testing::ValuesIn(AllTargets()), NameOf);
INSTANTIATE_TEST_SUITE_P(Targets, RepeatableProfilerTest, testing::ValuesIn(RepeatableTargets()),
                         NameOf);

}  // namespace
}  // namespace halftone
