#ifndef HALFTONE_NN_GRAPH_OPERATORS_VALUE_SIZED_H_
#define HALFTONE_NN_GRAPH_OPERATORS_VALUE_SIZED_H_

#include <cstddef>

#include "absl/status/statusor.h"
#include "nn/graph/operators/operator.h"

namespace halftone {

// The constant that the size of a result depends on, input `index`. UNIMPLEMENTED, with what would
// help, where the network computes it: it runs with sizes that are known before.
absl::StatusOr<const Tensor*> SizingConstant(const NodeContext& context, size_t index);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_OPERATORS_VALUE_SIZED_H_
