#include <cmath>
#include <map>
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "profilers/builtin.h"
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

// What every profiler promises, whatever its target.
class ProfilerContractTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(RegisterBuiltinProfilers(registry_, &Cache()).ok());
    auto profiler = registry_.Create(GetParam());
    ASSERT_TRUE(profiler.ok()) << profiler.status();
    profiler_ = *std::move(profiler);
    const absl::Status bound = network_.Bind(2);
    ASSERT_TRUE(bound.ok()) << bound;
    request_.graph = &network_.graph();
    request_.layers = &network_.layers();
    request_.batch = 2;
    for (const char* name : {"f32", "bf16", "w8a8", "w4a4"}) {
      const Precision precision = *Precision::Parse(name);
      (profiler_->Supports(precision) ? request_.precisions : unsupported_).push_back(precision);
    }
    ASSERT_GE(request_.precisions.size(), 2u);
  }

  static CostCache& Cache() {
    static MemoryCache cache;
    return cache;
  }

  ProfilerRegistry registry_;
  std::unique_ptr<CostProfiler> profiler_;
  SmallNetwork network_;
  ProfileRequest request_;
  std::vector<Precision> unsupported_;
};

TEST_P(ProfilerContractTest, EveryLayerAndPrecisionHasAFiniteRow) {
  const auto table = profiler_->Profile(request_, {});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->target, GetParam());
  EXPECT_EQ(table->batch, 2);
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
      EXPECT_FALSE(row->origin.where.empty());
      EXPECT_TRUE(ParseUtc(row->origin.when).ok()) << row->origin.when;
      EXPECT_FALSE(row->origin.with.empty());
    }
  }
  EXPECT_TRUE(std::isfinite(table->fixed_latency_ns) && table->fixed_latency_ns >= 0);
  for (const EdgeRow& edge : table->edges) {
    EXPECT_NE(network_.layers().Find(edge.from), nullptr) << edge.from;
    EXPECT_NE(network_.layers().Find(edge.to), nullptr) << edge.to;
    EXPECT_TRUE(std::isfinite(edge.latency_ns) && edge.latency_ns >= 0);
  }
}

TEST_P(ProfilerContractTest, NarrowerWeightsTakeFewerBytes) {
  const auto table = profiler_->Profile(request_, {});
  ASSERT_TRUE(table.ok()) << table.status();
  for (const Layer& layer : network_.layers().layers) {
    const double wide = table->Find(layer.name, Precision::Int(8, 8))->weight_bytes;
    const double narrow = table->Find(layer.name, Precision::Int(4, 4))->weight_bytes;
    EXPECT_LT(narrow, wide) << layer.name;
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

INSTANTIATE_TEST_SUITE_P(Targets, ProfilerContractTest, testing::Values("bitfusion", "cpu"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace halftone
