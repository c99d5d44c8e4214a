#ifndef HALFTONE_PROFILERS_SIMULATED_ROOFLINE_MODEL_H_
#define HALFTONE_PROFILERS_SIMULATED_ROOFLINE_MODEL_H_

#include "absl/status/statusor.h"
#include "nn/quant/precision.h"
#include "profilers/simulated/accelerator.h"
#include "profilers/simulated/layer_cost.h"
#include "profilers/simulated/layer_work.h"

namespace halftone {

// What a layer costs on a processor that is known by its peak rates (Williams et al., Roofline,
// CACM 2009): the longer of operations / peak and bytes / bandwidth, a lower bound of what a real
// kernel takes. Integers run at the fastest peak that is as wide in both operands, and are stored
// in its widths: w3a5 on a processor of w4a4 and w8a8 is w8a8. Floats run at their own peak only.
// Weight-only precisions (w4) run, where the processor unpacks_weights, at the fastest float peak,
// activations in its format and weights of their own bits. Weights, src and dst cross the memory
// interface once, but where on_chip_bytes are given and neither operand fits half of them, one is
// read again for every part of the other. UNIMPLEMENTED where there is no such peak.
absl::StatusOr<LayerCost> CostOn(const RooflineProcessor& processor, const LayerWork& layer,
                                 const Precision& precision);

// Operations per second of the peak that runs it. Same errors.
absl::StatusOr<double> PeakOf(const RooflineProcessor& processor, const Precision& precision);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_SIMULATED_ROOFLINE_MODEL_H_
