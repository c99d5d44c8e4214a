#ifndef HALFTONE_PROFILERS_ONEDNN_PLAN_TIMING_H_
#define HALFTONE_PROFILERS_ONEDNN_PLAN_TIMING_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/progress.h"
#include "nn/engine/onednn/inference_plan.h"
#include "nn/graph/graph.h"
#include "nn/graph/layer.h"
#include "nn/quant/precision.h"
#include "profilers/onednn/profiling_assignment.h"
#include "profilers/onednn/step_measurement.h"

namespace halftone {

// What the plans of one network are made and measured with. Borrowed.
struct TimingContext {
  const Graph& graph;
  const LayerSet& layers;
  const ProfilingAssignment& assignment;
  const PlanOptions& plan_options;
  const MeasurementOptions& measurement;
};

struct TimedPlan {
  std::vector<std::string> keys;  // of its steps
  PlanTimes times;
};

// RESOURCE_EXHAUSTED where so many plans of a network that is bound to the batch, and the buffers
// that they run in, would not fit MemoryBudget: with the figure, and whether a smaller batch would.
absl::Status CheckPlanMemory(const Graph& graph, int batch, int plans);

// Makes and measures the plans of the assignments (the precision of every layer, in the set's
// order), as many at a time as fit into memory together: result[i] is that of assignments[i]. The
// caller holds the CpuLease.
absl::StatusOr<std::vector<TimedPlan>> TimeAssignments(
    const TimingContext& context, absl::Span<const std::vector<Precision>> assignments,
    const Progress& progress);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_ONEDNN_PLAN_TIMING_H_
