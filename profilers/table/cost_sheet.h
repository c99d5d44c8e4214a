#ifndef HALFTONE_PROFILERS_TABLE_COST_SHEET_H_
#define HALFTONE_PROFILERS_TABLE_COST_SHEET_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "profilers/cost_table.h"

namespace halftone {

// Costs as a file gives them, before they are held against a network. Rows and edges keep the place
// in the file that errors name: "line 7" or "layers[6]".
struct CostSheet {
  struct Row {
    CostRow cost;
    bool has_weight_bytes = false;
    std::string place;
  };
  struct Edge {
    EdgeRow cost;
    std::string place;
  };

  DeviceInfo device;
  int batch = 1;
  double fixed_latency_ns = 0;
  std::vector<Row> rows;
  std::vector<Edge> edges;
  std::map<Precision, double> measured_ns;  // of the whole network
};

constexpr int64_t kMaxSheetBytes = int64_t{32} << 20;
constexpr size_t kMaxSheetRows = 500'000;

// docs/targets.md has both formats. INVALID_ARGUMENT names the place and what is wrong there: a
// column or field that is not known, a number that is no cost, two rows for the same thing, or a
// file without rows.
absl::StatusOr<CostSheet> ReadCsvSheet(absl::string_view text);
absl::StatusOr<CostSheet> ReadJsonSheet(absl::string_view text);

// What both have in common: no two rows for the same (layer, precision), no two edges for the same
// change, at least one row.
absl::Status CheckSheet(const CostSheet& sheet);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_TABLE_COST_SHEET_H_
