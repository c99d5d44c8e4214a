#include "search/executed.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "profilers/onednn/cpu_runner.h"
#include "tests/search/sensitivity/digits.h"

namespace halftone {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A network whose first logit is `offset` too large, unless shortcuts are exact, and which says so.
class OffNetwork final : public RunnableNetwork {
 public:
  OffNetwork(std::unique_ptr<RunnableNetwork> inner, float offset)
      : inner_(std::move(inner)), offset_(offset) {}
  absl::Status SetInput(absl::string_view name, absl::Span<const float> values) override {
    return inner_->SetInput(name, values);
  }
  absl::Status Run(const Cancellation& cancellation) override {
    const absl::Status status = inner_->Run(cancellation);
    if (!status.ok()) return status;
    const auto logits = inner_->Output("logits");
    if (!logits.ok()) return logits.status();
    logits_.assign(logits->begin(), logits->end());
    for (size_t i = 0; i < logits_.size(); i += 10) logits_[i] += offset_;
    return absl::OkStatus();
  }
  absl::StatusOr<absl::Span<const float>> Output(absl::string_view) const override {
    return absl::MakeConstSpan(logits_);
  }
  std::map<std::string, Precision> RanAs() const override { return inner_->RanAs(); }
  std::vector<ExtraRounding> Roundings() const override {
    return {{ExtraRounding::Kind::kShortcut, "adder", "stem", "8 bits"}};
  }

 private:
  const std::unique_ptr<RunnableNetwork> inner_;
  const float offset_;
  std::vector<float> logits_;
};

class OffRunner final : public NetworkRunner {
 public:
  // `always`: also where shortcuts are exact.
  explicit OffRunner(float offset, bool always = false) : offset_(offset), always_(always) {}
  std::string Machine() const override { return "off"; }
  absl::StatusOr<ExecutedLayers> Describe(const Graph&,
                                          const std::vector<Precision>&) const override {
    return ExecutedLayers();
  }
  absl::StatusOr<std::unique_ptr<RunnableNetwork>> Prepare(const Graph& graph,
                                                           const LayerSet& layers,
                                                           const QuantizedAssignment& assignment,
                                                           const RunOptions& options) override {
    absl::StatusOr<std::unique_ptr<RunnableNetwork>> inner = MakeCpuRunner()->Prepare(
        graph, layers, assignment, {.threads = 1, .exact_shortcuts = true});
    if (!inner.ok()) return inner;
    return std::make_unique<OffNetwork>(*std::move(inner),
                                        options.exact_shortcuts && !always_ ? 0 : offset_);
  }
  absl::StatusOr<NetworkTimes> Time(const Graph&, const LayerSet&,
                                    absl::Span<const QuantizedAssignment>, int, int,
                                    const Progress&) override {
    return absl::InternalError("nobody meant to ask");
  }

 private:
  const float offset_;
  const bool always_;
};

class ExecutedTest : public ::testing::Test {
 protected:
  Evaluation Evaluate(const char* precision, NetworkRunner* runner) {
    const testing::Digits digits = testing::LoadDigits();
    const Dataset data = testing::LoadDataset("eval.npz");
    const Precision asked = *Precision::Parse(precision);
    const auto calibration =
        Calibrate(digits.network, digits.calibration, {asked}, QuantizationOptions(), {});
    EXPECT_TRUE(calibration.ok()) << calibration.status();
    std::map<std::string, Precision> assignment;
    for (const Layer& layer : digits.network.layers.layers) assignment[layer.name] = asked;
    const auto evaluation = EvaluateWhereItRuns(digits.network, data, *calibration, assignment,
                                                runner, /*threads=*/1, {});
    EXPECT_TRUE(evaluation.ok()) << evaluation.status();
    return evaluation.value_or(Evaluation());
  }
};

TEST_F(ExecutedTest, NothingIsExecutedWithoutARunner) {
  EXPECT_FALSE(Evaluate("w4a8", nullptr).executed.has_value());
}

TEST_F(ExecutedTest, ThePlanDoesWhatItsSimulationDoes) {
  const auto runner = MakeCpuRunner();
  for (const char* const precision : {"w8a8", "w4a8", "w3a8"}) {
    const Evaluation evaluation = Evaluate(precision, runner.get());
    ASSERT_TRUE(evaluation.executed.has_value());
    const ExecutedEvaluation& executed = *evaluation.executed;
    EXPECT_EQ(evaluation.samples, 597);
    EXPECT_NEAR(executed.kl, evaluation.kl, 0.1 * evaluation.kl + 2e-5) << precision;
    EXPECT_NEAR(executed.sqnr_db, evaluation.sqnr_db, 1) << precision;
    EXPECT_NEAR(*executed.accuracy, *evaluation.quantized_accuracy, 0.01) << precision;
    ASSERT_EQ(executed.assignment.size(), 4u);
    for (const auto& [layer, ran] : executed.assignment) EXPECT_EQ(ran.ToString(), precision);
  }
}

TEST_F(ExecutedTest, SaysWhatRanInPlaceOfWhatWasAsked) {
  const auto runner = MakeCpuRunner();
  const Evaluation evaluation = Evaluate("w16a16", runner.get());
  ASSERT_TRUE(evaluation.executed.has_value());
  for (const auto& [layer, ran] : evaluation.executed->assignment) {
    EXPECT_EQ(ran.ToString(), "w16") << layer << ": sources of 16 bits are not rounded";
  }
}

TEST_F(ExecutedTest, ADifferenceThatMattersNamesWhereItComesFrom) {
  OffRunner runner(0.5f);
  const Evaluation evaluation = Evaluate("w8a8", &runner);
  ASSERT_TRUE(evaluation.executed.has_value());
  EXPECT_GT(evaluation.executed->kl, 2 * evaluation.kl);
  const std::string& warning = evaluation.executed->warning;
  EXPECT_THAT(warning, HasSubstr("shortcuts stored in 8 bits"));
  EXPECT_THAT(warning, HasSubstr("'adder'"));
  EXPECT_THAT(warning, HasSubstr("100 % of the difference by shortcuts"));
  EXPECT_THAT(warning, Not(HasSubstr("the rest")));
}

TEST_F(ExecutedTest, WhereNothingElseIsNamedThereIsNoRest) {
  OffRunner runner(0.5f, /*always=*/true);
  const std::string warning = Evaluate("w8a8", &runner).executed->warning;
  EXPECT_THAT(warning, HasSubstr(": by roundings inside of kernels"));
  EXPECT_THAT(warning, Not(HasSubstr("the rest")));
}

TEST_F(ExecutedTest, TheLastBitsOfFloatsDoNotMatter) {
  OffRunner runner(0);
  EXPECT_EQ(Evaluate("f32", &runner).executed->warning, "");
}

}  // namespace
}  // namespace halftone
