#ifndef HALFTONE_SEARCH_SEARCH_SPEC_H_
#define HALFTONE_SEARCH_SEARCH_SPEC_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "nlohmann/json_fwd.hpp"
#include "nn/data/resolve_inputs.h"
#include "nn/quant/precision.h"
#include "search/layer_rules.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// Limits on a search from outside.
inline constexpr int kMaxEvaluations = 100'000;
inline constexpr double kMaxRobust = 1'000;
inline constexpr size_t kMaxObjectives = 3;
// Of a budget in base units, which is what a problem's numbers may be; and of a factor, which keeps
// its product with any cost below that.
inline constexpr double kMaxBudget = 1e100;
inline constexpr double kMaxBudgetFactor = 1e60;

enum class Metric { kLatency, kSize, kEnergy, kBops, kActivationMemory };
absl::StatusOr<Metric> ParseMetric(absl::string_view text);
absl::string_view MetricName(Metric metric);     // "latency"
absl::string_view MetricCostKey(Metric metric);  // "latency_ns": its key in a Problem's costs

// A metric, and how many of its base units a quantity of it is counted in.
struct MetricUnit {
  Metric metric = Metric::kLatency;
  double base_units = 1;
};
// Parses "latency" and "latency_ns" (base units), "latency_ms", "size_KB", with the units of
// budgets. INVALID_ARGUMENT names the metric or the unit that does not exist.
absl::StatusOr<MetricUnit> ParseMetricUnit(absl::string_view text);

// How the assignments that are really evaluated are found.
enum class SearchStrategy {
  kRefine,        // by a model that learns from what was evaluated: refine/refine.h
  kEvolutionary,  // the first half so, the second by NSGA-II: strategies/evolve.h
};
absl::StatusOr<SearchStrategy> ParseSearchStrategy(absl::string_view text);
absl::string_view SearchStrategyName(SearchStrategy strategy);  // "refine", "evolutionary"

// An upper limit on a metric.
struct Budget {
  enum class Kind {
    kAbsolute,   // in the metric's base unit
    kReference,  // times the reference network's cost: "0.4x"
    kShare,      // share of the way from the cheapest to the dearest assignment: "50%"
  };
  Metric metric = Metric::kLatency;
  Kind kind = Kind::kReference;
  double value = 1;

  // Parses "latency=4ms", "size=0.2x", "energy=50%". INVALID_ARGUMENT names the part, and the
  // limit of what is more than kMaxBudget or kMaxBudgetFactor.
  static absl::StatusOr<Budget> Parse(absl::string_view text);
  std::string ToString() const;
};

// What a job is asked to do. A plain value.
struct SearchSpec {
  std::string model;        // sha256 of the ONNX bytes
  std::string calibration;  // sha256 of the calibration .npz
  std::string evaluation;   // sha256 of the held-out .npz, or ""
  std::string target = "cpu";
  std::vector<Precision> precisions;  // empty: those that the target supports, of a default list
  std::vector<Budget> budgets;
  Metric frontier = Metric::kLatency;
  bool use_ties = true;
  int batch = 1;    // of the latency that is measured
  int threads = 0;  // 0: all of the machine
  bool refresh = false;
  std::map<std::string, std::string> pins;  // layer, or a pattern as in LayerRules -> precision
  LayerRules rules;
  bool explain = true;  // the answer also says why it is as it is
  QuantizationOptions quantization;
  SensitivityOptions sensitivity{.method = SensitivityMethod::kFisherCorrected};
  absl::Duration time_limit = absl::Seconds(60);  // of the solver
  // Assignments that are really evaluated on the calibration samples; 0: the model's optimum is the
  // answer.
  int evaluations = 64;
  SearchStrategy strategy = SearchStrategy::kRefine;
  // kEvolutionary: sums to be small beside the divergence; empty: the frontier's metric.
  std::vector<Metric> objectives;
  InputBinding inputs;
  AskedHeads heads;  // of outputs that are named; of others it is guessed as what they count
  // What InputsIdentity (nn/data/inputs_identity.h) makes of the model, the data and `inputs`: of a
  // search that runs; no part of what is asked for.
  std::string inputs_identity;
  double robust = 0;  // losses are their means plus so many standard errors
  // Whether sensitivity.samples is a limit of the effort, which data with fewer is within.
  bool samples_at_most = false;
};

nlohmann::json SearchSpecToJson(const SearchSpec& spec);
absl::StatusOr<SearchSpec> SearchSpecFromJson(const nlohmann::json& json);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SEARCH_SPEC_H_
