#ifndef HALFTONE_NN_GRAPH_REWRITES_SUBGRAPHS_H_
#define HALFTONE_NN_GRAPH_REWRITES_SUBGRAPHS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nn/graph/graph.h"

// What branches, loops and scans need to put copies of their subgraphs in their place.
namespace halftone {

// The node's subgraph of that attribute. INVALID_ARGUMENT when it is missing.
absl::StatusOr<Subgraph> FindSubgraph(const Node& node, absl::string_view attribute);

// The inputs of the node that are no captured values of the subgraph.
std::vector<std::string> OwnInputs(const Node& node, const Subgraph& subgraph);

// What a copy of the subgraph reads: `own`, and then the captured values.
std::vector<std::string> WithCaptured(std::vector<std::string> own, const Node& node,
                                      const Subgraph& subgraph);

// The one bool of a condition. INVALID_ARGUMENT for a constant of another form.
absl::StatusOr<bool> ReadCondition(const Tensor& constant);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_REWRITES_SUBGRAPHS_H_
