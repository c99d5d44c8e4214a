#ifndef HALFTONE_NN_GRAPH_BIND_H_
#define HALFTONE_NN_GRAPH_BIND_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/graph/graph.h"
#include "nn/graph/layer.h"

namespace halftone {

// A graph bound to a batch as far as its operators are known.
struct PartialBinding {
  Graph graph;
  std::vector<Unsupported> unsupported;  // in topological order
};

// BindBatch (passes.h) that goes on where an operator is not supported: what such a node writes has
// no type and shape in `values`, nor has what is computed from it. Errors are those of BindBatch
// but for UNIMPLEMENTED.
absl::StatusOr<PartialBinding> BindWhereSupported(const Graph& graph, int64_t batch);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_BIND_H_
