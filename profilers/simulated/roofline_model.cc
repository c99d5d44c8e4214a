#include "profilers/simulated/roofline_model.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

constexpr char kHalf[] = "f16";
constexpr double kHalfBits = 16;
constexpr double kWordBits = 64;

// A peak, and how the operands that run at it are stored.
struct Peak {
  std::string name;
  double operations_per_second = 0;
  Precision executed_as;
  double weight_bits = 0, activation_bits = 0;
};

// Weights of their own bits are unpacked to the activations' format; in a product of two
// activations both have that.
std::optional<Peak> UnpackedAt(const std::string& name, const Precision& wanted, bool has_weights) {
  const absl::StatusOr<Precision> at = Precision::Parse(name);
  if (name != kHalf && (!at.ok() || at->activations.IsInteger())) return std::nullopt;
  Peak peak;
  peak.executed_as = wanted;
  peak.activation_bits = name == kHalf ? kHalfBits : at->activations.bits;
  peak.weight_bits = has_weights ? wanted.weights.bits : peak.activation_bits;
  return peak;
}

// Both operands in the formats of the peak, if they can be held in those.
std::optional<Peak> ExecutedAt(const std::string& name, const Precision& wanted) {
  const absl::StatusOr<Precision> at = Precision::Parse(name);
  if (!at.ok()) return std::nullopt;
  const bool integers = wanted.weights.IsInteger() && wanted.activations.IsInteger() &&
                        at->weights.IsInteger() && at->activations.IsInteger();
  const bool wide =
      at->weights.bits >= wanted.weights.bits && at->activations.bits >= wanted.activations.bits;
  if (*at != wanted && !(integers && wide)) return std::nullopt;
  Peak peak;
  peak.executed_as = *at;
  peak.weight_bits = at->weights.bits;
  peak.activation_bits = at->activations.bits;
  return peak;
}

// Of two equally fast peaks the narrower is better: it moves less.
bool IsBetter(const Peak& a, const Peak& b) {
  if (a.operations_per_second != b.operations_per_second) {
    return a.operations_per_second > b.operations_per_second;
  }
  return a.weight_bits + a.activation_bits < b.weight_bits + b.activation_bits;
}

absl::StatusOr<Peak> FindPeak(const RooflineProcessor& processor, Precision precision,
                              bool has_weights) {
  const bool weight_only = precision.weights.IsInteger() && !precision.activations.IsInteger();
  const bool unpacks = weight_only && processor.unpacks_weights;
  if (!has_weights && !unpacks) precision = precision.WithoutWeights();
  std::optional<Peak> best;
  std::vector<std::string> names;
  for (const auto& [name, rate] : processor.operations_per_second) {
    names.push_back(name);
    std::optional<Peak> peak =
        unpacks ? UnpackedAt(name, precision, has_weights) : ExecutedAt(name, precision);
    if (!peak.has_value()) continue;
    peak->name = name;
    peak->operations_per_second = rate;
    if (!best.has_value() || IsBetter(*peak, *best)) best = peak;
  }
  if (best.has_value()) return *best;
  return absl::UnimplementedError(
      absl::StrCat("it executes ", absl::StrJoin(names, ", "), ", none of which can hold it"));
}

double ReadBits(const RooflineProcessor& processor, double weights_bits, double src_bits) {
  if (processor.on_chip_bytes == 0) return weights_bits + src_bits;
  const double half = 4 * static_cast<double>(processor.on_chip_bytes);
  const double weights_parts = std::max(1.0, std::ceil(weights_bits / half));
  const double src_parts = std::max(1.0, std::ceil(src_bits / half));
  return std::min(weights_bits + weights_parts * src_bits, src_bits + src_parts * weights_bits);
}

}  // namespace

absl::StatusOr<LayerCost> CostOn(const RooflineProcessor& processor, const LayerWork& layer,
                                 const Precision& precision) {
  HT_ASSIGN_OR_RETURN(const Peak peak, FindPeak(processor, precision, layer.has_weights));
  const double bits = ReadBits(processor, layer.weights_elements * peak.weight_bits,
                               layer.src_elements * peak.activation_bits) +
                      layer.dst_elements * peak.activation_bits;
  LayerCost cost;
  cost.executed_as = peak.executed_as;
  cost.operations = 2 * layer.gemm.Macs();
  cost.memory_bytes = bits / 8;
  const double compute = cost.operations / peak.operations_per_second;
  const double transfer = cost.memory_bytes / processor.memory_bytes_per_second;
  cost.memory_bound = transfer > compute;
  cost.latency_ns = std::max(compute, transfer) * 1e9;
  cost.utilization = compute / std::max(compute, transfer);
  cost.implementation = absl::StrCat("roofline at the peak of ", peak.name);
  const auto energy = processor.operation_pj.find(peak.name);
  if (energy != processor.operation_pj.end()) {
    cost.energy = EnergySplit{cost.operations * energy->second, 0,
                              bits / kWordBits * processor.memory_64_bits_pj};
  }
  return cost;
}

absl::StatusOr<double> PeakOf(const RooflineProcessor& processor, const Precision& precision) {
  HT_ASSIGN_OR_RETURN(const Peak peak, FindPeak(processor, precision, /*has_weights=*/true));
  return peak.operations_per_second;
}

}  // namespace halftone
