#include "search/cost_text.h"

#include "absl/strings/str_cat.h"
#include "base/units.h"
#include "search/live_set_metric.h"
#include "search/solver/problem.h"

namespace halftone {
namespace {

Quantity QuantityOf(absl::string_view key) {
  if (key == "latency_ns") return Quantity::kTime;
  if (key == "energy_pj") return Quantity::kEnergy;
  return key == "bops" || key == kChangesMetric ? Quantity::kCount : Quantity::kSize;
}

}  // namespace

std::string FormatCost(absl::string_view key, double value) {
  return FormatQuantity(QuantityOf(key), value);
}

std::string FormatLimit(absl::string_view key, double limit, double above) {
  return FormatQuantityUp(QuantityOf(key), limit, MostShown(limit, above));
}

std::string MetricTitle(absl::string_view key) {
  if (key == "latency_ns") return "latency";
  if (key == "size_bytes") return "size";
  if (key == "energy_pj") return "energy";
  if (key == "bops") return "bit operations";
  if (key == "activation_bytes") return "peak activation bytes";
  if (key == kChangesMetric) return "precision changes";
  if (const auto live_set = LiveSetMetric::FromKey(key); live_set.has_value()) {
    return absl::StrCat("activation bytes at ", live_set->node);
  }
  return std::string(key);
}

}  // namespace halftone
