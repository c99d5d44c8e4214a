#ifndef HALFTONE_PROFILERS_COST_TABLE_H_
#define HALFTONE_PROFILERS_COST_TABLE_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "nlohmann/json_fwd.hpp"
#include "nn/quant/precision.h"

namespace halftone {

enum class Provenance { kMeasured, kSimulated, kTable, kRemote };
absl::string_view ProvenanceName(Provenance provenance);
absl::StatusOr<Provenance> ParseProvenance(absl::string_view text);

// Where a figure is from: the device or file, the time, and the means, in words.
struct Origin {
  std::string where;
  std::string when;  // UTC, as "2026-11-23T01:22:38Z"; of a sum of measurements, the oldest one's
  std::string with;
};
// `time` as Origin::when is written, and back: INVALID_ARGUMENT tells the form.
std::string FormatUtc(absl::Time time);
absl::StatusOr<absl::Time> ParseUtc(absl::string_view text);

// What costs may be at most: far above any, and sums of such numbers stay finite.
inline constexpr double kMaxCost = 1e30;

// Where energy goes.
struct EnergySplit {
  double arithmetic_pj = 0;
  double buffer_pj = 0;  // memory on the chip
  double dram_pj = 0;    // memory beside it

  double Total() const { return arithmetic_pj + buffer_pj + dram_pj; }
};

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
  std::string bound;  // "compute" or "memory", where the target knows
  // Where the target knows them: the share of its peak in the precision that it executes, the
  // operations (two per multiply-accumulate), the bytes that cross its memory interface, and what
  // makes up energy_pj.
  std::optional<double> utilization, operations, memory_bytes;
  std::optional<EnergySplit> energy;
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

// An assignment that was really run, beside what the table predicts for it.
struct AssignmentCost {
  std::map<std::string, Precision> assignment;  // of every layer
  double predicted_ns = 0;
  double measured_ns = 0;
};

// What bounds any layer on a target: its peak in each precision, and its memory.
struct Roofline {
  struct Roof {
    Precision precision;
    double operations_per_second = 0;
  };
  double memory_bytes_per_second = 0;
  std::vector<Roof> roofs;
};

struct DeviceInfo {
  std::string name, isa, library;
  int threads = 0;
  double frequency_mhz = 0;  // 0: not known
};

// How the warning of a row begins that was measured while other work took the machine's processors:
// an answer, but nothing to remember.
inline constexpr absl::string_view kDisturbedWarning = "the machine was busy";
// How it ends where the profiler that measured will do so again. A table that was saved does not.
inline constexpr absl::string_view kMeasuredAgain = ", and not kept: the next run measures again";

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
  std::optional<Roofline> roofline;  // where the target knows it
  std::vector<AssignmentCost> assignments;

  const CostRow* Find(absl::string_view layer, const Precision& precision) const;
  // The sum of the fixed time, the rows and the edges of an assignment of every layer; layers and
  // precisions without a row count nothing. Nanoseconds.
  double PredictLatency(const std::map<std::string, Precision>& assignment) const;
  // Whether any row has kDisturbedWarning.
  bool IsDisturbed() const;
  // Whether any row says that it was measured so, now or when a table was saved.
  bool IsOfABusyMachine() const;
};

// How well predictions hold over assignments that were run.
struct PredictionQuality {
  int assignments = 0;
  double median_error = 0, p95_error = 0;  // |predicted / measured - 1|
  std::optional<double> rank_correlation;  // Spearman's; absent for fewer than two different times
};
PredictionQuality QualityOf(absl::Span<const AssignmentCost> assignments);

// The JSON of `halftone profile` (interfaces.md), and back. FromJson: INVALID_ARGUMENT names the
// field; costs must be finite and not negative.
nlohmann::json CostTableToJson(const CostTable& table);
absl::StatusOr<CostTable> CostTableFromJson(const nlohmann::json& json);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_COST_TABLE_H_
