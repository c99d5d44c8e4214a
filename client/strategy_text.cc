#include "client/strategy_text.h"

#include <map>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/json_values.h"
#include "client/solution_text.h"
#include "client/terminal.h"

namespace halftone {
namespace {

using nlohmann::json;

std::string NumberText(const json& object, const char* field) {
  const std::optional<double> value = NumberIn(object, field);
  return value.has_value() ? FormatNumber(*value) : "-";
}

std::string ObjectiveText(const std::string& objective, double value) {
  return objective == "divergence" ? FormatNumber(value) : CostText(objective, value);
}

}  // namespace

std::string PrecisionCounts(const json& assignment) {
  std::map<std::string, int> counts;
  for (const auto& [layer, precision] : assignment.items()) {
    if (precision.is_string()) ++counts[precision.get<std::string>()];
  }
  std::string text;
  for (const auto& [precision, count] : counts) {
    absl::StrAppend(&text, text.empty() ? "" : " ", count, "x ", precision);
  }
  return text;
}

std::string EvolutionText(const json& evolution) {
  std::vector<std::string> header;
  for (const json& name : ListIn(evolution, "objectives")) {
    header.push_back(name.is_string() ? name.get<std::string>() : "");
  }
  header.push_back("precisions");
  Table table(header);
  for (const json& point : ListIn(evolution, "front")) {
    std::vector<std::string> row;
    for (const json& value : ListIn(point, "objectives")) {
      row.push_back(value.is_number() && row.size() < header.size()
                        ? ObjectiveText(header[row.size()], value.get<double>())
                        : "-");
    }
    row.push_back(PrecisionCounts(point.value("assignment", json::object())));
    if (row.size() == header.size()) table.Add(row);
  }
  return absl::StrCat(
      "evolution    ", NumberText(evolution, "evaluations"), " evaluations, ",
      NumberText(evolution, "start_evaluations"), " of them to begin with; divergence ",
      NumberText(evolution, "start_divergence"), " -> ", NumberText(evolution, "divergence"),
      ", hypervolume ", NumberText(evolution, "start_hypervolume"), " -> ",
      NumberText(evolution, "hypervolume"), "\n", table.Render());
}

std::string ExplorationText(const json& exploration) {
  const json best = exploration.value("best", json::object());
  std::string text = absl::StrCat("explored     ", NumberText(exploration, "evaluations"),
                                  " assignments from outside");
  if (best.is_object() && best.contains("divergence")) {
    absl::StrAppend(&text, ": the best within the budgets does ", NumberText(best, "divergence"),
                    " (", PrecisionCounts(best.value("assignment", json::object())), ")");
  }
  return text + "\n";
}

}  // namespace halftone
