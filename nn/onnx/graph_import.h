#ifndef HALFTONE_NN_ONNX_GRAPH_IMPORT_H_
#define HALFTONE_NN_ONNX_GRAPH_IMPORT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nn/graph/graph.h"
#include "nn/onnx/functions.h"
#include "nn/onnx/import.h"
#include "nn/onnx/node_import.h"
#include "nn/onnx/proto.h"
#include "nn/onnx/tensor_import.h"

namespace halftone {

// What the graphs and functions of one model share while they are read. Borrows all but the
// tensors. Not thread-safe.
struct ModelContext {
  ModelContext(const ImportOptions& import_options, const FunctionTable& function_table,
               int64_t opset_of_file)
      : options(import_options),
        functions(function_table),
        opset(opset_of_file),
        tensors(import_options.external_data.get(), import_options.max_external_bytes),
        nodes_left(import_options.max_nodes) {}

  const ImportOptions& options;
  const FunctionTable& functions;
  const int64_t opset;
  TensorImporter tensors;
  int64_t nodes_left;                    // of all graphs and calls
  int64_t inlined_bytes_left = 1 << 28;  // what names and lists in inlined functions may take
  int depth = 0;                         // of graphs in graphs, and of calls
  std::vector<const Function*> calls;    // being inlined
};

// RESOURCE_EXHAUSTED where inlined functions take more than they may.
absl::Status SpendInlined(int64_t bytes, ModelContext& context);

// The graph of a model. Errors name the offender.
absl::StatusOr<Graph> ImportModelGraph(const onnx::GraphProto& proto, ModelContext& context);

// A graph among a node's attributes, closed as Subgraph says: what it captures are the inputs from
// `proto.input_size()` on, by the names that they have around it. `arguments` as in ImportNode.
absl::StatusOr<Graph> ImportSubgraph(const onnx::GraphProto& proto, const Arguments* arguments,
                                     ModelContext& context);

}  // namespace halftone

#endif  // HALFTONE_NN_ONNX_GRAPH_IMPORT_H_
