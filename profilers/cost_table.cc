#include "profilers/cost_table.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/enum_names.h"
#include "base/json_fields.h"
#include "base/shown_text.h"
#include "base/statistics.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;

constexpr EnumName<Provenance> kProvenances[] = {{Provenance::kMeasured, "measured"},
                                                 {Provenance::kSimulated, "simulated"},
                                                 {Provenance::kTable, "table"},
                                                 {Provenance::kRemote, "remote"}};
constexpr EnumNames<Provenance> kProvenanceNames("provenance", kProvenances);
constexpr char kUtcFormat[] = "%Y-%m-%dT%H:%M:%SZ";
// Rows, edges and network rows together.
constexpr size_t kMaxRows = 4'000'000;
// Operations or bytes per second.
constexpr double kMaxRate = 1e30;
constexpr size_t kMaxRoofs = 1000;
constexpr int64_t kMaxCount = 1'000'000'000;

json NumberOrNull(const std::optional<double>& value) {
  return value.has_value() ? json(*value) : json(nullptr);
}

json OriginToJson(const Origin& origin) {
  return {{"where", origin.where}, {"when", origin.when}, {"with", origin.with}};
}

json EnergyToJson(const EnergySplit& energy) {
  return {{"arithmetic_pj", energy.arithmetic_pj},
          {"buffer_pj", energy.buffer_pj},
          {"dram_pj", energy.dram_pj}};
}

json RooflineToJson(const Roofline& roofline) {
  json document = {{"memory_bytes_per_second", roofline.memory_bytes_per_second},
                   {"roofs", json::array()}};
  for (const Roofline::Roof& roof : roofline.roofs) {
    document["roofs"].push_back({{"precision", roof.precision.ToString()},
                                 {"operations_per_second", roof.operations_per_second}});
  }
  return document;
}

json RowToJson(const CostRow& row) {
  json document = {{"name", row.layer},
                   {"precision", row.precision.ToString()},
                   {"latency_ns", row.latency_ns},
                   {"mad_ns", row.mad_ns},
                   {"energy_pj", NumberOrNull(row.energy_pj)},
                   {"cycles", NumberOrNull(row.cycles)},
                   {"weight_bytes", row.weight_bytes},
                   {"executed_as", row.executed_as.ToString()},
                   {"implementation", row.implementation},
                   {"provenance", std::string(ProvenanceName(row.provenance))},
                   {"origin", OriginToJson(row.origin)}};
  if (!row.bound.empty()) document["bound"] = row.bound;
  if (row.utilization.has_value()) document["utilization"] = *row.utilization;
  if (row.operations.has_value()) document["operations"] = *row.operations;
  if (row.memory_bytes.has_value()) document["memory_bytes"] = *row.memory_bytes;
  if (row.energy.has_value()) document["energy"] = EnergyToJson(*row.energy);
  if (!row.warning.empty()) document["warning"] = row.warning;
  return document;
}

json AssignmentToJson(const AssignmentCost& cost) {
  json assignment = json::object();
  for (const auto& [layer, precision] : cost.assignment) assignment[layer] = precision.ToString();
  return {{"assignment", std::move(assignment)},
          {"predicted_ns", cost.predicted_ns},
          {"measured_ns", cost.measured_ns}};
}

json PredictionToJson(const PredictionQuality& quality) {
  return {{"assignments", quality.assignments},
          {"median_error", quality.median_error},
          {"p95_error", quality.p95_error},
          {"rank_correlation", NumberOrNull(quality.rank_correlation)}};
}

void ReadProvenance(JsonFields& fields, Provenance* value) {
  fields.Require("provenance");
  fields.ReadText("provenance", [&](const std::string& text) {
    const absl::StatusOr<Provenance> provenance = ParseProvenance(text);
    if (provenance.ok()) *value = *provenance;
    return provenance.status();
  });
}

void ReadOrigin(JsonFields& fields, Origin* origin) {
  fields.Read("where", &origin->where);
  fields.ReadText("when", [&](const std::string& text) {
    origin->when = text;
    return text.empty() ? absl::OkStatus() : ParseUtc(text).status();
  });
  fields.Read("with", &origin->with);
}

void ReadEnergy(JsonFields& fields, EnergySplit* energy) {
  for (const char* name : {"arithmetic_pj", "buffer_pj", "dram_pj"}) fields.Require(name);
  fields.ReadNonNegative("arithmetic_pj", kMaxCost, &energy->arithmetic_pj);
  fields.ReadNonNegative("buffer_pj", kMaxCost, &energy->buffer_pj);
  fields.ReadNonNegative("dram_pj", kMaxCost, &energy->dram_pj);
}

void ReadRoofline(JsonFields& fields, Roofline* roofline) {
  fields.Require("memory_bytes_per_second");
  fields.ReadPositive("memory_bytes_per_second", kMaxRate, &roofline->memory_bytes_per_second);
  fields.ReadEachFields("roofs", kMaxRoofs, [roofline](JsonFields& roof) {
    Roofline::Roof& read = roofline->roofs.emplace_back();
    roof.Require("precision");
    roof.Require("operations_per_second");
    roof.ReadParsed("precision", &read.precision);
    roof.ReadPositive("operations_per_second", kMaxRate, &read.operations_per_second);
  });
}

void ReadRow(JsonFields& fields, CostRow* row) {
  for (const char* name : {"name", "precision", "executed_as", "latency_ns", "weight_bytes"}) {
    fields.Require(name);
  }
  fields.Read("name", &row->layer);
  fields.ReadParsed("precision", &row->precision);
  fields.ReadParsed("executed_as", &row->executed_as);
  fields.ReadNonNegative("latency_ns", kMaxCost, &row->latency_ns);
  fields.ReadNonNegative("mad_ns", kMaxCost, &row->mad_ns);
  fields.ReadNonNegative("energy_pj", kMaxCost, &row->energy_pj);
  fields.ReadNonNegative("cycles", kMaxCost, &row->cycles);
  fields.ReadNonNegative("weight_bytes", kMaxCost, &row->weight_bytes);
  fields.Read("implementation", &row->implementation);
  fields.Read("bound", &row->bound);
  fields.Read("warning", &row->warning);
  fields.ReadNonNegative("utilization", 1, &row->utilization);
  fields.ReadNonNegative("operations", kMaxCost, &row->operations);
  fields.ReadNonNegative("memory_bytes", kMaxCost, &row->memory_bytes);
  fields.ReadFields("energy",
                    [row](JsonFields& energy) { ReadEnergy(energy, &row->energy.emplace()); });
  ReadProvenance(fields, &row->provenance);
  fields.ReadFields("origin", [row](JsonFields& origin) { ReadOrigin(origin, &row->origin); });
}

void ReadEdge(JsonFields& fields, EdgeRow* edge) {
  for (const char* name : {"from", "to", "from_precision", "to_precision", "latency_ns"}) {
    fields.Require(name);
  }
  fields.Read("from", &edge->from);
  fields.Read("to", &edge->to);
  fields.ReadParsed("from_precision", &edge->from_precision);
  fields.ReadParsed("to_precision", &edge->to_precision);
  fields.ReadNonNegative("latency_ns", kMaxCost, &edge->latency_ns);
  fields.ReadNonNegative("energy_pj", kMaxCost, &edge->energy_pj);
}

void ReadNetworkRow(JsonFields& fields, NetworkRow* row) {
  fields.Require("precision");
  fields.Require("predicted_ns");
  fields.ReadParsed("precision", &row->precision);
  fields.ReadNonNegative("predicted_ns", kMaxCost, &row->predicted_ns);
  fields.ReadNonNegative("measured_ns", kMaxCost, &row->measured_ns);
}

void ReadAssignment(JsonFields& fields, AssignmentCost* cost) {
  for (const char* name : {"assignment", "predicted_ns", "measured_ns"}) fields.Require(name);
  std::map<std::string, std::string> assignment;
  fields.Read("assignment", &assignment);
  for (const auto& [layer, text] : assignment) {
    const absl::StatusOr<Precision> precision = Precision::Parse(text);
    if (!precision.ok()) return fields.Fail("assignment", precision.status().message());
    cost->assignment[layer] = *precision;
  }
  fields.ReadNonNegative("predicted_ns", kMaxCost, &cost->predicted_ns);
  fields.ReadNonNegative("measured_ns", kMaxCost, &cost->measured_ns);
}

void ReadDevice(JsonFields& fields, DeviceInfo* device) {
  fields.Read("name", &device->name);
  fields.Read("isa", &device->isa);
  fields.Read("library", &device->library);
  fields.ReadInteger("threads", 0, kMaxCount, &device->threads);
  fields.ReadNonNegative("frequency_mhz", kMaxRate, &device->frequency_mhz);
}

}  // namespace

absl::string_view ProvenanceName(Provenance provenance) {
  return kProvenanceNames.NameOf(provenance);
}

absl::StatusOr<Provenance> ParseProvenance(absl::string_view text) {
  return kProvenanceNames.Parse(text);
}

std::string FormatUtc(absl::Time time) {
  return absl::FormatTime(kUtcFormat, time, absl::UTCTimeZone());
}

absl::StatusOr<absl::Time> ParseUtc(absl::string_view text) {
  absl::Time time;
  if (text.size() <= 64 && absl::ParseTime(kUtcFormat, text, &time, nullptr)) return time;
  return absl::InvalidArgumentError(
      absl::StrCat(Quoted(text), " is no time such as 2026-11-23T01:22:38Z"));
}

const CostRow* CostTable::Find(absl::string_view layer, const Precision& precision) const {
  for (const CostRow& row : rows) {
    if (row.layer == layer && row.precision == precision) return &row;
  }
  return nullptr;
}

double CostTable::PredictLatency(const std::map<std::string, Precision>& assignment) const {
  const auto chosen = [&](const std::string& layer, const Precision& precision) {
    const auto found = assignment.find(layer);
    return found != assignment.end() && found->second == precision;
  };
  double sum = fixed_latency_ns;
  for (const CostRow& row : rows) {
    if (chosen(row.layer, row.precision)) sum += row.latency_ns;
  }
  for (const EdgeRow& edge : edges) {
    if (chosen(edge.from, edge.from_precision) && chosen(edge.to, edge.to_precision)) {
      sum += edge.latency_ns;
    }
  }
  return sum;
}

bool CostTable::IsDisturbed() const {
  return std::any_of(rows.begin(), rows.end(), [](const CostRow& row) {
    return absl::StartsWith(row.warning, kDisturbedWarning);
  });
}

bool CostTable::IsOfABusyMachine() const {
  return std::any_of(rows.begin(), rows.end(), [](const CostRow& row) {
    return absl::StrContains(row.warning, kDisturbedWarning);
  });
}

PredictionQuality QualityOf(absl::Span<const AssignmentCost> assignments) {
  PredictionQuality quality;
  std::vector<double> predicted, measured, errors;
  for (const AssignmentCost& cost : assignments) {
    if (cost.measured_ns <= 0) continue;
    predicted.push_back(cost.predicted_ns);
    measured.push_back(cost.measured_ns);
    errors.push_back(std::abs(cost.predicted_ns / cost.measured_ns - 1));
  }
  quality.assignments = static_cast<int>(errors.size());
  if (errors.empty()) return quality;
  std::sort(errors.begin(), errors.end());
  quality.median_error = Median(errors);
  // The smallest value that at least 95 % do not exceed.
  const auto rank = static_cast<size_t>(std::ceil(0.95 * static_cast<double>(errors.size())));
  quality.p95_error = errors[rank - 1];
  quality.rank_correlation = SpearmanCorrelation(predicted, measured);
  return quality;
}

json CostTableToJson(const CostTable& table) {
  json document = {{"target", table.target},
                   {"device",
                    {{"name", table.device.name},
                     {"isa", table.device.isa},
                     {"library", table.device.library},
                     {"threads", table.device.threads},
                     {"frequency_mhz", table.device.frequency_mhz}}},
                   {"batch", table.batch},
                   {"fixed_latency_ns", table.fixed_latency_ns},
                   {"layers", json::array()},
                   {"edges", json::array()},
                   {"network", json::array()}};
  for (const CostRow& row : table.rows) document["layers"].push_back(RowToJson(row));
  for (const EdgeRow& edge : table.edges) {
    document["edges"].push_back({{"from", edge.from},
                                 {"to", edge.to},
                                 {"from_precision", edge.from_precision.ToString()},
                                 {"to_precision", edge.to_precision.ToString()},
                                 {"latency_ns", edge.latency_ns},
                                 {"energy_pj", NumberOrNull(edge.energy_pj)}});
  }
  for (const NetworkRow& row : table.network) {
    document["network"].push_back({{"precision", row.precision.ToString()},
                                   {"predicted_ns", row.predicted_ns},
                                   {"measured_ns", NumberOrNull(row.measured_ns)}});
  }
  if (!table.assignments.empty()) {
    document["assignments"] = json::array();
    for (const AssignmentCost& cost : table.assignments) {
      document["assignments"].push_back(AssignmentToJson(cost));
    }
    document["prediction"] = PredictionToJson(QualityOf(table.assignments));
  }
  if (table.roofline.has_value()) document["roofline"] = RooflineToJson(*table.roofline);
  return document;
}

absl::StatusOr<CostTable> CostTableFromJson(const json& document) {
  CostTable table;
  JsonFields fields(document, "");
  fields.Require("target");
  fields.Read("target", &table.target);
  fields.ReadFields("device", [&](JsonFields& device) { ReadDevice(device, &table.device); });
  fields.ReadInteger("batch", 0, kMaxCount, &table.batch);
  fields.ReadNonNegative("fixed_latency_ns", kMaxCost, &table.fixed_latency_ns);
  fields.ReadEachFields("layers", kMaxRows,
                        [&](JsonFields& row) { ReadRow(row, &table.rows.emplace_back()); });
  fields.ReadEachFields("edges", kMaxRows,
                        [&](JsonFields& row) { ReadEdge(row, &table.edges.emplace_back()); });
  fields.ReadEachFields("network", kMaxRows, [&](JsonFields& row) {
    ReadNetworkRow(row, &table.network.emplace_back());
  });
  fields.ReadEachFields("assignments", kMaxRows, [&](JsonFields& cost) {
    ReadAssignment(cost, &table.assignments.emplace_back());
  });
  fields.ReadFields(
      "roofline", [&](JsonFields& roofline) { ReadRoofline(roofline, &table.roofline.emplace()); });
  if (!fields.status().ok()) return Annotate(fields.status(), "cost table");
  return table;
}

}  // namespace halftone
