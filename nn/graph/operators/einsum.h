#ifndef HALFTONE_NN_GRAPH_OPERATORS_EINSUM_H_
#define HALFTONE_NN_GRAPH_OPERATORS_EINSUM_H_

#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/graph/operators/operator.h"

namespace halftone {

// An Einsum's equation applied to its inputs: every axis has a label, and each label one size. The
// axes under an ellipsis get labels of their own, aligned at the last; where inputs broadcast
// there, an axis of size 1 stands for the label's size.
struct EinsumTerms {
  std::vector<std::vector<int>> inputs;  // the labels of each input's axes, in order
  std::vector<int> output;
  std::map<int, int64_t> sizes;
};

// INVALID_ARGUMENT where equation and inputs do not fit.
absl::StatusOr<EinsumTerms> ResolveEinsum(const NodeContext& context);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_OPERATORS_EINSUM_H_
