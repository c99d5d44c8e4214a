#ifndef HALFTONE_NN_QUANT_ROUND_LEVEL_H_
#define HALFTONE_NN_QUANT_ROUND_LEVEL_H_

namespace halftone {

// The integer from `low` to `high` that is nearest to a quotient, ties to even: what nearbyint
// gives, in a few instructions of any vector width. Adding and subtracting 1.5 * 2^23 rounds a
// float of magnitude below 2^22 so. Clamping before rounding is the same as after it, since the
// limits are integers, below 2^22 in magnitude. Inlined into each clone of a loop
// (HT_TARGET_CLONES).
[[gnu::always_inline]] inline float RoundLevel(float quotient, float low, float high) {
  constexpr float kRoundingBias = 12582912.0f;
  const float above = quotient < low ? low : quotient;
  const float clamped = above > high ? high : above;
  return (clamped + kRoundingBias) - kRoundingBias;
}

}  // namespace halftone

#endif  // HALFTONE_NN_QUANT_ROUND_LEVEL_H_
