#include "search/sensitivity/network_memory.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "search/sensitivity/network_program.h"

namespace halftone {
namespace {

constexpr double kFloatBytes = sizeof(float), kIntegerBytes = sizeof(int64_t);

double TensorBytes(const Tensor& tensor) { return static_cast<double>(tensor.size_bytes()); }

// Of one element of a batch, as it was copied and on its way to float32.
double CopiedBytes(DataType type) {
  const auto bytes = static_cast<double>(SizeOf(type));
  if (type == DataType::kFloat32) return bytes;
  return bytes + kFloatBytes + (IsFloat(type) ? 0 : kIntegerBytes);
}

}  // namespace

double DataBytes(const Dataset& data) {
  double bytes = 0;
  for (const auto& [name, tensor] : data.inputs()) bytes += TensorBytes(tensor);
  return bytes;
}

double BatchBytes(const Graph& bound, const Dataset& data) {
  double largest = 0;
  for (const Port& input : bound.inputs) {
    const auto array = data.inputs().find(input.name);
    if (array == data.inputs().end()) continue;
    largest = std::max(largest, CopiedBytes(array->second.type()) *
                                    static_cast<double>(input.info.shape.Elements()));
  }
  return largest;
}

double HeldWeightBytes(const PreparedNetwork& network, const Graph& bound) {
  double bytes = 0;
  std::set<const std::byte*> counted;
  for (const Graph* graph : {&network.graph, &bound}) {
    for (const auto& [name, tensor] : graph->initializers) {
      if (counted.insert(tensor.bytes().data()).second) bytes += TensorBytes(tensor);
    }
  }
  for (const auto& [name, tensor] : bound.initializers) {
    if (!IsFloat(tensor.type()) || tensor.type() == DataType::kFloat32) continue;
    bytes += kFloatBytes * static_cast<double>(tensor.elements());
  }
  return bytes;
}

double WeightElements(const PreparedNetwork& network) {
  std::set<std::string> counted;
  double elements = 0;
  for (const Layer& layer : network.layers.layers) {
    if (layer.weights.empty() || !counted.insert(layer.weights).second) continue;
    elements += static_cast<double>(layer.weights_shape.Elements());
  }
  return elements;
}

double LargestWeightElements(const PreparedNetwork& network) {
  double largest = 0;
  for (const Layer& layer : network.layers.layers) {
    if (layer.weights.empty()) continue;
    largest = std::max(largest, static_cast<double>(layer.weights_shape.Elements()));
  }
  return largest;
}

absl::StatusOr<Program> ProgramOf(const Graph& bound, const LowerOptions& options) {
  HT_ASSIGN_OR_RETURN(const LoweredGraph lowered, LowerGraph(bound, options));
  std::vector<std::pair<std::string, ValueId>> outputs;
  for (const Port& output : bound.outputs) {
    HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered, output.name));
    outputs.emplace_back(output.name, value);
  }
  return lowered.builder.Build(outputs);
}

}  // namespace halftone
