#ifndef HALFTONE_PROFILERS_SIMULATED_ARRAY_MODEL_H_
#define HALFTONE_PROFILERS_SIMULATED_ARRAY_MODEL_H_

#include "absl/status/statusor.h"
#include "nn/quant/precision.h"
#include "profilers/simulated/accelerator.h"
#include "profilers/simulated/layer_cost.h"
#include "profilers/simulated/layer_work.h"

namespace halftone {

// What a layer costs on an array, in integer weights and activations; both sources of a product of
// activations have the bits of activations. Of the schedules of
// memory_traffic.h the fastest is taken. With F folds that take X cycles to compute (dataflow.h)
// and Y to bring and take what crosses the DRAM interface:
//   double buffers: max(X, Y) + min(X, Y) / F, as each fold's transfer runs beside the computation
//                   of the one before, and the first has none before it;
//   single buffers: X + Y.
// Memory-bound is where Y > X. Energy: products by the product of their bits, one accumulation per
// element and cycle at work; every operand and sum that passes between buffers and array, and what
// crosses the DRAM interface, which is written to and read from a buffer as well (reads once, dst
// twice); the DRAM itself. UNIMPLEMENTED where the elements do not execute the precision.
absl::StatusOr<LayerCost> CostOn(const ProcessorArray& array, const LayerWork& layer,
                                 const Precision& precision);

// Operations per second with all elements at work. Same errors.
absl::StatusOr<double> PeakOf(const ProcessorArray& array, const Precision& precision);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_SIMULATED_ARRAY_MODEL_H_
