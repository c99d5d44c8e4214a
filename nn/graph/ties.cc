#include "nn/graph/ties.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <string>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "nn/graph/fusion.h"

namespace halftone {
namespace {

// Operators with one activation as source that leave its scale domain what it is, or only rescale
// it: tracing goes through them.
constexpr std::array<absl::string_view, 18> kTransparent = {"BatchNormalization",
                                                            "MaxPool",
                                                            "AveragePool",
                                                            "GlobalAveragePool",
                                                            "GlobalMaxPool",
                                                            "ReduceMean",
                                                            "Reshape",
                                                            "Flatten",
                                                            "Squeeze",
                                                            "Unsqueeze",
                                                            "Transpose",
                                                            "Pad",
                                                            "Slice",
                                                            "Resize",
                                                            "Identity",
                                                            "Dropout",
                                                            "Expand",
                                                            "Cast"};

class TieFinder {
 public:
  TieFinder(const Graph& graph, const std::vector<Layer>& layers) : graph_(graph) {
    for (const Layer& layer : layers) layer_names_.emplace(layer.dst, layer.name);
  }

  std::vector<Tie> Find();

 private:
  // Activation inputs of a node: those that are no initializers.
  std::vector<std::string> ActivationInputs(const Node& node) const;
  // Finds, in topological order, the nearest layer upstream of every value, through transparent
  // nodes; none where another sum or concatenation comes first.
  void TraceAll();
  std::string TraceNode(const Node& node) const;
  std::string Traced(const std::string& value) const;
  bool SameShapes(const std::vector<std::string>& values) const;
  void AddTie(const std::vector<std::string>& values, const std::string& reason);
  void AddNodeTies();
  void AddSharedWeights();

  const Graph& graph_;
  absl::flat_hash_map<std::string, std::string> layer_names_;  // by dst
  absl::flat_hash_map<std::string, std::string> traced_;       // by value
  std::vector<Tie> ties_;
};

std::vector<std::string> TieFinder::ActivationInputs(const Node& node) const {
  std::vector<std::string> values;
  for (const std::string& value : node.inputs) {
    if (!value.empty() && graph_.initializers.count(value) == 0) values.push_back(value);
  }
  return values;
}

bool TieFinder::SameShapes(const std::vector<std::string>& values) const {
  const auto first = graph_.values.find(values[0]);
  return absl::c_all_of(values, [&](const std::string& value) {
    const auto found = graph_.values.find(value);
    return first != graph_.values.end() && found != graph_.values.end() &&
           found->second.shape == first->second.shape;
  });
}

// The layer that a node's result traces back to, given those of its sources; "" for none.
std::string TieFinder::TraceNode(const Node& node) const {
  if (IsEmbedding(graph_, node)) return "";
  if (const auto layer = layer_names_.find(node.outputs[0]); layer != layer_names_.end()) {
    return layer->second;
  }
  const std::vector<std::string> values = ActivationInputs(node);
  const bool arithmetic =
      node.op == "Add" || node.op == "Sub" || node.op == "Mul" || node.op == "Div";
  const bool transparent =
      IsActivation(node) || absl::c_linear_search(kTransparent, node.op) || arithmetic;
  if (transparent && values.size() == 1) return Traced(values[0]);
  // x * sigmoid(x) and the like are activations of x, written out.
  const bool same = node.op == "Mul" && values.size() == 2 && SameShapes(values) &&
                    Traced(values[0]) == Traced(values[1]);
  return same ? Traced(values[0]) : "";
}

void TieFinder::TraceAll() {
  for (const Node& node : graph_.nodes) {
    std::string layer = TraceNode(node);
    if (!layer.empty()) traced_[node.outputs[0]] = std::move(layer);
  }
}

std::string TieFinder::Traced(const std::string& value) const {
  const auto found = traced_.find(value);
  return found == traced_.end() ? "" : found->second;
}

void TieFinder::AddTie(const std::vector<std::string>& values, const std::string& reason) {
  Tie tie{{}, reason};
  absl::flat_hash_set<std::string> seen = {""};
  for (const std::string& value : values) {
    const std::string layer = Traced(value);
    if (seen.insert(layer).second) tie.layers.push_back(layer);
  }
  if (tie.layers.size() > 1) ties_.push_back(std::move(tie));
}

void TieFinder::AddNodeTies() {
  for (const Node& node : graph_.nodes) {
    const std::vector<std::string> values = ActivationInputs(node);
    if (values.size() < 2) continue;
    if (node.op == "Concat") {
      AddTie(values, absl::StrCat("inputs of Concat '", node.name, "' share its scale domain"));
    } else if ((node.op == "Add" || node.op == "Mul" || node.op == "Sum") && SameShapes(values)) {
      AddTie(values, absl::StrCat("inputs of residual ", node.op, " '", node.name,
                                  "' share their scale domain"));
    }
  }
}

void TieFinder::AddSharedWeights() {
  std::map<std::string, std::vector<std::string>> readers;
  std::vector<std::string> order;
  for (const Node& node : graph_.nodes) {
    if (!layer_names_.contains(node.outputs[0])) continue;
    for (const std::string& value : {std::string(node.Input(0)), std::string(node.Input(1))}) {
      if (graph_.initializers.count(value) == 0) continue;
      if (readers[value].empty()) order.push_back(value);
      readers[value].push_back(node.name);
    }
  }
  for (const std::string& value : order) {
    if (readers[value].size() < 2) continue;
    ties_.push_back({readers[value], absl::StrCat("share the weights '", value, "'")});
  }
}

std::vector<Tie> TieFinder::Find() {
  TraceAll();
  AddNodeTies();
  AddSharedWeights();
  return std::move(ties_);
}

}  // namespace

std::vector<Tie> FindTies(const Graph& graph, const std::vector<Layer>& layers) {
  return TieFinder(graph, layers).Find();
}

void AssignTieGroups(LayerSet& set) {
  absl::flat_hash_map<std::string, size_t> positions;
  for (size_t i = 0; i < set.layers.size(); ++i) positions[set.layers[i].name] = i;
  // Union-find; a class's root is its first layer.
  std::vector<size_t> parents(set.layers.size());
  std::iota(parents.begin(), parents.end(), size_t{0});
  const auto root = [&](size_t at) {
    while (parents[at] != at) at = parents[at] = parents[parents[at]];
    return at;
  };
  for (const Tie& tie : set.ties) {
    for (const std::string& layer : tie.layers) {
      const size_t a = root(positions[tie.layers[0]]), b = root(positions[layer]);
      parents[std::max(a, b)] = std::min(a, b);
    }
  }
  std::vector<int> sizes(set.layers.size(), 0);
  for (size_t i = 0; i < parents.size(); ++i) ++sizes[root(i)];
  int groups = 0;
  for (size_t i = 0; i < parents.size(); ++i) {
    Layer& layer = set.layers[i];
    if (root(i) != i) {
      layer.tie_group = set.layers[root(i)].tie_group;
    } else {
      layer.tie_group = sizes[i] > 1 ? absl::StrCat("tie", groups++) : layer.name;
    }
  }
}

}  // namespace halftone
