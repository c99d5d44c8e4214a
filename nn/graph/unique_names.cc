#include "nn/graph/unique_names.h"

#include "absl/strings/str_cat.h"

namespace halftone {

UniqueNames::UniqueNames(const Graph& graph) {
  for (const Port& port : graph.inputs) taken_.insert(port.name);
  for (const auto& [name, tensor] : graph.initializers) taken_.insert(name);
  for (const Node& node : graph.nodes) {
    taken_.insert(node.name);
    taken_.insert(node.outputs.begin(), node.outputs.end());
  }
}

std::string UniqueNames::Make(const std::string& wanted) {
  std::string name = wanted;
  while (!taken_.insert(name).second) name = absl::StrCat(wanted, "_", ++suffixes_[wanted]);
  return name;
}

}  // namespace halftone
