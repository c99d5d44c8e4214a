#ifndef HALFTONE_NN_GRAPH_OPERATORS_BROADCAST_H_
#define HALFTONE_NN_GRAPH_OPERATORS_BROADCAST_H_

#include <algorithm>
#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "base/status_macros.h"
#include "nn/graph/operators/operator.h"
#include "nn/graph/operators/strided.h"

// What operators on several tensors with numpy broadcasting share.
namespace halftone {

// The type and shape of inputs [first, first + count): of one type, broadcast against each other.
absl::StatusOr<ValueInfo> BroadcastInputs(const NodeContext& context, size_t first, size_t count);

// Computes elementwise on constants in float64 or int64, each source repeated to the result's
// shape: one of the two functions gets the elements of all sources.
template <typename FloatFunction, typename IntFunction>
absl::StatusOr<std::vector<Tensor>> ComputeBroadcast(const NodeContext& context,
                                                     const ValueInfo& info, FloatFunction on_floats,
                                                     IntFunction on_ints) {
  if (IsFloat(context.constants[0]->type())) {
    std::vector<std::vector<double>> srcs;
    for (const Tensor* constant : context.constants) {
      HT_ASSIGN_OR_RETURN(srcs.emplace_back(), BroadcastTo(*constant, info.shape).ToDoubles());
    }
    return on_floats(srcs);
  }
  std::vector<std::vector<int64_t>> srcs;
  for (const Tensor* constant : context.constants) {
    HT_ASSIGN_OR_RETURN(srcs.emplace_back(), BroadcastTo(*constant, info.shape).ToInts());
  }
  return on_ints(srcs);
}

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_OPERATORS_BROADCAST_H_
