#include "nn/graph/fusion.h"

#include <array>

#include "absl/algorithm/container.h"

namespace halftone {
namespace {

constexpr std::array<absl::string_view, 8> kActivations = {
    "Relu", "Clip", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Erf"};

const Shape* ShapeOf(const Graph& graph, absl::string_view value) {
  const auto found = graph.values.find(value);
  return found == graph.values.end() ? nullptr : &found->second.shape;
}

enum class Kind { kActivation, kBias, kResidual, kOther };

// Whether a constant has one element per channel of `dst`: axis 1 of a convolution's result, the
// last axis of a matrix product's.
bool IsPerChannel(const Shape& constant, const Shape& dst, bool convolution) {
  const int channel = convolution ? 1 : dst.rank() - 1;
  for (int axis = 0; axis < constant.rank(); ++axis) {
    const int in_dst = axis + dst.rank() - constant.rank();
    if (in_dst < 0) return false;
    if (constant.dim(axis) != 1 && (in_dst != channel || constant.dim(axis) != dst.dim(channel))) {
      return false;
    }
  }
  return true;
}

Kind Classify(const Graph& graph, const GraphIndex& index, const Node& node, absl::string_view src,
              int producer) {
  if (IsActivation(node)) return Kind::kActivation;
  if (node.op != "Add" || node.inputs.size() != 2 || node.inputs[0] == node.inputs[1]) {
    return Kind::kOther;
  }
  const std::string& other = node.inputs[node.inputs[0] == src ? 1 : 0];
  const Shape* shape = ShapeOf(graph, src);
  const Shape* other_shape = ShapeOf(graph, other);
  if (shape == nullptr || other_shape == nullptr) return Kind::kOther;
  if (graph.initializers.count(other) > 0) {
    const bool convolution = graph.nodes[static_cast<size_t>(producer)].op == "Conv";
    return IsPerChannel(*other_shape, *shape, convolution) ? Kind::kBias : Kind::kOther;
  }
  return *shape == *other_shape && index.Producer(other) < producer ? Kind::kResidual
                                                                    : Kind::kOther;
}

}  // namespace

bool IsActivation(const Node& node) {
  return node.domain.empty() && absl::c_linear_search(kActivations, node.op);
}

std::vector<std::string> FindFusedNodes(const Graph& graph, const GraphIndex& index, int producer) {
  std::vector<std::string> fused;
  std::string value = graph.nodes[static_cast<size_t>(producer)].outputs[0];
  bool activated = false, summed = false;
  while (!index.IsGraphOutput(value) && index.Consumers(value).size() == 1) {
    const Node& node = graph.nodes[static_cast<size_t>(index.Consumers(value)[0])];
    const Kind kind = Classify(graph, index, node, value, producer);
    if (kind == Kind::kOther || (kind == Kind::kResidual && summed)) break;
    if (kind == Kind::kBias && (activated || summed)) break;
    fused.push_back(node.name);
    if (kind == Kind::kActivation && (activated || summed)) break;
    activated |= kind == Kind::kActivation;
    summed |= kind == Kind::kResidual;
    value = node.outputs[0];
  }
  return fused;
}

}  // namespace halftone
