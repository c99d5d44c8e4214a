#include "nn/graph/bind.h"
#include "nn/graph/layer.h"

namespace halftone {

std::vector<Unsupported> FindUnsupported(const Graph& graph) {
  absl::StatusOr<PartialBinding> binding =
      BindWhereSupported(graph, graph.fixed_batch().value_or(1));
  if (!binding.ok()) return {};
  return std::move(binding->unsupported);
}

}  // namespace halftone
