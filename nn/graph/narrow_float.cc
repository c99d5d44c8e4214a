#include "nn/graph/narrow_float.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace halftone {
namespace {

// The exponent of the last place of a value's mantissa.
int LastPlace(const NarrowFloat& format, double magnitude) {
  const int smallest = 1 - format.bias;  // of numbers that are normal; subnormals share it
  return std::max(magnitude == 0 ? smallest : std::ilogb(magnitude), smallest) -
         format.mantissa_bits;
}

}  // namespace

// The bits without the sign: in the order of the numbers that they stand for.
int NarrowFloat::LargestCode() const {
  const int codes = 1 << (exponent_bits + mantissa_bits);
  if (special == Special::kInfinityAndNan) return codes - (1 << mantissa_bits) - 1;
  return special == Special::kNan ? codes - 2 : codes - 1;
}

float NarrowFloat::Largest() const { return Decode(static_cast<uint8_t>(LargestCode())); }

float NarrowFloat::Decode(uint8_t bits) const {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const int codes = 1 << (exponent_bits + mantissa_bits);
  const bool is_negative = (bits & codes) != 0;
  const int code = bits & (codes - 1);
  if (special == Special::kNanOnly && is_negative && code == 0) return kNan;
  const int exponent = code >> mantissa_bits, mantissa = code & ((1 << mantissa_bits) - 1);
  float magnitude = exponent == 0
                        ? std::ldexp(static_cast<float>(mantissa), 1 - bias - mantissa_bits)
                        : std::ldexp(static_cast<float>(mantissa + (1 << mantissa_bits)),
                                     exponent - bias - mantissa_bits);
  if (code > LargestCode()) {
    const bool is_infinity = special == Special::kInfinityAndNan && mantissa == 0;
    magnitude = is_infinity ? std::numeric_limits<float>::infinity() : kNan;
  }
  return is_negative ? -magnitude : magnitude;
}

double NarrowFloat::Round(double value, bool saturate) const {
  const double largest = static_cast<double>(Largest());
  if (std::isnan(value)) return special == Special::kNone ? largest : value;
  double magnitude = std::fabs(value);
  if (std::isfinite(value)) {
    const int place = LastPlace(*this, magnitude);
    magnitude = std::ldexp(std::nearbyint(std::ldexp(magnitude, -place)), place);
  }
  if (magnitude > largest) {
    if (saturate || special == Special::kNone) {
      magnitude = largest;
    } else {
      magnitude = special == Special::kInfinityAndNan ? std::numeric_limits<double>::infinity()
                                                      : std::numeric_limits<double>::quiet_NaN();
    }
  }
  if (magnitude == 0 && special == Special::kNanOnly) return 0;
  return std::copysign(magnitude, value);
}

uint8_t NarrowFloat::Encode(double value) const {
  const int codes = 1 << (exponent_bits + mantissa_bits);
  if (std::isnan(value)) {
    return static_cast<uint8_t>(special == Special::kNanOnly ? codes : codes - 1);
  }
  const int sign = std::signbit(value) ? codes : 0;
  if (std::isinf(value)) return static_cast<uint8_t>(sign + LargestCode() + 1);
  const double magnitude = std::fabs(value);
  const int place = LastPlace(*this, magnitude);
  // The leading one, which is not stored, adds one to the exponent before it; subnormals have none.
  const int exponent = place + mantissa_bits + bias - 1;
  const auto mantissa = static_cast<int>(std::ldexp(magnitude, -place));
  return static_cast<uint8_t>(sign + (exponent << mantissa_bits) + mantissa);
}

std::optional<NarrowFloat> NarrowFloatOf(DataType type) {
  using Special = NarrowFloat::Special;
  switch (type) {
    case DataType::kFloat8E4M3Fn:
      return NarrowFloat{4, 3, 7, Special::kNan};
    case DataType::kFloat8E4M3Fnuz:
      return NarrowFloat{4, 3, 8, Special::kNanOnly};
    case DataType::kFloat8E5M2:
      return NarrowFloat{5, 2, 15, Special::kInfinityAndNan};
    case DataType::kFloat8E5M2Fnuz:
      return NarrowFloat{5, 2, 16, Special::kNanOnly};
    case DataType::kFloat4E2M1:
      return NarrowFloat{2, 1, 1, Special::kNone};
    default:
      return std::nullopt;
  }
}

}  // namespace halftone
