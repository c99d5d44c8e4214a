#ifndef HALFTONE_PROFILERS_SIMULATED_AREA_MODEL_H_
#define HALFTONE_PROFILERS_SIMULATED_AREA_MODEL_H_

#include <optional>

#include "profilers/simulated/accelerator.h"
#include "profilers/simulated/processing_element.h"

namespace halftone {

// The silicon of an array, in square millimetres. Control, wires between the parts and what stands
// beside the array are not counted.
struct ArrayArea {
  double elements_mm2 = 0;
  double buffers_mm2 = 0;

  double Total() const { return elements_mm2 + buffers_mm2; }
};

// Square micrometres of a processing element at 45 nm, 500 MHz, from the synthesis results that the
// authors of Bit Fusion (ISCA 2018) publish with their simulator
// (github.com/hsharma35/bitfusion, results/systolic_array_synth.csv: arrays of 4 x 4, per element,
// accumulators included):
// - fixed W x A: 81.07, 191.6, 510.7 and 1679 for 2 x 2, 4 x 4, 8 x 8 and 16 x 16 bits, a power law
//   of W A between and beyond them; times its products, which is an upper bound, as products share
//   an accumulator;
// - bit-composable of 2-bit bricks: 354.4, 1735 and 8831 fused to 4, 8 and 16 bits, which are 1.85,
//   3.40 and 5.26 times the fixed element of that width; assumed: the same ratios for other bricks,
//   by the number of times that they are doubled;
// - bit-serial: assumed: a fixed element of one bit in each serial operand, times its lanes.
double ElementArea(const ProcessingElement& element);

// Square millimetres of an on-chip memory of so many bytes at 45 nm, 32 bits wide, from CACTI-P as
// published with the same simulator (bitfusion/sram/cacti_sweep.csv): 0.008824, 0.03006 and 0.1086
// at 1, 4 and 16 KiB, a power law between and beyond them.
double BufferArea(double bytes);

// nullopt where the array is of another technology than 45 nm and its description has no areas.
std::optional<ArrayArea> AreaOf(const ProcessorArray& array);

// Watts of the arithmetic of all elements at work, one operation of the element's own width each
// cycle; buffers and DRAM come on top of it.
double ArithmeticPower(const ProcessorArray& array);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_SIMULATED_AREA_MODEL_H_
