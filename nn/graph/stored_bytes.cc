#include "nn/graph/stored_bytes.h"

#include <utility>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "nn/graph/data_type.h"
#include "nn/graph/output_trace.h"

namespace halftone {
namespace {

int64_t FloatBytes(const Tensor& tensor) {
  constexpr int64_t kFloatBytes = 4;
  return IsFloat(tensor.type()) ? kFloatBytes * tensor.shape().Elements() : 0;
}

// What nodes read otherwise than as their layer's weights or bias.
absl::flat_hash_set<std::string> ReadByOthers(const Graph& prepared, const LayerSet& layers) {
  absl::flat_hash_map<std::string, const Layer*> by_node;
  absl::flat_hash_set<std::string> biases;
  for (const Layer& layer : layers.layers) {
    by_node[layer.name] = &layer;
    biases.insert(layer.bias);
  }
  absl::flat_hash_set<std::string> read;
  for (const Node& node : prepared.nodes) {
    const auto layer = by_node.find(node.name);
    for (const std::string& input : node.inputs) {
      const bool is_own = layer != by_node.end() && input == layer->second->weights;
      if (!is_own && !biases.contains(input)) read.insert(input);
    }
  }
  return read;
}

// Collects tensors of the file, each once.
class StoredTensors {
 public:
  explicit StoredTensors(const Graph& file) : file_(file), index_(file) {}

  void Add(const std::string& name, const Tensor& tensor) {
    if (!IsFloat(tensor.type())) return;
    if (IsComputed(name)) {
      AddSources(name);
    } else if (seen_.insert(name).second) {
      bytes_ += FloatBytes(tensor);
    }
  }

  // Whether `name` is one of them, or one in another arrangement.
  bool Has(const std::string& name) const {
    return seen_.contains(name) || seen_.contains(TraceOutput(file_, index_, name).source);
  }

  int64_t bytes() const { return bytes_; }

 private:
  // From other tensors of the file. What passes make is none of the file's values.
  bool IsComputed(const std::string& name) const {
    const int producer = index_.Producer(name);
    return producer >= 0 && file_.nodes[static_cast<size_t>(producer)].op != "Constant";
  }

  void AddSources(const std::string& value) {
    std::vector<std::string> open = {value};
    absl::flat_hash_set<std::string> computed;
    while (!open.empty()) {
      const std::string next = std::move(open.back());
      open.pop_back();
      if (const auto found = file_.initializers.find(next); found != file_.initializers.end()) {
        if (seen_.insert(next).second) bytes_ += FloatBytes(found->second);
        continue;
      }
      const int producer = index_.Producer(next);
      if (producer < 0 || !computed.insert(next).second) continue;
      const Node& node = file_.nodes[static_cast<size_t>(producer)];
      // Of what the shape is of, no element is in it.
      if (node.op == "Shape" || node.op == "Size") continue;
      open.insert(open.end(), node.inputs.begin(), node.inputs.end());
      AddConstant(node, next);
    }
  }

  void AddConstant(const Node& node, const std::string& value) {
    const auto written = node.attributes.find("value");
    if (node.op != "Constant" || written == node.attributes.end()) return;
    const Tensor* tensor = std::get_if<Tensor>(&written->second);
    if (tensor != nullptr && seen_.insert(value).second) bytes_ += FloatBytes(*tensor);
  }

  const Graph& file_;
  const GraphIndex index_;
  absl::flat_hash_set<std::string> seen_;
  int64_t bytes_ = 0;
};

}  // namespace

OtherTensors FindOtherTensors(const Graph& file, const Graph& prepared, const LayerSet& layers) {
  const absl::flat_hash_set<std::string> read = ReadByOthers(prepared, layers);
  StoredTensors tensors(file);
  for (const auto& [name, tensor] : prepared.initializers) {
    if (read.contains(name)) tensors.Add(name, tensor);
  }
  OtherTensors others;
  others.bytes = tensors.bytes();
  for (const Layer& layer : layers.layers) {
    if (!layer.weights.empty() && tensors.Has(layer.weights)) others.layers.insert(layer.name);
  }
  return others;
}

}  // namespace halftone
