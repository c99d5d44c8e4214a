#ifndef HALFTONE_NN_GRAPH_CLIP_RANGE_H_
#define HALFTONE_NN_GRAPH_CLIP_RANGE_H_

#include <limits>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nn/graph/graph.h"

namespace halftone {

// The bounds of a Clip, low at most high; float32's own limits where there are none.
struct ClipRange {
  float low = std::numeric_limits<float>::lowest();
  float high = std::numeric_limits<float>::max();
};

// Reads the attributes (opset up to 10) or constant inputs of a Clip: as min(max(x, low), high) has
// it, a lower bound above the upper one is the upper one. UNIMPLEMENTED, naming the node, when a
// bound is not constant.
absl::StatusOr<ClipRange> ReadClipRange(const Graph& graph, const Node& node);

// The number that a constant of one float element holds.
std::optional<float> ScalarConstant(const Graph& graph, absl::string_view value);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_CLIP_RANGE_H_
