#ifndef HALFTONE_PROFILERS_ONEDNN_CPU_PROFILER_H_
#define HALFTONE_PROFILERS_ONEDNN_CPU_PROFILER_H_

#include <memory>

#include "profilers/cost_profiler.h"
#include "profilers/onednn/step_measurement.h"

namespace halftone {

// The processor that Halftone runs on, by measuring: target `cpu`. It times the steps of the very
// plans that validation runs (nn/engine/onednn/inference_plan.h), each inside whole runs of the
// network, so that caches are as warm as the network leaves them; each distinct primitive on equal
// shapes counts once, and is remembered in `cache` (may be null; must outlive the profiler) by
// shape, precision, instruction set, library version, threads and processor. A layer's row is its
// kernel with all that is fused into it and the conversion of its source where no other layer
// decides it; an edge is what a change of precision between two layers adds. `mad_ns` is the sum of
// the deviations of a layer's steps. One measurement runs at a time on the machine, in all
// processes.
//
// Bits that no kernel computes natively cost what they execute as (`executed_as`): w4a8 as 8-bit
// kernels, weight-only and more than 8 bits as f32. bf16 is UNIMPLEMENTED on processors without
// such instructions.
std::unique_ptr<CostProfiler> MakeCpuProfiler(CostCache* cache);
std::unique_ptr<CostProfiler> MakeCpuProfiler(CostCache* cache, const MeasurementOptions& options);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_ONEDNN_CPU_PROFILER_H_
