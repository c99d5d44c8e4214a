#ifndef HALFTONE_PROFILERS_SIMULATED_PROCESSING_ELEMENT_H_
#define HALFTONE_PROFILERS_SIMULATED_PROCESSING_ELEMENT_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace halftone {

// What one place of an array multiplies. A plain value.
struct ProcessingElement {
  enum class Kind {
    kFixed,          // operands of up to weight_bits x activation_bits
    kBitComposable,  // bricks that are fused to the operands' widths (Bit Fusion)
    kBitSerial,      // one bit of the serial operands per cycle (Stripes, UNPU, Loom, BISMO)
  };
  Kind kind = Kind::kFixed;
  // The widest operands; of a fixed element those that it takes at once.
  int64_t weight_bits = 8, activation_bits = 8;
  // Products that it adds up in one step: of a fixed one a dot product's length, of a bit-serial
  // one the number of its lanes. A bit-composable one's follow from its bricks.
  int64_t products = 1;
  bool passes = false;  // kFixed: wider operands take several passes; else they are refused
  // kBitComposable: a brick multiplies brick_bits x brick_bits; all of an element's together
  // fused_bits x fused_bits, and wider operands take several cycles.
  int64_t brick_bits = 2, fused_bits = 8;
  bool serial_weights = false, serial_activations = false;  // kBitSerial
};

// How an element executes operands: `products` of them, of weight_bits x activation_bits, in
// `cycles`. Never both above one per element of work: products are summed, cycles are repeated.
struct ElementWork {
  int weight_bits = 0, activation_bits = 0;  // as executed and as stored on the way there
  double products = 1;
  double cycles = 1;
};

// The cycle laws:
// - fixed W x A: one step in ceil(w/W) ceil(a/A) passes, of operands widened to those multiples;
// - bit-composable: operands are widened to the next power of two times a brick; up to the fused
//   width F their bricks are side by side, (F/w)(F/a) products per cycle, and beyond it
//   (w/F)(a/F) cycles follow each other (Bit Fusion, ISCA 2018, section III);
// - bit-serial: as many cycles as the serial operand has bits, w a of them where both are (Stripes,
//   MICRO 2016; UNPU, JSSC 2019; Loom, DAC 2018; BISMO, FPL 2018); an operand that is not serial
//   takes its whole width.
// UNIMPLEMENTED where an operand is wider than the element takes.
absl::StatusOr<ElementWork> ElementWorkOf(const ProcessingElement& element, int weight_bits,
                                          int activation_bits);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_SIMULATED_PROCESSING_ELEMENT_H_
