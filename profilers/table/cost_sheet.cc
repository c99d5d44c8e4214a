#include "profilers/table/cost_sheet.h"

#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"

namespace halftone {

absl::Status CheckSheet(const CostSheet& sheet) {
  if (sheet.rows.empty()) return absl::InvalidArgumentError("there are no costs of layers in it");
  const auto twice = [](const std::string& what, const std::string& place,
                        const std::string& first) {
    return absl::InvalidArgumentError(
        absl::StrCat(place, ": ", what, " has a row already: ", first));
  };
  std::map<std::pair<std::string, Precision>, const std::string*> rows;
  for (const CostSheet::Row& row : sheet.rows) {
    const auto [first, added] =
        rows.emplace(std::pair(row.cost.layer, row.cost.precision), &row.place);
    if (added) continue;
    return twice(absl::StrCat("'", row.cost.layer, "' in ", row.cost.precision.ToString()),
                 row.place, *first->second);
  }
  std::map<std::tuple<std::string, Precision, std::string, Precision>, const std::string*> edges;
  for (const CostSheet::Edge& edge : sheet.edges) {
    const EdgeRow& cost = edge.cost;
    if (cost.from == cost.to) {
      return absl::InvalidArgumentError(
          absl::StrCat(edge.place, ": a change of precision within the layer '", cost.from, "'"));
    }
    const auto [first, added] = edges.emplace(
        std::tuple(cost.from, cost.from_precision, cost.to, cost.to_precision), &edge.place);
    if (added) continue;
    return twice(
        absl::StrCat("the change from '", cost.from, "' in ", cost.from_precision.ToString(),
                     " to '", cost.to, "' in ", cost.to_precision.ToString()),
        edge.place, *first->second);
  }
  return absl::OkStatus();
}

}  // namespace halftone
