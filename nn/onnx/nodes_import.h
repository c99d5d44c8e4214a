#ifndef HALFTONE_NN_ONNX_NODES_IMPORT_H_
#define HALFTONE_NN_ONNX_NODES_IMPORT_H_

#include <string>

#include "absl/status/status.h"
#include "nn/graph/graph.h"
#include "nn/graph/tensor.h"
#include "nn/onnx/graph_import.h"
#include "nn/onnx/node_import.h"
#include "nn/onnx/proto.h"

namespace halftone {

// INVALID_ARGUMENT, with the name, for one that is not fit for an initializer or taken.
absl::Status AddInitializer(const std::string& name, Tensor tensor, Graph& graph);

// Appends the nodes of `proto` to the graph, whose initializers are there already: each with a name
// that no other of the graph has, Constants as initializers, subgraphs closed, and in place of a
// node that calls a function of the model that function's nodes, their own names with the calling
// node's in front. `arguments` as in ImportNode. INVALID_ARGUMENT, naming the calling node, for
// functions that call themselves or more than 64 levels of calls and subgraphs; RESOURCE_EXHAUSTED
// for more nodes in all than the options allow.
absl::Status ImportNodes(const onnx::GraphProto& proto, const Arguments* arguments,
                         ModelContext& context, Graph& graph);

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_NODES_IMPORT_H_
