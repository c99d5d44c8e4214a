// The text and the documents of the commands beside the search itself, compared with files as a
// whole; those of jobs, searches and solves are in text_test.cc.
#include <string>

#include "client/analysis_text.h"
#include "client/command.h"
#include "client/crosscheck_text.h"
#include "client/explore_text.h"
#include "client/frontier_text.h"
#include "client/removal_commands.h"
#include "client/result_text.h"
#include "client/solution_text.h"
#include "client/target_text.h"
#include "client/upload_commands.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "server/local.h"
#include "server/server.h"
#include "tests/golden.h"

namespace halftone {
namespace {

using nlohmann::json;

// As PrintJson writes it.
std::string Document(const json& document) { return document.dump(2) + "\n"; }

v1::GetFrontierResponse FixedFrontier() {
  v1::GetFrontierResponse frontier;
  frontier.set_metric("latency_ns");
  v1::FrontierPoint* fast = frontier.add_points();
  fast->set_loss(0.25);
  fast->set_lower_bound(0.125);
  (*fast->mutable_cost())["latency_ns"] = 12'345;
  for (const char* layer : {"conv1", "conv2"}) (*fast->mutable_assignment())[layer] = "w4a4";
  (*fast->mutable_assignment())["fc"] = "w8a8";
  v1::FrontierPoint* good = frontier.add_points();
  (*good->mutable_cost())["size_bytes"] = 4096;  // of another metric than the frontier's
  (*good->mutable_assignment())["fc"] = "f32";
  return frontier;
}

TEST(CommandTextTest, Frontier) {
  ExpectGolden("frontier.txt", FrontierText(FixedFrontier()));
  ExpectGolden("frontier.json", Document(FrontierToJson("jobs/b7", FixedFrontier())));
  v1::ReSolveResponse answer;
  answer.set_frontier_metric(FixedFrontier().metric());
  *answer.mutable_solution()->mutable_frontier() = FixedFrontier().points();
  ExpectGolden("frontier.txt", FrontierText(answer));
}

TEST(CommandTextTest, CollectedGarbage) {
  v1::Removal removal;
  for (const char* name : {"jobs/b7", "models/aa", "datasets/bb", "targets/cc", "jobs/a1"}) {
    removal.add_names(name);
  }
  removal.set_stage_outputs(3);
  removal.set_measured_costs(20);
  removal.set_blobs(7);
  removal.set_freed_bytes(123'456'789);
  removal.set_recently_used(2);
  ExpectGolden("removal.txt", RemovalText(removal));
  ExpectGolden("removal.json", Document(RemovalToJson(removal)));
}

TEST(CommandTextTest, NothingCollected) {
  ExpectGolden("removal_none.txt", RemovalText({}));
  ExpectGolden("removal_none.json", Document(RemovalToJson({})));
}

TEST(CommandTextTest, CopiesOfResults) {
  EXPECT_EQ(CopiesText({}), "");
  EXPECT_EQ(CopiesText({"/state/results/a1", "/state/results/b7"}),
            "the copies of its result in /state/results/a1 are deleted\n"
            "the copies of its result in /state/results/b7 are deleted\n");
}

TEST(CommandTextTest, AnotherCommandReachesTheSameService) {
  CommandLine line;
  line.state_directory = DefaultStateDirectory();
  EXPECT_EQ(line.Call("watch jobs/a1"), "halftone watch jobs/a1");
  line.state_directory = "/tmp/my state's";
  EXPECT_EQ(line.Call("watch jobs/a1"), "halftone --state-dir '/tmp/my state'\\''s' watch jobs/a1");
  line.server = "[::1]:50551";
  EXPECT_EQ(line.Call("cancel jobs/a1"), "halftone --server '[::1]:50551' cancel jobs/a1");
}

TEST(CommandTextTest, Targets) {
  v1::ListTargetsResponse response;
  v1::Target* cpu = response.add_targets();
  cpu->set_name("cpu");
  cpu->set_description("this machine");
  v1::Target* board = response.add_targets();
  board->set_name("board");
  board->set_description("on somebody's desk");
  v1::ProfilerRegistration* profiler = board->add_profilers();
  profiler->set_address("10.0.0.7:50051");
  profiler->set_state(v1::PROFILER_STATE_BUSY);
  profiler->set_silent_seconds(2.5);
  profiler->set_lease_seconds(30);
  profiler->mutable_device()->set_name("a board");
  profiler->mutable_device()->set_isa("neon");
  profiler->mutable_device()->set_library("kernels 2");
  profiler->mutable_device()->set_threads(4);
  ExpectGolden("targets.txt", TargetsText(response));
  ExpectGolden("targets.json", Document(TargetsToJson(response)));
}

void FillTrial(v1::Trial& trial, const std::string& precision, double latency_ns) {
  (*trial.mutable_assignment())["conv1"] = precision;
  (*trial.mutable_assignment())["fc"] = "w8a8";
  trial.set_predicted_loss(0.0625);
  (*trial.mutable_cost())["latency_ns"] = latency_ns;
  trial.set_feasible(latency_ns <= 100'000);
  if (!trial.feasible()) (*trial.mutable_excess())["latency_ns"] = latency_ns / 100'000 - 1;
}

v1::Exploration FixedExploration() {
  v1::Exploration exploration;
  exploration.set_job("jobs/b7");
  v1::ChoiceGroup* group = exploration.add_groups();
  group->add_layers("conv1");
  for (const char* precision : {"w4a4", "w8a8"}) group->add_precisions(precision);
  (*exploration.mutable_budgets())["latency_ns"] = 100'000;
  exploration.set_divergence("kl");
  exploration.set_frontier_metric("latency_ns");
  exploration.set_evaluations(12);
  FillTrial(*exploration.mutable_start(), "w8a8", 90'000);
  exploration.mutable_start()->set_divergence(0.5);
  FillTrial(*exploration.mutable_best(), "w4a4", 95'000);
  exploration.mutable_best()->set_divergence(0.25);
  FillTrial(*exploration.add_front(), "w4a4", 150'000);
  return exploration;
}

TEST(CommandTextTest, Exploration) {
  const json document = ExplorationToJson(FixedExploration());
  ExpectGolden("exploration.txt", ExplorationStatusText(document));
  ExpectGolden("exploration.json", Document(document));
}

TEST(CommandTextTest, ExplorationBeforeTheFirstTrial) {
  v1::Exploration exploration = FixedExploration();
  exploration.clear_best();
  exploration.clear_front();
  ExpectGolden("exploration_new.txt", ExplorationStatusText(ExplorationToJson(exploration)));
}

// As `explore ask` prints trials, and `explore tell`.
TEST(CommandTextTest, Trials) {
  json document = {{"job", "jobs/b7"}, {"trials", json::array()}};
  const v1::Exploration exploration = FixedExploration();
  document["trials"].push_back(TrialToJson(exploration.front(0)));
  document["trials"].push_back(TrialToJson(exploration.best()));
  document["trials"][1]["is_best"] = true;
  document["trials"][1]["was_known"] = true;
  document["trials"].push_back(TrialToJson(exploration.start()));
  document["trials"][2]["is_best"] = false;
  document["trials"][2]["was_known"] = true;
  ExpectGolden("trials.txt", TrialsText(document));
}

TEST(CommandTextTest, Crosscheck) {
  v1::SearchResult result;
  result.set_job("jobs/a1");
  v1::CrosscheckResult* crosscheck = result.mutable_crosscheck();
  crosscheck->set_output_metric("kl");
  crosscheck->set_samples(128);
  crosscheck->set_evaluation_samples(512);
  crosscheck->set_assignments(40);
  crosscheck->set_tried(57);
  crosscheck->set_evaluation_seconds(83.5);
  v1::EstimatorScore* fisher = crosscheck->add_estimators();
  fisher->set_name("fisher");
  fisher->set_spearman(0.98765);
  fisher->set_kendall(0.9);
  fisher->set_accuracy_spearman(0.8);
  fisher->set_accuracy_kendall(0.75);
  fisher->set_median_ratio(1.0625);
  fisher->set_log_ratio_std(0.125);
  fisher->set_seconds(1.234);
  v1::EstimatorScore* trace = crosscheck->add_estimators();
  trace->set_name("hessian-trace");
  trace->set_error("the data has no labels");
  result.set_result_json(R"({"warnings": ["fewer assignments than asked for"]})");
  ExpectGolden("crosscheck.txt", CrosscheckText(result, {{"crosscheck.html", "/out/c.html"}}));
}

// What `halftone inspect` says of a network that is shipped: the document is the service's own.
TEST(CommandTextTest, Inspection) {
  const absl::StatusOr<std::string> text = local::InspectFile(
      std::string(HALFTONE_SOURCE_DIR) + "/tests/data/tiny-digits/model.onnx", {}, "");
  ASSERT_TRUE(text.ok()) << text.status();
  const json document = json::parse(*text);
  ExpectGolden("inspection.txt", InspectionText(document));
  ExpectGolden("inspection.json", Document(document));
}

TEST(CommandTextTest, InspectionOfWhatIsTiedOrUnsupported) {
  ExpectGolden("inspection_ties.txt", InspectionText(json::parse(R"json({
    "layers": [
      {"name": "q", "op": "MatMul", "src_shape": [null, 16], "weights_shape": [16, 16],
       "dst_shape": [null, 16], "macs": 256, "parameters": 256, "tie_group": "g0"},
      {"name": "k", "op": "MatMul", "src_shape": [null, 16], "weights_shape": [16, 16],
       "dst_shape": [null, 16], "macs": 256, "parameters": 256, "tie_group": "g0"}],
    "ties": [{"layers": ["q", "k"], "reason": "they read one tensor"}],
    "unsupported": [{"node": "loop", "op": "Loop", "reason": "no control flow"}]})json")));
}

TEST(CommandTextTest, Sensitivity) {
  ExpectGolden("sensitivity.txt", SensitivityText(json::parse(R"json({
    "method": "fisher", "output_metric": "kl", "samples": 128, "seed": 7,
    "measure": {"name": "loss", "text": "predicted increase of the output's KL divergence, in nats"},
    "layers": [
      {"name": "conv1", "trace": 12.5, "trace_stderr": 0.25, "trace_kind": "exact",
       "eigenvalues": [3.5], "note": "its sources are constant",
       "choices": [{"precision": "w4a4", "loss": 0.0125, "loss_stderr": 0.001},
                   {"precision": "w8a8", "loss": 0.0001, "loss_stderr": 0.00001}]},
      {"name": "fc", "trace": null, "eigenvalues": [],
       "choices": [{"precision": "w4a4", "loss": 0.5, "loss_stderr": null},
                   {"precision": "a8", "loss": null, "loss_stderr": null}]}],
    "network_eigenvalues": [7.5, 2.25],
    "stability": {"resamples": 100, "layers": [
      {"name": "conv1", "chosen": "w4a4", "changed": 0.12, "shares": {"w4a4": 0.88, "w8a8": 0.12}},
      {"name": "fc", "chosen": "w8a8", "changed": 0, "shares": {"w8a8": 1}}]}})json")));
}

// A score is none: what was measured is named.
TEST(CommandTextTest, SensitivityNamesTheMeasureThatWasUsed) {
  EXPECT_THAT(SensitivityText(json::parse(R"json({
    "method": "hawq-v2", "output_metric": "cross-entropy", "samples": 64, "seed": 0,
    "measure": {"name": "score", "text": "Hessian trace / |W| x error"}, "layers": []})json")),
              testing::EndsWith("score: Hessian trace / |W| x error, method hawq-v2, 64 samples, "
                                "seed 0\n"));
}

TEST(CommandTextTest, Uploads) {
  v1::Model model;
  model.set_name("models/aa");
  model.set_display_name("net.onnx");
  model.set_size_bytes(12'345);
  model.mutable_create_time()->set_seconds(1'700'000'000);
  EXPECT_EQ(UploadsText(json::array({UploadToJson(model)})),
            "name          size              uploaded  file\n"
            "models/aa  12.3 KB  2023-11-14T22:13:20Z  net.onnx\n");
  v1::Dataset dataset;
  dataset.set_name("datasets/bb");
  dataset.set_size_bytes(5);
  const json document = UploadToJson(dataset);
  EXPECT_EQ(document.at("name"), "datasets/bb");
  EXPECT_EQ(document.at("size_bytes"), 5);
  EXPECT_EQ(UploadsText(json::array()), "name  size  uploaded  file\n");
}

// A target that tells what bounds its layers, with assignments that were run.
TEST(CommandTextTest, ProfileOfAnAccelerator) {
  ExpectGolden("profile_accelerator.txt", ProfileText(json::parse(R"json({
    "target": "bitfusion", "device": {"name": "bitfusion", "isa": "16x16", "library": "model 1"},
    "roofline": {"memory_bytes_per_second": 1e9},
    "layers": [
      {"name": "conv1", "precision": "w4a4", "executed_as": "w4a4", "latency_ns": 12345,
       "cycles": 6172.5, "utilization": 0.75, "memory_bytes": 2048, "operations": 294912,
       "bound": "compute", "energy_pj": 5e6, "weight_bytes": 1152, "provenance": "simulated",
       "energy": {"arithmetic_pj": 1e6, "buffer_pj": 1e6, "dram_pj": 3e6},
       "origin": {"when": "2025-01-02T03:04:05Z", "with": "model 1"}},
      {"name": "fc", "precision": "w4a4", "executed_as": "w8a8", "latency_ns": 999,
       "weight_bytes": 262144, "provenance": "simulated",
       "origin": {"when": "2025-01-02T03:04:05Z", "with": "model 1"}}],
    "network": [{"precision": "w4a4", "predicted_ns": 13344}],
    "assignments": [{"predicted_ns": 11000, "measured_ns": 10000}],
    "prediction": {"assignments": 1, "median_error": 0.1, "p95_error": 0.1}})json")));
}

// Everything that may follow a search's answer: what resampling, a design space, an evolution and
// optimizers outside found.
TEST(CommandTextTest, WhatMayFollowASearchsAnswer) {
  v1::SearchResult result;
  result.set_job("jobs/b7");
  result.set_target("bitfusion");
  result.set_result_json(R"json({
    "stability": {"resamples": 50, "layers": [
      {"name": "fc", "chosen": "w4a8", "changed": 0.5, "shares": {"w4a8": 0.5, "w8a8": 0.5}}]},
    "codesign": {"chosen": "t1", "frontier": [{}, {}], "configurations": [
      {"target": "t0", "parameters": {"rows": "8"}, "status": "INFEASIBLE", "figures": {}},
      {"target": "t1", "parameters": {"rows": "16", "columns": "8"}, "status": "OPTIMAL",
       "loss": 0.5, "bound": 0.5, "on_frontier": true,
       "figures": {"area_mm2": 1.5, "elements": 128},
       "cost": {"latency_ns": 12345, "energy_pj": 6.5e6}}]},
    "refined": {"evolution": {
      "objectives": ["divergence", "latency_ns"], "evaluations": 64, "start_evaluations": 16,
      "start_divergence": 0.5, "divergence": 0.25, "start_hypervolume": 1, "hypervolume": 1.5,
      "front": [{"objectives": [0.25, 12345], "assignment": {"a": "w4a4", "b": "w4a4"}}]}},
    "exploration": {"evaluations": 3,
                    "best": {"divergence": 0.125, "assignment": {"a": "w8a8"}}}})json");
  ExpectGolden("search_extras.txt", ResultText(result, {}));
  ExpectGolden("search_extras.json", Document(ResultToJson(result, {{"report.html", "/r.html"}})));
}

// An answer of `solve` or `resolve` whose costs count, that is not proven, and whose explanation
// is not complete.
TEST(CommandTextTest, SolutionWithWeightsAndABound) {
  ExpectGolden("solve_weighted.txt", SolutionText(json::parse(R"json({
    "status": "FEASIBLE", "loss": 0.5, "lower_bound": 0.25, "gap": 0.125, "seconds": 2.5,
    "objective": {"value": 0.75, "lower_bound": 0.5}, "cost": {"latency_ns": 12345},
    "verified": {"optimal": false, "lower_bound": 0.375}, "assignment": {"l0": "w4a4"},
    "explanation": {"limits": [
      {"metric": "latency_ns", "limit": 12500, "used": 12345, "binds": true, "marginal_value": 1e-6,
       "loss_without": 0.25, "next_limit": 13000, "next_limit_bound": 12800, "next_loss": 0.7}],
      "alternatives": [], "near_share": 0.01, "is_complete": false}})json")));
}

}  // namespace
}  // namespace halftone
