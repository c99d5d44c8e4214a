#ifndef HALFTONE_NN_QUANT_PRECISION_H_
#define HALFTONE_NN_QUANT_PRECISION_H_

#include <compare>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace halftone {

// How numbers of one kind (weights or activations) are stored.
struct NumberFormat {
  enum class Kind { kFloat32, kBFloat16, kInteger };
  Kind kind = Kind::kFloat32;
  int bits = 32;  // 1 to 16 for kInteger, 16 for kBFloat16, 32 for kFloat32

  static NumberFormat Integer(int bits) { return {Kind::kInteger, bits}; }
  bool IsInteger() const { return kind == Kind::kInteger; }
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes what is defaulted for a zero.
  auto operator<=>(const NumberFormat&) const = default;
};

// How one layer is stored and computed. Written `f32`, `bf16`, `w<bits>a<bits>` (integers of 1 to
// 16 bits), `w<bits>` alone: integer weights, float activations, or `a<bits>` alone: the other way
// round. A value type.
struct Precision {
  NumberFormat weights;
  NumberFormat activations;

  static Precision Float32() { return {}; }
  static Precision Int(int weight_bits, int activation_bits) {
    return {NumberFormat::Integer(weight_bits), NumberFormat::Integer(activation_bits)};
  }
  // INVALID_ARGUMENT names the text and the forms that there are.
  static absl::StatusOr<Precision> Parse(absl::string_view text);
  std::string ToString() const;
  bool IsFloat32() const { return *this == Precision(); }
  // What it means for a product of two activations: both are stored as activations are, and the
  // format of weights means nothing.
  Precision WithoutWeights() const { return {activations, activations}; }
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes what is defaulted for a zero.
  auto operator<=>(const Precision&) const = default;
};

// Parses "w4a4,w8a8,f32": at least one, no repetition.
absl::StatusOr<std::vector<Precision>> ParsePrecisions(absl::string_view text);

}  // namespace halftone

#endif  // HALFTONE_NN_QUANT_PRECISION_H_
