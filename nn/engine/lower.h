#ifndef HALFTONE_NN_ENGINE_LOWER_H_
#define HALFTONE_NN_ENGINE_LOWER_H_

#include <functional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "nn/engine/program.h"
#include "nn/graph/graph.h"

namespace halftone {

// What a quantizable node reads, as values of the program.
struct LayerSources {
  ValueId src = kNoValue;
  ValueId weights = kNoValue;  // the second source; an activation in a MatMul of two activations
};

struct LowerOptions {
  // Lowers every Conv, Gemm and MatMul in place of LowerLayer, which it may call with other sources
  // (quantized, perturbed): the layer's dst. `bias` may be kNoValue. Absent: the network as it is.
  std::function<absl::StatusOr<ValueId>(ProgramBuilder& builder, const Node& node,
                                        const LayerSources& sources, ValueId bias)>
      lower_layer;
  // What `node` reads in place of its input `name`, which is `value`. Absent: the value itself.
  std::function<absl::StatusOr<ValueId>(ProgramBuilder& builder, const Node& node,
                                        const std::string& name, ValueId value)>
      read_input;
};

// A network as a growing program: values by the graph's names. Initializers are constants of the
// program, graph inputs its inputs.
struct LoweredGraph {
  ProgramBuilder builder;
  absl::flat_hash_map<std::string, ValueId> values;
};

// Lowers a graph from BindBatch to ops. UNIMPLEMENTED names a node whose operator, type or
// attribute has no lowering.
absl::StatusOr<LoweredGraph> LowerGraph(const Graph& graph, const LowerOptions& options = {});

// Lowers one node onto an existing program, with the sources given: how a layer is evaluated
// again with other sources.
absl::StatusOr<ValueId> LowerLayer(ProgramBuilder& builder, const Graph& graph, const Node& node,
                                   LayerSources sources, ValueId bias);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_LOWER_H_
