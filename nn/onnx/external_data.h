#ifndef HALFTONE_NN_ONNX_EXTERNAL_DATA_H_
#define HALFTONE_NN_ONNX_EXTERNAL_DATA_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace halftone {

// Where a tensor's elements are kept beside the model.
struct ExternalLocation {
  std::string file;  // relative to the model's folder
  int64_t offset = 0;
  int64_t length = 0;
};

// Reads a range of a regular file inside of `folder`. Absolute names, "..", and symbolic links
// (in any component below `folder`) are refused with INVALID_ARGUMENT, as are ranges that the file
// does not have; the file is never larger in memory than `length`. NOT_FOUND when it is missing.
absl::StatusOr<std::vector<std::byte>> ReadExternalData(const std::string& folder,
                                                        const ExternalLocation& location);

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_EXTERNAL_DATA_H_
