#include "search/measure_plan.h"

#include <memory>
#include <vector>

#include "base/status_macros.h"
#include "nn/engine/onednn/inference_plan.h"
#include "nn/graph/layer.h"
#include "profilers/onednn/cpu_lease.h"
#include "profilers/onednn/plan_timing.h"
#include "profilers/onednn/step_measurement.h"
#include "profilers/onednn/thread_pinning.h"

namespace halftone {

absl::StatusOr<QuantizedAssignment> QuantizersOf(
    const Calibration& calibration, const std::map<std::string, Precision>& assignment) {
  QuantizedAssignment quantizers;
  for (const auto& [layer, precision] : assignment) {
    if (precision.IsFloat32()) continue;
    HT_ASSIGN_OR_RETURN(quantizers[layer], calibration.Find(layer, precision));
  }
  return quantizers;
}

absl::StatusOr<MeasuredLatency> MeasureLatency(const PreparedNetwork& network,
                                               const Calibration& calibration,
                                               const std::map<std::string, Precision>& reference,
                                               const std::map<std::string, Precision>& assignment,
                                               int batch, int threads, const Progress& progress) {
  HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(network.graph.fixed_batch().value_or(batch)));
  HT_RETURN_IF_ERROR(CheckPlanMemory(graph, batch, /*plans=*/2));
  HT_ASSIGN_OR_RETURN(const LayerSet layers, FindLayers(graph));
  PlanOptions options;
  options.threads = threads > 0 ? threads : DescribeCpu().threads;
  std::vector<std::shared_ptr<const InferencePlan>> plans;
  for (const auto* precisions : {&reference, &assignment}) {
    HT_RETURN_IF_ERROR(progress.Step(0, "preparing the inference plans"));
    HT_ASSIGN_OR_RETURN(const QuantizedAssignment quantizers,
                        QuantizersOf(calibration, *precisions));
    HT_ASSIGN_OR_RETURN(auto plan, InferencePlan::Create(graph, layers, quantizers, options));
    plans.push_back(std::move(plan));
  }
  HT_RETURN_IF_ERROR(progress.Step(0, "waiting for other measurements to end"));
  HT_ASSIGN_OR_RETURN(const CpuLease lease, CpuLease::Acquire(progress.cancellation));
  const ThreadPinning pinning(options.threads);
  SharedArena arena;
  HT_ASSIGN_OR_RETURN(const std::vector<PlanTimes> times,
                      MeasurePlans(graph, plans, MeasurementOptions(), arena, progress));
  return MeasuredLatency{times[0].whole.latency_ns, times[1].whole.latency_ns};
}

}  // namespace halftone
