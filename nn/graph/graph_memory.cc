#include "nn/graph/graph_memory.h"

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

namespace halftone {
namespace {

constexpr double kFloatBytes = sizeof(float);

double BytesOf(const Graph& graph, const std::string& value) {
  const auto found = graph.values.find(value);
  if (found == graph.values.end()) return 0;
  return kFloatBytes * static_cast<double>(found->second.shape.Elements());
}

// The position of each value's last reader; the end for what leaves the graph.
absl::flat_hash_map<std::string, size_t> LastReaders(const Graph& graph) {
  absl::flat_hash_map<std::string, size_t> last;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const std::string& value : graph.nodes[i].inputs) last[value] = i;
  }
  for (const Port& port : graph.outputs) last[port.name] = graph.nodes.size();
  return last;
}

}  // namespace

double WeightBytes(const Graph& graph) {
  double bytes = 0;
  for (const auto& [name, tensor] : graph.initializers) {
    bytes += kFloatBytes * static_cast<double>(tensor.elements());
  }
  return bytes;
}

double PeakActivationBytes(const Graph& graph) {
  const absl::flat_hash_map<std::string, size_t> last = LastReaders(graph);
  std::vector<double> dying(graph.nodes.size() + 1, 0.0);
  double alive = 0, peak = 0;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const std::string& value : graph.nodes[i].outputs) {
      const auto reader = last.find(value);
      const double bytes = BytesOf(graph, value);
      dying[reader == last.end() ? i : reader->second] += bytes;
      alive += bytes;
    }
    peak = std::max(peak, alive);
    alive -= dying[i];
  }
  return peak;
}

double OutputBytes(const Graph& graph) {
  double bytes = 0;
  for (const Port& port : graph.outputs) bytes += BytesOf(graph, port.name);
  return bytes;
}

int64_t NodeBytes(const Node& node) {
  size_t bytes = sizeof(node) + node.name.size();
  const auto add = [&](const std::string& text) { bytes += sizeof(std::string) + text.size(); };
  for (const std::string& value : node.inputs) add(value);
  for (const std::string& value : node.outputs) add(value);
  for (const auto& [name, value] : node.attributes) {
    bytes += sizeof(value) + name.size();
    if (const auto* text = std::get_if<std::string>(&value)) add(*text);
    if (const auto* list = std::get_if<std::vector<int64_t>>(&value)) bytes += 8 * list->size();
    if (const auto* list = std::get_if<std::vector<float>>(&value)) bytes += 4 * list->size();
  }
  return static_cast<int64_t>(bytes);
}

}  // namespace halftone
