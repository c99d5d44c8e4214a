#ifndef HALFTONE_SEARCH_RESULT_H_
#define HALFTONE_SEARCH_RESULT_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json_fwd.hpp"
#include "nn/quant/precision.h"
#include "profilers/cost_table.h"
#include "search/codesign.h"
#include "search/refine/refinement.h"
#include "search/sensitivity/evaluate.h"
#include "search/solver/problem.h"
#include "search/solver/solution.h"
#include "search/stability.h"
#include "search/table_names.h"

namespace halftone {

// One row of the answer's table.
struct LayerResult {
  std::string name, op, tie_group;
  Precision precision;
  Precision executed_as;
  double loss = 0, loss_stderr = 0;
  double reference_latency_ns = 0;  // in the reference precision
  double latency_ns = 0;
  double weight_bytes = 0;
  std::string implementation;
  std::string warning;
};

// Latency of the whole network, in nanoseconds.
struct LatencyResult {
  double reference_predicted = 0, predicted = 0;
  std::optional<double> reference_measured, measured;  // only where the target is this machine
};

// All that a search found out. A plain value, stored as JSON.
struct SearchResult {
  std::string model_name;
  std::string target;
  DeviceInfo device;
  Precision reference;  // of "0.4x" budgets
  Problem problem;
  Solution solution;
  Costs reference_cost;
  std::optional<Stability> stability;  // where the losses were resampled
  // What was really evaluated. Where it improves on the solution, it is the answer: layers,
  // latency, evaluation and artifacts are of it.
  std::optional<Refinement> refined;
  std::optional<Codesign> codesign;  // where the target was a design space: `target` is chosen
  std::vector<LayerResult> layers;
  LatencyResult latency;
  std::optional<Evaluation> evaluation;  // on the held-out data, else on the calibration samples
  bool evaluated_on_held_out = false;
  std::vector<std::string> warnings;  // for the reader: what the figures leave out or took instead
  std::optional<TableNames> tables;   // what it was made from; older versions did not note it
  // artifact name -> bytes' sha256; e.g. "quantized.onnx", "report.html", "result.json"
  std::map<std::string, std::string> artifacts;
};

// JSON and back, without loss. FromJson: INVALID_ARGUMENT names the field.
nlohmann::json SearchResultToJson(const SearchResult& result);
absl::StatusOr<SearchResult> SearchResultFromJson(const nlohmann::json& json);
nlohmann::json EvaluationToJson(const Evaluation& evaluation);
absl::StatusOr<Evaluation> EvaluationFromJson(const nlohmann::json& json);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_RESULT_H_
