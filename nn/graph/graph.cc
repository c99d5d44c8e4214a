#include "nn/graph/graph.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace halftone {
namespace {

template <typename T>
absl::StatusOr<T> Get(const Node& node, absl::string_view attribute, T fallback,
                      absl::string_view wanted) {
  const auto found = node.attributes.find(std::string(attribute));
  if (found == node.attributes.end()) return fallback;
  if (const T* value = std::get_if<T>(&found->second)) return *value;
  return absl::InvalidArgumentError(
      absl::StrCat("node '", node.name, "': attribute '", attribute, "' must be ", wanted));
}

const std::vector<int>& NoConsumers() {
  static const auto* const kNone = new std::vector<int>;
  return *kNone;
}

}  // namespace

absl::StatusOr<int64_t> Node::Int(absl::string_view attribute, int64_t fallback) const {
  return Get<int64_t>(*this, attribute, fallback, "an integer");
}

absl::StatusOr<float> Node::Float(absl::string_view attribute, float fallback) const {
  return Get<float>(*this, attribute, fallback, "a float");
}

absl::StatusOr<std::string> Node::String(absl::string_view attribute,
                                         absl::string_view fallback) const {
  return Get<std::string>(*this, attribute, std::string(fallback), "a string");
}

absl::StatusOr<std::vector<int64_t>> Node::Ints(absl::string_view attribute,
                                                std::vector<int64_t> fallback) const {
  return Get<std::vector<int64_t>>(*this, attribute, std::move(fallback), "a list of integers");
}

absl::StatusOr<std::vector<float>> Node::Floats(absl::string_view attribute,
                                                std::vector<float> fallback) const {
  return Get<std::vector<float>>(*this, attribute, std::move(fallback), "a list of floats");
}

absl::StatusOr<std::vector<std::string>> Node::Strings(absl::string_view attribute,
                                                       std::vector<std::string> fallback) const {
  return Get<std::vector<std::string>>(*this, attribute, std::move(fallback), "a list of strings");
}

bool Node::Has(absl::string_view attribute) const {
  return attributes.count(std::string(attribute)) > 0;
}

std::optional<int64_t> Graph::fixed_batch() const {
  std::optional<int64_t> batch;
  for (const Port& port : inputs) {
    if (!port.sample_axis.has_value() || port.info.shape.rank() == 0) continue;
    const int64_t size = port.info.shape.dim(*port.sample_axis);
    if (size == Shape::kDynamic) return std::nullopt;
    if (!batch.has_value()) batch = size;
  }
  const bool has_axes = std::any_of(inputs.begin(), inputs.end(),
                                    [](const Port& port) { return port.sample_axis.has_value(); });
  return batch.has_value() || has_axes || inputs.empty() ? batch : 1;
}

const Node* Graph::FindNode(absl::string_view name) const {
  for (const Node& node : nodes) {
    if (node.name == name) return &node;
  }
  return nullptr;
}

std::vector<OpenAxis> FindOpenAxes(const Graph& graph) {
  std::vector<OpenAxis> open;
  for (const Port& port : graph.inputs) {
    for (int axis = 0; axis < port.info.shape.rank(); ++axis) {
      if (port.info.shape.dim(axis) != Shape::kDynamic || axis == port.sample_axis) continue;
      open.push_back({port.name, axis, std::string(port.AxisName(axis))});
    }
  }
  return open;
}

GraphIndex::GraphIndex(const Graph& graph) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const int index = static_cast<int>(i);
    for (const std::string& value : graph.nodes[i].outputs) {
      if (!value.empty()) producer_[value] = index;
    }
    for (const std::string& value : graph.nodes[i].inputs) {
      if (!value.empty()) consumers_[value].push_back(index);
    }
  }
  for (const Port& port : graph.outputs) outputs_[port.name] = true;
}

int GraphIndex::Producer(absl::string_view value) const {
  const auto found = producer_.find(value);
  return found == producer_.end() ? -1 : found->second;
}

const std::vector<int>& GraphIndex::Consumers(absl::string_view value) const {
  const auto found = consumers_.find(value);
  return found == consumers_.end() ? NoConsumers() : found->second;
}

bool GraphIndex::IsGraphOutput(absl::string_view value) const {
  return outputs_.find(value) != outputs_.end();
}

}  // namespace halftone
