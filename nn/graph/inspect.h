#ifndef HALFTONE_NN_GRAPH_INSPECT_H_
#define HALFTONE_NN_GRAPH_INSPECT_H_

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "nn/graph/graph.h"

namespace halftone {

// What `halftone inspect --json` prints of an imported graph: layers with their shapes and costs
// for batch 1 (or the fixed batch), ties with reasons, and the nodes that are not supported, with
// what is missing. A network with unsupported nodes is still described as far as shapes are known.
// One with open axes (FindOpenAxes), which are listed, is not: all that is known of it are its
// inputs and outputs.
// Errors are those of BindBatch but for UNIMPLEMENTED.
absl::StatusOr<nlohmann::json> InspectToJson(const Graph& graph);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_INSPECT_H_
