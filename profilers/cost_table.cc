#include "profilers/cost_table.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;

constexpr Provenance kProvenances[] = {Provenance::kMeasured, Provenance::kSimulated,
                                       Provenance::kTable, Provenance::kRemote};
constexpr char kUtcFormat[] = "%Y-%m-%dT%H:%M:%SZ";
// Rows, edges and network rows together.
constexpr size_t kMaxRows = 4'000'000;

json NumberOrNull(const std::optional<double>& value) {
  return value.has_value() ? json(*value) : json(nullptr);
}

json OriginToJson(const Origin& origin) {
  return {{"where", origin.where}, {"when", origin.when}, {"with", origin.with}};
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
  if (!row.warning.empty()) document["warning"] = row.warning;
  return document;
}

// Reads the fields of one JSON object; errors name `path` and the field.
class Reader {
 public:
  static absl::StatusOr<Reader> Of(const json& object, const std::string& path) {
    if (!object.is_object()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": must be an object"));
    }
    return Reader(object, path);
  }

  absl::StatusOr<std::string> String(const char* name, bool required = true) const {
    const json* value = Find(name);
    if (value == nullptr && !required) return std::string();
    if (value == nullptr) return Wrong(name, "is missing");
    if (!value->is_string()) return Wrong(name, "must be a string");
    return value->get<std::string>();
  }

  // Of an object in a field; absent or null reads as an empty one.
  absl::StatusOr<Reader> Object(const char* name) const {
    static const json* const kEmpty = new json(json::object());
    const json* value = Find(name);
    return Of(value == nullptr ? *kEmpty : *value, Path(name));
  }

  absl::StatusOr<Precision> ReadPrecision(const char* name) const {
    HT_ASSIGN_OR_RETURN(const std::string text, String(name));
    absl::StatusOr<Precision> precision = Precision::Parse(text);
    if (!precision.ok()) return Wrong(name, precision.status().message());
    return precision;
  }

  absl::StatusOr<double> Number(const char* name) const {
    HT_ASSIGN_OR_RETURN(const std::optional<double> value, OptionalNumber(name));
    if (!value.has_value()) return Wrong(name, "is missing");
    return *value;
  }

  absl::StatusOr<std::optional<double>> OptionalNumber(const char* name) const {
    const json* value = Find(name);
    if (value == nullptr) return std::optional<double>();
    if (!value->is_number()) return Wrong(name, "must be a number");
    const double number = value->get<double>();
    if (!std::isfinite(number) || number < 0) {
      return Wrong(name, "must be a finite number that is not negative");
    }
    return std::optional<double>(number);
  }

  absl::StatusOr<int> Integer(const char* name, int fallback) const {
    const json* value = Find(name);
    if (value == nullptr) return fallback;
    if (!value->is_number_integer()) return Wrong(name, "must be an integer");
    const int64_t number = value->get<int64_t>();
    if (number < 0 || number > 1'000'000'000) return Wrong(name, "is out of range");
    return static_cast<int>(number);
  }

  // Calls `read` with a Reader for each element of an array; an absent one has none.
  template <typename Read>
  absl::Status ForEach(const char* name, Read read) const {
    const json* array = Find(name);
    if (array == nullptr) return absl::OkStatus();
    if (!array->is_array()) return Wrong(name, "must be an array");
    if (array->size() > kMaxRows) return Wrong(name, "has too many rows");
    for (size_t i = 0; i < array->size(); ++i) {
      HT_ASSIGN_OR_RETURN(const Reader row, Of((*array)[i], absl::StrCat(Path(name), "[", i, "]")));
      HT_RETURN_IF_ERROR(read(row));
    }
    return absl::OkStatus();
  }

  absl::Status Wrong(const char* name, absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(Path(name), ": ", what));
  }

 private:
  Reader(const json& object, std::string path) : object_(&object), path_(std::move(path)) {}

  // Null where the field is absent or null.
  const json* Find(const char* name) const {
    const auto found = object_->find(name);
    return found == object_->end() || found->is_null() ? nullptr : &*found;
  }
  std::string Path(const char* name) const { return absl::StrCat(path_, ".", name); }

  const json* object_;
  std::string path_;
};

absl::StatusOr<Provenance> ReadProvenance(const Reader& reader) {
  HT_ASSIGN_OR_RETURN(const std::string text, reader.String("provenance"));
  for (Provenance provenance : kProvenances) {
    if (text == ProvenanceName(provenance)) return provenance;
  }
  return reader.Wrong("provenance", absl::StrCat("'", text, "' is unknown"));
}

absl::StatusOr<Origin> ReadOrigin(const Reader& row) {
  Origin origin;
  HT_ASSIGN_OR_RETURN(const Reader reader, row.Object("origin"));
  HT_ASSIGN_OR_RETURN(origin.where, reader.String("where", false));
  HT_ASSIGN_OR_RETURN(origin.when, reader.String("when", false));
  HT_ASSIGN_OR_RETURN(origin.with, reader.String("with", false));
  const absl::Status time = origin.when.empty() ? absl::OkStatus() : ParseUtc(origin.when).status();
  if (!time.ok()) return reader.Wrong("when", time.message());
  return origin;
}

absl::StatusOr<CostRow> ReadRow(const Reader& reader) {
  CostRow row;
  HT_ASSIGN_OR_RETURN(row.layer, reader.String("name"));
  HT_ASSIGN_OR_RETURN(row.precision, reader.ReadPrecision("precision"));
  HT_ASSIGN_OR_RETURN(row.executed_as, reader.ReadPrecision("executed_as"));
  HT_ASSIGN_OR_RETURN(row.latency_ns, reader.Number("latency_ns"));
  HT_ASSIGN_OR_RETURN(const std::optional<double> mad, reader.OptionalNumber("mad_ns"));
  row.mad_ns = mad.value_or(0);
  HT_ASSIGN_OR_RETURN(row.energy_pj, reader.OptionalNumber("energy_pj"));
  HT_ASSIGN_OR_RETURN(row.cycles, reader.OptionalNumber("cycles"));
  HT_ASSIGN_OR_RETURN(row.weight_bytes, reader.Number("weight_bytes"));
  HT_ASSIGN_OR_RETURN(row.implementation, reader.String("implementation", false));
  HT_ASSIGN_OR_RETURN(row.bound, reader.String("bound", false));
  HT_ASSIGN_OR_RETURN(row.warning, reader.String("warning", false));
  HT_ASSIGN_OR_RETURN(row.provenance, ReadProvenance(reader));
  HT_ASSIGN_OR_RETURN(row.origin, ReadOrigin(reader));
  return row;
}

absl::StatusOr<EdgeRow> ReadEdge(const Reader& reader) {
  EdgeRow edge;
  HT_ASSIGN_OR_RETURN(edge.from, reader.String("from"));
  HT_ASSIGN_OR_RETURN(edge.to, reader.String("to"));
  HT_ASSIGN_OR_RETURN(edge.from_precision, reader.ReadPrecision("from_precision"));
  HT_ASSIGN_OR_RETURN(edge.to_precision, reader.ReadPrecision("to_precision"));
  HT_ASSIGN_OR_RETURN(edge.latency_ns, reader.Number("latency_ns"));
  HT_ASSIGN_OR_RETURN(edge.energy_pj, reader.OptionalNumber("energy_pj"));
  return edge;
}

absl::StatusOr<NetworkRow> ReadNetworkRow(const Reader& reader) {
  NetworkRow row;
  HT_ASSIGN_OR_RETURN(row.precision, reader.ReadPrecision("precision"));
  HT_ASSIGN_OR_RETURN(row.predicted_ns, reader.Number("predicted_ns"));
  HT_ASSIGN_OR_RETURN(row.measured_ns, reader.OptionalNumber("measured_ns"));
  return row;
}

absl::Status ReadDevice(const Reader& table, DeviceInfo& device) {
  HT_ASSIGN_OR_RETURN(const Reader reader, table.Object("device"));
  HT_ASSIGN_OR_RETURN(device.name, reader.String("name", false));
  HT_ASSIGN_OR_RETURN(device.isa, reader.String("isa", false));
  HT_ASSIGN_OR_RETURN(device.library, reader.String("library", false));
  HT_ASSIGN_OR_RETURN(device.threads, reader.Integer("threads", 0));
  return absl::OkStatus();
}

}  // namespace

absl::string_view ProvenanceName(Provenance provenance) {
  switch (provenance) {
    case Provenance::kMeasured:
      return "measured";
    case Provenance::kSimulated:
      return "simulated";
    case Provenance::kTable:
      return "table";
    case Provenance::kRemote:
      return "remote";
  }
  return "";
}

std::string FormatUtc(absl::Time time) {
  return absl::FormatTime(kUtcFormat, time, absl::UTCTimeZone());
}

absl::StatusOr<absl::Time> ParseUtc(absl::string_view text) {
  absl::Time time;
  if (text.size() <= 64 && absl::ParseTime(kUtcFormat, text, &time, nullptr)) return time;
  return absl::InvalidArgumentError(
      absl::StrCat("'", text.substr(0, 64), "' is no time such as 2026-11-23T01:22:38Z"));
}

const CostRow* CostTable::Find(absl::string_view layer, const Precision& precision) const {
  for (const CostRow& row : rows) {
    if (row.layer == layer && row.precision == precision) return &row;
  }
  return nullptr;
}

json CostTableToJson(const CostTable& table) {
  json document = {{"target", table.target},
                   {"device",
                    {{"name", table.device.name},
                     {"isa", table.device.isa},
                     {"library", table.device.library},
                     {"threads", table.device.threads}}},
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
  return document;
}

absl::StatusOr<CostTable> CostTableFromJson(const json& document) {
  CostTable table;
  HT_ASSIGN_OR_RETURN(const Reader reader, Reader::Of(document, "cost table"));
  HT_ASSIGN_OR_RETURN(table.target, reader.String("target"));
  HT_RETURN_IF_ERROR(ReadDevice(reader, table.device));
  HT_ASSIGN_OR_RETURN(table.batch, reader.Integer("batch", 1));
  HT_ASSIGN_OR_RETURN(const std::optional<double> fixed, reader.OptionalNumber("fixed_latency_ns"));
  table.fixed_latency_ns = fixed.value_or(0);
  HT_RETURN_IF_ERROR(reader.ForEach("layers", [&](const Reader& row) {
    HT_ASSIGN_OR_RETURN(table.rows.emplace_back(), ReadRow(row));
    return absl::OkStatus();
  }));
  HT_RETURN_IF_ERROR(reader.ForEach("edges", [&](const Reader& row) {
    HT_ASSIGN_OR_RETURN(table.edges.emplace_back(), ReadEdge(row));
    return absl::OkStatus();
  }));
  HT_RETURN_IF_ERROR(reader.ForEach("network", [&](const Reader& row) {
    HT_ASSIGN_OR_RETURN(table.network.emplace_back(), ReadNetworkRow(row));
    return absl::OkStatus();
  }));
  return table;
}

}  // namespace halftone
