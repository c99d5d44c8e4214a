#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/graph.h"

namespace halftone {
namespace {

using Names = absl::flat_hash_set<std::string>;

// Inputs and initializers: what is there before the first node runs.
absl::StatusOr<Names> DefinedAtStart(const Graph& graph) {
  Names defined;
  for (const Port& port : graph.inputs) {
    if (port.name.empty()) return absl::InvalidArgumentError("a graph input has no name");
    if (!defined.insert(port.name).second) {
      return absl::InvalidArgumentError(absl::StrCat("graph input '", port.name, "' occurs twice"));
    }
  }
  for (const auto& [name, tensor] : graph.initializers) {
    if (!defined.insert(name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", name, "' is both a graph input and an initializer"));
    }
  }
  return defined;
}

absl::Status CheckNode(const Node& node, const Names& written, Names& defined) {
  for (const std::string& value : node.inputs) {
    if (value.empty() || defined.contains(value)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("node '", node.name, "' (", node.op, ") reads '", value, "', ",
                     written.contains(value)
                         ? "which is written only later (the graph has a cycle or is not sorted)"
                         : "which is no graph input, no initializer and no node's output"));
  }
  for (const std::string& value : node.outputs) {
    if (value.empty() || defined.insert(value).second) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "node '", node.name, "' (", node.op, ") writes '", value, "', which is already defined"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckGraph(const Graph& graph) {
  HT_ASSIGN_OR_RETURN(Names defined, DefinedAtStart(graph));
  Names written, names;
  for (const Node& node : graph.nodes) {
    if (node.name.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("a node (", node.op, ") has no name"));
    }
    if (!names.insert(node.name).second) {
      return absl::InvalidArgumentError(absl::StrCat("two nodes are named '", node.name, "'"));
    }
    written.insert(node.outputs.begin(), node.outputs.end());
  }
  for (const Node& node : graph.nodes) {
    HT_RETURN_IF_ERROR(CheckNode(node, written, defined));
  }
  if (graph.outputs.empty()) return absl::InvalidArgumentError("the graph has no outputs");
  for (const Port& port : graph.outputs) {
    if (!defined.contains(port.name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("graph output '", port.name, "' is written by no node"));
    }
  }
  return absl::OkStatus();
}

}  // namespace halftone
