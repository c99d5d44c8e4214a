// What the processor's profiler measured outlives the server that measured it, and serves every
// network with layers of the same shapes.
#include <utility>
#include <vector>

#include "nlohmann/json.hpp"
#include "profilers/onednn/cpu_lease.h"
#include "profilers/onednn/cpu_profiler.h"
#include "tests/profilers/small_network.h"
#include "tests/server/jobs/state_fixture.h"

namespace halftone {
namespace {

constexpr char kLongAgo[] = "2001-02-03T04:05:06Z";

// Passes on to another cache; what is stored is dated back.
class DatingBack final : public CostCache {
 public:
  explicit DatingBack(CostCache* cache) : cache_(cache) {}
  absl::StatusOr<std::string> Load(const std::string& key) override { return cache_->Load(key); }
  absl::Status Store(const std::string& key, absl::string_view value) override {
    ++stores_;
    nlohmann::json dated = nlohmann::json::parse(value);
    dated.at("when") = kLongAgo;
    return cache_->Store(key, dated.dump());
  }
  int stores() const { return stores_; }

 private:
  int stores_ = 0;
  CostCache* cache_;
};

class MeasuredCostsTest : public StateFixture {
 protected:
  static absl::StatusOr<CostTable> Profile(CostCache* cache, const Graph& graph,
                                           const LayerSet& layers, bool refresh = false) {
    // Enough to have numbers, also on a busy machine.
    MeasurementOptions options;
    options.min_rounds = 2;
    options.max_rounds = 3;
    options.target_duration = absl::Milliseconds(200);
    options.quiet_runs = 2;
    options.least_processor_share = 0;
    options.most_slowdown = 1e9;
    ProfileRequest request;
    request.graph = &graph;
    request.layers = &layers;
    request.precisions = {Precision::Float32(), Precision::Int(8, 8)};
    request.threads = 1;
    request.refresh = refresh;
    return MakeCpuProfiler(cache, options)->Profile(request, {});
  }
  static absl::StatusOr<CostTable> Profile(CostCache* cache, const SmallNetwork& network,
                                           bool refresh = false) {
    return Profile(cache, network.graph(), network.layers(), refresh);
  }

  // Profiles a network long ago, and opens the state directory again, as a new server does.
  CostTable ProfileLongAgo() {
    EXPECT_TRUE(network_.Bind(1).ok());
    SqliteCostCache stored(database.get(), &clock);
    DatingBack cache(&stored);
    const auto table = Profile(&cache, network_);
    EXPECT_TRUE(table.ok()) << table.status();
    stores_ = cache.stores();
    Open();
    return table.ok() ? *table : CostTable();
  }

  SmallNetwork network_;
  int stores_ = 0;  // of ProfileLongAgo
};

TEST_F(MeasuredCostsTest, AreKnownToTheNextServer) {
  const CostTable first = ProfileLongAgo();
  SqliteCostCache cache(database.get(), &clock);
  // Measuring needs the lease; what is known does not.
  const auto lease = CpuLease::Acquire({});
  ASSERT_TRUE(lease.ok()) << lease.status();
  const auto second = Profile(&cache, network_);
  ASSERT_TRUE(second.ok()) << second.status();
  ASSERT_EQ(second->rows.size(), first.rows.size());
  for (size_t i = 0; i < first.rows.size(); ++i) {
    EXPECT_EQ(second->rows[i].latency_ns, first.rows[i].latency_ns);
    EXPECT_EQ(second->rows[i].origin.when, kLongAgo);
  }
}

TEST_F(MeasuredCostsTest, ServeAnotherModelOfTheSameShapes) {
  ProfileLongAgo();
  Graph other = network_.graph();
  for (Node& node : other.nodes) node.name = "other " + node.name;
  for (auto& [name, tensor] : other.initializers) {
    std::vector<float> values(tensor.data<float>().begin(), tensor.data<float>().end());
    for (float& value : values) value *= 0.5f;
    tensor = Tensor::Of<float>(tensor.shape(), std::move(values));
  }
  const auto layers = FindLayers(other);
  ASSERT_TRUE(layers.ok()) << layers.status();
  SqliteCostCache cache(database.get(), &clock);
  const auto lease = CpuLease::Acquire({});
  ASSERT_TRUE(lease.ok()) << lease.status();
  const auto table = Profile(&cache, other, *layers);
  ASSERT_TRUE(table.ok()) << table.status();
  for (const CostRow& row : table->rows) EXPECT_EQ(row.origin.when, kLongAgo) << row.layer;
}

TEST_F(MeasuredCostsTest, ServeTheLayersThatAModelShares) {
  const CostTable first = ProfileLongAgo();
  SmallNetwork other(/*classes=*/7);
  ASSERT_TRUE(other.Bind(1).ok());
  SqliteCostCache stored(database.get(), &clock);
  DatingBack cache(&stored);
  const auto table = Profile(&cache, other);
  ASSERT_TRUE(table.ok()) << table.status();
  // The kernels of the last layer alone, and the whole network's time.
  EXPECT_GT(cache.stores(), 0);
  EXPECT_LT(cache.stores(), stores_ / 2);
  for (const char* layer : {"conv", "depthwise"}) {
    EXPECT_EQ(table->Find(layer, Precision::Int(8, 8))->latency_ns,
              first.Find(layer, Precision::Int(8, 8))->latency_ns);
  }
}

TEST_F(MeasuredCostsTest, AreMeasuredAgainOnRequest) {
  ProfileLongAgo();
  SqliteCostCache cache(database.get(), &clock);
  const auto fresh = Profile(&cache, network_, /*refresh=*/true);
  ASSERT_TRUE(fresh.ok()) << fresh.status();
  for (const CostRow& row : fresh->rows) EXPECT_NE(row.origin.when, kLongAgo) << row.layer;
  // And from now on that is what is known.
  const auto lease = CpuLease::Acquire({});
  ASSERT_TRUE(lease.ok()) << lease.status();
  const auto again = Profile(&cache, network_);
  ASSERT_TRUE(again.ok()) << again.status();
  for (size_t i = 0; i < fresh->rows.size(); ++i) {
    EXPECT_EQ(again->rows[i].latency_ns, fresh->rows[i].latency_ns);
    EXPECT_EQ(again->rows[i].origin.when, fresh->rows[i].origin.when);
  }
}

}  // namespace
}  // namespace halftone
