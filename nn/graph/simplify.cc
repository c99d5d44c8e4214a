#include "nn/graph/simplify.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"

namespace halftone {
namespace {

using Names = absl::flat_hash_set<std::string>;

bool WritesAny(const Node& node, const Names& names) {
  return std::any_of(node.outputs.begin(), node.outputs.end(), [&](const std::string& value) {
    return !value.empty() && names.contains(value);
  });
}

}  // namespace

void RemoveUnused(Graph& graph) {
  Names used;
  for (const Port& port : graph.outputs) used.insert(port.name);
  std::vector<Node> kept;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    if (!WritesAny(*node, used)) continue;
    used.insert(node->inputs.begin(), node->inputs.end());
    kept.push_back(std::move(*node));
  }
  std::reverse(kept.begin(), kept.end());
  graph.nodes = std::move(kept);
  std::erase_if(graph.initializers, [&](const auto& entry) { return !used.contains(entry.first); });
  for (const Port& port : graph.inputs) used.insert(port.name);
  for (const Node& node : graph.nodes) used.insert(node.outputs.begin(), node.outputs.end());
  absl::erase_if(graph.values, [&](const auto& entry) { return !used.contains(entry.first); });
}

void RenameReads(Graph& graph, const absl::flat_hash_map<std::string, std::string>& renamed) {
  if (renamed.empty()) return;
  for (Node& node : graph.nodes) {
    for (std::string& value : node.inputs) {
      for (auto found = renamed.find(value); found != renamed.end(); found = renamed.find(value)) {
        value = found->second;
      }
    }
  }
}

void AbsorbOutputIdentities(Graph& graph) {
  const GraphIndex index(graph);
  absl::flat_hash_map<std::string, std::string> renamed;
  for (Node& node : graph.nodes) {
    if (node.op != "Identity" && node.op != "Dropout") continue;
    const std::string src = node.inputs[0], dst = node.outputs[0];
    const int producer = index.Producer(src);
    if (!index.IsGraphOutput(dst) || index.IsGraphOutput(src) || producer < 0) continue;
    if (renamed.contains(src)) continue;
    for (std::string& value : graph.nodes[static_cast<size_t>(producer)].outputs) {
      if (value == src) value = dst;
    }
    renamed[src] = dst;
    node.outputs.clear();
  }
  RenameReads(graph, renamed);
  RemoveUnused(graph);
}

std::string UniqueValueName(const Graph& graph, absl::string_view wanted) {
  std::string name(wanted);
  for (int i = 1; graph.values.contains(name) || graph.initializers.count(name) > 0; ++i) {
    name = absl::StrCat(wanted, "_", i);
  }
  return name;
}

}  // namespace halftone
