#include "client/accelerator_text.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_format.h"
#include "base/units.h"
#include "client/json_values.h"
#include "client/terminal.h"

namespace halftone {
namespace {

using nlohmann::json;

std::string Formatted(Quantity quantity, const std::optional<double>& value) {
  return value.has_value() ? FormatQuantity(quantity, *value) : "-";
}

std::string Intensity(const json& row) {
  const double bytes = NumberOrZero(row, "memory_bytes");
  return bytes > 0 ? FormatNumber(NumberOrZero(row, "operations") / bytes) : "-";
}

// "12 / 30 / 58 %" of arithmetic, buffers and DRAM.
std::string Split(const json& row) {
  if (!row.is_object() || !row.contains("energy")) return "-";
  const json& energy = row["energy"];
  const double arithmetic = NumberOrZero(energy, "arithmetic_pj");
  const double buffer = NumberOrZero(energy, "buffer_pj");
  const double dram = NumberOrZero(energy, "dram_pj");
  const double percent = 100 / std::max(arithmetic + buffer + dram, 1e-30);
  return absl::StrFormat("%.0f / %.0f / %.0f %%", arithmetic * percent, buffer * percent,
                         dram * percent);
}

}  // namespace

std::string AcceleratorTable(const json& layers) {
  Table table({"layer", "precision", "runs as", "latency", "cycles", "of peak", "op/byte", "bound",
               "energy", "arithmetic/buffer/DRAM", "weights"});
  for (const json& row : layers) {
    const std::optional<double> cycles = NumberIn(row, "cycles");
    table.Add({TextIn(row, "name"), TextIn(row, "precision"), TextIn(row, "executed_as"),
               Formatted(Quantity::kTime, NumberIn(row, "latency_ns")),
               cycles.has_value() ? absl::StrFormat("%.0f", *cycles) : "-",
               FormatPercent(NumberOrZero(row, "utilization")), Intensity(row),
               TextIn(row, "bound"), Formatted(Quantity::kEnergy, NumberIn(row, "energy_pj")),
               Split(row), Formatted(Quantity::kSize, NumberIn(row, "weight_bytes"))});
  }
  return table.Render();
}

}  // namespace halftone
