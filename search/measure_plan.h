#ifndef HALFTONE_SEARCH_MEASURE_PLAN_H_
#define HALFTONE_SEARCH_MEASURE_PLAN_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "nn/quant/precision.h"
#include "profilers/network_runner.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// Nanoseconds of whole runs of a network where a runner runs it, in two precision assignments.
struct MeasuredLatency {
  double reference_ns = 0;
  double assignment_ns = 0;
  std::string warning;  // "" or why the figures tell more of the machine's other work
};

// Times the network in both assignments (a layer left out is f32) as the target's profiler times
// networks, so that predicted and measured are the same kind of figure. `threads` 0: all of the
// machine. CANCELLED within a step of the network.
absl::StatusOr<MeasuredLatency> MeasureLatency(const PreparedNetwork& network,
                                               const Calibration& calibration,
                                               const std::map<std::string, Precision>& reference,
                                               const std::map<std::string, Precision>& assignment,
                                               NetworkRunner& runner, int batch, int threads,
                                               const Progress& progress);

// The quantizers of an assignment; f32 layers are left out. FAILED_PRECONDITION names one that was
// not calibrated.
absl::StatusOr<QuantizedAssignment> QuantizersOf(
    const Calibration& calibration, const std::map<std::string, Precision>& assignment);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_MEASURE_PLAN_H_
