#include "search/sensitivity/layer_pairs.h"

#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace halftone {
namespace {

// The layers that a value comes from, and how many sums lie between (the fewest).
using Sources = std::map<size_t, int>;

void Merge(const Sources& from, int sums, Sources& into) {
  for (const auto& [layer, passed] : from) {
    const auto [found, inserted] = into.try_emplace(layer, passed + sums);
    if (!inserted) found->second = std::min(found->second, passed + sums);
  }
}

bool IsSum(const Node& node) {
  return node.domain.empty() && (node.op == "Add" || node.op == "Sum" || node.op == "Sub");
}

}  // namespace

LayerPairs NeighbourPairs(const Graph& graph, const LayerSet& layers) {
  LayerPairs pairs;
  absl::flat_hash_map<std::string, size_t> layer_of_node;
  for (size_t l = 0; l < layers.layers.size(); ++l) layer_of_node[layers.layers[l].name] = l;

  absl::flat_hash_map<std::string, Sources> sources;
  for (const Node& node : graph.nodes) {
    Sources read;
    int operands = 0;
    for (const std::string& input : node.inputs) {
      const auto found = sources.find(input);
      if (found == sources.end() || found->second.empty()) continue;
      ++operands;
      Merge(found->second, 0, read);
    }
    const auto layer = layer_of_node.find(node.name);
    if (layer != layer_of_node.end()) {
      for (const auto& [source, sums] : read) pairs.Add(source, layer->second);
      read = {{layer->second, 0}};
    } else if (IsSum(node) && operands > 1) {
      Sources beyond;
      for (const auto& [a, sums_of_a] : read) {
        if (sums_of_a > 0) continue;
        beyond[a] = 1;
        for (const auto& [b, sums_of_b] : read) {
          if (sums_of_b == 0) pairs.Add(a, b);
        }
      }
      read = std::move(beyond);
    }
    for (const std::string& output : node.outputs) sources[output] = read;
  }
  return pairs;
}

}  // namespace halftone
