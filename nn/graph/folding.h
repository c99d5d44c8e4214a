#ifndef HALFTONE_NN_GRAPH_FOLDING_H_
#define HALFTONE_NN_GRAPH_FOLDING_H_

#include <cstddef>

#include "absl/status/status.h"
#include "nn/graph/operators/operator.h"

namespace halftone {

// Whether the node can be computed while a graph is bound: from constants, or from shapes alone.
bool CanFold(const NodeContext& context, const Operator& op);

// What folding may still read and write: enough for any chain of shapes, and a bound on what a
// hostile model can ask for.
class FoldingBudget {
 public:
  // For a constant of the model.
  void Add(size_t bytes) { bytes_left_ += 2 * bytes; }
  // RESOURCE_EXHAUSTED for a node whose constants, and results `infos`, are beyond it.
  absl::Status Spend(const NodeContext& context, const ValueInfos& infos);

 private:
  size_t bytes_left_ = size_t{256} << 20;
};

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_FOLDING_H_
