#ifndef HALFTONE_NN_GRAPH_SIMPLIFY_H_
#define HALFTONE_NN_GRAPH_SIMPLIFY_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "nn/graph/graph.h"

namespace halftone {

// Steps that the passes share. They keep the graph valid and what its outputs compute.

// Removes nodes that no graph output depends on, the initializers that only they read, and what is
// known of removed values.
void RemoveUnused(Graph& graph);

// Makes every reader of a key read its value instead (transitively); graph outputs keep their
// names.
void RenameReads(Graph& graph, const absl::flat_hash_map<std::string, std::string>& renamed);

// Where a graph output is a mere Identity (or inference Dropout) of another node's result, lets
// that node write the output itself.
void AbsorbOutputIdentities(Graph& graph);

// A name that no value of the graph has: `wanted`, or `wanted` with a number after it.
std::string UniqueValueName(const Graph& graph, absl::string_view wanted);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_SIMPLIFY_H_
