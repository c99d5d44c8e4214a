#ifndef HALFTONE_PROFILERS_SIMULATED_SIMULATED_PROFILER_H_
#define HALFTONE_PROFILERS_SIMULATED_SIMULATED_PROFILER_H_

#include <memory>

#include "absl/status/status.h"
#include "profilers/cost_profiler.h"
#include "profilers/simulated/accelerator.h"

namespace halftone {

// Costs of layers on a described accelerator, by the model of systolic_model.h. Precisions: integer
// weights and activations of 1 to 16 bits, executed in the next width of 2, 4, 8 and 16. A change
// of precision between layers is free: results are requantized as they leave the array; so is
// everything that is not a layer. weight_bytes is the model's size: weights packed by their own
// bits, 4 bytes per scale (one per output channel) and per bias.
std::unique_ptr<CostProfiler> MakeSimulatedProfiler(Accelerator accelerator);

// Registers the built-in descriptions by name, and .json files as targets.
absl::Status RegisterSimulatedProfilers(ProfilerRegistry& registry);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_SIMULATED_SIMULATED_PROFILER_H_
