#ifndef HALFTONE_NN_GRAPH_OPERATORS_SLICE_H_
#define HALFTONE_NN_GRAPH_OPERATORS_SLICE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/graph/operators/operator.h"
#include "nn/graph/shape.h"

namespace halftone {

// A Slice with every axis's begin and step, clamped as ONNX says: element i of an axis of the
// result is element begin + i * step of the source's.
struct ResolvedSlice {
  std::vector<int64_t> begins, steps;
  Shape dst;
};

// Reads a Slice node's attributes (opset 9) or constant inputs (opset 10 on).
absl::StatusOr<ResolvedSlice> ResolveSlice(const NodeContext& context);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_OPERATORS_SLICE_H_
