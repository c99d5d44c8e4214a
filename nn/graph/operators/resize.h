#ifndef HALFTONE_NN_GRAPH_OPERATORS_RESIZE_H_
#define HALFTONE_NN_GRAPH_OPERATORS_RESIZE_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/graph/operators/operator.h"
#include "nn/graph/shape.h"

namespace halftone {

// The axes that a Resize's scales, sizes and regions speak of, in their order: all of them unless
// it names some (from opset 18 on).
absl::StatusOr<std::vector<int>> ResizedAxes(const NodeContext& context, int rank);

// The scale of all these axes, where a Resize to given sizes keeps the aspect ratio
// (keep_aspect_ratio_policy): the largest with which none is larger than asked, or the least with
// which none is smaller. Absent where sizes are to be met exactly, or none are given.
// UNIMPLEMENTED for another policy.
absl::StatusOr<std::optional<double>> KeptAspectScale(const NodeContext& context, const Shape& src);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_OPERATORS_RESIZE_H_
