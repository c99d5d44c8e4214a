#include "profilers/table/table_profiler.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "nn/quant/weight_bytes.h"
#include "profilers/table/cost_sheet.h"

namespace halftone {
namespace {

// Of a list in an error.
constexpr size_t kMostNamed = 12;

std::string Listed(const std::vector<std::string>& items) {
  const size_t named = std::min(items.size(), kMostNamed);
  std::string text =
      absl::StrJoin(items.begin(), items.begin() + static_cast<int64_t>(named), "; ");
  if (named < items.size()) absl::StrAppend(&text, "; and ", items.size() - named, " more");
  return text;
}

class TableProfiler final : public CostProfiler {
 public:
  TableProfiler(const TargetFile& file, CostSheet sheet)
      : name_(file.name), time_(FormatUtc(file.time)), sheet_(std::move(sheet)) {
    for (size_t i = 0; i < sheet_.rows.size(); ++i) {
      const CostRow& cost = sheet_.rows[i].cost;
      row_of_[{cost.layer, cost.precision}] = i;
      precisions_.insert(cost.precision);
    }
  }

  std::string target() const override { return name_; }

  DeviceInfo Describe() const override {
    DeviceInfo device = sheet_.device;
    if (device.name.empty()) device.name = name_;
    if (device.isa.empty()) device.isa = "cost table";
    if (device.library.empty()) device.library = absl::StrCat(sheet_.rows.size(), " rows");
    return device;
  }

  bool Supports(const Precision& precision) const override {
    return precisions_.count(precision) > 0;
  }

  std::vector<Precision> Precisions() const override {
    return {precisions_.begin(), precisions_.end()};
  }

  bool TellsEnergy() const override {
    return std::any_of(sheet_.rows.begin(), sheet_.rows.end(),
                       [](const auto& row) { return row.cost.energy.has_value(); });
  }

  absl::Status CheckRequest(const ProfileRequest& request) const override {
    if (request.layers == nullptr || request.precisions.empty()) {
      return Wrong("a profile needs a network and at least one precision");
    }
    for (const Precision& precision : request.precisions) {
      if (!Supports(precision)) {
        return absl::UnimplementedError(absl::StrCat("table '", name_, "' has no costs for ",
                                                     precision.ToString(), ", only for ",
                                                     PrecisionNames()));
      }
    }
    if (request.batch != sheet_.batch) {
      return Wrong(absl::StrCat("its costs are for batch ", sheet_.batch, ", not ", request.batch));
    }
    HT_RETURN_IF_ERROR(CheckLayers(*request.layers));
    return CheckCoverage(request);
  }

  absl::StatusOr<CostTable> Profile(const ProfileRequest& request,
                                    const Progress& progress) override {
    HT_RETURN_IF_ERROR(progress.Step(0));
    HT_RETURN_IF_ERROR(CheckRequest(request));
    CostTable table;
    table.target = name_;
    table.device = Describe();
    table.batch = sheet_.batch;
    table.fixed_latency_ns = sheet_.fixed_latency_ns;
    for (const Precision& precision : request.precisions) {
      for (const Layer& layer : request.layers->layers) {
        table.rows.push_back(MakeRow(layer, sheet_.rows[row_of_.at({layer.name, precision})]));
      }
    }
    AddEdges(request, table);
    AddNetworkRows(request, table);
    HT_RETURN_IF_ERROR(progress.Step(1));
    return table;
  }

 private:
  // Costs of layers that the network does not have are those of another network.
  absl::Status CheckLayers(const LayerSet& layers) const {
    std::set<std::string> known;
    for (const Layer& layer : layers.layers) known.insert(layer.name);
    std::vector<std::string> unknown;
    const auto check = [&](const std::string& layer, const std::string& place) {
      if (known.count(layer) == 0) unknown.push_back(absl::StrCat("'", layer, "' (", place, ")"));
    };
    for (const CostSheet::Row& row : sheet_.rows) check(row.cost.layer, row.place);
    for (const CostSheet::Edge& edge : sheet_.edges) {
      check(edge.cost.from, edge.place);
      check(edge.cost.to, edge.place);
    }
    if (unknown.empty()) return absl::OkStatus();
    return Wrong(absl::StrCat("the network has no such layer: ", Listed(unknown)));
  }

  absl::Status CheckCoverage(const ProfileRequest& request) const {
    std::vector<std::string> missing;
    for (const Layer& layer : request.layers->layers) {
      for (const Precision& precision : request.precisions) {
        if (row_of_.count({layer.name, precision}) > 0) continue;
        missing.push_back(absl::StrCat("'", layer.name, "' in ", precision.ToString()));
      }
    }
    if (missing.empty()) return absl::OkStatus();
    return Wrong(absl::StrCat("it lacks ", missing.size(), " of the ",
                              request.layers->layers.size() * request.precisions.size(),
                              " rows that this network needs: ", Listed(missing)));
  }

  absl::Status Wrong(absl::string_view problem) const {
    return absl::InvalidArgumentError(absl::StrCat("table '", name_, "': ", problem));
  }

  std::string PrecisionNames() const {
    return absl::StrJoin(precisions_, ", ", [](std::string* out, const Precision& precision) {
      out->append(precision.ToString());
    });
  }

  CostRow MakeRow(const Layer& layer, const CostSheet::Row& row) const {
    CostRow cost = row.cost;
    if (!row.has_weight_bytes) cost.weight_bytes = PackedWeightBytes(layer, cost.precision);
    if (cost.implementation.empty()) cost.implementation = "as the table says";
    cost.origin = {absl::StrCat(name_, ", ", row.place),
                   cost.origin.when.empty() ? time_ : cost.origin.when, OriginalOrigin(row.cost)};
    cost.provenance = Provenance::kTable;
    cost.warning = WarningOf(row.cost);
    return cost;
  }

  // What was measured while the machine was busy stays so: a table measures nothing again.
  static std::string WarningOf(const CostRow& cost) {
    absl::string_view warning = cost.warning;
    if (!absl::StartsWith(warning, kDisturbedWarning)) return cost.warning;
    absl::ConsumeSuffix(&warning, kMeasuredAgain);
    return absl::StrCat("measured while ", warning);
  }

  // Where the file has its figures from, in words.
  static std::string OriginalOrigin(const CostRow& cost) {
    const Origin& origin = cost.origin;
    if (origin.where.empty() && origin.with.empty()) return "cost table";
    return absl::StrCat(
        "cost table; ",
        cost.provenance == Provenance::kTable ? "" : ProvenanceName(cost.provenance),
        origin.where.empty() ? "" : absl::StrCat(" on ", origin.where),
        origin.with.empty() ? "" : absl::StrCat(" with ", origin.with));
  }

  void AddEdges(const ProfileRequest& request, CostTable& table) const {
    const std::set<Precision> asked(request.precisions.begin(), request.precisions.end());
    for (const CostSheet::Edge& edge : sheet_.edges) {
      const EdgeRow& cost = edge.cost;
      if (asked.count(cost.from_precision) > 0 && asked.count(cost.to_precision) > 0) {
        table.edges.push_back(cost);
      }
    }
  }

  void AddNetworkRows(const ProfileRequest& request, CostTable& table) const {
    std::map<Precision, double> sums;
    for (const CostRow& row : table.rows) sums[row.precision] += row.latency_ns;
    for (const EdgeRow& edge : table.edges) {
      if (edge.from_precision == edge.to_precision) sums[edge.to_precision] += edge.latency_ns;
    }
    for (const Precision& precision : request.precisions) {
      NetworkRow row{precision, table.fixed_latency_ns + sums[precision]};
      const auto measured = sheet_.measured_ns.find(precision);
      if (measured != sheet_.measured_ns.end()) row.measured_ns = measured->second;
      table.network.push_back(row);
    }
  }

  const std::string name_, time_;
  const CostSheet sheet_;
  std::map<std::pair<std::string, Precision>, size_t> row_of_;
  std::set<Precision> precisions_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<CostProfiler>> MakeTableProfiler(const TargetFile& file) {
  if (static_cast<int64_t>(file.text.size()) > kMaxSheetBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("table '", file.name, "': is larger than ", kMaxSheetBytes, " bytes"));
  }
  absl::StatusOr<CostSheet> sheet =
      IsJson(file) ? ReadJsonSheet(file.text) : ReadCsvSheet(file.text);
  if (!sheet.ok()) return Annotate(sheet.status(), absl::StrCat("table '", file.name, "'"));
  return std::make_unique<TableProfiler>(file, *std::move(sheet));
}

}  // namespace halftone
