#include "nn/engine/lower.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/graph/float32.h"

namespace halftone {
namespace {

absl::Status AddInputs(const Graph& graph, ProgramBuilder& builder, ValueTable& values) {
  for (const Port& input : graph.inputs) {
    if (EngineType(input.info.type) != input.info.type) {
      return absl::UnimplementedError(absl::StrCat("graph input '", input.name, "' is ",
                                                   DataTypeName(input.info.type), ", not float32"));
    }
    HT_RETURN_IF_ERROR(
        Annotate(input.info.shape.Check(), absl::StrCat("graph input '", input.name, "'")));
    values.Set(input.name, builder.AddInput(input.name, input.info.shape));
  }
  return absl::OkStatus();
}

absl::Status LowerNode(const Graph& graph, const Node& node, const LowerOptions& options,
                       ProgramBuilder& builder, ValueTable& values) {
  const LowerFunction lower = FindLowering(node.domain, node.op);
  if (lower == nullptr) {
    return absl::UnimplementedError(absl::StrCat("the engine does not know operator ", node.domain,
                                                 node.domain.empty() ? "" : ".", node.op));
  }
  builder.SetLabel(node.name);
  const NodeLowering lowering{builder, graph, options, values, MakeNodeContext(graph, node)};
  HT_ASSIGN_OR_RETURN(const std::vector<ValueId> results, lower(lowering));
  for (size_t i = 0; i < results.size() && i < node.outputs.size(); ++i) {
    if (node.outputs[i].empty()) continue;
    HT_ASSIGN_OR_RETURN(const Shape inferred, lowering.DstShape(i));
    if (builder.shape(results[i]) != inferred) {
      return absl::InternalError(absl::StrCat("result has shape ",
                                              builder.shape(results[i]).ToString(), " where ",
                                              inferred.ToString(), " was inferred"));
    }
    values.Set(node.outputs[i], results[i]);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LoweredGraph> LowerGraph(const Graph& graph, const LowerOptions& options) {
  LoweredGraph lowered;
  ValueTable values(lowered.builder, graph);
  HT_RETURN_IF_ERROR(AddInputs(graph, lowered.builder, values));
  for (const Node& node : graph.nodes) {
    HT_RETURN_IF_ERROR(Annotate(LowerNode(graph, node, options, lowered.builder, values),
                                absl::StrCat("node '", node.name, "' (", node.op, ")")));
  }
  lowered.builder.SetLabel("");
  for (const Port& output : graph.outputs) {
    HT_RETURN_IF_ERROR(Annotate(values.Get(output.name).status(), "graph output"));
  }
  lowered.values = values.Take();
  return lowered;
}

}  // namespace halftone
