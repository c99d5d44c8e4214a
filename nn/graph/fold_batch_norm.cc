#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/graph.h"
#include "nn/graph/passes.h"
#include "nn/graph/simplify.h"

namespace halftone {
namespace {

// y = scale * x + shift, one of each per channel.
struct Affine {
  std::vector<double> scale, shift;
};

class Folder {
 public:
  explicit Folder(Graph graph) : graph_(std::move(graph)), index_(graph_) {
    for (const Node& node : graph_.nodes) node_names_.insert(node.name);
  }

  absl::StatusOr<Graph> Fold();

 private:
  // The node as an affine map per channel; absent when it is none. `channel_axis` is that of its
  // source.
  absl::StatusOr<std::optional<Affine>> AffineOf(const Node& node) const;
  absl::StatusOr<std::optional<Affine>> BatchNormAffine(const Node& node) const;
  std::optional<Affine> ArithmeticAffine(const Node& node) const;

  // The node before `node` whose weights may be scaled for it; nullptr when there is none.
  Node* FindProducer(const Node& node);
  bool HasOwnWeights(const Node& producer) const;
  int ChannelAxis(const Node& producer) const;

  // False, with nothing changed, where the producer cannot take the map up.
  bool FoldInto(Node& producer, const Node& node, const Affine& affine);
  bool FoldIntoMatMul(Node& producer, const Node& node, const Affine& affine);
  void TakeOver(Node& producer, const std::string& dst);
  void ScaleWeights(const Node& producer, const std::vector<double>& scale);
  bool FoldBias(Node& producer, const Affine& affine);
  void SetBias(Node& producer, const std::vector<double>& bias);
  void AppendMulAndAdd(const Node& node, const Affine& affine);
  void AppendArithmetic(const Node& node, const std::string& op, const std::string& src,
                        const std::string& dst, const std::vector<double>& values);
  std::string AddConstant(const std::string& wanted, const Shape& shape,
                          const std::vector<double>& values);
  void Append(Node node);
  std::string UniqueNodeName(std::string name);

  const Shape& ShapeOf(const std::string& value) const { return graph_.values.at(value).shape; }
  bool IsConstant(absl::string_view value) const {
    return graph_.initializers.count(std::string(value)) > 0;
  }
  std::vector<double> Doubles(absl::string_view value) const {
    return *graph_.initializers.at(std::string(value)).ToDoubles();
  }

  Graph graph_;
  absl::flat_hash_set<std::string> node_names_;
  const GraphIndex index_;  // of the graph as it came; values keep their readers
  std::vector<Node> nodes_;
  absl::flat_hash_map<std::string, size_t> producers_;  // into nodes_
};

// gamma (x - mean) / sqrt(variance + epsilon) + beta (Ioffe and Szegedy, 2015).
absl::StatusOr<std::optional<Affine>> Folder::BatchNormAffine(const Node& node) const {
  for (size_t i = 1; i <= 4; ++i) {
    if (!IsConstant(node.Input(i))) return std::optional<Affine>();
  }
  HT_ASSIGN_OR_RETURN(float epsilon, node.Float("epsilon", 1e-5f));
  const std::vector<double> gamma = Doubles(node.Input(1)), beta = Doubles(node.Input(2));
  const std::vector<double> mean = Doubles(node.Input(3)), variance = Doubles(node.Input(4));
  Affine affine;
  for (size_t c = 0; c < gamma.size(); ++c) {
    const double spread = variance[c] + static_cast<double>(epsilon);
    if (!(spread > 0)) {
      return absl::InvalidArgumentError(absl::StrCat("node '", node.name, "' (", node.op,
                                                     "): the variance of channel ", c, " is ",
                                                     variance[c]));
    }
    affine.scale.push_back(gamma[c] / std::sqrt(spread));
    affine.shift.push_back(beta[c] - mean[c] * affine.scale[c]);
  }
  return std::optional<Affine>(std::move(affine));
}

// Mul, Div, Add or Sub of the result of a layer and a constant, by that layer's channels. A sum
// with a single number is left alone: it is how a hard-sigmoid begins.
std::optional<Affine> Folder::ArithmeticAffine(const Node& node) const {
  const bool product = node.op == "Mul" || node.op == "Div";
  if (!product && node.op != "Add" && node.op != "Sub") return std::nullopt;
  const bool constant_first = IsConstant(node.Input(0));
  if (constant_first == IsConstant(node.Input(1))) return std::nullopt;
  if (constant_first && (node.op == "Sub" || node.op == "Div")) return std::nullopt;
  const std::string& src = node.inputs[constant_first ? 1 : 0];
  const std::string& constant = node.inputs[constant_first ? 0 : 1];
  const auto producer = producers_.find(src);
  if (producer == producers_.end() || ShapeOf(node.outputs[0]) != ShapeOf(src)) return std::nullopt;
  const int axis = ChannelAxis(nodes_[producer->second]);
  if (axis < 0) return std::nullopt;
  const auto channels = static_cast<size_t>(ShapeOf(src).dim(axis));
  std::vector<double> values = Doubles(constant);
  const Shape& shape = ShapeOf(constant);
  const int axis_in_constant = axis - (ShapeOf(src).rank() - shape.rank());
  const bool per_channel = values.size() == channels && axis_in_constant >= 0 &&
                           shape.dim(axis_in_constant) == static_cast<int64_t>(channels);
  if (!per_channel && !(product && values.size() == 1)) return std::nullopt;
  values.resize(channels, values[0]);
  for (double& value : values) {
    if (node.op == "Div") value = 1 / value;
    if (node.op == "Sub") value = -value;
  }
  if (product) return Affine{std::move(values), std::vector<double>(channels, 0)};
  return Affine{std::vector<double>(channels, 1), std::move(values)};
}

absl::StatusOr<std::optional<Affine>> Folder::AffineOf(const Node& node) const {
  if (node.op == "BatchNormalization") return BatchNormAffine(node);
  return ArithmeticAffine(node);
}

// The axis of a layer's result that numbers the channels of its weights; -1 for other nodes.
int Folder::ChannelAxis(const Node& producer) const {
  if (producer.op == "Conv" || producer.op == "ConvTranspose" || producer.op == "Gemm") return 1;
  if (producer.op == "MatMul" && ShapeOf(producer.inputs[1]).rank() >= 2) {
    return ShapeOf(producer.outputs[0]).rank() - 1;
  }
  return -1;
}

bool Folder::HasOwnWeights(const Node& producer) const {
  const absl::string_view weights = producer.Input(1);
  return IsConstant(weights) && index_.Consumers(weights).size() == 1 &&
         !index_.IsGraphOutput(weights);
}

Node* Folder::FindProducer(const Node& node) {
  for (const std::string& value : node.inputs) {
    const auto found = producers_.find(value);
    if (found == producers_.end()) continue;
    Node& producer = nodes_[found->second];
    const bool alone = index_.Consumers(value).size() == 1 && !index_.IsGraphOutput(value);
    const int axis = ChannelAxis(producer);
    const bool fits = node.op != "BatchNormalization" || axis == 1;
    return alone && axis >= 0 && fits && HasOwnWeights(producer) ? &producer : nullptr;
  }
  return nullptr;
}

void Folder::ScaleWeights(const Node& producer, const std::vector<double>& scale) {
  Tensor& weights = graph_.initializers.at(producer.inputs[1]);
  const Shape shape = weights.shape();
  const bool transposed = producer.Int("transB", 0).value_or(0) != 0;
  const bool upwards = producer.op == "ConvTranspose";  // [sources, channels of a group, ...]
  const int axis = upwards ? 1 : producer.op == "Conv" || transposed ? 0 : shape.rank() - 1;
  const auto groups = static_cast<size_t>(upwards ? producer.Int("group", 1).value_or(1) : 1);
  const size_t channels = scale.size() / groups;
  size_t inner = 1;
  for (int i = axis + 1; i < shape.rank(); ++i) inner *= static_cast<size_t>(shape.dim(i));
  std::vector<double> values = *weights.ToDoubles();
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] *= scale[i / (values.size() / groups) * channels + i / inner % channels];
  }
  weights = Tensor::FromDoubles(weights.type(), shape, values);
}

std::string Folder::AddConstant(const std::string& wanted, const Shape& shape,
                                const std::vector<double>& values) {
  const std::string name = UniqueValueName(graph_, wanted);
  graph_.initializers.emplace(name, Tensor::FromDoubles(DataType::kFloat32, shape, values));
  graph_.values[name] = {DataType::kFloat32, shape};
  return name;
}

// The bias keeps its initializer's name where no other node reads it.
void Folder::SetBias(Node& producer, const std::vector<double>& bias) {
  const Shape shape{static_cast<int64_t>(bias.size())};
  producer.inputs.resize(3);
  std::string& name = producer.inputs[2];
  if (!name.empty() && index_.Consumers(name).size() == 1) {
    graph_.initializers[name] = Tensor::FromDoubles(DataType::kFloat32, shape, bias);
    graph_.values[name] = {DataType::kFloat32, shape};
    return;
  }
  const std::string& weights = producer.inputs[1];
  const bool suffixed = absl::EndsWith(weights, "weight");
  name = AddConstant(suffixed ? weights.substr(0, weights.size() - 6) + "bias" : weights + "_bias",
                     shape, bias);
}

// False, with nothing changed, where the bias that is there cannot be one vector over channels.
bool Folder::FoldBias(Node& producer, const Affine& affine) {
  const size_t channels = affine.scale.size();
  std::vector<double> bias(channels, 0);
  const absl::string_view name = producer.Input(2);
  if (!name.empty()) {
    if (!IsConstant(name)) return false;
    const std::vector<double> old = Doubles(name);
    const Shape& shape = ShapeOf(std::string(name));
    const bool row = old.size() == channels && shape.rank() > 0 &&
                     shape.dim(shape.rank() - 1) == static_cast<int64_t>(channels);
    if (!row && old.size() != 1) return false;
    const double beta = static_cast<double>(producer.Float("beta", 1).value_or(1));
    for (size_t c = 0; c < channels; ++c) bias[c] = beta * old[row ? c : 0];
  }
  for (size_t c = 0; c < channels; ++c) bias[c] = bias[c] * affine.scale[c] + affine.shift[c];
  const bool zero = std::all_of(bias.begin(), bias.end(), [](double b) { return b == 0; });
  if (name.empty() && zero) return true;
  SetBias(producer, bias);
  producer.attributes.erase("beta");
  return true;
}

void Folder::TakeOver(Node& producer, const std::string& dst) {
  producers_[dst] = producers_.at(producer.outputs[0]);
  producer.outputs[0] = dst;
}

// A MatMul has no bias: the shift stays behind it, as an Add.
bool Folder::FoldIntoMatMul(Node& producer, const Node& node, const Affine& affine) {
  const auto all = [](const std::vector<double>& values, double wanted) {
    return std::all_of(values.begin(), values.end(), [=](double x) { return x == wanted; });
  };
  if (all(affine.scale, 1)) return false;
  ScaleWeights(producer, affine.scale);
  const std::string& dst = node.outputs[0];
  if (all(affine.shift, 0)) {
    TakeOver(producer, dst);
  } else {
    AppendArithmetic(node, "Add", std::string(producer.outputs[0]), dst, affine.shift);
  }
  return true;
}

bool Folder::FoldInto(Node& producer, const Node& node, const Affine& affine) {
  if (producer.op == "MatMul") return FoldIntoMatMul(producer, node, affine);
  if (!FoldBias(producer, affine)) return false;
  ScaleWeights(producer, affine.scale);
  TakeOver(producer, node.outputs[0]);
  return true;
}

void Folder::Append(Node node) {
  for (const std::string& value : node.outputs) producers_[value] = nodes_.size();
  nodes_.push_back(std::move(node));
}

std::string Folder::UniqueNodeName(std::string name) {
  while (!node_names_.insert(name).second) name += "_";
  return name;
}

void Folder::AppendArithmetic(const Node& node, const std::string& op, const std::string& src,
                              const std::string& dst, const std::vector<double>& values) {
  // Channels are axis 1, so the constant broadcasts with a 1 for every axis after it.
  std::vector<int64_t> dims(static_cast<size_t>(std::max(ShapeOf(src).rank() - 1, 1)), 1);
  dims[0] = static_cast<int64_t>(values.size());
  Node arithmetic;
  arithmetic.name = UniqueNodeName(absl::StrCat(node.name, "_", op));
  arithmetic.op = op;
  arithmetic.inputs = {src, AddConstant(absl::StrCat(dst, "_", op), Shape(dims), values)};
  arithmetic.outputs = {dst};
  graph_.values[dst] = ValueInfo(graph_.values.at(src));  // a copy: a new entry moves the others
  Append(std::move(arithmetic));
}

void Folder::AppendMulAndAdd(const Node& node, const Affine& affine) {
  const std::string scaled = UniqueValueName(graph_, absl::StrCat(node.outputs[0], "_scaled"));
  AppendArithmetic(node, "Mul", node.inputs[0], scaled, affine.scale);
  AppendArithmetic(node, "Add", scaled, node.outputs[0], affine.shift);
}

absl::StatusOr<Graph> Folder::Fold() {
  for (const Node& node : graph_.nodes) {
    HT_ASSIGN_OR_RETURN(std::optional<Affine> affine, AffineOf(node));
    Node* producer = affine.has_value() ? FindProducer(node) : nullptr;
    if (producer != nullptr && FoldInto(*producer, node, *affine)) continue;
    if (affine.has_value() && node.op == "BatchNormalization") {
      AppendMulAndAdd(node, *affine);
    } else {
      Append(node);
    }
  }
  graph_.nodes = std::move(nodes_);
  RemoveUnused(graph_);
  return std::move(graph_);
}

}  // namespace

absl::StatusOr<Graph> FoldBatchNorm(Graph graph) { return Folder(std::move(graph)).Fold(); }

}  // namespace halftone
