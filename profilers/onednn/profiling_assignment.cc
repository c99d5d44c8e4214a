#include "profilers/onednn/profiling_assignment.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "absl/algorithm/container.h"
#include "base/status_macros.h"
#include "nn/graph/clip_range.h"
#include "nn/quant/uniform.h"

namespace halftone {
namespace {

constexpr float kSrcMagnitude = 4.0f;
constexpr int kMaxDepth = 64;  // of the walk back through a network

bool IsOneOf(const Node& node, std::initializer_list<absl::string_view> ops) {
  return absl::c_linear_search(ops, absl::string_view(node.op));
}

// Whether no element of `value` can be negative, as far as the operators tell.
bool IsPositive(const Graph& graph, const GraphIndex& index, const std::string& value, int depth) {
  const int producer = index.Producer(value);
  if (producer < 0 || depth > kMaxDepth) return false;
  const Node& node = graph.nodes[static_cast<size_t>(producer)];
  if (IsOneOf(node, {"Relu", "Sigmoid", "HardSigmoid", "Softmax"})) return true;
  if (node.op == "Clip") {
    const absl::StatusOr<ClipRange> range = ReadClipRange(graph, node);
    return range.ok() && range->low >= 0;
  }
  if (IsOneOf(node, {"MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Reshape",
                     "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout", "Transpose",
                     "ReduceMean", "Slice", "Split", "Gather"})) {
    return IsPositive(graph, index, node.inputs[0], depth + 1);
  }
  if (IsOneOf(node, {"Add", "Mul", "Concat"})) {
    return absl::c_all_of(node.inputs, [&](const std::string& input) {
      return IsPositive(graph, index, input, depth + 1);
    });
  }
  return false;
}

absl::StatusOr<float> LargestMagnitude(const Tensor& weights) {
  HT_ASSIGN_OR_RETURN(const std::vector<float> values, weights.ToFloats());
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  return largest > 0 && std::isfinite(largest) ? largest : 1.0f;
}

absl::StatusOr<std::shared_ptr<const UniformQuantizer>> ActivationQuantizer(int bits,
                                                                            bool is_positive) {
  const Range range{is_positive ? 0 : -kSrcMagnitude, kSrcMagnitude};
  HT_ASSIGN_OR_RETURN(UniformQuantizer quantizer,
                      UniformQuantizer::Create(bits, Symmetry::kAsymmetric, -1, {range}));
  return std::make_shared<const UniformQuantizer>(std::move(quantizer));
}

}  // namespace

absl::StatusOr<ProfilingAssignment> ProfilingAssignment::Create(const Graph& graph,
                                                                const LayerSet& layers) {
  const GraphIndex index(graph);
  ProfilingAssignment assignment;
  for (const Layer& layer : layers.layers) {
    LayerRanges ranges;
    ranges.name = layer.name;
    ranges.src_is_positive = IsPositive(graph, index, layer.src, 0);
    ranges.is_product = layer.weights.empty();
    if (ranges.is_product) {
      ranges.second_is_positive = IsPositive(graph, index, layer.second_src, 0);
    } else {
      HT_ASSIGN_OR_RETURN(ranges.weights_magnitude,
                          LargestMagnitude(graph.initializers.at(layer.weights)));
    }
    assignment.layers_.push_back(std::move(ranges));
  }
  return assignment;
}

absl::StatusOr<QuantizedAssignment> ProfilingAssignment::Assign(
    absl::Span<const Precision> precisions) const {
  QuantizedAssignment assignment;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const LayerRanges& layer = layers_[i];
    const Precision& precision = precisions[i];
    if (precision.IsFloat32()) continue;
    LayerQuantizers quantizers;
    quantizers.precision = precision;
    const int bits = precision.activations.bits;
    if (precision.activations.IsInteger()) {
      HT_ASSIGN_OR_RETURN(quantizers.src, ActivationQuantizer(bits, layer.src_is_positive));
    }
    if (layer.is_product) {
      if (precision.activations.IsInteger()) {
        HT_ASSIGN_OR_RETURN(quantizers.weights,
                            ActivationQuantizer(bits, layer.second_is_positive));
      }
    } else if (precision.weights.IsInteger()) {
      const Range range{-layer.weights_magnitude, layer.weights_magnitude};
      HT_ASSIGN_OR_RETURN(UniformQuantizer weights,
                          UniformQuantizer::Create(precision.weights.bits,
                                                   Symmetry::kSymmetricRestricted, -1, {range}));
      quantizers.weights = std::make_shared<const UniformQuantizer>(std::move(weights));
    }
    assignment[layer.name] = std::move(quantizers);
  }
  return assignment;
}

}  // namespace halftone
