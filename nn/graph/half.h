#ifndef HALFTONE_NN_GRAPH_HALF_H_
#define HALFTONE_NN_GRAPH_HALF_H_

#include <cstdint>

namespace halftone {

// The 16-bit floating-point formats as raw bits. Widening is exact; narrowing rounds to nearest
// even, overflows to infinity, and keeps NaN a NaN.

// IEEE 754 binary16: 5 exponent bits, 10 fraction bits.
float Float16ToFloat(uint16_t bits);
uint16_t FloatToFloat16(float value);

// The upper half of binary32: 8 exponent bits, 7 fraction bits.
float BFloat16ToFloat(uint16_t bits);
uint16_t FloatToBFloat16(float value);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_HALF_H_
