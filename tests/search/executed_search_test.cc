#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/files.h"
#include "gtest/gtest.h"
#include "profilers/builtin.h"
#include "profilers/onednn/cpu_runner.h"
#include "search/execution.h"
#include "search/explorer.h"
#include "search/memory_store.h"
#include "search/pipeline.h"
#include "search/stored_tables.h"

// Searches on targets that say what they execute.
namespace halftone {
namespace {

constexpr char kLayer[] = "/conv3/Conv";
const Precision kBytes = Precision::Int(8, 8);

// Runs networks as this processor does, and says what it is told to of how.
class StatingRunner final : public NetworkRunner {
 public:
  StatingRunner(std::string machine, ExecutedLayers layers)
      : machine_(std::move(machine)), layers_(std::move(layers)), inner_(MakeCpuRunner()) {}
  std::string Machine() const override { return machine_; }
  absl::StatusOr<ExecutedLayers> Describe(const Graph&,
                                          const std::vector<Precision>&) const override {
    return layers_;
  }
  absl::StatusOr<std::unique_ptr<RunnableNetwork>> Prepare(const Graph& graph,
                                                           const LayerSet& layers,
                                                           const QuantizedAssignment& assignment,
                                                           const RunOptions& options) override {
    return inner_->Prepare(graph, layers, assignment, options);
  }
  absl::StatusOr<NetworkTimes> Time(const Graph&, const LayerSet&,
                                    absl::Span<const QuantizedAssignment> assignments, int, int,
                                    const Progress&) override {
    return NetworkTimes{std::vector<double>(assignments.size(), 1.0), ""};
  }

 private:
  const std::string machine_;
  const ExecutedLayers layers_;
  const std::unique_ptr<NetworkRunner> inner_;
};

// An accelerator that is at hand.
class BoardProfiler final : public CostProfiler {
 public:
  BoardProfiler(std::unique_ptr<CostProfiler> inner, std::string machine, ExecutedLayers layers)
      : inner_(std::move(inner)), machine_(std::move(machine)), layers_(std::move(layers)) {}
  std::string target() const override { return "board"; }
  DeviceInfo Describe() const override { return inner_->Describe(); }
  bool Supports(const Precision& precision) const override { return inner_->Supports(precision); }
  std::unique_ptr<NetworkRunner> Runner() const override {
    return std::make_unique<StatingRunner>(machine_, layers_);
  }
  absl::StatusOr<CostTable> Profile(const ProfileRequest& request,
                                    const Progress& progress) override {
    return inner_->Profile(request, progress);
  }

 private:
  const std::unique_ptr<CostProfiler> inner_;
  const std::string machine_;
  const ExecutedLayers layers_;
};

std::string ReadDigits(const std::string& file) {
  const absl::StatusOr<std::string> bytes =
      ReadFile(std::string(HALFTONE_SOURCE_DIR) + "/tests/data/tiny-digits/" + file);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.value_or("");
}

class ExecutedSearchTest : public ::testing::Test {
 protected:
  ExecutedSearchTest() {
    spec_.model = *store_.StoreBlob(ReadDigits("model.onnx"));
    spec_.calibration = *store_.StoreBlob(ReadDigits("calib.npz"));
    spec_.sensitivity.samples = 32;
    spec_.evaluations = 4;
    spec_.precisions = {kBytes, Precision::Int(4, 4)};
    spec_.budgets = {*Budget::Parse("size=0.8x")};
  }

  // On bitfusion where no machine is named.
  SearchResult Search(const std::string& machine, const ExecutedLayers& layers) {
    ProfilerRegistry profilers;
    EXPECT_TRUE(RegisterBuiltinProfilers(profilers, nullptr).ok());
    ProfilerRegistry::Target board;
    board.name = "board";
    board.create = [&]() -> absl::StatusOr<std::unique_ptr<CostProfiler>> {
      absl::StatusOr<std::unique_ptr<CostProfiler>> inner = profilers.Create("bitfusion");
      if (!inner.ok()) return inner.status();
      return std::make_unique<BoardProfiler>(*std::move(inner), machine, layers);
    };
    EXPECT_TRUE(profilers.Register(board).ok());
    spec_.target = machine.empty() ? "bitfusion" : "board";
    reused_.clear();
    PipelineObserver observer;
    observer.stage_started = [this](Stage stage, bool reused) { reused_[stage] = reused; };
    absl::StatusOr<SearchResult> result = RunSearch(spec_, store_, profilers, observer, {});
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(SearchResult());
  }

  // By layer and precision, of the tables that a result names.
  std::map<std::pair<std::string, Precision>, double> LossesOf(const SearchResult& result) {
    std::map<std::pair<std::string, Precision>, double> losses;
    const absl::StatusOr<StoredTables> stored = LoadStoredTables(spec_, result.tables, store_);
    EXPECT_TRUE(stored.ok()) << stored.status();
    if (!stored.ok()) return losses;
    for (const LayerSensitivity& layer : stored->tables.sensitivity.layers) {
      for (const ChoiceLoss& choice : layer.choices) {
        losses[{layer.name, choice.precision}] = choice.loss;
      }
    }
    return losses;
  }

  static ExecutedLayers Narrow() { return {{kLayer, {{kBytes, {Precision::Int(4, 4), {}}}}}}; }

  MemoryStore store_;
  SearchSpec spec_;
  std::map<Stage, bool> reused_;
};

TEST_F(ExecutedSearchTest, WhatExecutesAllAsAskedHasTheLossesOfAnyTarget) {
  const SearchResult simulated = Search("", {});
  EXPECT_FALSE(reused_.at(Stage::kSensitivity));
  const SearchResult silent = Search("m", {});
  EXPECT_TRUE(reused_.at(Stage::kSensitivity));
  EXPECT_EQ(silent.tables->sensitivity.key, simulated.tables->sensitivity.key);
  EXPECT_EQ(silent.tables->sensitivity.sha256, simulated.tables->sensitivity.sha256);
}

TEST_F(ExecutedSearchTest, LossesAreOfWhatTheTargetExecutes) {
  const auto asked = LossesOf(Search("", {}));
  const auto executed = LossesOf(Search("m", Narrow()));
  EXPECT_FALSE(reused_.at(Stage::kSensitivity));
  EXPECT_TRUE(reused_.at(Stage::kCalibrate));
  EXPECT_EQ(executed.at({kLayer, kBytes}), asked.at({kLayer, Precision::Int(4, 4)}));
  for (const auto& [choice, loss] : asked) {
    const bool is_stated = choice == std::pair(std::string(kLayer), kBytes);
    EXPECT_EQ(executed.at(choice) == loss, !is_stated) << choice.first;
  }
  // Another machine that says the same may compute otherwise.
  Search("other", Narrow());
  EXPECT_FALSE(reused_.at(Stage::kSensitivity));
  EXPECT_FALSE(reused_.at(Stage::kRefine));
  Search("m", Narrow());
  for (const auto& [stage, reused] : reused_) EXPECT_TRUE(reused) << StageName(stage);
}

TEST_F(ExecutedSearchTest, TablesAreFoundWithTheirStatement) {
  const SearchResult result = Search("m", Narrow());
  const absl::StatusOr<TableNames> found = FindTableNames(spec_, store_);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->sensitivity.key, result.tables->sensitivity.key);
  EXPECT_EQ(found->execution.key, result.tables->execution.key);
  const auto stored = LoadNamed(store_, Stage::kImport, result.tables->execution);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ(*ExecutedLayersFromBytes(*stored), Narrow());
  const auto names = TableNamesFromJson(TableNamesToJson(*result.tables));
  ASSERT_TRUE(names.ok()) << names.status();
  EXPECT_EQ(names->execution.key, result.tables->execution.key);
  EXPECT_EQ(names->offer.machine, "m");
}

// What refining measured is known to an exploration of the search.
TEST_F(ExecutedSearchTest, RefiningAndExploringEvaluateWhatIsExecuted) {
  const SearchResult asked = Search("", {});
  ExecutedLayers none;
  for (const char* const layer : {"/conv1/Conv", "/conv2/Conv", "/conv3/Conv", "/fc/Gemm"}) {
    none[layer][kBytes].ran_as = Precision::Int(4, 4);
  }
  const SearchResult executed = Search("m", none);
  ASSERT_TRUE(asked.refined.has_value());
  ASSERT_TRUE(executed.refined.has_value());
  EXPECT_GT(executed.refined->optimum_divergence, asked.refined->optimum_divergence);
  const auto explorer = Explorer::Create(spec_, executed, store_, "job");
  ASSERT_TRUE(explorer.ok()) << explorer.status();
  const auto told = (*explorer)->Tell(executed.refined->assignment, {});
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_TRUE(told->was_known);
  EXPECT_EQ(told->trial.divergence, executed.refined->divergence);
}

TEST(ExecutedLayersTest, AreReadAsTheyWereWritten) {
  ExecutedLayers layers;
  ExecutedChoice& choice = layers["a"][kBytes];
  choice.ran_as = *Precision::Parse("w8");
  choice.shortcuts = {{"add", "x", NumberFormat::Integer(8)},
                      {"sum", "y", {NumberFormat::Kind::kBFloat16, 16}}};
  layers["b"][*Precision::Parse("bf16")].ran_as = Precision::Float32();
  const auto read = ExecutedLayersFromBytes(ExecutedLayersToBytes(layers, "m"));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, layers);
  EXPECT_NE(ExecutedLayersToBytes(layers, "m"), ExecutedLayersToBytes(layers, "n"));
  EXPECT_EQ(ExecutedLayersToBytes({}, "m"), "");
  for (const char* const damaged : {"{", "{\"layers\": 1}", "{\"layers\": [{\"name\": 1}]}"}) {
    EXPECT_EQ(ExecutedLayersFromBytes(damaged).status().code(), absl::StatusCode::kInternal);
  }
}

}  // namespace
}  // namespace halftone
