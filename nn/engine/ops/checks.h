#ifndef HALFTONE_NN_ENGINE_OPS_CHECKS_H_
#define HALFTONE_NN_ENGINE_OPS_CHECKS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "nn/graph/shape.h"

// Checks that the ops' shape inference shares. All errors are INVALID_ARGUMENT.
namespace halftone {

// OK if there are `count` sources.
absl::Status CheckSourceCount(absl::Span<const Shape> srcs, size_t count);
// OK if `axis` is in [0, rank).
absl::Status CheckAxis(int axis, int rank);
// OK if the two are equal; `what` says whose shape `actual` is.
absl::Status CheckSameShape(const Shape& actual, const Shape& expected, const char* what);

// Where a kernel moves over the spatial axes (all after the first two) of its src.
struct PoolWindow {
  std::vector<int64_t> kernel;
  std::vector<int64_t> strides;    // >= 1
  std::vector<int64_t> dilations;  // >= 1; 1 is a dense kernel (as ONNX counts; oneDNN's is less 1)
  std::vector<int64_t> pads_begin;  // >= 0
  std::vector<int64_t> pads_end;    // >= 0
};
// The spatial axes of the dst: floor((size + pads - dilated kernel) / stride) + 1 each.
absl::StatusOr<std::vector<int64_t>> WindowedSizes(const Shape& src, const PoolWindow& window);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_OPS_CHECKS_H_
