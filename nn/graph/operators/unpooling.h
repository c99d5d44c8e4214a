#ifndef HALFTONE_NN_GRAPH_OPERATORS_UNPOOLING_H_
#define HALFTONE_NN_GRAPH_OPERATORS_UNPOOLING_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/graph/operators/operator.h"

namespace halftone {

// The shape [N, C, spatial...] that the source of a MaxUnpool was pooled from, which its indices
// count in.
absl::StatusOr<Shape> PooledFrom(const NodeContext& context);

// How a Col2Im adds blocks up to an image; one entry per spatial axis.
struct BlockMoves {
  std::vector<int64_t> image, block, dilations, strides;
  std::vector<int64_t> pads_begin, pads_end;
  std::vector<int64_t> counts;  // of blocks along each axis
};
absl::StatusOr<BlockMoves> ResolveCol2Im(const NodeContext& context);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_OPERATORS_UNPOOLING_H_
