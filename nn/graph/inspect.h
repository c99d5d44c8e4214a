#ifndef HALFTONE_NN_GRAPH_INSPECT_H_
#define HALFTONE_NN_GRAPH_INSPECT_H_

#include <cstdint>
#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "nn/graph/graph.h"
#include "nn/graph/output_heads.h"

namespace halftone {

// What `halftone inspect --json` prints of an imported graph: layers with their shapes and costs
// for batch 1 (or the fixed batch), ties with reasons, and the nodes that are not supported, with
// what is missing. A network with unsupported nodes is still described as far as shapes are known.
// One with open axes (FindOpenAxes), which are listed, is not: all that is known of it are its
// inputs and outputs. Of one that can run also `heads`, as what each output counts, and
// `other_bytes`, of float tensors that belong to no layer.
// Errors are those of BindBatch but for UNIMPLEMENTED, and INVALID_ARGUMENT for heads that are
// asked for and not there.
struct InspectOptions {
  AskedHeads heads;
  absl::Span<const int64_t> labels;  // of the data, where it has any
};
absl::StatusOr<nlohmann::json> InspectToJson(const Graph& graph,
                                             const InspectOptions& options = {});

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_INSPECT_H_
