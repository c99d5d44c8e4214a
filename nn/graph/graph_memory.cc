#include "nn/graph/graph_memory.h"

#include <algorithm>
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

}  // namespace halftone
