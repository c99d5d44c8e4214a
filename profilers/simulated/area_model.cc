#include "profilers/simulated/area_model.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace halftone {
namespace {

struct Point {
  double x, y;
};

// A power law between two neighbouring points; beyond the ends that of the last two.
template <size_t N>
double PowerLaw(const std::array<Point, N>& points, double x) {
  size_t i = 0;
  while (i + 2 < N && x > points[i + 1].x) ++i;
  const Point &from = points[i], &to = points[i + 1];
  const double slope = std::log(to.y / from.y) / std::log(to.x / from.x);
  return from.y * std::pow(x / from.x, slope);
}

// By the product of the operands' bits.
double FixedArea(double bits_product) {
  constexpr std::array<Point, 4> kSynthesis = {{{4, 81.07}, {16, 191.6}, {64, 510.7}, {256, 1679}}};
  return PowerLaw(kSynthesis, bits_product);
}

// How much larger an element is for being composed of bricks that are doubled so many times.
double ComposingOverhead(double doublings) {
  constexpr std::array<double, 4> kRatios = {1, 1.85, 3.40, 5.26};
  constexpr double kEach = kRatios[3] - kRatios[2];
  const auto last = static_cast<double>(kRatios.size() - 1);
  if (doublings >= last) return kRatios.back() + (doublings - last) * kEach;
  const auto below = static_cast<size_t>(doublings);
  return kRatios[below] +
         (doublings - std::floor(doublings)) * (kRatios[below + 1] - kRatios[below]);
}

double WidthOf(int64_t bits) { return static_cast<double>(bits); }

// The bits of the operands that an element multiplies in one cycle.
double BitsProductPerCycle(const ProcessingElement& element) {
  switch (element.kind) {
    case ProcessingElement::Kind::kBitComposable:
      return WidthOf(element.fused_bits) * WidthOf(element.fused_bits);
    case ProcessingElement::Kind::kBitSerial:
      return (element.serial_weights ? 1 : WidthOf(element.weight_bits)) *
             (element.serial_activations ? 1 : WidthOf(element.activation_bits));
    case ProcessingElement::Kind::kFixed:
      break;
  }
  return WidthOf(element.weight_bits) * WidthOf(element.activation_bits);
}

double Products(const ProcessingElement& element) {
  return element.kind == ProcessingElement::Kind::kBitComposable
             ? 1
             : static_cast<double>(element.products);
}

double Elements(const ProcessorArray& array) {
  return static_cast<double>(array.rows) * static_cast<double>(array.columns);
}

}  // namespace

double ElementArea(const ProcessingElement& element) {
  const double fixed = Products(element) * FixedArea(BitsProductPerCycle(element));
  if (element.kind != ProcessingElement::Kind::kBitComposable) return fixed;
  return fixed *
         ComposingOverhead(std::log2(WidthOf(element.fused_bits) / WidthOf(element.brick_bits)));
}

double BufferArea(double bytes) {
  constexpr std::array<Point, 3> kCacti = {{{1024, 0.008824}, {4096, 0.03006}, {16384, 0.1086}}};
  return PowerLaw(kCacti, bytes);
}

std::optional<ArrayArea> AreaOf(const ProcessorArray& array) {
  const bool tabulated = array.energy.technology == kTabulatedTechnology;
  const SiliconArea& given = array.area;
  if (!tabulated && !(given.element_um2.has_value() && given.buffer_bit_um2.has_value())) {
    return std::nullopt;
  }
  constexpr double kSquareMicrometres = 1e-6;
  ArrayArea area;
  area.elements_mm2 =
      Elements(array) * kSquareMicrometres * given.element_um2.value_or(ElementArea(array.element));
  for (const int64_t bytes :
       {array.weights_buffer_bytes, array.src_buffer_bytes, array.dst_buffer_bytes}) {
    area.buffers_mm2 +=
        given.buffer_bit_um2.has_value()
            ? static_cast<double>(bytes) * 8 * *given.buffer_bit_um2 * kSquareMicrometres
            : BufferArea(static_cast<double>(bytes));
  }
  return area;
}

double ArithmeticPower(const ProcessorArray& array) {
  const double multiplied = Products(array.element) * BitsProductPerCycle(array.element) / 64;
  const double per_cycle_pj =
      multiplied * array.energy.multiply_8x8_pj + array.energy.accumulate_pj;
  return Elements(array) * per_cycle_pj * 1e-12 * array.clock_mhz * 1e6;
}

}  // namespace halftone
