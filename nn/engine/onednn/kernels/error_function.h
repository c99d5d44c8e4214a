#ifndef HALFTONE_NN_ENGINE_ONEDNN_KERNELS_ERROR_FUNCTION_H_
#define HALFTONE_NN_ENGINE_ONEDNN_KERNELS_ERROR_FUNCTION_H_

#include <bit>
#include <cmath>
#include <cstdint>

// exp and erf as plain arithmetic, which compilers turn into vectors where the C library's
// functions stay calls. Polynomials are minimax fits (least squares with Lawson's weights).
namespace halftone {

// exp(x), to 1.1e-7 of its value; 0 or 3e38 beyond what float32 holds (never infinite).
[[gnu::always_inline]] inline float FastExp(float x) {
  constexpr float kRounder = 0x1.8p23f;  // adding it rounds to a whole number
  const float low = x < -87.0f ? -87.0f : x;
  const float bounded = low > 88.0f ? 88.0f : low;
  const float whole = (bounded * 1.44269504f + kRounder) - kRounder;
  // log(2) in two parts, of which the first has few digits.
  const float r = (bounded - whole * 0.693359375f) + whole * 2.12194440e-4f;
  float p = 1.38368096e-3f;
  p = p * r + 8.37481566e-3f;
  p = p * r + 4.16682262e-2f;
  p = p * r + 0.166664202f;
  p = p * r + 0.499999921f;
  p = p * r + 1.00000004f;
  p = p * r + 1.0f;
  const float scale = std::bit_cast<float>((static_cast<int32_t>(whole) + 127) << 23);
  return x < -87.0f ? 0.0f : p * scale;
}

// erf(x), to 2e-7 of its value: x P(x^2) up to |x| = 1, then 1 - exp(-Q(|x|)) with a fit Q of
// -log(erfc) on [1, 4].
[[gnu::always_inline]] inline float FastErf(float x) {
  const float size = std::fabs(x);
  const float s = x * x;
  float p = 7.85384807e-5f;
  p = p * s - 8.01018961e-4f;
  p = p * s + 5.18832723e-3f;
  p = p * s - 2.68538117e-2f;
  p = p * s + 0.112835851f;
  p = p * s - 0.376126258f;
  p = p * s + 1.12837917f;
  const float t = size > 4.0f ? 4.0f : size;
  float q = 2.16882088e-5f;
  q = q * t - 4.41352584e-4f;
  q = q * t + 4.20464271e-3f;
  q = q * t - 2.52084753e-2f;
  q = q * t + 0.108418924f;
  q = q * t + 0.633219571f;
  q = q * t + 1.12957859f;
  q = q * t - 1.88074569e-4f;
  const float far = std::copysign(1.0f - FastExp(-q), x);
  return size < 1.0f ? p * x : far;
}

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_KERNELS_ERROR_FUNCTION_H_
