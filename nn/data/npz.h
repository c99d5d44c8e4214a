#ifndef HALFTONE_NN_DATA_NPZ_H_
#define HALFTONE_NN_DATA_NPZ_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nn/graph/tensor.h"

namespace halftone {

struct NpzLimits {
  int64_t max_array_bytes = int64_t{8} << 30;
  int64_t max_total_bytes = int64_t{8} << 30;  // after decompression
  int max_arrays = 1024;
  // An archive may grow to this many times its size, or to `free_bytes` if that is more: a bomb of
  // a few megabytes is refused long before max_total_bytes.
  int64_t max_expansion = 200;
  int64_t free_bytes = int64_t{64} << 20;
};

// Reads a NumPy archive (zip of .npy, stored or deflated; little-endian, C order; the types of
// DataType). Sizes that the headers claim are checked against the limits, and against what the
// archive holds, before memory is taken. INVALID_ARGUMENT or RESOURCE_EXHAUSTED names the array
// and what is wrong with it (Fortran order, big-endian, pickled object, truncated, checksum,
// repeated name, ...). Thread-safe.
absl::StatusOr<std::map<std::string, Tensor>> ReadNpz(absl::string_view bytes,
                                                      const NpzLimits& limits = {});

// What ReadNpz takes, with the bytes themselves: found in the archive's directory. Errors as of
// ReadNpz, as far as that tells. Thread-safe.
absl::StatusOr<double> NpzReadingBytes(absl::string_view bytes, const NpzLimits& limits = {});

// The arrays as bytes of an .npz archive (deflated). `texts` become one-dimensional arrays of
// numpy's text type, which ReadNpz does not read. Equal arrays give equal bytes: no times are
// stored. INVALID_ARGUMENT names an array whose type numpy does not have (bfloat16), or tells that
// there are no arrays.
absl::StatusOr<std::string> WriteNpz(
    const std::map<std::string, Tensor>& arrays,
    const std::map<std::string, std::vector<std::string>>& texts = {});

}  // namespace halftone

#endif  // HALFTONE_NN_DATA_NPZ_H_
