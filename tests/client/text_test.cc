// The command's text for fixed input, compared with files as a whole.
#include <string>
#include <vector>

#include "client/analysis_text.h"
#include "client/cancellation_text.h"
#include "client/evaluation_text.h"
#include "client/job_exit_code.h"
#include "client/job_text.h"
#include "client/result_text.h"
#include "client/solution_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/golden.h"

namespace halftone {
namespace {

using nlohmann::json;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

v1::Job RunningJob() {
  v1::Job job;
  job.set_name("jobs/b7");
  job.set_display_name("second try");
  job.mutable_spec()->set_model("models/" + std::string(64, 'a'));
  job.mutable_spec()->set_target("bitfusion");
  v1::Budget* budget = job.mutable_spec()->add_budgets();
  budget->set_metric("latency");
  budget->set_limit("0.4x");
  job.set_state(v1::JOB_STATE_RUNNING);
  job.set_stage(v1::STAGE_SENSITIVITY);
  job.set_stage_fraction(0.25);
  job.set_fraction(0.125);
  job.set_eta_seconds(75);
  job.mutable_create_time()->set_seconds(1'700'000'000);
  job.set_attempts(1);
  return job;
}

v1::Job FailedCrosscheck() {
  v1::Job job;
  job.set_name("jobs/a1");
  job.mutable_crosscheck()->set_model("models/" + std::string(64, 'b'));
  job.set_state(v1::JOB_STATE_FAILED);
  job.set_eta_seconds(-1);
  job.mutable_error()->set_code(3);
  job.mutable_error()->set_message("the data has no array 'input'");
  v1::Artifact* artifact = job.add_artifacts();
  artifact->set_name("jobs/a1/artifacts/crosscheck.json");
  artifact->set_size_bytes(123'456);
  return job;
}

void AddLayer(v1::SearchResult& result, const std::string& name, const std::string& executed_as,
              const std::string& warning) {
  v1::LayerResult* layer = result.add_layers();
  layer->set_layer(name);
  layer->set_op("Conv");
  layer->set_precision("w4a8");
  layer->set_executed_as(executed_as);
  layer->set_loss(0.0123456);
  layer->set_loss_stderr(0.00123);
  layer->set_reference_latency_ns(123'456);
  layer->set_latency_ns(45'678);
  layer->set_implementation("brg_conv_fwd:avx2_vnni");
  layer->set_warning(warning);
}

v1::SearchResult FixedResult() {
  v1::SearchResult result;
  result.set_job("jobs/b7");
  result.set_target("cpu");
  result.mutable_device()->set_name("a processor");
  result.mutable_device()->set_isa("avx2");
  result.mutable_device()->set_library("oneDNN 3");
  result.mutable_device()->set_threads(2);
  result.set_reference_precision("f32");
  AddLayer(result, "conv1", "w8a8", "");
  AddLayer(result, "conv2", "w4a8", "measured while others ran");
  result.mutable_layers(1)->clear_loss_stderr();
  v1::Solution* solution = result.mutable_solution();
  solution->set_status(v1::SOLUTION_STATUS_OPTIMAL);
  solution->set_loss(0.0246912);
  solution->set_lower_bound(0.0246912);
  solution->set_solve_seconds(0.25);
  for (int i = 0; i < 3; ++i) solution->add_frontier();
  (*solution->mutable_assignment())["conv1"] = "w8a8";
  (*solution->mutable_assignment())["conv2"] = "w4a8";
  (*solution->mutable_cost())["latency_ns"] = 91'356;
  (*solution->mutable_cost())["size_bytes"] = 20'480;
  (*result.mutable_reference_cost())["latency_ns"] = 246'912;
  (*result.mutable_reference_cost())["size_bytes"] = 163'840;
  (*result.mutable_budgets())["latency_ns"] = 100'000;
  result.mutable_latency()->set_reference_predicted_ns(246'912);
  result.mutable_latency()->set_predicted_ns(91'356);
  result.mutable_latency()->set_reference_measured_ns(250'000);
  result.mutable_latency()->set_measured_ns(95'000);
  v1::Evaluation* evaluation = result.mutable_evaluation();
  evaluation->set_samples(512);
  evaluation->set_float_accuracy(0.9375);
  evaluation->set_quantized_accuracy(0.93);
  evaluation->set_kl(0.00321);
  evaluation->set_mse(0.0456);
  evaluation->set_sqnr_db(24.5);
  evaluation->set_held_out(true);
  v1::ExecutedEvaluation* executed = evaluation->mutable_executed();
  executed->set_accuracy(0.9275);
  executed->set_kl(0.00456);
  executed->set_mse(0.0567);
  executed->set_sqnr_db(23.5);
  executed->set_warning("as it runs it differs");
  v1::Refinement* refined = result.mutable_refined();
  refined->set_source("neighbour");
  refined->set_divergence(0.015);
  refined->set_optimum_divergence(0.02);
  refined->set_evaluations(64);
  refined->set_loss(0.025);
  (*refined->mutable_assignment())["conv1"] = "w4a8";
  (*refined->mutable_assignment())["conv2"] = "w4a8";
  (*refined->mutable_cost())["latency_ns"] = 90'000;
  (*refined->mutable_cost())["size_bytes"] = 20'000;
  result.set_chosen("refined");
  result.set_result_json(R"json({
    "warnings": ["layer 'conv2': measured while others ran", "as it runs it differs",
                 "the measured latency: the machine was busy: measured with 30 % of 2 processors"],
    "chosen": "refined", "departures": 1, "loss": 0.025, "gap": 0.012, "lower_bound": 0.0246912,
    "cost": {"latency_ns": 90000, "size_bytes": 20000},
    "assignment": {"conv1": "w4a8", "conv2": "w4a8"},
    "measure": {"name": "loss", "text": "predicted increase of the output's KL divergence, in nats"},
    "exported": {"file": "quantized.onnx", "format": "qdq", "opset": 13, "batch": null,
                 "size_bytes": 20480, "difference": 1.25e-7},
    "solution": {"status": "OPTIMAL", "loss": 0.0246912, "lower_bound": 0.0246912, "gap": 0,
                 "cost": {"latency_ns": 91356, "size_bytes": 20480},
                 "assignment": {"conv1": "w8a8", "conv2": "w4a8"}, "explanation": {
    "limits": [{"metric": "activation_bytes", "at": "conv2", "limit": 65536, "used": 65000,
                "binds": true, "marginal_value": 1e-8},
               {"metric": "latency_ns", "limit": 100000, "used": 91356, "binds": true,
                "marginal_value": 1e-7, "loss_without": 0.02, "next_limit": 110000,
                "next_loss": 0.021}],
    "alternatives": [
      {"layers": ["conv1"], "chosen": "w4a8", "choice": "w8a8", "loss_increase": 0.001,
       "loss_stderr": 0.002, "is_near": true, "is_proven": true, "changes": {"conv1": "w8a8"}},
      {"layers": ["conv2", "conv3"], "chosen": "w4a8", "choice": "", "is_near": false}],
    "near_share": 0.01, "is_complete": true}},
    "refined": {"is_exhausted": false, "evaluated": [
      {"source": "optimum", "predicted": 0.02, "divergence": 0.02, "posterior": 0.02},
      {"source": "interactions x1", "predicted": 0.02, "divergence": 0.0125, "posterior": 0.018},
      {"source": "neighbour", "predicted": 0.02, "divergence": 0.015, "posterior": 0.016}]}})json");
  return result;
}

TEST(TextTest, WhatCancellingDid) {
  v1::Job cancelled = RunningJob();
  cancelled.set_cancel_requested(true);
  EXPECT_THAT(CancellationText(RunningJob(), cancelled),
              StartsWith("jobs/b7  RUNNING  12.50 %, sensitivity, is being cancelled\nkind"));
  cancelled.set_state(v1::JOB_STATE_CANCELLED);
  EXPECT_THAT(CancellationText(RunningJob(), cancelled), StartsWith("jobs/b7  CANCELLED\nkind"));
  EXPECT_THAT(CancellationText(cancelled, cancelled),
              StartsWith("nothing was cancelled: jobs/b7 had ended before\njobs/b7  CANCELLED\n"));
  EXPECT_THAT(CancellationText(FailedCrosscheck(), FailedCrosscheck()),
              StartsWith("nothing was cancelled: jobs/a1 had ended before\njobs/a1  FAILED\n"));
  v1::Job succeeded = RunningJob();
  succeeded.set_state(v1::JOB_STATE_SUCCEEDED);
  EXPECT_THAT(CancellationText(RunningJob(), succeeded),
              StartsWith("nothing was cancelled: jobs/b7 had ended before\n"))
      << "it ended meanwhile";
}

// As `frontier`, `resolve` and `explore` of such a job end: it is not the job that failed.
TEST(TextTest, AJobThatHasNotEndedIsABadQuestion) {
  v1::Job job = RunningJob();
  EXPECT_EQ(ExitCodeWithoutResult(job), ExitCodeOf(absl::FailedPreconditionError("it runs")));
  job.set_state(v1::JOB_STATE_QUEUED);
  EXPECT_EQ(ExitCodeWithoutResult(job), ExitCode::kBadInput);
  job.set_state(v1::JOB_STATE_CANCELLED);
  EXPECT_EQ(ExitCodeWithoutResult(job), ExitCode::kCancelled);
  job = FailedCrosscheck();
  EXPECT_EQ(ExitCodeWithoutResult(job), ExitCode::kBadInput) << "of its input";
  job.mutable_error()->set_code(13);
  EXPECT_EQ(ExitCodeWithoutResult(job), ExitCode::kFailed);
}

TEST(TextTest, Jobs) { ExpectGolden("jobs.txt", JobsText({RunningJob(), FailedCrosscheck()})); }

TEST(TextTest, NoJobs) { ExpectGolden("no_jobs.txt", JobsText({})); }

TEST(TextTest, OneJob) {
  ExpectGolden("job.txt", JobText(RunningJob()) + "\n" + JobText(FailedCrosscheck()));
}

// `jobs` and `get` say the same of how far it is.
TEST(TextTest, AJobIsAsFarInBoth) {
  EXPECT_EQ(DoneText(RunningJob()), "12.50 %");
  EXPECT_THAT(JobText(RunningJob()), HasSubstr(DoneText(RunningJob())));
  EXPECT_THAT(JobsText({RunningJob()}), HasSubstr(DoneText(RunningJob())));
}

TEST(TextTest, ATargetFileIsNamedAsPeopleDo) {
  v1::Job job = RunningJob();
  const std::string file = "targets/" + std::string(64, 'c');
  EXPECT_EQ(TargetFileOf(job), "");
  job.mutable_spec()->set_target(file + "?rows=8");
  EXPECT_EQ(TargetFileOf(job), file);
  EXPECT_THAT(JobsText({job}, {{file, "costs.csv"}}), HasSubstr("costs.csv (cccccccc)?rows=8 "));
  EXPECT_THAT(JobsText({job}), HasSubstr("file (cccccccc)?rows=8 "));
  EXPECT_THAT(JobText(job, {{file, "costs.csv"}}),
              HasSubstr("\ntarget   costs.csv (cccccccc)?rows=8\n"));
  EXPECT_EQ(JobToJson(job)["target"], file + "?rows=8") << "what the service calls it";
}

TEST(TextTest, ACrosscheckShowsWhereItRuns) {
  v1::Job job = FailedCrosscheck();
  job.mutable_crosscheck()->set_target("cpu");
  EXPECT_THAT(JobText(job), HasSubstr("\ntarget   cpu\n"));
  EXPECT_THAT(JobsText({job}), HasSubstr(" cpu "));
  EXPECT_EQ(JobToJson(job)["target"], "cpu");
}

TEST(TextTest, AJobInFullSaysWhatItWasAskedFor) {
  v1::Job job = RunningJob();
  v1::SearchSpec* spec = job.mutable_spec();
  spec->mutable_sensitivity()->set_samples(64);
  spec->mutable_sensitivity()->set_seed(7);
  spec->add_precisions("w8a8");
  spec->add_precisions("w4a8");
  (*spec->mutable_pins())["stem"] = "w8a8";
  spec->set_robust(2);
  spec->set_strategy("evolutionary");
  spec->mutable_rules()->set_first_layer("8");
  (*spec->mutable_rules()->mutable_loss_factors())["fc"] = 3;
  EXPECT_FALSE(JobToJson(job).contains("spec")) << "the basic view leaves it out";
  job.set_view(v1::JOB_VIEW_FULL);
  EXPECT_EQ(JobToJson(job)["spec"],
            (json{{"samples", 64},
                  {"seed", 7},
                  {"precisions", {"w8a8", "w4a8"}},
                  {"pins", {{"stem", "w8a8"}}},
                  {"robust", 2.0},
                  {"strategy", "evolutionary"},
                  {"rules", {{"first_layer", "8"}, {"loss_factors", {{"fc", 3.0}}}}}}));
  const std::string text = JobText(job);
  EXPECT_THAT(text, HasSubstr("\npins     stem=w8a8\nprecisions w8a8,w4a8\nrobust   2.0\n"));
  EXPECT_THAT(text, HasSubstr("\nsamples  64\nseed     7\nstrategy evolutionary\n"));
  EXPECT_THAT(text, HasSubstr("\nfirst_layer 8\nloss_factors fc=3.0\n"));
}

TEST(TextTest, AJobSaysWhatItsNetworkIs) {
  v1::Job job = RunningJob();
  v1::Artifact* artifact = job.add_artifacts();
  artifact->set_name("jobs/b7/artifacts/quantized.onnx");
  artifact->set_size_bytes(20'480);
  EXPECT_THAT(JobText(job), EndsWith("artifact jobs/b7/artifacts/quantized.onnx (20.5 KB)\n"
                                     "         quantized.onnx is ONNX in QDQ form, which ONNX "
                                     "Runtime runs; `result` says more\n"));
}

TEST(TextTest, JobsAsJson) {
  const json jobs = {JobToJson(RunningJob()), JobToJson(FailedCrosscheck())};
  ExpectGolden("jobs.json", jobs.dump(2) + "\n");
}

TEST(TextTest, SearchResult) {
  ExpectGolden("search.txt", ResultText(FixedResult(), {{"report.html", "/out/report.html"},
                                                        {"quantized.onnx", "/out/q.onnx"}}));
}

json ChosenOf(const v1::SearchResult& result) {
  const json document = ResultToJson(result, {});
  return {document.at("loss"), document.at("gap"), document.at("cost").at("latency_ns"),
          document.at("assignment").at("conv1"), document.at("status")};
}

// At the top of the document is the answer that was chosen, whichever version of the server wrote
// it.
TEST(TextTest, TheDocumentIsOfTheChosenAnswer) {
  EXPECT_EQ(ChosenOf(FixedResult()), (json{0.025, 0.012, 90'000, "w4a8", "OPTIMAL"}));
  v1::SearchResult earlier = FixedResult();
  json document = json::parse(earlier.result_json());
  for (const char* field : {"loss", "gap", "lower_bound", "cost", "assignment"}) {
    document.erase(field);
  }
  json& refined = document["refined"];
  refined["loss"] = 0.05;
  refined["cost"] = {{"latency_ns", 90'000}};
  refined["assignment"] = {{"conv1", "w4a8"}, {"conv2", "w4a8"}};
  document["solution"]["lower_bound"] = 0.025;
  earlier.set_result_json(document.dump());
  EXPECT_EQ(ChosenOf(earlier), (json{0.05, 0.5, 90'000, "w4a8", "OPTIMAL"}));
  document["chosen"] = "optimum";
  earlier.set_result_json(document.dump());
  EXPECT_EQ(ChosenOf(earlier), (json{0.0246912, 0, 91'356, "w8a8", "OPTIMAL"}));
}

TEST(TextTest, LayersInBFloat16AreFloatInTheFile) {
  v1::SearchResult result = FixedResult();
  json document = json::parse(result.result_json());
  EXPECT_THAT(ResultText(result, {}), Not(HasSubstr("in bf16")));
  document["assignment"] = {{"conv1", "bf16"}, {"conv2", "w4a8"}};
  result.set_result_json(document.dump());
  EXPECT_THAT(ResultText(result, {}),
              HasSubstr("\n  1 layer in bf16 is float32 in the file: 4 bytes a weight, where "
                        "size_bytes counts 2, and without what bf16 rounds\n"));
}

TEST(TextTest, AResultSaysWhyNothingWasEvaluated) {
  v1::SearchResult result = FixedResult();
  result.clear_refined();
  result.set_chosen("optimum");
  result.set_result_json(R"({"not_evaluated": "with loss factors it would mean nothing"})");
  EXPECT_THAT(ResultText(result, {}),
              HasSubstr("\nevaluated    nothing: with loss factors it would mean nothing\n"));
}

TEST(TextTest, AScoreIsNotCalledALoss) {
  v1::SearchResult result = FixedResult();
  json document = json::parse(result.result_json());
  document["measure"] = {{"name", "score"}, {"text", "what ranks"}};
  result.set_result_json(document.dump());
  const std::string text = ResultText(result, {});
  EXPECT_THAT(text, HasSubstr("\nlayer  op    precision        score "));
  EXPECT_THAT(text, HasSubstr("\nscore: what ranks\n"));
  EXPECT_THAT(text, HasSubstr("OPTIMAL for the model, score 0.0247"));
}

// The places that one budget limits are one row.
TEST(TextTest, ThePeakOfActivationsIsOneCost) {
  v1::SearchResult result = FixedResult();
  auto& cost = *result.mutable_refined()->mutable_cost();
  cost["activation_bytes"] = 65'000;
  cost["activation_bytes/conv1"] = 64'000;
  cost["activation_bytes/conv2"] = 65'000;
  (*result.mutable_budgets())["activation_bytes"] = 65'536;
  const std::string text = ResultText(result, {});
  EXPECT_THAT(text, HasSubstr("activation_bytes          -  65.0 KB  65.5 KB\n"));
  EXPECT_THAT(text, Not(HasSubstr("activation_bytes/")));
  EXPECT_EQ(CostsText({{"activation_bytes", 65'000}, {"activation_bytes/conv1", 64'000}}),
            "activation_bytes 65.0 KB");
}

TEST(TextTest, SearchResultOfTheOptimum) {
  v1::SearchResult result = FixedResult();
  result.set_chosen("optimum");
  result.mutable_refined()->set_source("optimum");
  result.mutable_refined()->set_divergence(0.02);
  result.set_result_json(R"json({"solution": {"explanation": {
    "limits": [{"metric": "latency_ns", "limit": 100000, "used": 91356, "binds": false}],
    "is_complete": true}},
    "refined": {"is_exhausted": true,
                "evaluated": [{"source": "optimum", "divergence": 0.02}]}})json");
  ExpectGolden("search_optimum.txt", ResultText(result, {}));
}

TEST(TextTest, InfeasibleSearchResult) {
  v1::SearchResult result = FixedResult();
  result.clear_refined();
  result.set_chosen("");
  v1::Solution* solution = result.mutable_solution();
  solution->set_status(v1::SOLUTION_STATUS_INFEASIBLE);
  v1::FrontierPoint* nearest = solution->mutable_infeasible()->mutable_nearest();
  nearest->set_loss(3.38e-5);
  (*nearest->mutable_cost())["latency_ns"] = 120'000;
  (*nearest->mutable_cost())["precision_changes"] = 3;
  (*result.mutable_budgets())["precision_changes"] = 2;
  result.set_result_json(R"json({"caveat": "a run on a quiet machine may meet the budgets",
    "solution": {"infeasible": {
    "conflict": ["latency_ns", "size_bytes"], "minimum": {"latency_ns": 80000},
    "relaxations": {"latency_ns": {"limit": 120000, "loss": 0.5}}}}})json");
  ExpectGolden("search_infeasible.txt", ResultText(result, {}));
}

TEST(TextTest, Profile) {
  ExpectGolden("profile.txt", ProfileText(json::parse(R"json({
    "target": "cpu", "device": {"name": "a processor", "isa": "avx2", "threads": 2,
                                "library": "oneDNN 3"},
    "layers": [
      {"name": "conv1", "precision": "w8a8", "executed_as": "w8a8", "latency_ns": 12345,
       "mad_ns": 67, "weight_bytes": 1152, "implementation": "brg:avx2", "provenance": "measured",
       "origin": {"when": "2025-01-02T03:04:05Z", "with": "oneDNN 3"}},
      {"name": "fc", "precision": "w4a8", "executed_as": "w8a8", "latency_ns": 1234567,
       "mad_ns": 890, "weight_bytes": 262144, "implementation": "brg:avx2", "warning": "noisy",
       "provenance": "measured",
       "origin": {"when": "2025-01-02T03:05:05Z", "with": "oneDNN 3"}}],
    "network": [{"precision": "w8a8", "predicted_ns": 1300000, "measured_ns": 1350000},
                {"precision": "w4a8", "predicted_ns": 1310000}]})json")));
}

TEST(TextTest, Solution) {
  ExpectGolden("solve.txt", SolutionText(json::parse(R"json({
    "status": "OPTIMAL", "loss": 0.46, "lower_bound": 0.46, "gap": 0, "seconds": 0.0125,
    "cost": {"latency_ns": 3900000, "size_bytes": 30720}, "verified": {"optimal": true},
    "assignment": {"l0": "w4a4", "l1": "w8a8", "l2": "w8a8"},
    "explanation": {"limits": [], "alternatives": [
      {"layers": ["l0"], "chosen": "w4a4", "choice": "w8a8", "loss_increase": 0.5,
       "is_near": false, "is_proven": false, "changes": {"l0": "w8a8", "l1": "w4a4"}}],
      "near_share": 0.01, "is_complete": false}})json")));
}

TEST(TextTest, InfeasibleSolution) {
  ExpectGolden("solve_infeasible.txt", SolutionText(json::parse(R"json({
    "status": "INFEASIBLE", "infeasible": {"minimum": {"latency_ns": 1000},
      "conflict": ["latency_ns"], "relaxations": {},
      "nearest": {"loss": 0.5, "cost": {"latency_ns": 1000}, "assignment": {"l0": "w2a2"}}}})json")));
}

TEST(TextTest, LayersAreInTheNetworksOrderAndTheLossIsNamed) {
  const std::string text = SolutionText(json::parse(R"json({
    "status": "OPTIMAL", "loss": 0.46, "measure": {"name": "score", "text": "what ranks"},
    "layer_order": ["stem", "conv", "fc"],
    "assignment": {"conv": "w8a8", "fc": "w4a4", "stem": "f32"}})json"));
  EXPECT_THAT(text, HasSubstr("\nscore        0.46: what ranks\n"));
  EXPECT_THAT(text, HasSubstr("stem   f32\nconv   w8a8\nfc     w4a4\n"));
}

// What is printed does as a budget, and is not what did not do.
TEST(TextTest, LimitsThatWouldDoAreNotRoundedDown) {
  EXPECT_EQ(LimitText("latency_ns", 100'040, 100'000), "100.04 us");
  const json limit = {{"metric", "latency_ns"}, {"limit", 100'000},
                      {"used", 99'990},         {"binds", true},
                      {"next_limit", 100'040},  {"next_limit_bound", 100'040},
                      {"next_loss", 0.4}};
  EXPECT_THAT(ExplanationText({{"limits", json::array({limit})}, {"is_complete", true}}, 0.5),
              HasSubstr(" 100.04 us "));
  EXPECT_THAT(InfeasibleText({{"conflict", {"latency_ns"}},
                              {"minimum", {{"latency_ns", 100'040}}},
                              {"relaxations", {{"latency_ns", {{"limit", 100'040}}}}}},
                             "the machine was busy"),
              HasSubstr("latency_ns: no assignment needs less than 100.04 us\n"
                        "  latency_ns: 100.04 us would do at a loss of 0\n"
                        "  But the machine was busy.\n"));
}

TEST(TextTest, Evaluation) {
  ExpectGolden("evaluate.txt", EvaluationText(json::parse(R"json({
    "samples": 512, "float": {"accuracy": 0.9375},
    "quantized": {"accuracy": 0.93, "kl": 0.00321, "mse": 0.0456, "sqnr_db": 24.5},
    "executed": {"accuracy": 0.9275, "kl": 0.00456, "mse": 0.0567, "sqnr_db": 23.5},
    "warnings": ["as it runs it differs"],
    "layers": [{"name": "conv1", "precision": "w8a8", "executed_as": "f32"},
               {"name": "conv2", "precision": "w8a8", "executed_as": "f32"},
               {"name": "fc", "precision": "w7a8", "executed_as": "w7a8"}],
    "latency": {"f32_ns": 250000, "assignment_ns": 95000, "predicted_ns": 91356},
    "reference": {"max_relative": null, "outputs": [
        {"name": "y", "samples": 16, "max_absolute": 2e-7, "max_relative": 3e-7},
        {"name": "z", "samples": 3, "max_absolute": 0.5, "max_relative": null}]}})json")));
}

}  // namespace
}  // namespace halftone
