#ifndef HALFTONE_SEARCH_SEARCH_SPEC_H_
#define HALFTONE_SEARCH_SEARCH_SPEC_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "nlohmann/json_fwd.hpp"
#include "nn/quant/precision.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

enum class Metric { kLatency, kSize, kEnergy, kBops, kActivationMemory };
absl::StatusOr<Metric> ParseMetric(absl::string_view text);
absl::string_view MetricName(Metric metric);     // "latency"
absl::string_view MetricCostKey(Metric metric);  // "latency_ns": its key in a Problem's costs

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

  // Parses "latency=4ms", "size=0.2x", "energy=50%". INVALID_ARGUMENT names the part.
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
  std::map<std::string, std::string> pins;  // layer -> precision
  QuantizationOptions quantization;
  SensitivityOptions sensitivity{.method = SensitivityMethod::kFisherCorrected};
  absl::Duration time_limit = absl::Seconds(60);  // of the solver
};

nlohmann::json SearchSpecToJson(const SearchSpec& spec);
absl::StatusOr<SearchSpec> SearchSpecFromJson(const nlohmann::json& json);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SEARCH_SPEC_H_
