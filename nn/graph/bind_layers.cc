#include <utility>

#include "base/status_macros.h"
#include "nn/graph/passes.h"

namespace halftone {

absl::StatusOr<Graph> BindLayers(const Graph& graph, int64_t batch, bool fold_batch_norm) {
  HT_ASSIGN_OR_RETURN(Graph bound, BindBatch(graph, batch));
  HT_ASSIGN_OR_RETURN(bound, RecognizeActivations(std::move(bound)));
  if (fold_batch_norm) {
    HT_ASSIGN_OR_RETURN(bound, FoldBatchNorm(std::move(bound)));
  }
  return SplitTransposedConvolutions(std::move(bound));
}

}  // namespace halftone
