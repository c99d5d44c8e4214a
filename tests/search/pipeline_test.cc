#include "search/pipeline.h"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "base/files.h"
#include "base/memory_budget.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "nn/onnx/import.h"
#include "profilers/builtin.h"
#include "search/first_answer.h"
#include "search/memory_store.h"

namespace halftone {
namespace {

using ::testing::HasSubstr;

constexpr char kSimulated[] = "bitfusion";
// In the order in which they run.
constexpr std::array kStages = {Stage::kImport,      Stage::kCalibrate, Stage::kProfile,
                                Stage::kSensitivity, Stage::kSolve,     Stage::kRefine,
                                Stage::kValidate,    Stage::kExport};

size_t PlaceOf(Stage stage) {
  return static_cast<size_t>(std::find(kStages.begin(), kStages.end(), stage) - kStages.begin());
}

std::string ReadDigits(const std::string& file) {
  const absl::StatusOr<std::string> bytes =
      ReadFile(std::string(HALFTONE_SOURCE_DIR) + "/tests/data/tiny-digits/" + file);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.value_or("");
}

// A store with the small network and its data, and a spec that names them.
struct Bench {
  MemoryStore store;
  ProfilerRegistry profilers;
  SearchSpec spec;
  PipelineObserver observer;
  Cancellation cancellation;
  std::string job;
  std::vector<std::pair<Stage, bool>> started;  // stage, reused
  std::vector<Stage> finished;

  explicit Bench(const std::string& target = kSimulated) {
    EXPECT_TRUE(RegisterBuiltinProfilers(profilers, nullptr).ok());
    spec.model = *store.StoreBlob(ReadDigits("model.onnx"));
    spec.calibration = *store.StoreBlob(ReadDigits("calib.npz"));
    spec.evaluation = *store.StoreBlob(ReadDigits("eval.npz"));
    spec.target = target;
    spec.sensitivity.samples = 64;
    spec.evaluations = 10;
    spec.budgets = {*Budget::Parse("latency=50%"), *Budget::Parse("size=0.4x")};
    observer.stage_started = [this](Stage stage, bool reused) {
      started.emplace_back(stage, reused);
      last_fraction = 0;
    };
    observer.stage_finished = [this](Stage stage) { finished.push_back(stage); };
    observer.stage_progress = [this](Stage, double fraction, absl::string_view) {
      EXPECT_GE(fraction, last_fraction) << "progress does not fall";
      EXPECT_LE(fraction, 1);
      last_fraction = fraction;
    };
  }

  absl::StatusOr<SearchResult> Run(ArtifactStore& in) {
    started.clear();
    finished.clear();
    return RunSearch(spec, in, profilers, observer, cancellation, job);
  }
  absl::StatusOr<SearchResult> Run() { return Run(store); }

  double last_fraction = 0;
};

// An accelerator that says when it measures that it was busy, and counts its measurements.
class BusyProfiler final : public CostProfiler {
 public:
  // Borrows `busy` and `calls`.
  BusyProfiler(std::unique_ptr<CostProfiler> inner, const bool* busy, int* calls)
      : inner_(std::move(inner)), busy_(busy), calls_(calls) {}
  std::string target() const override { return "board"; }
  DeviceInfo Describe() const override { return inner_->Describe(); }
  bool Supports(const Precision& precision) const override { return inner_->Supports(precision); }
  absl::StatusOr<CostTable> Profile(const ProfileRequest& request,
                                    const Progress& progress) override {
    absl::StatusOr<CostTable> table = inner_->Profile(request, progress);
    ++*calls_;
    if (table.ok() && *busy_) table->rows.back().warning = "the machine was busy: so it says";
    // No two measurements are alike.
    if (table.ok()) table->fixed_latency_ns += *calls_;
    return table;
  }

 private:
  const std::unique_ptr<CostProfiler> inner_;
  const bool* busy_;
  int* calls_;
};

void ExpectSound(const Bench& bench, const SearchResult& result) {
  EXPECT_EQ(result.solution.status, Solution::Status::kOptimal);
  EXPECT_NEAR(result.solution.lower_bound, result.solution.loss, 1e-9 * result.solution.loss);
  for (const auto& [metric, limit] : result.problem.budgets) {
    EXPECT_LE(result.solution.cost.at(metric), limit * (1 + 1e-9)) << metric;
  }
  EXPECT_EQ(result.layers.size(), 4u);
  const bool refined = result.refined.has_value() && result.refined->Improves();
  const Assignment& chosen = refined ? result.refined->assignment : result.solution.assignment;
  double loss = 0;
  for (const LayerResult& layer : result.layers) {
    loss += layer.loss.value();
    EXPECT_EQ(chosen.at(layer.name), layer.precision.ToString());
    EXPECT_FALSE(layer.implementation.empty());
  }
  EXPECT_NEAR(loss, refined ? result.refined->loss : result.solution.loss, 1e-9 * (1 + loss));
  EXPECT_TRUE(result.evaluated_on_held_out);
  EXPECT_DOUBLE_EQ(*result.evaluation->float_accuracy, 575.0 / 597);
  EXPECT_GT(*result.evaluation->quantized_accuracy, 0.5);
}

TEST(PipelineTest, SearchesASimulatedTargetFromEndToEnd) {
  Bench bench;
  const absl::StatusOr<SearchResult> result = bench.Run();
  ASSERT_TRUE(result.ok()) << result.status();
  ExpectSound(bench, *result);
  EXPECT_EQ(result->target, kSimulated);
  EXPECT_GT(result->solution.frontier.size(), 2u);
  EXPECT_EQ(result->reference, Precision::Int(16, 16)) << "the widest where f32 does not run";
  EXPECT_FALSE(result->latency.measured.has_value());
  EXPECT_FALSE(result->evaluation->executed.has_value());
  EXPECT_EQ(bench.finished, std::vector<Stage>(kStages.begin(), kStages.end()));

  const absl::StatusOr<std::string> model =
      bench.store.LoadBlob(result->artifacts.at("quantized.onnx"));
  ASSERT_TRUE(model.ok());
  EXPECT_TRUE(ImportOnnx(*model, ImportOptions()).ok());
  const std::string report = *bench.store.LoadBlob(result->artifacts.at("report.html"));
  EXPECT_THAT(report, HasSubstr("/conv1/Conv"));
  EXPECT_THAT(report, HasSubstr("<svg"));
  EXPECT_EQ(report.find("href="), std::string::npos) << "it needs nothing else";
  EXPECT_EQ(report.find("src="), std::string::npos);
  const auto json =
      nlohmann::json::parse(*bench.store.LoadBlob(result->artifacts.at("result.json")));
  EXPECT_TRUE(SearchResultFromJson(json).ok());
}

TEST(PipelineTest, WhatABusyMachineMeasuredServesTheJobThatMeasuredItAlone) {
  Bench bench("board");
  bench.spec.evaluations = 0;
  bool busy = true;
  int calls = 0;
  ProfilerRegistry::Target board;
  board.name = "board";
  board.create = [&]() -> absl::StatusOr<std::unique_ptr<CostProfiler>> {
    absl::StatusOr<std::unique_ptr<CostProfiler>> inner = bench.profilers.Create(kSimulated);
    if (!inner.ok()) return inner.status();
    return std::make_unique<BusyProfiler>(*std::move(inner), &busy, &calls);
  };
  ASSERT_TRUE(bench.profilers.Register(board).ok());
  const auto run = [&](const std::string& job) {
    bench.job = job;
    const absl::StatusOr<SearchResult> result = bench.Run();
    EXPECT_TRUE(result.ok()) << result.status();
    for (const auto& [stage, reused] : bench.started) {
      if (stage == Stage::kProfile) return reused;
    }
    return false;
  };
  EXPECT_FALSE(run("a"));
  EXPECT_TRUE(run("a")) << "a job that was interrupted takes up its own costs";
  EXPECT_FALSE(run("b")) << "another one measures for itself";
  EXPECT_FALSE(run(""));
  EXPECT_FALSE(run("")) << "a run that has no name knows nothing again";
  EXPECT_EQ(calls, 4);
  busy = false;
  EXPECT_FALSE(run("c"));
  for (const char* job : {"c", "d", "a", ""}) EXPECT_TRUE(run(job)) << job;
  EXPECT_EQ(calls, 5);
}

TEST(PipelineTest, ASecondRunReusesEveryStage) {
  Bench bench;
  const absl::StatusOr<SearchResult> first = bench.Run();
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::StatusOr<SearchResult> second = bench.Run();
  ASSERT_TRUE(second.ok()) << second.status();
  ASSERT_EQ(bench.started.size(), 8u);
  for (const auto& [stage, reused] : bench.started) EXPECT_TRUE(reused) << StageName(stage);
  EXPECT_EQ(SearchResultToJson(*first), SearchResultToJson(*second));

  // Another budget goes straight to solving.
  bench.spec.budgets = {*Budget::Parse("size=0.3x")};
  ASSERT_TRUE(bench.Run().ok());
  for (const auto& [stage, reused] : bench.started) {
    EXPECT_EQ(reused, PlaceOf(stage) < PlaceOf(Stage::kSolve)) << StageName(stage);
  }
}

// A store that loses what it is told to, until that is stored again.
class LossyStore final : public ArtifactStore {
 public:
  explicit LossyStore(ArtifactStore* inner) : inner_(inner) {}

  absl::StatusOr<std::string> LoadBlob(const std::string& sha256) override {
    if (lost_.count(sha256) > 0) return absl::DataLossError("it is damaged");
    return inner_->LoadBlob(sha256);
  }
  absl::StatusOr<std::string> StoreBlob(absl::string_view bytes) override {
    absl::StatusOr<std::string> sha256 = inner_->StoreBlob(bytes);
    if (sha256.ok()) lost_.erase(*sha256);
    return sha256;
  }
  absl::StatusOr<std::string> LoadStage(Stage stage, const std::string& key) override {
    if (lost_.count(key) > 0) return absl::NotFoundError("it is damaged");
    keys_.insert(key);
    return inner_->LoadStage(stage, key);
  }
  absl::Status StoreStage(Stage stage, const std::string& key, absl::string_view bytes) override {
    lost_.erase(key);
    return inner_->StoreStage(stage, key, bytes);
  }

  void Lose(const std::string& name) { lost_.insert(name); }
  const std::set<std::string>& lost() const { return lost_; }
  const std::set<std::string>& keys() const { return keys_; }

 private:
  ArtifactStore* const inner_;
  std::set<std::string> lost_, keys_;
};

TEST(PipelineTest, LossesOfPairsThatWereLostAreMeasuredAgain) {
  Bench bench;
  LossyStore store(&bench.store);
  ASSERT_TRUE(bench.Run(store).ok());
  for (const std::string& key : store.keys()) {
    if (absl::EndsWith(key, "/pairs")) store.Lose(key);
  }
  ASSERT_EQ(store.lost().size(), 1u);
  bench.spec.budgets = {*Budget::Parse("size=0.3x")};
  const absl::StatusOr<SearchResult> result = bench.Run(store);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(store.lost().empty());
}

TEST(PipelineTest, ArtifactsThatWereLostAreMadeAgain) {
  Bench bench;
  LossyStore store(&bench.store);
  const absl::StatusOr<SearchResult> first = bench.Run(store);
  ASSERT_TRUE(first.ok()) << first.status();
  store.Lose(first->artifacts.at("quantized.onnx"));
  store.Lose(first->artifacts.at("report.html"));
  const absl::StatusOr<SearchResult> second = bench.Run(store);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->artifacts, first->artifacts);
  EXPECT_TRUE(store.lost().empty());
}

TEST(PipelineTest, SearchesThisMachineAndMeasuresTheAnswer) {
  Bench bench("cpu");
  bench.spec.budgets = {*Budget::Parse("latency=90%"), *Budget::Parse("size=0.9x")};
  bench.spec.threads = 1;
  const absl::StatusOr<SearchResult> result = bench.Run();
  ASSERT_TRUE(result.ok()) << result.status();
  ExpectSound(bench, *result);
  EXPECT_EQ(result->reference, Precision::Float32());
  ASSERT_TRUE(result->latency.measured.has_value());
  EXPECT_GT(*result->latency.measured, 0);
  EXPECT_GT(*result->latency.reference_measured, 0);
  EXPECT_GT(result->latency.predicted, 0);
  ASSERT_TRUE(result->evaluation->executed.has_value());
  EXPECT_NEAR(*result->evaluation->executed->accuracy, *result->evaluation->quantized_accuracy,
              0.02);
  EXPECT_EQ(result->evaluation->executed->assignment.size(), 4u);
  EXPECT_LT(result->solution.cost.at("size_bytes"), result->reference_cost.at("size_bytes"));
}

// Stops working after a stage was stored, as a killed process does.
class FailingStore final : public ArtifactStore {
 public:
  FailingStore(ArtifactStore& store, Stage last) : store_(store), last_(last) {}
  absl::StatusOr<std::string> LoadBlob(const std::string& sha256) override {
    if (failed_) return absl::UnavailableError("gone");
    return store_.LoadBlob(sha256);
  }
  absl::StatusOr<std::string> StoreBlob(absl::string_view bytes) override {
    return store_.StoreBlob(bytes);
  }
  absl::StatusOr<std::string> LoadStage(Stage stage, const std::string& key) override {
    if (failed_) return absl::UnavailableError("gone");
    return store_.LoadStage(stage, key);
  }
  absl::Status StoreStage(Stage stage, const std::string& key, absl::string_view bytes) override {
    if (failed_) return absl::UnavailableError("gone");
    // What the inputs are and the list of precisions are kept with the stages of import and
    // profile, before any stage has run; parts of a stage's output, before the stage has ended.
    failed_ = stage == last_ && stored_ >= 2 && key.find('/') == std::string::npos;
    ++stored_;
    return store_.StoreStage(stage, key, bytes);
  }

 private:
  ArtifactStore& store_;
  Stage last_;
  bool failed_ = false;
  int stored_ = 0;
};

// It comes before the losses are really measured, and is within the budgets.
TEST(FirstAnswer, IsAnnouncedWithTheLossesToSecondOrder) {
  for (const SensitivityMethod method :
       {SensitivityMethod::kFisherCorrected, SensitivityMethod::kFisher}) {
    Bench bench;
    bench.spec.sensitivity.method = method;
    std::vector<nlohmann::json> answers;
    bench.observer.artifact_ready = [&](const std::string& file, const std::string& sha256,
                                        absl::string_view text) {
      EXPECT_EQ(file, kFirstAnswerFile);
      EXPECT_THAT(std::string(text), HasSubstr("first answer: predicted kl"));
      EXPECT_THAT(std::string(text), HasSubstr("latency"));
      EXPECT_EQ(bench.finished.back(), Stage::kProfile);
      answers.push_back(nlohmann::json::parse(*bench.store.LoadBlob(sha256)));
    };
    const absl::StatusOr<SearchResult> result = bench.Run();
    ASSERT_TRUE(result.ok()) << result.status();
    // The losses of `fisher` are all there as soon.
    ASSERT_EQ(answers.size(), method == SensitivityMethod::kFisher ? 0u : 1u);
    if (answers.empty()) continue;
    EXPECT_FALSE(answers[0].at("is_final").get<bool>());
    const absl::StatusOr<Solution> first = SolutionFromJson(answers[0].at("solution"));
    ASSERT_TRUE(first.ok()) << first.status();
    EXPECT_EQ(first->status, Solution::Status::kOptimal);
    EXPECT_EQ(first->assignment.size(), result->solution.assignment.size());
    for (const auto& [metric, limit] : result->problem.budgets) {
      EXPECT_LE(first->cost.at(metric), limit * (1 + 1e-9)) << metric;
    }
    EXPECT_GT(first->loss, 0);
    EXPECT_FALSE(first->explanation.has_value());
  }
}

TEST(TimeEstimate, IsToldBeforeItIsCalibrated) {
  Bench bench;
  std::vector<std::string> notes;
  bench.observer.note = [&](absl::string_view text) {
    EXPECT_EQ(bench.started.back().first, Stage::kCalibrate);
    notes.emplace_back(text);
  };
  ASSERT_TRUE(bench.Run().ok());
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_THAT(notes[0], HasSubstr("estimate: calibration"));
  ASSERT_TRUE(bench.Run().ok());
  EXPECT_EQ(notes.size(), 1u) << "what is known already takes no time";
}

TEST(FirstAnswer, TellsEarlyThatBudgetsCannotBeMet) {
  Bench bench;
  bench.spec.budgets = {*Budget::Parse("latency=1ns")};
  std::string told;
  bench.observer.artifact_ready = [&](const std::string&, const std::string&,
                                      absl::string_view text) { told = std::string(text); };
  const absl::StatusOr<SearchResult> result = bench.Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->solution.status, Solution::Status::kInfeasible);
  EXPECT_THAT(told, HasSubstr("cannot be met"));
}

class ResumeTest : public ::testing::TestWithParam<Stage> {};

TEST_P(ResumeTest, RepeatsNoFinishedStage) {
  Bench bench;
  FailingStore failing(bench.store, GetParam());
  const absl::Status status = bench.Run(failing).status();
  ASSERT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  const absl::StatusOr<SearchResult> result = bench.Run();
  ASSERT_TRUE(result.ok()) << result.status();
  for (const auto& [stage, reused] : bench.started) {
    EXPECT_EQ(reused, PlaceOf(stage) <= PlaceOf(GetParam())) << StageName(stage);
  }
}

INSTANTIATE_TEST_SUITE_P(EveryStage, ResumeTest,
                         ::testing::Values(Stage::kImport, Stage::kCalibrate, Stage::kProfile,
                                           Stage::kSensitivity, Stage::kSolve, Stage::kRefine,
                                           Stage::kValidate),
                         [](const auto& info) { return std::string(StageName(info.param)); });

class CancelTest : public ::testing::TestWithParam<Stage> {};

TEST_P(CancelTest, StopsWithinTheStage) {
  Bench bench;
  const auto record = bench.observer.stage_started;
  bench.observer.stage_started = [&](Stage stage, bool reused) {
    record(stage, reused);
    if (stage == GetParam()) bench.cancellation.Cancel();
  };
  const absl::Status status = bench.Run().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << status;
  EXPECT_EQ(bench.started.back().first, GetParam());
  EXPECT_TRUE(std::find(bench.finished.begin(), bench.finished.end(), GetParam()) ==
              bench.finished.end());
}

INSTANTIATE_TEST_SUITE_P(EveryStage, CancelTest,
                         ::testing::Values(Stage::kImport, Stage::kCalibrate, Stage::kProfile,
                                           Stage::kSensitivity, Stage::kSolve, Stage::kRefine,
                                           Stage::kValidate, Stage::kExport),
                         [](const auto& info) { return std::string(StageName(info.param)); });

TEST(PipelineTest, EvaluatesAssignmentsAndTakesTheBest) {
  Bench bench;
  const absl::StatusOr<SearchResult> refined = bench.Run();
  ASSERT_TRUE(refined.ok()) << refined.status();
  ASSERT_TRUE(refined->refined.has_value());
  const Refinement& found = *refined->refined;
  EXPECT_GE(found.evaluated.size(), 2u);
  EXPECT_LE(found.evaluated.size(), 10u);
  EXPECT_EQ(found.evaluated[0].source, "optimum");
  EXPECT_LE(found.divergence, found.optimum_divergence);
  for (const auto& [metric, limit] : refined->problem.budgets) {
    EXPECT_LE(found.cost.at(metric), limit * (1 + 1e-9)) << metric;
  }
  EXPECT_GT(found.cost.at("activation_bytes"), 0);
  EXPECT_THAT(*bench.store.LoadBlob(refined->artifacts.at("report.html")),
              HasSubstr("Really evaluated"));

  // Without evaluations the model's optimum is the answer.
  bench.spec.evaluations = 0;
  const absl::StatusOr<SearchResult> optimum = bench.Run();
  ASSERT_TRUE(optimum.ok()) << optimum.status();
  EXPECT_FALSE(optimum->refined.has_value());
  EXPECT_EQ(optimum->solution.assignment, refined->solution.assignment);
  ExpectSound(bench, *optimum);
  EXPECT_EQ(SearchResultToJson(*optimum)["chosen"], "optimum");
}

TEST(PipelineTest, RefinesWithinThePeakOfActivationMemory) {
  Bench bench;
  bench.spec.budgets = {*Budget::Parse("activation-memory=0.3x"), *Budget::Parse("size=0.3x")};
  const absl::StatusOr<SearchResult> result = bench.Run();
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_TRUE(result->refined.has_value());
  EXPECT_LE(result->refined->cost.at("activation_bytes"),
            0.3 * result->reference_cost.at("activation_bytes") * (1 + 1e-9));
}

TEST(PipelineTest, RobustLossesAreMeansPlusStandardErrors) {
  Bench bench;
  const absl::StatusOr<SearchResult> plain = bench.Run();
  ASSERT_TRUE(plain.ok()) << plain.status();
  bench.spec.robust = 2;
  const absl::StatusOr<SearchResult> robust = bench.Run();
  ASSERT_TRUE(robust.ok()) << robust.status();
  double errors = 0;
  for (size_t l = 0; l < plain->problem.layers.size(); ++l) {
    for (size_t o = 0; o < plain->problem.layers[l].choices.size(); ++o) {
      const Problem::Choice& choice = plain->problem.layers[l].choices[o];
      EXPECT_NEAR(robust->problem.layers[l].choices[o].loss,
                  choice.loss + 2 * choice.loss_stderr.value(), 1e-12);
      errors += choice.loss_stderr.value();
    }
  }
  EXPECT_GT(errors, 0);
  EXPECT_GT(robust->solution.loss, plain->solution.loss);
  EXPECT_THAT(robust->measure.text, HasSubstr("plus 2 standard errors"));
  double sum = 0;
  for (const LayerResult& layer : robust->layers) sum += layer.loss.value();
  EXPECT_NEAR(sum, robust->IsRefined() ? robust->refined->loss : robust->solution.loss, 1e-12)
      << "layers show what was added up";
}

TEST(PipelineTest, AnInfeasibleBudgetIsAnAnswer) {
  Bench bench;
  bench.spec.budgets = {*Budget::Parse("size=1B")};
  const absl::StatusOr<SearchResult> result = bench.Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->solution.status, Solution::Status::kInfeasible);
  ASSERT_TRUE(result->solution.infeasible.has_value());
  EXPECT_GT(result->solution.infeasible->minimum.at("size_bytes"), 1);
  EXPECT_EQ(result->solution.infeasible->conflict, std::vector<std::string>{"size_bytes"});
  EXPECT_EQ(result->layers.size(), 4u) << "the nearest assignment is shown";
  EXPECT_FALSE(result->evaluation.has_value());
  EXPECT_TRUE(result->artifacts.contains("report.html"));
  EXPECT_FALSE(result->artifacts.contains("quantized.onnx"));
}

TEST(PipelineTest, MistakesAreNamed) {
  const auto message = [](const std::function<void(Bench&)>& change, absl::StatusCode code) {
    Bench bench;
    change(bench);
    const absl::Status status = bench.Run().status();
    EXPECT_EQ(status.code(), code) << status;
    return std::string(status.message());
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(message([](Bench& s) { s.spec.target = "toaster"; }, absl::StatusCode::kNotFound),
              HasSubstr("toaster"));
  EXPECT_THAT(message([](Bench& s) { s.spec.precisions = {Precision::Float32()}; }, kInvalid),
              HasSubstr("f32"));
  EXPECT_THAT(message([](Bench& s) { s.spec.model = *s.store.StoreBlob("no onnx"); }, kInvalid),
              HasSubstr("import"));
  EXPECT_THAT(message([](Bench& s) { s.spec.calibration = "0123"; }, absl::StatusCode::kNotFound),
              HasSubstr("0123"));
  EXPECT_THAT(message([](Bench& s) { s.spec.model = ""; }, kInvalid), HasSubstr("model"));
}

TEST(PipelineTest, WhatIsAskedOfLayersIsCheckedBeforeAnythingIsMeasured) {
  Bench bench;
  bench.spec.pins = {{"nobody", "w8a8"}};
  EXPECT_TRUE(absl::IsInvalidArgument(bench.Run().status()));
  EXPECT_EQ(bench.finished, std::vector<Stage>{Stage::kImport});
  EXPECT_EQ(bench.started.size(), 1u);
  bench.spec.pins.clear();
  bench.spec.rules.loss_factors = {{"nobody", 2}};
  EXPECT_TRUE(absl::IsInvalidArgument(bench.Run().status()));
  EXPECT_EQ(bench.started.size(), 1u);
}

TEST(PipelineTest, WhatDoesNotFitTheMemoryFailsBeforeItsStageWorks) {
  Bench bench;
  const auto refused = [&](double limit) {
    MemoryBudget::SetLimitBytes(limit);
    const absl::Status status = bench.Run().status();
    MemoryBudget::SetLimitBytes(0);
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(refused(1e4), HasSubstr("stage import: reading a model of this size"));
  EXPECT_TRUE(bench.finished.empty());
  // The model has 12 KB.
  EXPECT_THAT(refused(6e4), HasSubstr("stage calibrate: "));
  EXPECT_EQ(bench.finished, std::vector<Stage>{Stage::kImport});
  EXPECT_TRUE(bench.Run().ok()) << "with what the machine has";
}

}  // namespace
}  // namespace halftone
