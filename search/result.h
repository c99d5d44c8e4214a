#ifndef HALFTONE_SEARCH_RESULT_H_
#define HALFTONE_SEARCH_RESULT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json_fwd.hpp"
#include "nn/quant/precision.h"
#include "profilers/cost_table.h"
#include "search/codesign.h"
#include "search/prediction_check.h"
#include "search/refine/refinement.h"
#include "search/resolved_budget.h"
#include "search/search_spec.h"
#include "search/sensitivity/evaluate.h"
#include "search/sensitivity/sensitivity.h"
#include "search/solver/problem.h"
#include "search/solver/solution.h"
#include "search/stability.h"
#include "search/table_names.h"

namespace halftone {

// One row of the answer's table.
struct LayerResult {
  std::string name, op, tie_group;
  bool has_weights = true;  // false: a product of two activations
  Precision precision;
  Precision executed_as;
  // As the search counts it: with what the spec adds to it (loss_terms.h). Absent where the
  // estimator does not know it.
  std::optional<double> loss, loss_stderr;
  double reference_latency_ns = 0;  // in the reference precision
  double latency_ns = 0;
  double weight_bytes = 0;
  std::string implementation;
  std::string warning;
};

// The file of the quantized network: ONNX with QuantizeLinear and DequantizeLinear, as
// nn/onnx/export.h writes it.
struct ExportedModel {
  std::string file;  // among the artifacts
  int64_t opset = 0;
  std::optional<int64_t> batch;  // that alone is taken; absent: any is
  int64_t size_bytes = 0;        // with the elements of tensors that are in a file beside it
  // Between what the file computes and the quantized network, as ExportDifference has it; older
  // versions did not compare them.
  std::optional<double> difference;
};
nlohmann::json ExportedModelToJson(const ExportedModel& model);
absl::StatusOr<ExportedModel> ExportedModelFromJson(const nlohmann::json& json);

// Latency of the whole network, in nanoseconds.
struct LatencyResult {
  double reference_predicted = 0, predicted = 0;
  std::optional<double> reference_measured, measured;  // only where the target is this machine
};

// All that a search found out. A plain value, stored as JSON.
struct SearchResult {
  std::string model;       // sha256 of its file; older versions did not note it
  std::string model_name;  // the graph's
  std::string target;
  DeviceInfo device;
  Precision reference;  // of "0.4x" budgets
  Problem problem;
  Solution solution;
  Costs reference_cost;
  std::vector<ResolvedBudget> budgets;  // older versions did not note them
  std::string caveat;                   // BusyCaveat
  std::optional<Stability> stability;   // where the losses were resampled
  // What was really evaluated. Where it improves on the solution, it is the answer: layers,
  // latency, evaluation and artifacts are of it.
  std::optional<Refinement> refined;
  std::string not_evaluated;         // why nothing was, where there is an answer; else ""
  std::optional<Codesign> codesign;  // where the target was a design space: `target` is chosen
  std::vector<LayerResult> layers;
  LatencyResult latency;
  std::optional<Evaluation> evaluation;  // on the held-out data, else on the calibration samples
  bool evaluated_on_held_out = false;
  // Of the answer; absent where its loss is no divergence, or it was not evaluated.
  std::optional<PredictionCheck> prediction;
  // What the losses are; older versions, which did not note it, took divergences alone.
  LossMeasure measure = {"loss", "predicted divergence of the output"};
  double other_bytes = 0;             // of the sizes: of tensors that belong to no layer
  std::vector<OutputHead> heads;      // as what each output counts; older versions did not note it
  std::vector<std::string> warnings;  // for the reader: what the figures leave out or took instead
  std::optional<SearchSpec> spec;     // as it was asked for; older versions did not note it
  std::optional<TableNames> tables;   // what it was made from; older versions did not note it
  std::optional<ExportedModel> exported;  // older versions did not note it
  std::string not_exported;  // why there is no such file, where there is an answer; else ""
  // artifact name -> bytes' sha256; e.g. "quantized.onnx", "report.html", "result.json"
  std::map<std::string, std::string> artifacts;

  // Whether what was really evaluated is the answer, not the solver's optimum.
  bool IsRefined() const { return refined.has_value() && refined->Improves(); }
};

// Layers that the refined answer computes otherwise than the model's optimum: of a product of two
// activations, what a precision says of weights does not count. 0 where the optimum is the answer.
int CountDepartures(const SearchResult& result);

// The limits that the user has set, by metric: one on the peak of the activations in place of those
// on the live sets that it became, and that on the number of changes.
std::map<std::string, double> BudgetsOf(const Problem& problem);

// JSON and back, without loss. At the top level, `status`, `lower_bound`, `infeasible` and
// `explanation` are the solution's, `status_of` says of what, `prediction_ratio` is that of
// `prediction` (null: not known), and `assignment`, `cost`, `loss` and `gap` are those of the
// answer that `chosen` names; FromJson leaves them out of account. FromJson: INVALID_ARGUMENT names
// the field.
nlohmann::json SearchResultToJson(const SearchResult& result);
absl::StatusOr<SearchResult> SearchResultFromJson(const nlohmann::json& json);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_RESULT_H_
