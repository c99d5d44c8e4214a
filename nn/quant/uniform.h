#ifndef HALFTONE_NN_QUANT_UNIFORM_H_
#define HALFTONE_NN_QUANT_UNIFORM_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "nn/graph/shape.h"
#include "nn/graph/tensor.h"

namespace halftone {

// From 8 bits on a level more is worth nothing, and sums of products of bytes keep within what
// kernels promise.
inline constexpr int kMaxSignedBits = 7;

enum class Symmetry {
  kSymmetricRestricted,  // zero point 0, integers in [-2^(b-1)+1, 2^(b-1)-1]
  kSymmetricFull,        // zero point 0, integers in [-2^(b-1), 2^(b-1)-1]
  kAsymmetric,           // integers in [0, 2^b-1], zero exactly representable
  // As kSymmetricFull, with scales of either sign: a negative one has the level more above zero.
  // With more than kMaxSignedBits, or one, as kSymmetricRestricted.
  kSymmetricSigned,
};

// The smallest and largest value that a quantizer has to represent. lower <= 0 <= upper.
struct Range {
  float lower = 0;
  float upper = 0;
};

// A uniform quantizer: q = clamp(round(x / scale) + zero_point, qmin, qmax), rounded to nearest
// even; xhat = scale * (q - zero_point). One scale for the whole tensor (axis == -1), or one per
// index of `axis`. Immutable once made; thread-safe.
struct UniformQuantizer {
  int bits = 8;
  Symmetry symmetry = Symmetry::kSymmetricRestricted;
  int axis = -1;
  // One, or the size of `axis`. > 0; or < 0, where kSymmetricSigned.
  std::vector<float> scales;
  std::vector<int32_t> zero_points;  // as many; all 0 when symmetric
  int32_t qmin = -127;
  int32_t qmax = 127;

  // A quantizer for the given ranges (one, or one per index of `axis`): the smallest scale that
  // represents both ends (asymmetric: up to the half step by which the zero point is rounded;
  // signed: the smaller of both signs, the positive one where they are alike). bits
  // from 1 to 16; one bit symmetric means the two values -scale and +scale (binary weights: q in
  // {-1, +1}, +1 for 0). A range of width zero (a dead channel) is legal: its 0 is kept.
  // INVALID_ARGUMENT for other bits, for no ranges, or for one that is inverted, not finite, or
  // does not contain 0.
  static absl::StatusOr<UniformQuantizer> Create(int bits, Symmetry symmetry, int axis,
                                                 absl::Span<const Range> ranges);

  // The integers of `src` (float32), and back. src.shape().dim(axis) must match scales.size().
  // Division and rounding are done in float32, as ONNX's QuantizeLinear does them, so that the
  // integers are the same bit for bit. INVALID_ARGUMENT for NaN (infinities are clamped), and for
  // integers outside of [qmin, qmax].
  absl::StatusOr<std::vector<int32_t>> Quantize(const Tensor& src) const;
  absl::StatusOr<Tensor> Dequantize(absl::Span<const int32_t> integers, const Shape& shape) const;
  // Dequantize(Quantize(src)).
  absl::StatusOr<Tensor> FakeQuantize(const Tensor& src) const;

  bool operator==(const UniformQuantizer&) const = default;
};

}  // namespace halftone

#endif  // HALFTONE_NN_QUANT_UNIFORM_H_
