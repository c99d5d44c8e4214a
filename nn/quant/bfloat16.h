#ifndef HALFTONE_NN_QUANT_BFLOAT16_H_
#define HALFTONE_NN_QUANT_BFLOAT16_H_

#include <bit>
#include <cstdint>

namespace halftone {

// The value that bfloat16 stores for a float, as oneDNN and the processors' instructions convert:
// to the nearest, ties to even, past the largest one to infinity; subnormals become zeros of their
// sign; NaN stays NaN. Without branches, so that loops are vectorized.
[[gnu::always_inline]] inline float RoundToBFloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t magnitude = bits & 0x7fffffffu;
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u;
  const uint32_t finite = magnitude < 0x00800000u ? bits & 0x80000000u : rounded;
  const uint32_t quiet = (bits | 0x00400000u) & 0xffff0000u;
  return std::bit_cast<float>(magnitude > 0x7f800000u ? quiet : finite);
}

}  // namespace halftone

#endif  // HALFTONE_NN_QUANT_BFLOAT16_H_
