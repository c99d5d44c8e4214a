#ifndef HALFTONE_NN_DATA_NPY_HEADER_H_
#define HALFTONE_NN_DATA_NPY_HEADER_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nn/graph/data_type.h"
#include "nn/graph/shape.h"

namespace halftone {

// What stands before the elements in a .npy file (NumPy enhancement proposal 1).
struct NpyHeader {
  DataType type = DataType::kFloat32;
  Shape shape;      // checked
  size_t size = 0;  // bytes before the first element
};

// No header that numpy writes for the types of DataType is longer.
inline constexpr size_t kMaxNpyHeaderBytes = size_t{64} * 1024;

// Reads the header at the start of `bytes`, which need not hold more than the header. Versions 1
// to 3. INVALID_ARGUMENT says what is wrong: no .npy file, truncated, a type that DataType does not
// have (pickled objects, big-endian, structures, ...), Fortran order, a shape beyond Shape's
// limits.
absl::StatusOr<NpyHeader> ParseNpyHeader(absl::string_view bytes);

// The header of an array, version 1, padded to 64 bytes as numpy does. INVALID_ARGUMENT for
// bfloat16, which numpy does not have.
absl::StatusOr<std::string> FormatNpyHeader(DataType type, const Shape& shape);

// A whole .npy file of texts (UTF-8), as numpy's '<U' type: [texts.size()].
std::string FormatNpyTexts(const std::vector<std::string>& texts);

}  // namespace halftone

#endif  // HALFTONE_NN_DATA_NPY_HEADER_H_
