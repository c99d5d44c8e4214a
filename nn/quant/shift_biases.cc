#include "nn/quant/shift_biases.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

size_t IndexOf(const Graph& graph, const Node* node) {
  return static_cast<size_t>(node - graph.nodes.data());
}

// Whether the value is a constant of one float per output channel, along its last axis.
bool IsBias(const Graph& graph, const Layer& layer, const std::string& value) {
  const auto found = graph.initializers.find(value);
  if (found == graph.initializers.end()) return false;
  const Tensor& bias = found->second;
  const int64_t channels = layer.Channels();
  const int rank = bias.shape().rank();
  return bias.type() == DataType::kFloat32 && bias.elements() == channels && rank > 0 &&
         rank <= layer.dst_shape.rank() && bias.shape().dim(rank - 1) == channels;
}

// Zero where it has no effect.
double FactorOf(const Node& node) {
  if (node.op != "Gemm") return 1;
  const absl::StatusOr<float> beta = node.Float("beta", 1.0f);
  return beta.ok() ? static_cast<double>(*beta) : 0;
}

std::string UnusedName(const Graph& graph, const std::string& wanted) {
  std::string name = wanted;
  for (int i = 1; graph.initializers.contains(name) || graph.values.contains(name); ++i) {
    name = absl::StrCat(wanted, "_", i);
  }
  return name;
}

absl::Status ShiftBias(const Layer& layer, const std::vector<float>& shifts, Graph& graph) {
  const std::optional<LayerBias> place = FindLayerBias(graph, layer);
  if (!place.has_value()) return absl::InvalidArgumentError("it has no bias to take shifts off");
  Node& node = graph.nodes[place->node];
  const std::string name = node.inputs[place->input];
  HT_ASSIGN_OR_RETURN(Tensor shifted, ShiftedBias(graph.initializers.at(name), node, shifts));
  const std::string shifted_name = UnusedName(graph, name + "_shifted");
  if (const auto info = graph.values.find(name); info != graph.values.end()) {
    const ValueInfo copy = info->second;
    graph.values[shifted_name] = copy;
  }
  graph.initializers[shifted_name] = std::move(shifted);
  node.inputs[place->input] = shifted_name;
  return absl::OkStatus();
}

}  // namespace

std::optional<LayerBias> FindLayerBias(const Graph& graph, const Layer& layer) {
  const Node* found = graph.FindNode(layer.name);
  if (found == nullptr || layer.weights.empty()) return std::nullopt;
  const Node& node = *found;
  if (node.Input(1) != layer.weights || node.Input(0) == layer.weights) return std::nullopt;
  if (!layer.bias.empty()) {
    if (!IsBias(graph, layer, layer.bias) || FactorOf(node) == 0) return std::nullopt;
    return LayerBias{IndexOf(graph, &node), 2};
  }
  // What reads a fused node's source reads nothing else of the layer.
  if (node.op == "Conv" || !node.Input(2).empty() || layer.fused_nodes.empty() ||
      layer.weights_shape.rank() != 2) {
    return std::nullopt;
  }
  const Node* after = graph.FindNode(layer.fused_nodes.front());
  if (after == nullptr || after->op != "Add") return std::nullopt;
  const size_t other = after->inputs[0] == layer.dst ? 1 : 0;
  if (!IsBias(graph, layer, after->inputs[other])) return std::nullopt;
  return LayerBias{IndexOf(graph, after), other};
}

absl::StatusOr<Tensor> ShiftedBias(const Tensor& bias, const Node& node,
                                   const std::vector<float>& shifts) {
  HT_ASSIGN_OR_RETURN(std::vector<float> values, bias.ToFloats());
  if (values.size() != shifts.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(shifts.size(), " shifts for a bias of shape ", bias.shape().ToString()));
  }
  const double factor = FactorOf(node);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(values[i] - shifts[i] / factor);
  }
  return Tensor::Of(bias.shape(), std::move(values));
}

absl::StatusOr<Graph> ShiftBiases(const Graph& graph, const LayerSet& layers,
                                  const QuantizedAssignment& assignment) {
  Graph shifted = graph;
  for (const Layer& layer : layers.layers) {
    const auto quantizers = assignment.find(layer.name);
    if (quantizers == assignment.end() || quantizers->second.shifts.empty()) continue;
    HT_RETURN_IF_ERROR(Annotate(ShiftBias(layer, quantizers->second.shifts, shifted),
                                absl::StrCat("layer '", layer.name, "'")));
  }
  return shifted;
}

}  // namespace halftone
