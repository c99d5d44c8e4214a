#ifndef HALFTONE_PROFILERS_SIMULATED_SYSTOLIC_MODEL_H_
#define HALFTONE_PROFILERS_SIMULATED_SYSTOLIC_MODEL_H_

#include "absl/strings/string_view.h"
#include "nn/graph/layer.h"
#include "nn/quant/precision.h"
#include "profilers/simulated/accelerator.h"

namespace halftone {

// What a layer multiplies: `groups` independent products of a T x K with a K x N matrix.
struct GemmShape {
  double depth = 0;    // K: the sum's length
  double columns = 0;  // N: output channels
  double rows = 0;     // T: output positions, of the whole batch
  double groups = 1;
};

// A convolution is a GEMM per group with K = input channels of the group x kernel, N = output
// channels of the group, T = output positions x batch; a depthwise one has N = 1 and K = kernel
// size, and so leaves nearly all of a systolic array idle. Products of two activations are a GEMM
// per leading index. The layer's shapes are those of any batch; `batch` is what is counted.
GemmShape GemmOf(const Layer& layer, int batch);

// 2, 4, 8 or 16: the operand widths that fusion units are composed to.
int FusedBits(int bits);

// Products that a fusion unit makes per cycle: 16 / ((w/2)(a/2)) (Bit Fusion, section III).
double ProductsPerCycle(int weight_bits, int activation_bits);

// Cycles of a GEMM on a weight-stationary array with R rows and C columns:
//   groups * ( ceil(K'/R) * ceil(N/C) * (2R + C + T' - 2) - 1 )
// where several products per cycle shorten the sums, K' = ceil(K / products), and less than one
// lengthens the stream, T' = T / products. The form is SCALE-Sim's (arXiv 1811.02883): R cycles to
// load the weights, T' to stream, R + C - 2 to fill and drain.
double ComputeCycles(const Accelerator& accelerator, const GemmShape& gemm,
                     double products_per_cycle);

struct SimulatedCost {
  double cycles = 0;
  bool memory_bound = false;
  double latency_ns = 0;
  double energy_pj = 0;
};

// The larger of compute cycles and DRAM cycles. Traffic: weights, src and dst cross once, but where
// neither weights nor src fit their buffer, one of them is read again for every part of the other.
// Energy: products by their 2-bit bricks, one 32-bit accumulation per unit and cycle; buffer: the
// weights once per tile, src once per column tile, 32-bit partial sums written and read once per
// row tile; DRAM traffic. The dst leaves in the layer's own activation width.
SimulatedCost SimulateGemm(const Accelerator& accelerator, const GemmShape& gemm,
                           double src_elements, double dst_elements, int weight_bits,
                           int activation_bits);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_SIMULATED_SYSTOLIC_MODEL_H_
