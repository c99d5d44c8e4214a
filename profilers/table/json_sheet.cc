// ReadJsonSheet.
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/bounded_json.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "profilers/table/cost_sheet.h"

namespace halftone {
namespace {

using nlohmann::json;

// Gives the fields that a table may leave out the values that they have then; false in
// `has_weight_bytes` for each row that did not say.
void FillIn(json& document, std::vector<bool>& has_weight_bytes) {
  if (!document.contains("target")) document["target"] = "table";
  const auto layers = document.find("layers");
  if (layers == document.end() || !layers->is_array()) return;
  for (json& row : *layers) {
    has_weight_bytes.push_back(row.is_object() && row.contains("weight_bytes"));
    if (!row.is_object()) continue;
    if (!row.contains("weight_bytes")) row["weight_bytes"] = 0;
    if (!row.contains("executed_as") && row.contains("precision")) {
      row["executed_as"] = row["precision"];
    }
    if (!row.contains("provenance")) row["provenance"] = ProvenanceName(Provenance::kTable);
  }
}

// What is read and written again must be all there: a field that got lost on the way is not one of
// a cost table, and most likely misspelt.
absl::Status RefuseUnknown(const json& read, const json& understood, const std::string& path) {
  if (read.is_array() && understood.is_array() && read.size() == understood.size()) {
    for (size_t i = 0; i < read.size(); ++i) {
      HT_RETURN_IF_ERROR(RefuseUnknown(read[i], understood[i], absl::StrCat(path, "[", i, "]")));
    }
  }
  if (!read.is_object()) return absl::OkStatus();
  for (const auto& [name, value] : read.items()) {
    if (value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty()))
      continue;
    const std::string field = path.empty() ? name : absl::StrCat(path, ".", name);
    if (!understood.contains(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("field ", Quoted(field), " is not a known field"));
    }
    HT_RETURN_IF_ERROR(RefuseUnknown(value, understood[name], field));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CostSheet> ReadJsonSheet(absl::string_view text) {
  HT_ASSIGN_OR_RETURN(json document, ParseBoundedJson(text));
  if (!document.is_object()) return absl::InvalidArgumentError("must be a JSON object");
  std::vector<bool> has_weight_bytes;
  FillIn(document, has_weight_bytes);
  HT_ASSIGN_OR_RETURN(CostTable table, CostTableFromJson(document));
  HT_RETURN_IF_ERROR(RefuseUnknown(document, CostTableToJson(table), ""));
  if (table.rows.size() > kMaxSheetRows || table.edges.size() > kMaxSheetRows) {
    return absl::InvalidArgumentError(absl::StrCat("has more than ", kMaxSheetRows, " rows"));
  }
  CostSheet sheet;
  sheet.device = table.device;
  sheet.batch = table.batch;
  sheet.fixed_latency_ns = table.fixed_latency_ns;
  for (size_t i = 0; i < table.rows.size(); ++i) {
    sheet.rows.push_back(
        {std::move(table.rows[i]), has_weight_bytes[i], absl::StrCat("layers[", i, "]")});
  }
  for (size_t i = 0; i < table.edges.size(); ++i) {
    sheet.edges.push_back({std::move(table.edges[i]), absl::StrCat("edges[", i, "]")});
  }
  for (const NetworkRow& row : table.network) {
    if (row.measured_ns.has_value()) sheet.measured_ns[row.precision] = *row.measured_ns;
  }
  HT_RETURN_IF_ERROR(CheckSheet(sheet));
  return sheet;
}

}  // namespace halftone
