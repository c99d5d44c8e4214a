#include "profilers/simulated/accelerator.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/quant/precision.h"

namespace halftone {
namespace {

using Limits = AcceleratorLimits;

constexpr char kHalf[] = "f16";

// A field and what it may be: not negligible, or not below 0 with `or_zero`, and at most `most`.
struct Bound {
  std::string field;
  double value = 0;
  double most = 0;
  bool or_zero = false;
};

absl::Status Check(const Bound& bound) {
  const double least = bound.or_zero ? 0 : Limits::kLeast;
  if (std::isfinite(bound.value) && bound.value >= least && bound.value <= bound.most) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("field '", bound.field, "' must be at least ",
                                                 least, " and at most ", bound.most, ", not ",
                                                 bound.value));
}

absl::Status Check(std::initializer_list<Bound> bounds) {
  for (const Bound& bound : bounds) HT_RETURN_IF_ERROR(Check(bound));
  return absl::OkStatus();
}

Bound Integer(const char* field, int64_t value, int64_t most, bool or_zero = false) {
  return {field, static_cast<double>(value), static_cast<double>(most), or_zero};
}

bool IsPowerOfTwo(int64_t value) { return value > 0 && (value & (value - 1)) == 0; }

absl::Status CheckElement(const ProcessingElement& element) {
  HT_RETURN_IF_ERROR(
      Check({Integer("processing_element.weight_bits", element.weight_bits, Limits::kBits),
             Integer("processing_element.activation_bits", element.activation_bits, Limits::kBits),
             Integer("processing_element.products", element.products, Limits::kProducts)}));
  if (element.kind == ProcessingElement::Kind::kBitSerial && !element.serial_weights &&
      !element.serial_activations) {
    return absl::InvalidArgumentError(
        "field 'processing_element.serial' must name weights, activations or both");
  }
  if (element.kind != ProcessingElement::Kind::kBitComposable) return absl::OkStatus();
  HT_RETURN_IF_ERROR(
      Check({Integer("processing_element.brick_bits", element.brick_bits, Limits::kBits),
             Integer("processing_element.fused_bits", element.fused_bits, Limits::kBits)}));
  for (const int64_t bits : {element.fused_bits, element.weight_bits, element.activation_bits}) {
    if (bits % element.brick_bits != 0 || !IsPowerOfTwo(bits / element.brick_bits)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "field 'processing_element.brick_bits': ", bits, " bits cannot be composed of bricks of ",
          element.brick_bits, ", only a power of two times that"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckMachine(const ProcessorArray& array) {
  HT_RETURN_IF_ERROR(
      Check({Integer("array.rows", array.rows, Limits::kSide),
             Integer("array.columns", array.columns, Limits::kSide),
             {"array.clock_mhz", array.clock_mhz, Limits::kClockMhz},
             Integer("buffers.weights_bytes", array.weights_buffer_bytes, Limits::kBytes),
             Integer("buffers.src_bytes", array.src_buffer_bytes, Limits::kBytes),
             Integer("buffers.dst_bytes", array.dst_buffer_bytes, Limits::kBytes),
             {"dram.bits_per_cycle", array.dram_bits_per_cycle, Limits::kBitsPerCycle},
             {"energy.multiply_8x8_pj", array.energy.multiply_8x8_pj, Limits::kPicojoule, true},
             {"energy.accumulate_pj", array.energy.accumulate_pj, Limits::kPicojoule, true},
             {"energy.dram_64_bits_pj", array.energy.dram_64_bits_pj, Limits::kPicojoule, true},
             {"energy.buffer_64_bits_pj", array.energy.buffer_64_bits_pj.value_or(0),
              Limits::kPicojoule, true}}));
  if (array.exposed_drain && (array.dataflow != Dataflow::kOutputStationary ||
                              array.interconnect != Interconnect::kSystolic)) {
    return absl::InvalidArgumentError(
        "field 'array.exposed_drain' is of output-stationary systolic arrays only");
  }
  return CheckElement(array.element);
}

absl::Status CheckPeakName(const char* object, const std::string& name) {
  absl::StatusOr<Precision> precision = Precision::Parse(name);
  const bool known =
      name == kHalf || (precision.ok() && precision->weights.kind == precision->activations.kind);
  if (known) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("field '", object, ".", name.substr(0, 100),
                   "' is not named by a precision that is executed, such as w8a8, bf16, f16 or "
                   "f32"));
}

absl::Status CheckMachine(const RooflineProcessor& processor) {
  if (processor.operations_per_second.empty()) {
    return absl::InvalidArgumentError(
        "field 'roofline.operations_per_second' must name a precision at least");
  }
  for (const auto& [name, peak] : processor.operations_per_second) {
    HT_RETURN_IF_ERROR(CheckPeakName("roofline.operations_per_second", name));
    HT_RETURN_IF_ERROR(
        Check({absl::StrCat("roofline.operations_per_second.", name), peak, Limits::kPerSecond}));
    if (!processor.operation_pj.empty() && processor.operation_pj.count(name) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("field 'energy.operation_pj.", name, "' is missing"));
    }
  }
  for (const auto& [name, energy] : processor.operation_pj) {
    if (processor.operations_per_second.count(name) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("field 'energy.operation_pj.", name, "' is of a precision without a peak"));
    }
    HT_RETURN_IF_ERROR(
        Check({absl::StrCat("energy.operation_pj.", name), energy, Limits::kPicojoule, true}));
  }
  return Check(
      {{"roofline.memory_bytes_per_second", processor.memory_bytes_per_second, Limits::kPerSecond},
       Integer("roofline.on_chip_bytes", processor.on_chip_bytes, Limits::kBytes, true),
       {"energy.memory_64_bits_pj", processor.memory_64_bits_pj, Limits::kPicojoule, true}});
}

}  // namespace

absl::string_view DataflowName(Dataflow dataflow) {
  switch (dataflow) {
    case Dataflow::kOutputStationary:
      return "output-stationary";
    case Dataflow::kWeightStationary:
      return "weight-stationary";
    case Dataflow::kInputStationary:
      return "input-stationary";
  }
  return "";
}

absl::string_view InterconnectName(Interconnect interconnect) {
  return interconnect == Interconnect::kSystolic ? "systolic" : "broadcast";
}

double BufferEnergy(double bytes) {
  struct Point {
    double bytes, pj;
  };
  constexpr Point kSmall = {8192, 10}, kMiddle = {32768, 20}, kLarge = {1048576, 100};
  const Point& from = bytes < kMiddle.bytes ? kSmall : kMiddle;
  const Point& to = bytes < kMiddle.bytes ? kMiddle : kLarge;
  const double slope = std::log(to.pj / from.pj) / std::log(to.bytes / from.bytes);
  return from.pj * std::pow(bytes / from.bytes, slope);
}

absl::Status CheckAccelerator(const Accelerator& accelerator) {
  return std::visit([](const auto& machine) { return CheckMachine(machine); }, accelerator.machine);
}

}  // namespace halftone
