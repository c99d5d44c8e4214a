#include "nn/graph/rewrites/parts.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "nn/graph/graph_memory.h"

namespace halftone {

int64_t BytesOf(const std::vector<Node>& nodes) {
  int64_t bytes = 0;
  for (const Node& node : nodes) bytes += NodeBytes(node);
  return bytes;
}

absl::Status PartsBudget::Spend(const Parts& parts) {
  nodes_left_ -= static_cast<int64_t>(parts.nodes.size()) + 1;
  bytes_left_ -= BytesOf(parts.nodes);
  if (nodes_left_ >= 0 && bytes_left_ >= 0) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("more than ", kMostNodes, " nodes, or ",
                                                   kMostBytes, " bytes, stand for it and others"));
}

Copier::Copier(const Graph& graph, const std::string& prefix, UniqueNames& names)
    : graph_(graph), names_(names) {
  for (const auto& [name, tensor] : graph.initializers) {
    const std::string& renamed = renamed_[name] = names_.Make(prefix + name);
    constants_.emplace(renamed, tensor);
  }
}

void Copier::Copy(const std::string& prefix, const std::vector<std::string>& sources,
                  const std::vector<std::string>& results, std::vector<Node>& nodes) {
  absl::flat_hash_map<std::string, std::string> renamed = renamed_;
  renamed.emplace("", "");
  for (size_t i = 0; i < graph_.inputs.size(); ++i) renamed[graph_.inputs[i].name] = sources[i];
  std::vector<std::pair<std::string, std::string>> passed_on;  // an output, and what it is to be
  for (size_t i = 0; i < results.size(); ++i) {
    const std::string& output = graph_.outputs[i].name;
    if (results[i].empty() || renamed.emplace(output, results[i]).second) continue;
    passed_on.emplace_back(output, results[i]);
  }
  for (const Node& source : graph_.nodes) {
    Node node = source;
    node.name = names_.Make(prefix + source.name);
    for (std::string& value : node.inputs) value = renamed.at(value);
    for (std::string& value : node.outputs) {
      const auto [found, is_new] = renamed.try_emplace(value);
      if (is_new) found->second = names_.Make(prefix + value);
      value = found->second;
    }
    nodes.push_back(std::move(node));
  }
  for (const auto& [output, result] : passed_on) {
    Node node;
    node.name = names_.Make(prefix + output + "/Identity");
    node.op = "Identity";
    node.inputs = {renamed.at(output)};
    node.outputs = {result};
    nodes.push_back(std::move(node));
  }
}

}  // namespace halftone
