#include "search/crosscheck/crosscheck.h"

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "base/files.h"
#include "base/infinity.h"
#include "base/memory_budget.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "profilers/onednn/cpu_runner.h"
#include "search/memory_store.h"

namespace halftone {
namespace {

using testing::HasSubstr;

std::string ReadDigits(const std::string& file) {
  const absl::StatusOr<std::string> bytes =
      ReadFile(std::string(HALFTONE_SOURCE_DIR) + "/tests/data/tiny-digits/" + file);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.value_or("");
}

// Counts what is written while stages run.
class CountingStore final : public ArtifactStore {
 public:
  absl::StatusOr<std::string> LoadBlob(const std::string& sha256) override {
    ++loaded_blobs;
    return store_.LoadBlob(sha256);
  }
  absl::StatusOr<std::string> StoreBlob(absl::string_view bytes) override {
    return store_.StoreBlob(bytes);
  }
  absl::StatusOr<std::string> LoadStage(Stage stage, const std::string& key) override {
    return store_.LoadStage(stage, key);
  }
  absl::Status StoreStage(Stage stage, const std::string& key, absl::string_view bytes) override {
    const nlohmann::json document = nlohmann::json::parse(bytes, nullptr, false);
    if (stage == Stage::kValidate && document.is_array()) evaluations += document.size();
    if (stage == Stage::kSensitivity && document.is_object()) {
      predicted.push_back(document.at("name"));
    }
    return store_.StoreStage(stage, key, bytes);
  }

  size_t evaluations = 0, loaded_blobs = 0;
  std::vector<std::string> predicted;

 private:
  MemoryStore store_;
};

// The small network with its data, and a spec of a few seconds.
struct Bench {
  CountingStore store;
  CrosscheckSpec spec;
  NetworkRunner* runner = nullptr;
  PipelineObserver observer;
  Cancellation cancellation;
  std::vector<std::pair<Stage, bool>> started;  // stage, reused
  double last_fraction = 0;

  Bench() {
    spec.model = *store.StoreBlob(ReadDigits("model.onnx"));
    spec.calibration = *store.StoreBlob(ReadDigits("calib.npz"));
    spec.evaluation = *store.StoreBlob(ReadDigits("eval.npz"));
    spec.precisions = *ParsePrecisions("w2a2,w2a4,w3a3,w4a4,w4a8,w6a6,w8a8");
    spec.estimators = {"fisher", "fisher-matrix", "output"};
    spec.assignments = 24;
    spec.evaluation_samples = 128;
    spec.sensitivity.samples = 64;
    observer.stage_started = [this](Stage stage, bool reused) {
      started.emplace_back(stage, reused);
      last_fraction = 0;
    };
    observer.stage_progress = [this](Stage, double fraction, absl::string_view) {
      EXPECT_GE(fraction, last_fraction) << "progress does not fall";
      EXPECT_LE(fraction, 1);
      last_fraction = fraction;
    };
  }

  absl::StatusOr<CrosscheckResult> Run() {
    started.clear();
    return RunCrosscheck(spec, store, runner, observer, cancellation);
  }
};

TEST(CrosscheckTest, AssignmentsAreAlsoRunWhereATargetRunsThem) {
  const auto runner = MakeCpuRunner();
  Bench bench;
  bench.spec.target = "cpu";
  bench.spec.assignments = 8;
  bench.spec.estimators = {"fisher"};
  bench.runner = runner.get();
  const absl::StatusOr<CrosscheckResult> result = bench.Run();
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_FALSE(result->assignments.empty());
  for (const MeasuredAssignment& measured : result->assignments) {
    ASSERT_TRUE(measured.executed_divergence.has_value());
    EXPECT_NEAR(*measured.executed_divergence, measured.divergence, 0.1 * measured.divergence);
    EXPECT_NEAR(*measured.executed_accuracy_loss, *measured.accuracy_loss, 0.05);
  }
  EXPECT_TRUE(result->estimators[0].executed_spearman.has_value());
  const auto copy = CrosscheckResultFromJson(CrosscheckResultToJson(*result));
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ(CrosscheckResultToJson(*copy), CrosscheckResultToJson(*result));
}

TEST(CrosscheckTest, JudgesEstimatorsOnHeldOutData) {
  Bench bench;
  double shares = 0;
  bench.observer.stages_planned = [&](absl::Span<const PlannedStage> plan) {
    for (const PlannedStage& stage : plan) shares += stage.share;
  };
  const absl::StatusOr<CrosscheckResult> result = bench.Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_NEAR(shares, 1, 1e-9);
  EXPECT_EQ(result->assignments.size(), 24u);
  EXPECT_EQ(result->evaluation_samples, 128);
  EXPECT_EQ(result->samples, 64);
  EXPECT_EQ(result->output_metric, "kl");
  for (const MeasuredAssignment& measured : result->assignments) {
    EXPECT_GE(measured.divergence, 0.001);
    EXPECT_LE(measured.divergence, 0.5);
    EXPECT_EQ(measured.assignment.size(), 4u);
    EXPECT_TRUE(measured.accuracy_loss.has_value());
  }
  ASSERT_EQ(result->estimators.size(), 3u);
  for (const EstimatorScore& score : result->estimators) {
    EXPECT_EQ(score.error, "");
    EXPECT_EQ(score.predicted.size(), 24u);
    EXPECT_GT(*score.spearman, 0.7) << score.name;
    EXPECT_GT(*score.kendall, 0.5) << score.name;
    // The network knows the calibration samples better than the held-out ones.
    EXPECT_GT(*score.median_ratio, 0.03) << score.name;
    EXPECT_LT(*score.median_ratio, 3) << score.name;
    EXPECT_GT(score.seconds, 0);
  }
  for (const char* file : {"crosscheck.json", "crosscheck.html", "crosscheck.svg"}) {
    EXPECT_TRUE(bench.store.LoadBlob(result->artifacts.at(file)).ok()) << file;
  }
}

TEST(CrosscheckTest, ASecondRunReusesEveryStage) {
  Bench bench;
  const absl::StatusOr<CrosscheckResult> first = bench.Run();
  ASSERT_TRUE(first.ok()) << first.status();
  bench.store.loaded_blobs = 0;
  const absl::StatusOr<CrosscheckResult> second = bench.Run();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(bench.store.loaded_blobs, 3u)
      << "neither the network nor the data: the artifacts, to see whether they are whole";
  EXPECT_EQ(CrosscheckResultToJson(*first), CrosscheckResultToJson(*second));
  EXPECT_EQ(bench.started.size(), 5u);
  for (const auto& [stage, reused] : bench.started) EXPECT_TRUE(reused) << StageName(stage);

  // Another estimator measures nothing else again.
  bench.store.evaluations = 0;
  bench.store.predicted.clear();
  bench.spec.estimators = {"fisher", "fisher-matrix", "hessian-trace"};
  bench.spec.sensitivity.probes = 4;
  bench.spec.sensitivity.tolerance = 10;
  EXPECT_TRUE(bench.Run().ok());
  EXPECT_EQ(bench.store.evaluations, 0u);
}

TEST(CrosscheckTest, IsReproducible) {
  Bench one, two;
  one.spec.estimators = two.spec.estimators = {"fisher"};
  const absl::StatusOr<CrosscheckResult> first = one.Run(), second = two.Run();
  ASSERT_TRUE(first.ok() && second.ok());
  for (size_t i = 0; i < first->assignments.size(); ++i) {
    EXPECT_EQ(first->assignments[i].assignment, second->assignments[i].assignment);
    EXPECT_EQ(first->assignments[i].divergence, second->assignments[i].divergence);
  }
  EXPECT_EQ(first->estimators[0].predicted, second->estimators[0].predicted);
}

// Cancels in a stage, and runs again with another cancellation.
void ExpectResumed(Stage cancelled_in, double at) {
  Bench bench;
  bench.observer.stage_progress = [&](Stage stage, double fraction, absl::string_view) {
    if (stage == cancelled_in && fraction > at) bench.cancellation.Cancel();
  };
  EXPECT_TRUE(absl::IsCancelled(bench.Run().status()));
  const size_t evaluated = bench.store.evaluations;
  if (cancelled_in == Stage::kValidate) {
    EXPECT_GT(evaluated, 2u);
    EXPECT_LT(evaluated, 24u);
  }
  bench.cancellation = Cancellation();
  bench.observer.stage_progress = nullptr;
  const absl::StatusOr<CrosscheckResult> result = bench.Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(bench.store.evaluations, static_cast<size_t>(result->tried))
      << "every assignment is evaluated once";
  EXPECT_THAT(bench.store.predicted, testing::ElementsAre("fisher", "fisher-matrix", "output"))
      << "every estimator measures once";

  Bench whole;
  const absl::StatusOr<CrosscheckResult> expected = whole.Run();
  ASSERT_TRUE(expected.ok()) << expected.status();
  ASSERT_EQ(result->assignments.size(), expected->assignments.size());
  for (size_t i = 0; i < expected->assignments.size(); ++i) {
    EXPECT_EQ(result->assignments[i].assignment, expected->assignments[i].assignment);
  }
}

TEST(CrosscheckTest, EvaluatedAssignmentsAreNotRepeated) { ExpectResumed(Stage::kValidate, 0.4); }
TEST(CrosscheckTest, FinishedEstimatorsAreNotRepeated) { ExpectResumed(Stage::kSensitivity, 0.5); }

TEST(CrosscheckTest, ARangeThatNothingReachesIsToldSo) {
  Bench bench;
  bench.spec.precisions = *ParsePrecisions("w8a8,w16a16");
  bench.spec.min_damage = 100;
  bench.spec.max_damage = 200;
  bench.spec.assignments = 2;
  const absl::Status status = bench.Run().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("none of"));
}

TEST(CrosscheckTest, AnEstimatorThatDoesNotApplyOnlyLacksScores) {
  Bench bench;
  // Labels are what the cross-entropy needs; the Fisher losses refuse it.
  bench.spec.sensitivity.loss = LossKind::kCrossEntropy;
  bench.spec.estimators = {"fisher", "hessian-trace"};
  bench.spec.sensitivity.probes = 4;
  bench.spec.sensitivity.tolerance = 10;
  bench.spec.sensitivity.samples = 16;
  const absl::StatusOr<CrosscheckResult> result = bench.Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->estimators[0].error, HasSubstr("cross-entropy"));
  EXPECT_FALSE(result->estimators[0].spearman.has_value());
  EXPECT_TRUE(result->estimators[1].spearman.has_value());

  bench.spec.estimators = {"fisher"};
  EXPECT_TRUE(absl::IsInvalidArgument(bench.Run().status())) << "no estimator applies";
}

TEST(CrosscheckSpecTest, BadSpecsAreRefused) {
  const auto refused = [](const std::string& what, void (*change)(CrosscheckSpec&)) {
    CrosscheckSpec spec;
    spec.model = spec.calibration = spec.evaluation = "x";
    ASSERT_TRUE(CheckCrosscheckSpec(spec).ok());
    change(spec);
    const absl::Status status = CheckCrosscheckSpec(spec);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << what;
    EXPECT_THAT(std::string(status.message()), HasSubstr(what));
  };
  refused("no model", [](CrosscheckSpec& s) { s.model.clear(); });
  refused("calibration", [](CrosscheckSpec& s) { s.calibration.clear(); });
  refused("evaluation data", [](CrosscheckSpec& s) { s.evaluation.clear(); });
  refused("assignments", [](CrosscheckSpec& s) { s.assignments = 0; });
  refused("assignments", [](CrosscheckSpec& s) { s.assignments = 100'000; });
  refused("range", [](CrosscheckSpec& s) { s.min_damage = 0; });
  refused("range", [](CrosscheckSpec& s) { s.min_damage = 0.5; });
  refused("range", [](CrosscheckSpec& s) { s.max_damage = kInfinity; });
  refused("precisions", [](CrosscheckSpec& s) { s.precisions = {Precision::Int(4, 4)}; });
  refused("negative", [](CrosscheckSpec& s) { s.evaluation_samples = -1; });
  refused("magic", [](CrosscheckSpec& s) { s.estimators = {"magic"}; });
  refused("twice", [](CrosscheckSpec& s) { s.estimators = {"fisher", "fisher"}; });
}

TEST(EstimatorsTest, TheDefaultsAreKnown) {
  for (const std::string& name : DefaultEstimators()) {
    const absl::StatusOr<Estimator> estimator = FindEstimator(name);
    ASSERT_TRUE(estimator.ok()) << estimator.status();
    EXPECT_EQ(estimator->name, name);
  }
  const absl::Status unknown = FindEstimator("magic").status();
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("fisher-matrix"));
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("output"));
}

// The limit is the process's: it is lifted whatever happens.
class CrosscheckMemoryTest : public testing::Test {
 protected:
  ~CrosscheckMemoryTest() override { MemoryBudget::SetLimitBytes(0); }
  Bench bench_;
};

TEST_F(CrosscheckMemoryTest, WhatFitsNoEstimatorIsRefusedBeforeAnythingIsEvaluated) {
  ASSERT_TRUE(bench_.Run().ok());  // and so it is calibrated
  const size_t evaluations = bench_.store.evaluations;
  bench_.spec.seed += 1;
  // The least limit at which the network and the samples fit.
  absl::Status status = absl::ResourceExhaustedError("reading");
  for (double limit = 1e4; absl::StrContains(status.message(), "reading"); limit *= 1.02) {
    MemoryBudget::SetLimitBytes(limit);
    status = bench_.Run().status();
  }
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("fisher: "));
  EXPECT_EQ(bench_.store.evaluations, evaluations);
}

TEST_F(CrosscheckMemoryTest, AnEstimatorThatDidNotFitIsAskedAgainUnderAnotherLimit) {
  bench_.spec.estimators = {"output"};
  ASSERT_TRUE(bench_.Run().ok());
  // The least at which the one fits; the other takes more.
  bench_.spec.estimators = {"output", "fisher-matrix"};
  absl::StatusOr<CrosscheckResult> result = absl::UnknownError("");
  for (double limit = 1e4; limit < 1e9 && !result.ok(); limit *= 1.05) {
    MemoryBudget::SetLimitBytes(limit);
    result = bench_.Run();
  }
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->estimators[0].error, "");
  EXPECT_THAT(result->estimators[1].error, HasSubstr("of memory, and the limit is"));
  MemoryBudget::SetLimitBytes(0);
  result = bench_.Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->estimators[1].error, "");
}

}  // namespace
}  // namespace halftone
