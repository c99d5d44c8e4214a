#include "search/cost_text.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/units.h"
#include "search/solver/problem.h"

namespace halftone {
namespace {

constexpr char kLiveSet[] = "activation_bytes/";

}  // namespace

std::string FormatCost(absl::string_view key, double value) {
  if (key == "latency_ns") return FormatQuantity(Quantity::kTime, value);
  if (key == "energy_pj") return FormatQuantity(Quantity::kEnergy, value);
  if (key == "bops" || key == kChangesMetric) return FormatQuantity(Quantity::kCount, value);
  return FormatQuantity(Quantity::kSize, value);
}

std::string MetricTitle(absl::string_view key) {
  if (key == "latency_ns") return "latency";
  if (key == "size_bytes") return "weight bytes";
  if (key == "energy_pj") return "energy";
  if (key == "bops") return "bit operations";
  if (key == "activation_bytes") return "peak activation bytes";
  if (key == kChangesMetric) return "precision changes";
  if (absl::StartsWith(key, kLiveSet)) {
    return absl::StrCat("activation bytes at ", key.substr(sizeof(kLiveSet) - 1));
  }
  return std::string(key);
}

}  // namespace halftone
