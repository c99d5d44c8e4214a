#include "nn/graph/quantized/float_reader.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/clip_range.h"
#include "nn/graph/layer.h"
#include "nn/graph/quantized/read_as_float.h"

namespace halftone {
namespace {

constexpr int64_t kOpsetOfClipInputs = 11;
// Of a constant whose sign is asked for.
constexpr int64_t kMostLookedAt = 4096;

constexpr std::array<absl::string_view, 9> kNotNegative = {
    "Relu", "Sigmoid", "Softmax", "HardSigmoid", "Abs", "Exp", "Sqrt", "Softplus", "Hardmax"};
// Where all sources are so. Beside those that move elements.
constexpr std::array<absl::string_view, 9> kKeepSign = {
    "Add",           "Mul",        "Concat", "AveragePool", "GlobalAveragePool",
    "GlobalMaxPool", "ReduceMean", "Max",    "DepthToSpace"};

template <size_t N>
bool IsAmong(const std::array<absl::string_view, N>& names, absl::string_view op) {
  return absl::c_linear_search(names, op);
}

}  // namespace

FloatReader::FloatReader(Graph graph)
    : source_(std::move(graph)), index_(source_), names_(source_), float_(source_) {
  float_.nodes.clear();
}

const Tensor* FloatReader::Constant(absl::string_view name) const {
  const auto found = float_.initializers.find(std::string(name));
  return name.empty() || found == float_.initializers.end() ? nullptr : &found->second;
}

void FloatReader::SetConstant(const std::string& name, Tensor tensor) {
  float_.initializers.insert_or_assign(name, std::move(tensor));
}

const Real* FloatReader::Find(const std::string& value) const {
  const auto found = reals_.find(value);
  return found == reals_.end() ? nullptr : &found->second;
}

void FloatReader::SetResult(const Node& node, size_t index, const std::string& real,
                            const FileQuantizer& quantizer, PartsBuilder& builder) {
  if (!builder.IsWanted(index)) return;
  std::string value = real;
  const IntegerLimits ends = LimitsOf(quantizer.type).value_or(IntegerLimits{INT32_MIN, INT32_MAX});
  const bool is_made = absl::c_any_of(builder.parts().nodes,
                                      [&](const Node& part) { return part.outputs[0] == real; }) ||
                       made_.contains(real);
  for (const Node& part : builder.parts().nodes) NoteSign(part);
  const bool begins_at_zero = quantizer.scales.size() == 1 && quantizer.scales[0] > 0 &&
                              quantizer.zero_points[0] == ends.least;
  if (begins_at_zero && is_made && !IsNotNegative(real)) {
    const float high =
        quantizer.scales[0] * static_cast<float>(int64_t{ends.most} - quantizer.zero_points[0]);
    if (source_.opset < kOpsetOfClipInputs) {
      value = builder.Op("Clip", {real}, {{"min", 0.0f}, {"max", high}});
    } else {
      value = builder.Op("Clip", {real, builder.Float(0), builder.Float(high)});
    }
    not_negative_.insert(value);
  }
  PassOn(node.outputs[index], {value, quantizer});
}

absl::Status FloatReader::ReadSubgraphs(Node& node) {
  for (auto& [attribute, subgraph] : node.subgraphs) {
    HT_ASSIGN_OR_RETURN(Graph read, ReadAsFloat(*subgraph.graph));
    subgraph.graph = std::make_shared<const Graph>(std::move(read));
  }
  return absl::OkStatus();
}

void FloatReader::Copy(const Node& node, PartsBuilder& builder) {
  Node copy = node;
  for (std::string& input : copy.inputs) input = Integers(input, builder);
  builder.parts().nodes.push_back(std::move(copy));
}

absl::Status FloatReader::ReadNode(const Node& node) {
  const QuantizedOperator* op = FindQuantizedOperator(node);
  if (op != nullptr && !node.Input(0).empty() && !node.outputs.empty()) {
    PartsBuilder builder(node, source_.opset, names_);
    HT_ASSIGN_OR_RETURN(const bool is_read, op->read(*this, node, builder));
    if (is_read) {
      Add(builder.Take());
      return absl::OkStatus();
    }
  }
  PartsBuilder builder(node, source_.opset, names_);
  if (const auto done = replaced_.find(node.name); done != replaced_.end()) {
    builder.Op("Identity", {done->second});
    builder.parts().nodes.back().outputs = {node.outputs[0]};
  } else if (!ReadOnIntegers(node, builder)) {
    Copy(node, builder);
    HT_RETURN_IF_ERROR(ReadSubgraphs(builder.parts().nodes.back()));
  }
  Add(builder.Take());
  return absl::OkStatus();
}

bool FloatReader::IsNotNegative(const std::string& value) const {
  if (not_negative_.contains(value)) return true;
  const Tensor* constant = Constant(value);
  if (constant == nullptr || constant->elements() > kMostLookedAt) return false;
  const absl::StatusOr<std::vector<float>> values = constant->ToFloats();
  return values.ok() && absl::c_all_of(*values, [](float x) { return x >= 0; });
}

void FloatReader::NoteSign(const Node& node) {
  if (!node.domain.empty() || node.outputs.empty() || node.inputs.empty()) return;
  const auto is_known = [&](const std::string& value) { return IsNotNegative(value); };
  bool holds = IsAmong(kNotNegative, node.op);
  if (MovesElements(node)) holds = is_known(node.inputs[0]);
  if (IsAmong(kKeepSign, node.op)) holds = absl::c_all_of(node.inputs, is_known);
  if (node.op == "Mul" && node.inputs.size() == 2) {
    holds = holds || node.inputs[0] == node.inputs[1];
  }
  if (node.op == "Pow" && node.inputs.size() == 2) {
    const std::optional<float> power = ScalarConstant(float_, node.inputs[1]);
    holds = power.has_value() && std::fmod(*power, 2.0f) == 0;
  }
  if (node.op == "Clip") {
    const absl::StatusOr<ClipRange> range = ReadClipRange(float_, node);
    holds = (range.ok() && range->low >= 0) || is_known(node.inputs[0]);
  }
  if (!holds) return;
  for (const std::string& value : node.outputs) not_negative_.insert(value);
}

// By what it reads, where that was not said when it was written.
void FloatReader::MarkLayer(Node& node) const {
  if (node.file_quantizers != nullptr || !CanBeLayer(node)) return;
  FileQuantizers quantizers;
  for (size_t i = 0; i < std::min<size_t>(node.inputs.size(), 2); ++i) {
    const auto found = dequantized_.find(node.inputs[i]);
    if (found == dequantized_.end()) continue;
    const bool is_weights = Constant(node.inputs[i]) != nullptr || quantizers.src.has_value();
    (is_weights ? quantizers.weights : quantizers.src) = found->second;
  }
  if (!quantizers.src.has_value() && !quantizers.weights.has_value()) return;
  node.file_quantizers = std::make_shared<const FileQuantizers>(std::move(quantizers));
}

void FloatReader::Add(Parts parts) {
  for (auto& [name, tensor] : parts.constants) float_.initializers.emplace(name, std::move(tensor));
  for (Node& node : parts.nodes) {
    MarkLayer(node);
    NoteSign(node);
    made_.insert(node.outputs.begin(), node.outputs.end());
    float_.nodes.push_back(std::move(node));
  }
}

// Outputs of integers are floats that are not rounded.
void FloatReader::FinishOutputs() {
  for (Port& port : float_.outputs) {
    const Real* real = Find(port.name);
    if (real == nullptr) continue;
    Node node;
    node.name = names_.Make(port.name + "/Identity");
    PartsBuilder builder(node, source_.opset, names_);
    builder.Op("Identity", {Integers(port.name, builder)});
    builder.parts().nodes.back().outputs = {port.name};
    Add(builder.Take());
    port.info.type = DataType::kFloat32;
  }
}

// Constants that only what is gone has read: beside their floats they are a burden.
void FloatReader::RemoveIntegers() {
  absl::flat_hash_set<std::string> read;
  for (const Node& node : float_.nodes) read.insert(node.inputs.begin(), node.inputs.end());
  for (const Port& output : float_.outputs) read.insert(output.name);
  for (const Node& node : source_.nodes) {
    for (const std::string& input : node.inputs) {
      if (!read.contains(input)) float_.initializers.erase(input);
    }
  }
}

absl::StatusOr<Graph> FloatReader::Read() {
  for (const Node& node : source_.nodes) {
    HT_RETURN_IF_ERROR(
        Annotate(ReadNode(node), absl::StrCat("node '", node.name, "' (", node.op, ")")));
  }
  FinishOutputs();
  RemoveIntegers();
  return std::move(float_);
}

absl::StatusOr<Graph> ReadAsFloat(Graph graph) {
  const bool has_any = absl::c_any_of(graph.nodes, [](const Node& node) {
    return FindQuantizedOperator(node) != nullptr || !node.subgraphs.empty();
  });
  if (!has_any) return graph;
  return FloatReader(std::move(graph)).Read();
}

}  // namespace halftone
