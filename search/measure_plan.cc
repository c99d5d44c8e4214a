#include "search/measure_plan.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/layer.h"

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
                                               NetworkRunner& runner, int batch, int threads,
                                               const Progress& progress) {
  HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(network.graph.fixed_batch().value_or(batch)));
  HT_ASSIGN_OR_RETURN(const LayerSet layers, FindLayers(graph));
  std::vector<QuantizedAssignment> assignments;
  for (const auto* precisions : {&reference, &assignment}) {
    HT_ASSIGN_OR_RETURN(assignments.emplace_back(), QuantizersOf(calibration, *precisions));
  }
  HT_ASSIGN_OR_RETURN(const NetworkTimes times,
                      runner.Time(graph, layers, assignments, batch, threads, progress));
  MeasuredLatency latency{times.latencies_ns[0], times.latencies_ns[1], ""};
  if (!times.warning.empty()) {
    latency.warning = absl::StrCat("the measured latency: ", times.warning);
  }
  return latency;
}

}  // namespace halftone
