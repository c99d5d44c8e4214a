#ifndef HALFTONE_PROFILERS_SIMULATED_MEMORY_TRAFFIC_H_
#define HALFTONE_PROFILERS_SIMULATED_MEMORY_TRAFFIC_H_

#include <vector>

#include "profilers/simulated/accelerator.h"
#include "profilers/simulated/dataflow.h"
#include "profilers/simulated/layer_work.h"

namespace halftone {

// One way to run a layer through the buffers: into how many chunks the streamed dimension is cut,
// and the bits that then cross the DRAM interface, of all groups.
struct Schedule {
  double chunks = 1;
  double weights_bits = 0, src_bits = 0;
  double sums_bits = 0;  // that go out, and come back
  double dst_bits = 0;

  double Bits() const { return weights_bits + src_bits + 2 * sums_bits + dst_bits; }
};

// The schedules that an array could follow; the profiler takes the fastest. An operand that fits
// its buffer (half of it where buffers are double) crosses once. Where it does not:
// - output-stationary: either blocks of whole column folds of weights are kept while src passes,
//   once per block, or blocks of row folds of src while weights pass; where no fold's operands fit,
//   both pass for every fold.
// - weight-stationary (input-stationary with src and weights exchanged): src passes once per column
//   fold. Sums of 32 bits wait in the dst buffer for the next row fold; where they do not fit, they
//   go out and come back, or the positions are cut into chunks whose sums fit, at the price of
//   filling the array again, and of weights that pass for every chunk unless they fit.
// `work` must be that of the mapping. The dst leaves with the bits of an activation.
std::vector<Schedule> SchedulesOf(const ProcessorArray& array, const LayerWork& layer,
                                  const ElementWork& work, const Mapping& mapping);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_SIMULATED_MEMORY_TRAFFIC_H_
