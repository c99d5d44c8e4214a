#include "client/accelerator_text.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_format.h"
#include "base/units.h"
#include "client/terminal.h"

namespace halftone {
namespace {

using nlohmann::json;

std::optional<double> Number(const json& object, const char* field) {
  const auto found = object.find(field);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

std::string Text(const json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string Formatted(Quantity quantity, const std::optional<double>& value) {
  return value.has_value() ? FormatQuantity(quantity, *value) : "-";
}

std::string Intensity(const json& row) {
  const double bytes = Number(row, "memory_bytes").value_or(0);
  return bytes > 0 ? FormatNumber(Number(row, "operations").value_or(0) / bytes) : "-";
}

// "12 / 30 / 58 %" of arithmetic, buffers and DRAM.
std::string Split(const json& row) {
  const auto energy = row.find("energy");
  if (energy == row.end()) return "-";
  const double arithmetic = Number(*energy, "arithmetic_pj").value_or(0);
  const double buffer = Number(*energy, "buffer_pj").value_or(0);
  const double dram = Number(*energy, "dram_pj").value_or(0);
  const double percent = 100 / std::max(arithmetic + buffer + dram, 1e-30);
  return absl::StrFormat("%.0f / %.0f / %.0f %%", arithmetic * percent, buffer * percent,
                         dram * percent);
}

}  // namespace

std::string AcceleratorTable(const json& layers) {
  Table table({"layer", "precision", "runs as", "latency", "cycles", "of peak", "op/byte", "bound",
               "energy", "arithmetic/buffer/DRAM", "weights"});
  for (const json& row : layers) {
    const std::optional<double> cycles = Number(row, "cycles");
    table.Add({Text(row, "name"), Text(row, "precision"), Text(row, "executed_as"),
               Formatted(Quantity::kTime, Number(row, "latency_ns")),
               cycles.has_value() ? absl::StrFormat("%.0f", *cycles) : "-",
               FormatPercent(Number(row, "utilization").value_or(0)), Intensity(row),
               Text(row, "bound"), Formatted(Quantity::kEnergy, Number(row, "energy_pj")),
               Split(row), Formatted(Quantity::kSize, Number(row, "weight_bytes"))});
  }
  return table.Render();
}

}  // namespace halftone
