#ifndef HALFTONE_PROFILERS_SIMULATED_SIMULATED_PROFILER_H_
#define HALFTONE_PROFILERS_SIMULATED_SIMULATED_PROFILER_H_

#include <memory>

#include "absl/status/status.h"
#include "profilers/cost_profiler.h"
#include "profilers/simulated/accelerator.h"

namespace halftone {

// Costs of layers on a described accelerator, by array_model.h or roofline_model.h. A precision
// that it does not execute is UNIMPLEMENTED, or runs as the wider one that executed_as names.
// Changes of precision between layers are free: results are requantized as they leave the array or
// the kernel, and no source tells of a cost. What is not a layer (pooling, additions, activation
// functions) is not costed. Rows are sums over the batch; weight_bytes is the model's size
// (weight_bytes.h).
std::unique_ptr<CostProfiler> MakeSimulatedProfiler(Accelerator accelerator);

// Registers the built-in descriptions by name; they take parameters: "bitfusion?rows=32".
absl::Status RegisterSimulatedProfilers(ProfilerRegistry& registry);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_SIMULATED_SIMULATED_PROFILER_H_
