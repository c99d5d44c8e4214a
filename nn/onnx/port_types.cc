#include "nn/onnx/port_types.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "nn/graph/data_type.h"
#include "nn/graph/float32.h"
#include "nn/graph/unique_names.h"

namespace halftone {
namespace {

class PortCaster {
 public:
  // Borrows it.
  explicit PortCaster(Graph& graph) : graph_(graph), names_(graph) {}

  void Cast(const Graph& file);

 private:
  void CastOutput(Port& port, DataType type);
  void CastInput(const Port& port);
  bool WritesItself(const Node& node, DataType type) const;
  bool IsRead(const std::string& value) const;
  Node* ProducerOf(const std::string& value);
  std::string Float32Of(const std::string& value);
  void RenameWrites(const std::string& value, const std::string& name);
  Node MakeCast(const std::string& port, const std::string& src, const std::string& dst,
                DataType type);

  Graph& graph_;
  std::vector<Node> first_, last_;
  absl::flat_hash_set<std::string> untouched_;  // nodes that read an input as what it is
  UniqueNames names_;
};

// Whether a float32 port of the bound graph is another float in the file.
bool Differs(const Port& port, const Port& in_file) {
  return in_file.info.type != port.info.type && EngineType(in_file.info.type) == port.info.type;
}

void PortCaster::Cast(const Graph& file) {
  std::vector<const Port*> inputs;
  for (size_t i = 0; i < graph_.inputs.size(); ++i) {
    Port& port = graph_.inputs[i];
    if (!Differs(port, file.inputs[i])) continue;
    port.info.type = file.inputs[i].info.type;
    graph_.values[port.name].type = port.info.type;
    inputs.push_back(&port);
  }
  for (size_t i = 0; i < graph_.outputs.size(); ++i) {
    Port& port = graph_.outputs[i];
    if (Differs(port, file.outputs[i])) CastOutput(port, file.outputs[i].info.type);
  }
  for (const Port* port : inputs) CastInput(*port);
  graph_.nodes.insert(graph_.nodes.begin(), first_.begin(), first_.end());
  graph_.nodes.insert(graph_.nodes.end(), last_.begin(), last_.end());
}

void PortCaster::CastOutput(Port& port, DataType type) {
  port.info.type = type;
  ValueInfo& info = graph_.values[port.name];
  if (info.type == type) return;  // an input, or an output that is named twice
  info.type = type;
  Node* const producer = ProducerOf(port.name);
  if (producer != nullptr && !IsRead(port.name) && WritesItself(*producer, type)) {
    if (producer->op == "Cast") producer->attributes["to"] = int64_t{OnnxNumber(type)};
    untouched_.insert(producer->name);
    return;
  }
  const std::string inside = Float32Of(port.name);
  RenameWrites(port.name, inside);
  for (Node& node : graph_.nodes) absl::c_replace(node.inputs, port.name, inside);
  last_.push_back(MakeCast(port.name, inside, port.name, type));
}

void PortCaster::CastInput(const Port& port) {
  std::string inside;
  for (Node& node : graph_.nodes) {
    if (untouched_.contains(node.name) || !absl::c_linear_search(node.inputs, port.name)) continue;
    if (inside.empty()) inside = Float32Of(port.name);
    absl::c_replace(node.inputs, port.name, inside);
  }
  if (inside.empty()) return;
  first_.push_back(MakeCast(port.name, port.name, inside, DataType::kFloat32));
}

// Whether the node needs no Cast behind it to write that type.
bool PortCaster::WritesItself(const Node& node, DataType type) const {
  if (node.op == "Cast") return true;
  if (node.op != "Identity") return false;
  return absl::c_any_of(graph_.inputs, [&](const Port& input) {
    return input.name == node.inputs[0] && input.info.type == type;
  });
}

bool PortCaster::IsRead(const std::string& value) const {
  return absl::c_any_of(
      graph_.nodes, [&](const Node& node) { return absl::c_linear_search(node.inputs, value); });
}

// Null for what no node writes.
Node* PortCaster::ProducerOf(const std::string& value) {
  const auto found = absl::c_find_if(
      graph_.nodes, [&](const Node& node) { return absl::c_linear_search(node.outputs, value); });
  return found == graph_.nodes.end() ? nullptr : &*found;
}

std::string PortCaster::Float32Of(const std::string& value) {
  std::string name = names_.Make(absl::StrCat(value, "/float32"));
  graph_.values[name] = {DataType::kFloat32, graph_.values[value].shape};
  return name;
}

void PortCaster::RenameWrites(const std::string& value, const std::string& name) {
  for (Node& node : graph_.nodes) absl::c_replace(node.outputs, value, name);
  auto constant = graph_.initializers.extract(value);
  if (constant.empty()) return;
  constant.key() = name;
  graph_.initializers.insert(std::move(constant));
}

Node PortCaster::MakeCast(const std::string& port, const std::string& src, const std::string& dst,
                          DataType type) {
  Node node;
  node.name = names_.Make(absl::StrCat(port, "/Cast"));
  node.op = "Cast";
  node.inputs = {src};
  node.outputs = {dst};
  node.attributes["to"] = int64_t{OnnxNumber(type)};
  return node;
}

}  // namespace

void NameFloat32(Graph& graph) {
  for (Node& node : graph.nodes) {
    if (node.op != "Cast" && node.op != "DequantizeLinear") continue;
    const char* const attribute = node.op == "Cast" ? "to" : "output_dtype";
    const auto written = graph.values.find(node.outputs[0]);
    const bool is_float32 =
        written != graph.values.end() && written->second.type == DataType::kFloat32;
    if (!is_float32 || !node.Has(attribute)) continue;
    node.attributes[attribute] = int64_t{OnnxNumber(DataType::kFloat32)};
  }
}

void RestorePortTypes(const Graph& file, Graph& graph) { PortCaster(graph).Cast(file); }

}  // namespace halftone
