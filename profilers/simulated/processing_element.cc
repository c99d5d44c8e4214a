#include "profilers/simulated/processing_element.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace halftone {
namespace {

constexpr int64_t kWidestPrecision = 16;

int64_t DivideUp(int64_t value, int64_t by) { return (value + by - 1) / by; }

// One operand of an element: its width as executed, and the parts that it is cut into.
struct Operand {
  int64_t bits = 0;
  int64_t side_by_side = 1;  // so many such operands share the element's width
  int64_t one_by_one = 1;    // so many cycles for one
};

Operand Fixed(int64_t bits, int64_t width) {
  const int64_t parts = DivideUp(bits, width);
  return {std::min(parts * width, kWidestPrecision), 1, parts};
}

Operand Composed(int64_t bits, const ProcessingElement& element) {
  int64_t composed = element.brick_bits;
  while (composed < bits) composed *= 2;
  return {composed, std::max<int64_t>(1, element.fused_bits / composed),
          std::max<int64_t>(1, composed / element.fused_bits)};
}

Operand Serial(int64_t bits, int64_t width, bool serial) {
  return serial ? Operand{bits, 1, bits} : Operand{width, 1, 1};
}

Operand OperandOf(const ProcessingElement& element, int64_t bits, int64_t width, bool serial) {
  switch (element.kind) {
    case ProcessingElement::Kind::kFixed:
      return Fixed(bits, width);
    case ProcessingElement::Kind::kBitComposable:
      return Composed(bits, element);
    case ProcessingElement::Kind::kBitSerial:
      break;
  }
  return Serial(bits, width, serial);
}

absl::Status CheckWidth(const ProcessingElement& element, const char* operand, int bits,
                        int64_t widest) {
  const bool in_passes = element.kind == ProcessingElement::Kind::kFixed && element.passes;
  if (bits <= widest || in_passes) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat(operand, " of ", bits, " bits are wider than the ",
                                               widest, " of its processing elements"));
}

}  // namespace

absl::StatusOr<ElementWork> ElementWorkOf(const ProcessingElement& element, int weight_bits,
                                          int activation_bits) {
  if (absl::Status fits = CheckWidth(element, "weights", weight_bits, element.weight_bits);
      !fits.ok()) {
    return fits;
  }
  if (absl::Status fits =
          CheckWidth(element, "activations", activation_bits, element.activation_bits);
      !fits.ok()) {
    return fits;
  }
  const Operand weights =
      OperandOf(element, weight_bits, element.weight_bits, element.serial_weights);
  const Operand activations =
      OperandOf(element, activation_bits, element.activation_bits, element.serial_activations);
  ElementWork work;
  work.weight_bits = static_cast<int>(weights.bits);
  work.activation_bits = static_cast<int>(activations.bits);
  work.products = static_cast<double>(element.kind == ProcessingElement::Kind::kBitComposable
                                          ? weights.side_by_side * activations.side_by_side
                                          : element.products);
  work.cycles = static_cast<double>(weights.one_by_one * activations.one_by_one);
  return work;
}

}  // namespace halftone
