#include "nn/engine/onednn/plan/fusion.h"

#include <cmath>
#include <optional>

#include "absl/container/flat_hash_set.h"
#include "nn/graph/clip_range.h"

namespace halftone::plan {
namespace {

using dnnl::algorithm;

bool ClipOf(const Graph& graph, const Node& node, PostOp* post_op) {
  const absl::StatusOr<ClipRange> range = ReadClipRange(graph, node);
  if (!range.ok()) return false;
  *post_op = {PostOp::Kind::kEltwise, algorithm::eltwise_clip, range->low, range->high};
  return true;
}

bool WithAlpha(const Node& node, algorithm algorithm, float alpha, float beta, PostOp* post_op) {
  const absl::StatusOr<float> a = node.Float("alpha", alpha);
  const absl::StatusOr<float> b = node.Float("beta", beta);
  if (!a.ok() || !b.ok()) return false;
  *post_op = {PostOp::Kind::kEltwise, algorithm, *a, *b};
  return true;
}

// x * c, x / c, x + c, c + x, ... with a number c that has no more axes than x.
bool LinearOf(const Graph& graph, const Node& node, PostOp* post_op) {
  if (node.inputs.size() != 2) return false;
  const auto shape_of = [&](size_t i) { return graph.values.at(node.inputs[i]).shape; };
  for (const size_t i : {size_t{1}, size_t{0}}) {
    const std::optional<float> c = ScalarConstant(graph, node.inputs[i]);
    if (!c.has_value() || !std::isfinite(*c) || shape_of(i).rank() > shape_of(1 - i).rank()) {
      continue;
    }
    float alpha = 1, beta = 0;
    if (node.op == "Mul") {
      alpha = *c;
    } else if (node.op == "Add") {
      beta = *c;
    } else if (node.op == "Sub") {
      alpha = i == 1 ? 1.0f : -1.0f;
      beta = i == 1 ? -*c : *c;
    } else if (node.op == "Div" && i == 1 && *c != 0) {
      alpha = 1 / *c;
    } else {
      return false;
    }
    *post_op = {PostOp::Kind::kEltwise, algorithm::eltwise_linear, alpha, beta};
    return true;
  }
  return false;
}

bool GeluOf(const Node& node, PostOp* post_op) {
  const absl::StatusOr<std::string> approximate = node.String("approximate", "none");
  if (!approximate.ok()) return false;
  *post_op = {PostOp::Kind::kEltwise,
              *approximate == "tanh" ? algorithm::eltwise_gelu_tanh : algorithm::eltwise_gelu_erf};
  return true;
}

}  // namespace

const PostOp* PlanOp::Addition() const {
  for (const PostOp& post_op : post_ops) {
    if (post_op.kind == PostOp::Kind::kResidual) return &post_op;
  }
  return nullptr;
}

std::string PlanOp::Residual() const {
  const PostOp* const addition = Addition();
  return addition == nullptr ? "" : addition->residual;
}

bool ActivationOf(const Graph& graph, const Node& node, PostOp* post_op) {
  const std::string& op = node.op;
  if (op == "Clip") return ClipOf(graph, node, post_op);
  if (op == "Gelu") return GeluOf(node, post_op);
  if (op == "LeakyRelu") return WithAlpha(node, algorithm::eltwise_relu, 0.01f, 0, post_op);
  if (op == "HardSigmoid") {
    return WithAlpha(node, algorithm::eltwise_hardsigmoid, 0.2f, 0.5f, post_op);
  }
  if (op == "Relu") {
    *post_op = {PostOp::Kind::kEltwise, algorithm::eltwise_relu, 0, 0};
  } else if (op == "Sigmoid") {
    *post_op = {PostOp::Kind::kEltwise, algorithm::eltwise_logistic, 0, 0};
  } else if (op == "HardSwish") {
    *post_op = {PostOp::Kind::kEltwise, algorithm::eltwise_hardswish, 1.0f / 6, 0.5f};
  } else if (op == "Tanh") {
    *post_op = {PostOp::Kind::kEltwise, algorithm::eltwise_tanh, 0, 0};
  } else {
    return LinearOf(graph, node, post_op);
  }
  return true;
}

namespace {

// A matrix product, matrix by matrix, of two activations.
bool IsProduct(const Graph& graph, const Node& node, const Layer& layer) {
  if (!layer.weights.empty() || node.op != "MatMul") return false;
  for (const std::string& input : node.inputs) {
    const Shape& shape = graph.values.at(input).shape;
    if (graph.initializers.count(input) > 0 || shape.rank() < 2 || shape.Elements() == 0) {
      return false;
    }
  }
  return true;
}

// What computes the layer: a constant matrix or kernel applied to one src, with a bias per channel,
// or a product.
PlanOp::Kind KindOf(const Graph& graph, const Node& node, const Layer& layer) {
  if (IsProduct(graph, node, layer)) return PlanOp::Kind::kProduct;
  if (layer.weights.empty() || node.Input(0) != layer.src || node.Input(1) != layer.weights) {
    return PlanOp::Kind::kNode;
  }
  const int64_t channels = layer.Channels();
  if (!node.Input(2).empty()) {
    const auto bias = graph.initializers.find(layer.bias);
    if (node.Input(2) != layer.bias || bias == graph.initializers.end()) {
      return PlanOp::Kind::kNode;
    }
    if (bias->second.elements() != channels && bias->second.elements() != 1) {
      return PlanOp::Kind::kNode;
    }
  }
  const int rank = layer.weights_shape.rank();
  if (node.op == "Conv") {
    return rank >= 3 && rank <= 5 ? PlanOp::Kind::kConvolution : PlanOp::Kind::kNode;
  }
  if (node.op != "Gemm" && node.op != "MatMul") return PlanOp::Kind::kNode;
  const absl::StatusOr<int64_t> transposed = node.Int("transA", 0);
  const bool native = rank == 2 && transposed.ok() && *transposed == 0;
  return native ? PlanOp::Kind::kMatMul : PlanOp::Kind::kNode;
}

// Walks the nodes in order and lets every layer take in its followers.
class Fuser {
 public:
  Fuser(const Graph& graph, const LayerSet& layers)
      : graph_(graph), layers_(layers), index_(graph) {
    for (const Port& input : graph.inputs) at_hand_.insert(input.name);
  }

  std::vector<PlanOp> Run() {
    for (const Node& node : graph_.nodes) {
      if (fused_.contains(&node)) continue;
      PlanOp op = Begin(node);
      if (op.native()) Extend(op);
      if (op.kind == PlanOp::Kind::kProduct) op.dst_order = WantedOrder(op.dst);
      at_hand_.insert(op.dst);
      for (const std::string& output : node.outputs) {
        if (!op.native() && !output.empty()) at_hand_.insert(output);
      }
      ops_.push_back(std::move(op));
    }
    return std::move(ops_);
  }

 private:
  PlanOp Begin(const Node& node) const {
    PlanOp op;
    op.node = &node;
    op.dst = node.outputs[0];
    op.layer = layers_.Find(node.name);
    if (op.layer != nullptr) op.kind = KindOf(graph_, node, *op.layer);
    if (op.kind == PlanOp::Kind::kConvolution || op.kind == PlanOp::Kind::kMatMul) {
      op.sources = {op.layer->src};
      op.bias = op.layer->bias;
      return op;
    }
    for (const std::string& input : node.inputs) {
      if (!input.empty() && graph_.initializers.count(input) == 0) op.sources.push_back(input);
    }
    return op;
  }

  void Extend(PlanOp& op) {
    while (!index_.IsGraphOutput(op.dst) && index_.Consumers(op.dst).size() == 1) {
      const Node& next = graph_.nodes[static_cast<size_t>(index_.Consumers(op.dst)[0])];
      PostOp post_op;
      if (TakeBias(next, op)) continue;
      if (!ActivationOf(graph_, next, &post_op) && !ResidualOf(op, next, &post_op)) return;
      op.post_ops.push_back(std::move(post_op));
      op.dst = next.outputs[0];
      fused_.insert(&next);
    }
  }

  // An Add of a constant per channel right after a matrix product without one.
  bool TakeBias(const Node& node, PlanOp& op) {
    if (op.kind != PlanOp::Kind::kMatMul || !op.bias.empty() || !op.post_ops.empty()) return false;
    if (node.op != "Add" || node.inputs.size() != 2) return false;
    const std::string& other = node.inputs[node.inputs[0] == op.dst ? 1 : 0];
    const auto constant = graph_.initializers.find(other);
    if (constant == graph_.initializers.end()) return false;
    const Shape& shape = constant->second.shape();
    const int64_t channels = op.layer->Channels();
    const bool per_channel = shape.rank() > 0 && shape.Elements() == channels &&
                             shape.dim(shape.rank() - 1) == channels &&
                             shape.rank() <= graph_.values.at(op.dst).shape.rank();
    if (!per_channel) return false;
    op.bias = other;
    op.dst = node.outputs[0];
    fused_.insert(&node);
    return true;
  }

  // Where a Transpose alone reads the value, and keeps its last axis: the order that makes its
  // result one in C order.
  std::vector<int64_t> WantedOrder(const std::string& value) const {
    if (index_.IsGraphOutput(value) || index_.Consumers(value).size() != 1) return {};
    const Node& next = graph_.nodes[static_cast<size_t>(index_.Consumers(value)[0])];
    if (next.op != "Transpose") return {};
    const auto permutation = next.Ints("perm", {});
    const int rank = graph_.values.at(value).shape.rank();
    const bool fits = permutation.ok() && static_cast<int>(permutation->size()) == rank &&
                      permutation->back() == rank - 1;
    return fits ? *permutation : std::vector<int64_t>();
  }

  bool ResidualOf(const PlanOp& op, const Node& node, PostOp* post_op) const {
    if (node.op != "Add" || node.inputs.size() != 2 || !op.Residual().empty()) return false;
    const std::string& other = node.inputs[0] == op.dst ? node.inputs[1] : node.inputs[0];
    if (other == op.dst || !at_hand_.contains(other)) return false;
    if (graph_.values.at(other).shape != graph_.values.at(op.dst).shape) return false;
    post_op->kind = PostOp::Kind::kResidual;
    post_op->residual = other;
    post_op->addition = node.name;
    return true;
  }

  const Graph& graph_;
  const LayerSet& layers_;
  const GraphIndex index_;
  absl::flat_hash_set<std::string> at_hand_;
  absl::flat_hash_set<const Node*> fused_;
  std::vector<PlanOp> ops_;
};

}  // namespace

std::vector<PlanOp> FuseGraph(const Graph& graph, const LayerSet& layers) {
  return Fuser(graph, layers).Run();
}

}  // namespace halftone::plan
