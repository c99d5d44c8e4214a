#include "profilers/simulated/array_model.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/infinity.h"
#include "base/status_macros.h"
#include "profilers/simulated/dataflow.h"
#include "profilers/simulated/memory_traffic.h"

namespace halftone {
namespace {

constexpr double kSumBits = 32;
constexpr double kProductBits8x8 = 64;
constexpr double kWordBits = 64;

absl::StatusOr<ElementWork> ExecutedBy(const ProcessorArray& array, const Precision& precision) {
  if (!precision.weights.IsInteger() || !precision.activations.IsInteger()) {
    return absl::UnimplementedError("it takes integer weights and activations, such as w8a8");
  }
  return ElementWorkOf(array.element, precision.weights.bits, precision.activations.bits);
}

double Elements(const ProcessorArray& array) {
  return static_cast<double>(array.rows) * static_cast<double>(array.columns);
}

double WithTransfers(const ProcessorArray& array, double compute, double transfer, double folds) {
  if (!array.double_buffered) return compute + transfer;
  return std::max(compute, transfer) + std::min(compute, transfer) / folds;
}

// A schedule and the cycles that it takes.
struct Run {
  Schedule schedule;
  double compute = 0, transfer = 0, total = 0;
};

Run Fastest(const ProcessorArray& array, const LayerWork& layer, const ElementWork& work,
            const Mapping& mapping) {
  Run best;
  best.total = kInfinity;
  for (const Schedule& schedule : SchedulesOf(array, layer, work, mapping)) {
    Run run;
    run.schedule = schedule;
    run.compute = ComputeCycles(array, layer.gemm, mapping, schedule.chunks);
    run.transfer = schedule.Bits() / array.dram_bits_per_cycle;
    const double folds =
        layer.gemm.groups * mapping.row_folds * mapping.column_folds * schedule.chunks;
    run.total = std::ceil(WithTransfers(array, run.compute, run.transfer, folds));
    if (run.total < best.total) best = run;
  }
  return best;
}

EnergySplit EnergyOf(const ProcessorArray& array, const LayerWork& layer, const ElementWork& work,
                     const BufferAccesses& accesses, const Schedule& schedule) {
  const ActionEnergy& energy = array.energy;
  const auto buffer_pj = [&](int64_t bytes, double bits) {
    return bits / kWordBits *
           energy.buffer_64_bits_pj.value_or(BufferEnergy(static_cast<double>(bytes)));
  };
  const double macs = layer.gemm.Macs();
  EnergySplit split;
  split.arithmetic_pj =
      macs * energy.multiply_8x8_pj * work.weight_bits * work.activation_bits / kProductBits8x8 +
      macs / work.products * work.cycles * energy.accumulate_pj;
  split.buffer_pj =
      buffer_pj(array.weights_buffer_bytes,
                accesses.weights_reads * work.weight_bits + schedule.weights_bits) +
      buffer_pj(array.src_buffer_bytes,
                accesses.src_reads * work.activation_bits + schedule.src_bits) +
      buffer_pj(array.dst_buffer_bytes, (accesses.sums_written + accesses.sums_read) * kSumBits +
                                            2 * schedule.sums_bits + 2 * schedule.dst_bits);
  split.dram_pj = schedule.Bits() / kWordBits * energy.dram_64_bits_pj;
  return split;
}

std::string Describe(const ProcessorArray& array, const ElementWork& work, const Mapping& mapping,
                     double chunks) {
  return absl::StrFormat(
      "%s %dx%d, %g products in %g cycles per element, %g x %g folds%s, mapping %.1f %%",
      std::string(DataflowName(array.dataflow)), array.rows, array.columns, work.products,
      work.cycles, mapping.row_folds, mapping.column_folds,
      chunks > 1 ? absl::StrCat(" x ", chunks, " chunks") : "", 100 * mapping.efficiency);
}

// Rows of a table on their way through the chip.
LayerCost CostOfLookup(const ProcessorArray& array, const LayerWork& layer,
                       const ElementWork& work) {
  const double bits =
      layer.weights_elements * work.weight_bits + layer.dst_elements * work.activation_bits;
  LayerCost cost;
  cost.executed_as = Precision::Int(work.weight_bits, work.activation_bits);
  const double cycles = std::ceil(bits / array.dram_bits_per_cycle);
  cost.cycles = cycles;
  cost.latency_ns = cycles * 1000 / array.clock_mhz;
  cost.memory_bound = true;
  cost.memory_bytes = bits / 8;
  EnergySplit energy;
  energy.dram_pj = bits / kWordBits * array.energy.dram_64_bits_pj;
  cost.energy = energy;
  cost.implementation = "rows of a table, copied";
  return cost;
}

}  // namespace

absl::StatusOr<LayerCost> CostOn(const ProcessorArray& array, const LayerWork& layer,
                                 const Precision& precision) {
  HT_ASSIGN_OR_RETURN(
      const ElementWork work,
      ExecutedBy(array, layer.has_weights ? precision : precision.WithoutWeights()));
  if (layer.is_lookup) return CostOfLookup(array, layer, work);
  const Mapping mapping = MapProduct(array, layer.gemm, work);
  const Run run = Fastest(array, layer, work, mapping);
  LayerCost cost;
  cost.executed_as = Precision::Int(work.weight_bits, work.activation_bits);
  cost.cycles = run.total;
  cost.latency_ns = run.total * 1000 / array.clock_mhz;
  cost.memory_bound = run.transfer > run.compute;
  cost.operations = 2 * layer.gemm.Macs();
  cost.memory_bytes = run.schedule.Bits() / 8;
  // 1 where nothing is idle, whichever way that is rounded.
  cost.utilization =
      std::min(1.0, layer.gemm.Macs() * work.cycles /
                        (work.products * Elements(array) * std::max(1.0, run.total)));
  cost.energy =
      EnergyOf(array, layer, work, CountAccesses(array, layer.gemm, mapping, run.schedule.chunks),
               run.schedule);
  cost.implementation = Describe(array, work, mapping, run.schedule.chunks);
  return cost;
}

absl::StatusOr<double> PeakOf(const ProcessorArray& array, const Precision& precision) {
  HT_ASSIGN_OR_RETURN(const ElementWork work, ExecutedBy(array, precision));
  return 2 * Elements(array) * work.products / work.cycles * array.clock_mhz * 1e6;
}

}  // namespace halftone
