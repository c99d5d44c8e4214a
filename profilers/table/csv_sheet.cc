// ReadCsvSheet.
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "profilers/table/cost_sheet.h"
#include "profilers/table/csv.h"

namespace halftone {
namespace {

constexpr std::array<absl::string_view, 17> kColumns = {
    "layer",        "precision",   "latency_ns",     "mad_ns",      "energy_pj",  "cycles",
    "weight_bytes", "executed_as", "implementation", "bound",       "warning",    "to_layer",
    "to_precision", "batch",       "origin_where",   "origin_when", "origin_with"};

// The fields of one record by the names of their columns. Keeps the first error, which names the
// line and the column. An absent column reads as an empty field.
class CsvFields {
 public:
  CsvFields(const std::map<std::string, size_t>& columns, const CsvRecord& record)
      : columns_(columns), record_(record) {}

  const std::string& Text(const char* column) const {
    static const auto* const kEmpty = new std::string();
    const auto found = columns_.find(column);
    return found == columns_.end() ? *kEmpty : record_.fields[found->second];
  }
  bool Has(const char* column) const { return !Text(column).empty(); }

  std::optional<double> Cost(const char* column) {
    if (!Has(column)) return std::nullopt;
    double number = 0;
    const bool read = absl::SimpleAtod(Text(column), &number);
    if (!read || !(number >= 0 && number <= kMaxCost)) {
      Fail(column, absl::StrCat(Quoted(Text(column)), " is not a number from 0 to ", kMaxCost));
    }
    return number;
  }
  Precision ReadPrecision(const char* column) {
    const absl::StatusOr<Precision> precision = Precision::Parse(Text(column));
    if (precision.ok()) return *precision;
    Fail(column, precision.status().message());
    return Precision();
  }
  void Require(const char* column) {
    if (!Has(column)) Fail(column, "is missing");
  }
  // Only `columns` may have text.
  void RefuseOthers(std::initializer_list<absl::string_view> columns, absl::string_view what) {
    for (const auto& [column, index] : columns_) {
      const bool allowed = std::find(columns.begin(), columns.end(), column) != columns.end();
      if (!allowed && Has(column.c_str())) {
        return Fail(column.c_str(), absl::StrCat("has no meaning for ", what));
      }
    }
  }
  void Fail(const char* column, absl::string_view problem) {
    if (!status_.ok()) return;
    status_ = absl::InvalidArgumentError(
        absl::StrCat("line ", record_.line, ", column '", column, "': ", problem));
  }

  std::string place() const { return absl::StrCat("line ", record_.line); }
  const absl::Status& status() const { return status_; }

 private:
  const std::map<std::string, size_t>& columns_;
  const CsvRecord& record_;
  absl::Status status_;
};

absl::StatusOr<std::map<std::string, size_t>> ReadHeader(const CsvRecord& header) {
  std::map<std::string, size_t> columns;
  for (size_t i = 0; i < header.fields.size(); ++i) {
    const std::string& name = header.fields[i];
    if (std::find(kColumns.begin(), kColumns.end(), name) == kColumns.end()) {
      return absl::InvalidArgumentError(absl::StrCat("line ", header.line, ": there is no column ",
                                                     Quoted(name), "; there are ",
                                                     absl::StrJoin(kColumns, ", ")));
    }
    if (!columns.emplace(name, i).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", header.line, ": column ", Quoted(name), " is there twice"));
    }
  }
  for (const char* name : {"layer", "precision", "latency_ns"}) {
    if (columns.count(name) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", header.line, ": column '", name, "' is missing"));
    }
  }
  return columns;
}

CostSheet::Row ReadRow(CsvFields& fields) {
  CostSheet::Row row;
  CostRow& cost = row.cost;
  fields.Require("latency_ns");
  cost.layer = fields.Text("layer");
  cost.precision = fields.ReadPrecision("precision");
  cost.executed_as =
      fields.Has("executed_as") ? fields.ReadPrecision("executed_as") : cost.precision;
  cost.latency_ns = fields.Cost("latency_ns").value_or(0);
  cost.mad_ns = fields.Cost("mad_ns").value_or(0);
  cost.energy_pj = fields.Cost("energy_pj");
  cost.cycles = fields.Cost("cycles");
  row.has_weight_bytes = fields.Has("weight_bytes");
  cost.weight_bytes = fields.Cost("weight_bytes").value_or(0);
  cost.implementation = fields.Text("implementation");
  cost.bound = fields.Text("bound");
  cost.warning = fields.Text("warning");
  cost.provenance = Provenance::kTable;
  cost.origin = {fields.Text("origin_where"), fields.Text("origin_when"),
                 fields.Text("origin_with")};
  const absl::Status time = ParseUtc(cost.origin.when).status();
  if (!cost.origin.when.empty() && !time.ok()) fields.Fail("origin_when", time.message());
  row.place = fields.place();
  return row;
}

CostSheet::Edge ReadEdge(CsvFields& fields) {
  fields.Require("latency_ns");
  fields.RefuseOthers(
      {"layer", "precision", "to_layer", "to_precision", "latency_ns", "energy_pj", "batch"},
      "a change of precision");
  CostSheet::Edge edge;
  edge.cost.from = fields.Text("layer");
  edge.cost.from_precision = fields.ReadPrecision("precision");
  edge.cost.to = fields.Text("to_layer");
  edge.cost.to_precision = fields.ReadPrecision("to_precision");
  edge.cost.latency_ns = fields.Cost("latency_ns").value_or(0);
  edge.cost.energy_pj = fields.Cost("energy_pj");
  edge.place = fields.place();
  return edge;
}

// The row without a layer: the network's fixed time.
void ReadFixed(CsvFields& fields, std::string& place, CostSheet& sheet) {
  fields.Require("latency_ns");
  fields.RefuseOthers({"latency_ns", "batch"}, "the fixed time (the row without a layer)");
  if (!place.empty())
    fields.Fail("layer", absl::StrCat("the fixed time has a row already: ", place));
  place = fields.place();
  sheet.fixed_latency_ns = fields.Cost("latency_ns").value_or(0);
}

// All rows that name a batch name the same one.
void ReadBatch(CsvFields& fields, bool& known, CostSheet& sheet) {
  if (!fields.Has("batch")) return;
  int batch = 0;
  if (!absl::SimpleAtoi(fields.Text("batch"), &batch) || batch < 1) {
    return fields.Fail("batch", "is not a positive integer");
  }
  if (known && batch != sheet.batch) {
    return fields.Fail("batch",
                       absl::StrCat(batch, " differs from the rows before it: ", sheet.batch));
  }
  known = true;
  sheet.batch = batch;
}

}  // namespace

absl::StatusOr<CostSheet> ReadCsvSheet(absl::string_view text) {
  HT_ASSIGN_OR_RETURN(const std::vector<CsvRecord> records, ParseCsv(text, kMaxSheetRows));
  if (records.empty()) return absl::InvalidArgumentError("the file is empty: it needs a header");
  HT_ASSIGN_OR_RETURN(const auto columns, ReadHeader(records[0]));
  CostSheet sheet;
  std::string fixed_place;
  bool batch_known = false;
  for (size_t i = 1; i < records.size(); ++i) {
    CsvFields fields(columns, records[i]);
    ReadBatch(fields, batch_known, sheet);
    if (fields.Has("to_layer") || fields.Has("to_precision")) {
      sheet.edges.push_back(ReadEdge(fields));
    } else if (fields.Has("layer") || fields.Has("precision")) {
      sheet.rows.push_back(ReadRow(fields));
    } else {
      ReadFixed(fields, fixed_place, sheet);
    }
    HT_RETURN_IF_ERROR(fields.status());
  }
  HT_RETURN_IF_ERROR(CheckSheet(sheet));
  return sheet;
}

}  // namespace halftone
