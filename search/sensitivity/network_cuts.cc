#include "search/sensitivity/network_cuts.h"

#include <algorithm>
#include <map>
#include <set>

namespace halftone {
namespace {

// Follows, node by node, which values that depend on the inputs are still to be read.
class LiveValues {
 public:
  LiveValues(const Graph& graph, const std::vector<Head>& heads) : graph_(graph) {
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      for (const std::string& input : graph.nodes[i].inputs) last_use_[input] = i;
    }
    for (const Head& head : heads) last_use_[head.value] = graph.nodes.size();
    for (const Port& input : graph.inputs) {
      depends_.insert(input.name);
      if (last_use_.contains(input.name)) alive_.insert(input.name);
    }
  }

  void Pass(size_t index) {
    const Node& node = graph_.nodes[index];
    bool depends = false;
    for (const std::string& input : node.inputs) depends |= depends_.contains(input);
    for (const std::string& output : node.outputs) {
      if (!depends || output.empty()) continue;
      depends_.insert(output);
      if (last_use_.contains(output)) alive_.insert(output);
    }
    for (const std::string& input : node.inputs) {
      if (last_use_.at(input) == index) alive_.erase(input);
    }
  }

  const std::set<std::string>& alive() const { return alive_; }

 private:
  const Graph& graph_;
  std::map<std::string, size_t> last_use_;
  std::set<std::string> depends_, alive_;
};

// Rank 3 is that of tokens, unless convolutions run over one axis.
bool HasConvolutionOverOneAxis(const Graph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
    if (node.op != "Conv" || node.outputs.empty()) return false;
    const auto info = graph.values.find(node.outputs[0]);
    return info == graph.values.end() || info->second.shape.rank() == 3;
  });
}

// The values that parts can be joined at without another bit: what layers read; and sums of tokens,
// which lie in C order wherever they are computed and are joined with nothing after them.
std::set<std::string> Joints(const Graph& graph, const LayerSet& layers) {
  std::set<std::string> joints;
  const bool has_tokens = !HasConvolutionOverOneAxis(graph);
  for (const Node& node : graph.nodes) {
    if (layers.Find(node.name) != nullptr) joints.insert(node.inputs.begin(), node.inputs.end());
    if (!has_tokens || node.op != "Add" || node.outputs.empty()) continue;
    const auto info = graph.values.find(node.outputs[0]);
    if (info != graph.values.end() && info->second.shape.rank() == 3) {
      joints.insert(node.outputs[0]);
    }
  }
  return joints;
}

}  // namespace

std::vector<NetworkCut> FindCuts(const Graph& graph, const LayerSet& layers,
                                 const std::vector<Head>& heads, int64_t max_elements) {
  std::vector<NetworkCut> cuts;
  const std::set<std::string> joints = Joints(graph, layers);
  LiveValues live(graph, heads);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    live.Pass(i);
    if (live.alive().size() != 1) continue;
    const std::string& value = *live.alive().begin();
    // What a node like Reshape does to the inputs alone saves nothing.
    if (!joints.contains(value) || (!cuts.empty() && cuts.back().value == value)) continue;
    const auto info = graph.values.find(value);
    if (info == graph.values.end() || info->second.type != DataType::kFloat32) continue;
    const int64_t elements = info->second.shape.Elements();
    if (elements <= max_elements) cuts.push_back({value, i + 1, elements});
  }
  return cuts;
}

}  // namespace halftone
