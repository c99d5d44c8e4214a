#ifndef HALFTONE_NN_ONNX_FOUR_BITS_H_
#define HALFTONE_NN_ONNX_FOUR_BITS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "nn/graph/data_type.h"

// Elements of 4 bits as ONNX stores them: two a byte, the first in the lower half.
namespace halftone {

// The elements one a byte, as Tensor holds them. `packed` has StoredBytes(type, elements); what
// follows the last element in its byte does not matter.
std::vector<std::byte> UnpackFourBits(absl::Span<const std::byte> packed, DataType type,
                                      int64_t elements);
std::string PackFourBits(absl::Span<const std::byte> elements);

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_FOUR_BITS_H_
