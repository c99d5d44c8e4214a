#include "nn/onnx/four_bits.h"

namespace halftone {

std::vector<std::byte> UnpackFourBits(absl::Span<const std::byte> packed, DataType type,
                                      int64_t elements) {
  std::vector<std::byte> unpacked(static_cast<size_t>(elements));
  for (size_t i = 0; i < unpacked.size(); ++i) {
    const std::byte both = packed[i / 2];
    const std::byte bits = i % 2 == 0 ? both & std::byte{0xf} : both >> 4;
    const bool is_negative = type == DataType::kInt4 && (bits & std::byte{8}) != std::byte{0};
    unpacked[i] = is_negative ? bits | std::byte{0xf0} : bits;
  }
  return unpacked;
}

std::string PackFourBits(absl::Span<const std::byte> elements) {
  std::string packed((elements.size() + 1) / 2, '\0');
  for (size_t i = 0; i < elements.size(); ++i) {
    const int bits = std::to_integer<int>(elements[i] & std::byte{0xf});
    packed[i / 2] = static_cast<char>(packed[i / 2] | (i % 2 == 0 ? bits : bits << 4));
  }
  return packed;
}

}  // namespace halftone
