#ifndef HALFTONE_PROFILERS_SIMULATED_DATAFLOW_H_
#define HALFTONE_PROFILERS_SIMULATED_DATAFLOW_H_

#include "profilers/simulated/accelerator.h"
#include "profilers/simulated/layer_work.h"
#include "profilers/simulated/processing_element.h"

namespace halftone {

// How a product is laid on an array of R rows and C columns. What does not fit is cut into folds.
// With K' = ceil(K / products of an element) and s = cycles of a step (ElementWork):
//                       rows  columns  streamed
//   output-stationary    M      N      K' s
//   weight-stationary    K'     N      M s
//   input-stationary     K'     M      N s
// All figures are of one group.
struct Mapping {
  double row_folds = 1, column_folds = 1;
  double streamed = 0;    // cycles in which a fold's elements work
  double efficiency = 0;  // share of elements that have work, over the folds: "mapping efficiency"
};
Mapping MapProduct(const ProcessorArray& array, const GemmShape& gemm, const ElementWork& work);

// Cycles of all groups when nothing waits for memory. A fold takes
//   systolic, output-stationary            R + C + streamed - 2   (2 R with exposed_drain)
//   systolic, weight- and input-stationary 2 R + C + streamed - 2
//   broadcast                              streamed
// where R cycles bring what stays into the array, and R + C - 2 fill and drain it. A systolic
// group's count ends with the number of its last cycle, folds x cycles - 1, as SCALE-Sim's does
// (arXiv 1811.02883). Where the streamed dimension is cut into `chunks`, each is a fold of its own.
double ComputeCycles(const ProcessorArray& array, const GemmShape& gemm, const Mapping& mapping,
                     double chunks = 1);

// Operands that pass between buffers and array, of all groups: each fold reads what it keeps and
// what it streams. Sums that are not complete at a fold's end are written, and read for the next.
struct BufferAccesses {
  double src_reads = 0, weights_reads = 0;
  double sums_written = 0, sums_read = 0;  // without the last fold's, which are results
};
BufferAccesses CountAccesses(const ProcessorArray& array, const GemmShape& gemm,
                             const Mapping& mapping, double chunks = 1);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_SIMULATED_DATAFLOW_H_
