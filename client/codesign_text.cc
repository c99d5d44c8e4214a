#include "client/codesign_text.h"

#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/units.h"
#include "client/json_values.h"
#include "client/terminal.h"

namespace halftone {
namespace {

using nlohmann::json;

std::string NumberOrDash(const std::optional<double>& value) {
  return value.has_value() ? FormatNumber(*value) : "-";
}

std::string QuantityOrDash(Quantity quantity, const std::optional<double>& value) {
  return value.has_value() ? FormatQuantity(quantity, *value) : "-";
}

std::string ParametersText(const json& configuration) {
  std::vector<std::string> texts;
  const json parameters = configuration.value("parameters", json::object());
  for (const auto& [name, value] : parameters.items()) {
    if (value.is_string()) texts.push_back(absl::StrCat(name, "=", value.get<std::string>()));
  }
  return absl::StrJoin(texts, " ");
}

}  // namespace

std::string CodesignText(const json& codesign) {
  Table table(
      {"", "parameters", "mm2", "elements", "status", "loss", "bound", "latency", "energy"});
  const std::string chosen = TextIn(codesign, "chosen");
  const json configurations = ListIn(codesign, "configurations");
  size_t on_frontier = 0;
  for (const json& configuration : configurations) {
    const bool is_on_frontier = configuration.value("on_frontier", false);
    on_frontier += is_on_frontier ? 1 : 0;
    const bool is_feasible = TextIn(configuration, "status") != "INFEASIBLE";
    const json figures = configuration.value("figures", json::object());
    const json cost = configuration.value("cost", json::object());
    const std::string mark = TextIn(configuration, "target") == chosen ? "chosen"
                             : is_on_frontier                          ? "frontier"
                                                                       : "";
    table.Add({mark, ParametersText(configuration), NumberOrDash(NumberIn(figures, "area_mm2")),
               NumberOrDash(NumberIn(figures, "elements")), TextIn(configuration, "status"),
               NumberOrDash(NumberIn(configuration, "loss")),
               is_feasible ? NumberOrDash(NumberIn(configuration, "bound")) : "-",
               QuantityOrDash(Quantity::kTime, NumberIn(cost, "latency_ns")),
               QuantityOrDash(Quantity::kEnergy, NumberIn(cost, "energy_pj"))});
  }
  return absl::StrCat(table.Render(), configurations.size(), " configurations, ", on_frontier,
                      " of them on the frontier of loss, latency, energy and area; ",
                      ListIn(codesign, "frontier").size(), " points with all their bits\n");
}

}  // namespace halftone
