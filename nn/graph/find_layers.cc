#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "base/status_macros.h"
#include "nn/graph/fusion.h"
#include "nn/graph/layer.h"
#include "nn/graph/ties.h"

namespace halftone {
namespace {

const Shape* KnownShape(const Graph& graph, absl::string_view value) {
  const auto found = graph.values.find(value);
  return found == graph.values.end() ? nullptr : &found->second.shape;
}

// The value if it is an initializer, else "".
std::string InitializerOrNone(const Graph& graph, absl::string_view value) {
  std::string name(value);
  return graph.initializers.count(name) > 0 ? name : "";
}

// Which input is the source and which the weights: a matrix product may have its weights on either
// side.
void ReadOperands(const Graph& graph, const Node& node, Layer& layer) {
  const std::string first = InitializerOrNone(graph, node.Input(0));
  const std::string second = InitializerOrNone(graph, node.Input(1));
  const bool weights_first = node.op != "Conv" && !first.empty() && second.empty();
  layer.src = std::string(node.Input(weights_first ? 1 : 0));
  layer.weights = weights_first ? first : second;
  if (layer.weights.empty()) layer.second_src = std::string(node.Input(1));
  layer.bias = node.op == "MatMul" ? "" : InitializerOrNone(graph, node.Input(2));
  layer.dst = node.outputs[0];
}

// Multiply-accumulates for each element of dst.
int64_t Depth(const Layer& layer, const Shape& first, const Shape& second, bool transposed) {
  if (layer.IsEmbedding()) return 0;
  if (layer.op == "Conv") return second.Elements() / std::max<int64_t>(second.dim(0), 1);
  if (layer.op == "Gemm") return first.dim(transposed ? 0 : 1);
  return first.dim(first.rank() - 1);
}

absl::Status Measure(const Graph& graph, const Node& node, Layer& layer) {
  const Shape& first = *KnownShape(graph, node.Input(0));
  const Shape& second = *KnownShape(graph, node.Input(1));
  layer.src_shape = *KnownShape(graph, layer.src);
  layer.weights_shape = layer.src == node.Input(0) ? second : first;
  layer.dst_shape = *KnownShape(graph, layer.dst);
  HT_ASSIGN_OR_RETURN(int64_t groups, node.Int("group", 1));
  HT_ASSIGN_OR_RETURN(int64_t transpose_a, node.Int("transA", 0));
  HT_ASSIGN_OR_RETURN(int64_t transpose_b, node.Int("transB", 0));
  layer.groups = static_cast<int>(groups);
  const int64_t batch = std::max<int64_t>(graph.fixed_batch().value_or(1), 1);
  layer.macs = layer.dst_shape.Elements() * Depth(layer, first, second, transpose_a != 0) / batch;
  const int rank = layer.weights_shape.rank();
  const bool weights_first = layer.src != node.Input(0);
  if (layer.op == "Gemm") {
    layer.channel_axis = (weights_first ? transpose_a == 0 : transpose_b != 0) ? 0 : 1;
  }
  if (layer.op == "MatMul") {
    layer.channel_axis = rank < 2 ? -1 : weights_first ? rank - 2 : rank - 1;
  }
  for (const std::string& parameter : {layer.weights, layer.bias}) {
    if (!parameter.empty()) layer.parameters += graph.initializers.at(parameter).elements();
  }
  return absl::OkStatus();
}

bool ShapesKnown(const Graph& graph, const Node& node) {
  return KnownShape(graph, node.Input(0)) != nullptr &&
         KnownShape(graph, node.Input(1)) != nullptr &&
         KnownShape(graph, node.outputs[0]) != nullptr;
}

}  // namespace

const Layer* LayerSet::Find(const std::string& name) const {
  for (const Layer& layer : layers) {
    if (layer.name == name) return &layer;
  }
  return nullptr;
}

bool CanBeLayer(const Node& node) {
  return node.domain.empty() &&
         (node.op == "Conv" || node.op == "Gemm" || node.op == "MatMul" || node.op == "Gather");
}

bool IsEmbedding(const Graph& graph, const Node& node) {
  if (node.op != "Gather" || !node.domain.empty()) return false;
  const auto table = graph.initializers.find(std::string(node.Input(0)));
  if (table == graph.initializers.end() || table->second.type() != DataType::kFloat32 ||
      table->second.shape().rank() != 2 ||
      graph.initializers.count(std::string(node.Input(1))) > 0) {
    return false;
  }
  const absl::StatusOr<int64_t> axis = node.Int("axis", 0);
  return axis.ok() && (*axis == 0 || *axis == -2);
}

bool IsLayer(const Graph& graph, const Node& node) {
  return CanBeLayer(node) && (node.op != "Gather" || IsEmbedding(graph, node));
}

absl::StatusOr<LayerSet> FindLayers(const Graph& graph) {
  LayerSet set;
  const GraphIndex index(graph);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (!IsLayer(graph, node) || !ShapesKnown(graph, node)) continue;
    Layer layer;
    layer.name = node.name;
    layer.op = node.op;
    layer.file_quantizers = node.file_quantizers;
    ReadOperands(graph, node, layer);
    HT_RETURN_IF_ERROR(Measure(graph, node, layer));
    layer.fused_nodes = FindFusedNodes(graph, index, static_cast<int>(i));
    set.layers.push_back(std::move(layer));
  }
  set.ties = FindTies(graph, set.layers);
  AssignTieGroups(set);
  return set;
}

}  // namespace halftone
