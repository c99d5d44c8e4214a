#ifndef HALFTONE_TESTS_SEARCH_FULL_RESULT_H_
#define HALFTONE_TESTS_SEARCH_FULL_RESULT_H_

#include <optional>
#include <string>

#include "search/result.h"

namespace halftone {

// A result that has a bit of everything, made up.
inline SearchResult FullResult() {
  SearchResult result;
  result.model = std::string(64, 'c');
  result.model_name = "net";
  result.target = "cpu";
  result.device = {"CPU", "avx2", "oneDNN", 2};
  result.reference = Precision::Float32();
  result.problem.layers = {
      {"a", {{"w4a4", 0.5, {{"latency_ns", 1}}}, {"w8a8", 1.0 / 3, {{"latency_ns", 2}}}}}};
  result.problem.budgets = {{"latency_ns", 1.5}};
  result.solution.status = Solution::Status::kOptimal;
  result.solution.loss = result.solution.lower_bound = 0.5;
  result.solution.cost = {{"latency_ns", 1}};
  result.solution.assignment = {{"a", "w4a4"}};
  result.solution.frontier = {{0.5, 0.5, {{"latency_ns", 1}}, {{"a", "w4a4"}}}};
  result.reference_cost = {{"latency_ns", 4}};
  result.refined = Refinement{{{"a", "w8a8"}},
                              "neighbour",
                              0.25,
                              0.5,
                              1.0 / 3,
                              {{"latency_ns", 2}},
                              {{"optimum", 0.5, 0.5, 0.375}, {"uniform", 0.5, 0.2, 0.4}}};
  Correction correction;
  correction.parts = {{{"a"}, "w4a4", 0.125}, {{"b", "c"}, "w8a8", 0.0625}};
  correction.divergence = 0.5;
  correction.added = 0.3125;
  result.refined->corrections = {correction};
  result.refined->optimum = {{"a", "w4a4"}};
  result.refined->partial_evaluations = 9;
  result.refined->factor = 1.25;
  result.refined->most_divergence = 0.375;
  result.prediction = PredictionCheck{1.0 / 3, 0.25, "kl", false, {correction}, 1.25, false};
  LayerResult layer;
  layer.name = "a";
  layer.precision = Precision::Int(4, 4);
  layer.executed_as = Precision::Int(8, 8);
  layer.loss = 1.0 / 7;
  layer.loss_stderr = 1.0 / 16;
  layer.warning = "ref";
  result.layers = {layer};
  result.latency = {4, 1, 4.5, std::nullopt};
  result.evaluation = Evaluation{100, 0.9, 0.875, 0.01, 0.02, 30, 0.25};
  result.evaluation->heads = {{"boxes", 2, 0.75, 4, 20}, {"scores", 0.125, 0.25, 0.5, 10}};
  result.heads = {{.output = "y", .part = "boxes", .kind = HeadKind::kMse, .weight = 0.5},
                  {.output = "y", .part = "scores", .kind = HeadKind::kBernoulli, .reason = "why"},
                  {.output = "z", .kind = HeadKind::kIgnore}};
  result.other_bytes = 320;
  result.evaluation->executed = ExecutedEvaluation{
      0.75, 0.015625, 0.03125, 29.5, {{"a", Precision::Int(4, 4)}}, "differs", 0.5};
  result.evaluated_on_held_out = true;
  const Precision w4a4 = Precision::Int(4, 4), w8a8 = Precision::Int(8, 8);
  result.tables = TableNames{{{w4a4, w8a8}, {w4a4, w8a8}, w8a8},
                             {"n", "1"},
                             {"q", "2"},
                             {"s", "3"},
                             {"p", ""},
                             {"c", "4"}};
  result.spec = SearchSpec{.target = "cpu", .pins = {{"a", "w4a4"}}, .robust = 2};
  result.budgets = {{*Budget::Parse("latency=0.375x"), 1.5, 4}};
  result.exported = ExportedModel{"quantized.onnx", 13, std::nullopt, 4096, 0.125};
  result.artifacts = {{"report.html", "ab"}};
  return result;
}

}  // namespace halftone

#endif  // HALFTONE_TESTS_SEARCH_FULL_RESULT_H_
