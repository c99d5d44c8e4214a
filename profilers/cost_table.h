#ifndef HALFTONE_PROFILERS_COST_TABLE_H_
#define HALFTONE_PROFILERS_COST_TABLE_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "nlohmann/json_fwd.hpp"
#include "nn/quant/precision.h"

namespace halftone {

enum class Provenance { kMeasured, kSimulated, kTable, kRemote };
absl::string_view ProvenanceName(Provenance provenance);

// Where a figure is from: the device or file, the time, and the means, in words.
struct Origin {
  std::string where;
  std::string when;  // UTC, as "2026-11-23T01:22:38Z"; of a sum of measurements, the oldest one's
  std::string with;
};
// `time` as Origin::when is written, and back: INVALID_ARGUMENT tells the form.
std::string FormatUtc(absl::Time time);
absl::StatusOr<absl::Time> ParseUtc(absl::string_view text);

// What one layer costs in one precision, on one target.
struct CostRow {
  std::string layer;
  Precision precision;
  Precision executed_as;
  double latency_ns = 0;
  double mad_ns = 0;  // median absolute deviation of the measurement; 0 if not measured
  std::optional<double> energy_pj;
  std::optional<double> cycles;
  double weight_bytes = 0;  // as stored: weights, scales, zero points, bias
  std::string implementation;
  std::string bound;    // "compute" or "memory", where the target knows
  std::string warning;  // e.g. a reference implementation ran
  Provenance provenance = Provenance::kMeasured;
  Origin origin;
};

// The price of a change of precision between two layers.
struct EdgeRow {
  std::string from, to;
  Precision from_precision, to_precision;
  double latency_ns = 0;
  std::optional<double> energy_pj;
};

// One precision for the whole network: the sum of rows and edges beside the whole plan's time.
struct NetworkRow {
  Precision precision;
  double predicted_ns = 0;
  std::optional<double> measured_ns;
};

struct DeviceInfo {
  std::string name, isa, library;
  int threads = 0;
};

// Costs of every (layer, precision) on a target. Time that no choice changes (pooling, input and
// output conversion) is `fixed_latency_ns`. Immutable once made.
struct CostTable {
  std::string target;
  DeviceInfo device;
  int batch = 1;
  double fixed_latency_ns = 0;
  std::vector<CostRow> rows;
  std::vector<EdgeRow> edges;
  std::vector<NetworkRow> network;

  const CostRow* Find(absl::string_view layer, const Precision& precision) const;
};

// The JSON of `halftone profile` (interfaces.md), and back. FromJson: INVALID_ARGUMENT names the
// field; costs must be finite and not negative.
nlohmann::json CostTableToJson(const CostTable& table);
absl::StatusOr<CostTable> CostTableFromJson(const nlohmann::json& json);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_COST_TABLE_H_
