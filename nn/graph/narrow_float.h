#ifndef HALFTONE_NN_GRAPH_NARROW_FLOAT_H_
#define HALFTONE_NN_GRAPH_NARROW_FLOAT_H_

#include <cstdint>
#include <optional>

#include "nn/graph/data_type.h"

namespace halftone {

// A floating-point format of 8 bits or fewer: a sign, an exponent and a mantissa from the highest
// bit that it uses down, with subnormals as in IEEE 754. Of FP8 (Micikevicius et al., 2022), its
// FNUZ variants (Noune et al., 2022), and the OCP microscaling formats (2023), as ONNX has them.
struct NarrowFloat {
  // What has no place among the numbers.
  enum class Special : uint8_t {
    kInfinityAndNan,  // at the largest exponent, as in IEEE 754
    kNan,             // all ones, of either sign (FN)
    kNanOnly,         // in the place of -0, which there is not (FNUZ)
    kNone
  };

  int exponent_bits, mantissa_bits, bias;
  Special special;

  bool operator==(const NarrowFloat&) const = default;

  // The largest number.
  float Largest() const;
  // Exact. Bits above the sign do not matter.
  float Decode(uint8_t bits) const;
  // The nearest value of the format, ties to even. What is beyond the largest number after that,
  // infinities included, becomes that with `saturate`, else infinity or, without one, NaN. A format
  // without NaN always saturates, and makes a NaN its largest number.
  double Round(double value, bool saturate) const;
  // The bits of a value that Round gives.
  uint8_t Encode(double value) const;

 private:
  int LargestCode() const;
};

// That of a type for which IsNarrowFloat holds; nothing for others.
std::optional<NarrowFloat> NarrowFloatOf(DataType type);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_NARROW_FLOAT_H_
