#include "nn/engine/onednn/plan/fusion.h"

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

}  // namespace

std::string PlanOp::Residual() const {
  for (const PostOp& post_op : post_ops) {
    if (post_op.kind == PostOp::Kind::kResidual) return post_op.residual;
  }
  return "";
}

bool ActivationOf(const Graph& graph, const Node& node, PostOp* post_op) {
  const std::string& op = node.op;
  if (op == "Clip") return ClipOf(graph, node, post_op);
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
  } else {
    return false;
  }
  return true;
}

namespace {

// Whether the layer is a constant matrix or kernel applied to one src, with a bias per channel.
bool IsNative(const Graph& graph, const Node& node, const Layer& layer) {
  if (layer.weights.empty() || node.Input(0) != layer.src || node.Input(1) != layer.weights) {
    return false;
  }
  const int64_t channels = layer.weights_shape.dim(layer.channel_axis);
  if (!node.Input(2).empty()) {
    const auto bias = graph.initializers.find(layer.bias);
    if (node.Input(2) != layer.bias || bias == graph.initializers.end()) return false;
    if (bias->second.elements() != channels && bias->second.elements() != 1) return false;
  }
  if (node.op == "Conv") return layer.weights_shape.rank() >= 3 && layer.weights_shape.rank() <= 5;
  const absl::StatusOr<int64_t> transposed = node.Int("transA", 0);
  return layer.weights_shape.rank() == 2 && transposed.ok() && *transposed == 0;
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
      if (op.native) Extend(op);
      at_hand_.insert(op.dst);
      for (const std::string& output : node.outputs) {
        if (!op.native && !output.empty()) at_hand_.insert(output);
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
    op.native = op.layer != nullptr && IsNative(graph_, node, *op.layer);
    if (op.native) {
      op.sources = {op.layer->src};
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
      if (!ActivationOf(graph_, next, &post_op) && !ResidualOf(op, next, &post_op)) return;
      op.post_ops.push_back(std::move(post_op));
      op.dst = next.outputs[0];
      fused_.insert(&next);
    }
  }

  bool ResidualOf(const PlanOp& op, const Node& node, PostOp* post_op) const {
    if (node.op != "Add" || node.inputs.size() != 2 || !op.Residual().empty()) return false;
    const std::string& other = node.inputs[0] == op.dst ? node.inputs[1] : node.inputs[0];
    if (other == op.dst || !at_hand_.contains(other)) return false;
    if (graph_.values.at(other).shape != graph_.values.at(op.dst).shape) return false;
    post_op->kind = PostOp::Kind::kResidual;
    post_op->residual = other;
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
