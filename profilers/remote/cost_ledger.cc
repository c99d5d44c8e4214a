#include "profilers/remote/cost_ledger.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "nn/quant/weight_bytes.h"

namespace halftone {
namespace {

using nlohmann::json;

constexpr size_t kMaxTextBytes = 1024;
constexpr size_t kMaxNamedRows = 5;

absl::Status CheckCost(absl::string_view field, double value) {
  if (std::isfinite(value) && value >= 0 && value <= kMaxCost) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      field, " is ", value, ": a cost must be finite, not negative and at most ", kMaxCost));
}

absl::Status CheckText(absl::string_view field, const std::string& text) {
  if (text.size() <= kMaxTextBytes) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(field, " has ", text.size(), " bytes, the limit is ", kMaxTextBytes));
}

// Costs that a device may know, read from `message` into `row`.
absl::Status ReadOptionalCosts(const v1::LayerCost& message, CostRow& row) {
  const auto read = [](absl::string_view field, bool has, double value,
                       std::optional<double>& out) {
    if (has) out = value;
    return CheckCost(field, has ? value : 0);
  };
  HT_RETURN_IF_ERROR(
      read("energy_pj", message.has_energy_pj(), message.energy_pj(), row.energy_pj));
  HT_RETURN_IF_ERROR(read("cycles", message.has_cycles(), message.cycles(), row.cycles));
  HT_RETURN_IF_ERROR(
      read("utilization", message.has_utilization(), message.utilization(), row.utilization));
  HT_RETURN_IF_ERROR(
      read("operations", message.has_operations(), message.operations(), row.operations));
  HT_RETURN_IF_ERROR(
      read("memory_bytes", message.has_memory_bytes(), message.memory_bytes(), row.memory_bytes));
  if (!message.has_energy()) return absl::OkStatus();
  const v1::EnergySplit& energy = message.energy();
  for (const double part : {energy.arithmetic_pj(), energy.buffer_pj(), energy.dram_pj()}) {
    HT_RETURN_IF_ERROR(CheckCost("energy", part));
  }
  row.energy = EnergySplit{energy.arithmetic_pj(), energy.buffer_pj(), energy.dram_pj()};
  return absl::OkStatus();
}

// As text of bounded length, for errors.

std::set<Precision> SetOf(const std::vector<Precision>& precisions) {
  return {precisions.begin(), precisions.end()};
}

}  // namespace

void CostLedger::BeginStream() {
  stream_edges_.clear();
  stream_network_.clear();
}

absl::Status CostLedger::CheckLayer(const std::string& name) const {
  if (request_->layers->Find(name) != nullptr) return absl::OkStatus();
  return absl::DataLossError("there is no such layer in the model");
}

absl::StatusOr<Precision> CostLedger::AskedPrecision(const std::string& text) const {
  const absl::StatusOr<Precision> precision = Precision::Parse(text.substr(0, kMaxTextBytes));
  if (!precision.ok()) return absl::DataLossError(precision.status().message());
  const std::vector<Precision>& asked = request_->precisions;
  if (std::find(asked.begin(), asked.end(), *precision) == asked.end()) {
    return absl::DataLossError("the precision was not asked for");
  }
  return precision;
}

absl::Status CostLedger::AddRow(const v1::LayerCost& message, const Origin& origin) {
  HT_RETURN_IF_ERROR(CheckLayer(message.layer()));
  CostRow row;
  row.layer = message.layer();
  HT_ASSIGN_OR_RETURN(row.precision, AskedPrecision(message.precision()));
  if (rows_.count({row.layer, row.precision}) > 0) {
    return absl::DataLossError("the row came before");
  }
  row.executed_as = row.precision;
  if (!message.executed_as().empty()) {
    const absl::StatusOr<Precision> executed =
        Precision::Parse(message.executed_as().substr(0, kMaxTextBytes));
    if (!executed.ok()) {
      return absl::DataLossError(absl::StrCat("executed_as: ", executed.status().message()));
    }
    row.executed_as = *executed;
  }
  row.latency_ns = message.latency_ns();
  HT_RETURN_IF_ERROR(CheckCost("latency_ns", row.latency_ns));
  row.mad_ns = message.latency_mad_ns();
  HT_RETURN_IF_ERROR(CheckCost("latency_mad_ns", row.mad_ns));
  HT_RETURN_IF_ERROR(ReadOptionalCosts(message, row));
  row.weight_bytes = message.has_weight_bytes()
                         ? message.weight_bytes()
                         : PackedWeightBytes(*request_->layers->Find(row.layer), row.precision);
  HT_RETURN_IF_ERROR(CheckCost("weight_bytes", row.weight_bytes));
  HT_RETURN_IF_ERROR(CheckText("implementation", message.implementation()));
  HT_RETURN_IF_ERROR(CheckText("warning", message.warning()));
  HT_RETURN_IF_ERROR(CheckText("bound", message.bound()));
  row.implementation = message.implementation().empty() ? "not told" : message.implementation();
  row.warning = message.warning();
  row.bound = message.bound();
  row.provenance = Provenance::kRemote;
  row.origin = origin;
  rows_.emplace(RowKey(row.layer, row.precision), std::move(row));
  return absl::OkStatus();
}

absl::Status CostLedger::AddEdge(const v1::EdgeCost& message) {
  HT_RETURN_IF_ERROR(CheckLayer(message.from_layer()));
  HT_RETURN_IF_ERROR(CheckLayer(message.to_layer()));
  EdgeRow edge;
  edge.from = message.from_layer();
  edge.to = message.to_layer();
  HT_ASSIGN_OR_RETURN(edge.from_precision, AskedPrecision(message.from_precision()));
  HT_ASSIGN_OR_RETURN(edge.to_precision, AskedPrecision(message.to_precision()));
  edge.latency_ns = message.latency_ns();
  HT_RETURN_IF_ERROR(CheckCost("latency_ns", edge.latency_ns));
  if (message.has_energy_pj()) edge.energy_pj = message.energy_pj();
  HT_RETURN_IF_ERROR(CheckCost("energy_pj", edge.energy_pj.value_or(0)));
  const EdgeKey key(edge.from, edge.to, edge.from_precision, edge.to_precision);
  if (!stream_edges_.insert(key).second) return absl::DataLossError("the edge came before");
  edges_[key] = std::move(edge);
  return absl::OkStatus();
}

absl::Status CostLedger::AddNetwork(const v1::NetworkCost& message) {
  HT_ASSIGN_OR_RETURN(const Precision precision, AskedPrecision(message.precision()));
  HT_RETURN_IF_ERROR(CheckCost("measured_ns", message.measured_ns()));
  if (!stream_network_.insert(precision).second) return absl::DataLossError("it came before");
  measured_[precision] = message.measured_ns();
  return absl::OkStatus();
}

absl::Status CostLedger::Add(const v1::ProfileResponse& response, const Origin& origin) {
  for (const v1::LayerCost& row : response.layers()) {
    HT_RETURN_IF_ERROR(Annotate(
        AddRow(row, origin),
        absl::StrCat("row of layer ", Quoted(row.layer()), " in ", Quoted(row.precision()))));
  }
  for (const v1::EdgeCost& edge : response.edges()) {
    HT_RETURN_IF_ERROR(Annotate(
        AddEdge(edge), absl::StrCat("edge from layer ", Quoted(edge.from_layer()), " in ",
                                    Quoted(edge.from_precision()), " to ", Quoted(edge.to_layer()),
                                    " in ", Quoted(edge.to_precision()))));
  }
  for (const v1::NetworkCost& network : response.network()) {
    HT_RETURN_IF_ERROR(Annotate(AddNetwork(network),
                                absl::StrCat("the network in ", Quoted(network.precision()))));
  }
  return absl::OkStatus();
}

absl::Status CostLedger::EndStream(double fixed_latency_ns) {
  HT_RETURN_IF_ERROR(CheckCost("fixed_latency_ns", fixed_latency_ns));
  std::string missing;
  size_t count = 0;
  for (const Layer& layer : request_->layers->layers) {
    for (const Precision& precision : request_->precisions) {
      if (rows_.count({layer.name, precision}) > 0) continue;
      if (++count <= kMaxNamedRows) {
        absl::StrAppend(&missing, count > 1 ? ", " : "", Quoted(layer.name), " in ",
                        precision.ToString());
      }
    }
  }
  if (count > 0) {
    return absl::DataLossError(absl::StrCat(count, " of ", wanted(),
                                            " rows are missing at the end of the answer: layer ",
                                            missing, count > kMaxNamedRows ? " and others" : ""));
  }
  fixed_latency_ns_ = fixed_latency_ns;
  finished_.insert(SetOf(request_->precisions));
  return absl::OkStatus();
}

bool CostLedger::IsComplete() const {
  if (Known().size() < wanted()) return false;
  const std::set<Precision> asked = SetOf(request_->precisions);
  return std::any_of(finished_.begin(), finished_.end(), [&](const std::set<Precision>& among) {
    return std::includes(among.begin(), among.end(), asked.begin(), asked.end());
  });
}

std::vector<std::pair<std::string, Precision>> CostLedger::Known() const {
  std::vector<std::pair<std::string, Precision>> known;
  for (const Layer& layer : request_->layers->layers) {
    for (const Precision& precision : request_->precisions) {
      if (rows_.count({layer.name, precision}) > 0) known.emplace_back(layer.name, precision);
    }
  }
  return known;
}

bool CostLedger::IsDisturbed() const {
  return std::any_of(rows_.begin(), rows_.end(), [](const auto& row) {
    return absl::StartsWith(row.second.warning, kDisturbedWarning);
  });
}

CostTable CostLedger::ToTable(std::string target, DeviceInfo device) const {
  CostTable table;
  table.target = std::move(target);
  table.device = std::move(device);
  table.batch = request_->batch;
  table.fixed_latency_ns = fixed_latency_ns_;
  std::map<Precision, double> sums;
  for (const RowKey& key : Known()) {
    table.rows.push_back(rows_.at(key));
    sums[key.second] += table.rows.back().latency_ns;
  }
  const std::set<Precision> asked = SetOf(request_->precisions);
  for (const auto& [key, edge] : edges_) {
    if (asked.count(edge.from_precision) == 0 || asked.count(edge.to_precision) == 0) continue;
    table.edges.push_back(edge);
    if (edge.from_precision == edge.to_precision) sums[edge.from_precision] += edge.latency_ns;
  }
  for (const Precision& precision : request_->precisions) {
    NetworkRow row;
    row.precision = precision;
    row.predicted_ns = sums[precision] + fixed_latency_ns_;
    const auto measured = measured_.find(precision);
    if (measured != measured_.end()) row.measured_ns = measured->second;
    table.network.push_back(row);
  }
  return table;
}

std::string CostLedger::Serialize() const {
  CostTable table;
  table.fixed_latency_ns = fixed_latency_ns_;
  for (const auto& [key, row] : rows_) table.rows.push_back(row);
  for (const auto& [key, edge] : edges_) table.edges.push_back(edge);
  for (const auto& [precision, time] : measured_) table.network.push_back({precision, 0, time});
  json finished = json::array();
  for (const std::set<Precision>& among : finished_) {
    json names = json::array();
    for (const Precision& precision : among) names.push_back(precision.ToString());
    finished.push_back(std::move(names));
  }
  const json document = {{"table", CostTableToJson(table)}, {"finished", std::move(finished)}};
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

void CostLedger::Restore(const std::string& text) {
  const json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object() || !document.contains("table")) return;
  const absl::StatusOr<CostTable> table = CostTableFromJson(document["table"]);
  if (!table.ok()) return;
  for (const CostRow& row : table->rows) {
    if (request_->layers->Find(row.layer) != nullptr) rows_[{row.layer, row.precision}] = row;
  }
  for (const EdgeRow& edge : table->edges) {
    edges_[EdgeKey(edge.from, edge.to, edge.from_precision, edge.to_precision)] = edge;
  }
  for (const NetworkRow& row : table->network) {
    if (row.measured_ns) measured_[row.precision] = *row.measured_ns;
  }
  fixed_latency_ns_ = table->fixed_latency_ns;
  const auto finished = document.find("finished");
  if (finished == document.end() || !finished->is_array()) return;
  for (const json& names : *finished) {
    std::set<Precision> among;
    for (const json& name : names) {
      const auto precision = Precision::Parse(name.is_string() ? name.get<std::string>() : "");
      if (precision.ok()) among.insert(*precision);
    }
    finished_.insert(std::move(among));
  }
}

}  // namespace halftone
