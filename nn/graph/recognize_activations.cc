#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "nn/graph/clip_range.h"
#include "nn/graph/graph.h"
#include "nn/graph/passes.h"
#include "nn/graph/simplify.h"

namespace halftone {
namespace {

bool Near(float a, float b) { return std::abs(a - b) <= 1e-4f * std::max(1.0f, std::abs(b)); }

// alpha * x + beta, clipped to [low, high].
struct Ramp {
  std::string src;
  float alpha = 1, beta = 0;
  float low = 0, high = 0;

  Ramp Scaled(float factor) const {
    return {src, alpha * factor, beta * factor, low * factor, high * factor};
  }
  bool IsHardSigmoid() const { return low == 0 && Near(high, 1); }
  // The one inside of hard-swish (Howard et al., 2019): relu6(x + 3) / 6.
  bool IsHardSwishGate() const {
    return IsHardSigmoid() && Near(alpha, 1.0f / 6) && Near(beta, 0.5f);
  }
};

// What a value is, seen from the nodes that wrote it.
class Matcher {
 public:
  explicit Matcher(const Graph& graph) : graph_(graph), index_(graph) {}

  // The operator that `node` and those before it compute; absent when it is only what it is.
  std::optional<Node> Recognize(const Node& node) const;

 private:
  struct Scaled {
    std::string src;
    float factor = 1;
  };
  const Node* Producer(absl::string_view value, absl::string_view op) const;
  std::optional<Scaled> MatchScaled(const Node& node) const;
  std::optional<Scaled> MatchScaled(absl::string_view value) const;
  // x * k + b in any of its written forms, as a ramp without bounds.
  Ramp MatchLinear(absl::string_view value) const;
  std::optional<Ramp> MatchRamp(const Node& node) const;
  std::optional<Ramp> MatchRamp(absl::string_view value) const;
  std::optional<std::string> MatchHardSwish(const Node& node) const;
  std::optional<std::string> MatchGated(const Node& product, float factor) const;

  const Graph& graph_;
  const GraphIndex index_;
};

const Node* Matcher::Producer(absl::string_view value, absl::string_view op) const {
  const int producer = index_.Producer(value);
  if (producer < 0) return nullptr;
  const Node& node = graph_.nodes[static_cast<size_t>(producer)];
  return node.op == op ? &node : nullptr;
}

std::optional<Matcher::Scaled> Matcher::MatchScaled(const Node& node) const {
  if (node.op != "Mul" && node.op != "Div") return std::nullopt;
  if (const auto second = ScalarConstant(graph_, node.Input(1)); second.has_value()) {
    return Scaled{node.inputs[0], node.op == "Mul" ? *second : 1 / *second};
  }
  const auto first = ScalarConstant(graph_, node.Input(0));
  if (node.op == "Mul" && first.has_value()) return Scaled{node.inputs[1], *first};
  return std::nullopt;
}

std::optional<Matcher::Scaled> Matcher::MatchScaled(absl::string_view value) const {
  const int producer = index_.Producer(value);
  if (producer < 0) return std::nullopt;
  return MatchScaled(graph_.nodes[static_cast<size_t>(producer)]);
}

Ramp Matcher::MatchLinear(absl::string_view value) const {
  Ramp linear{std::string(value)};
  if (const Node* add = Producer(value, "Add"); add != nullptr) {
    for (const size_t constant : {size_t{0}, size_t{1}}) {
      const auto beta = ScalarConstant(graph_, add->Input(constant));
      if (!beta.has_value()) continue;
      linear.src = add->inputs[1 - constant];
      linear.beta = *beta;
      break;
    }
  }
  if (const auto scaled = MatchScaled(absl::string_view(linear.src)); scaled.has_value()) {
    linear.src = scaled->src;
    linear.alpha = scaled->factor;
  }
  return linear;
}

// Clip(linear), HardSigmoid, or one of them times a number.
std::optional<Ramp> Matcher::MatchRamp(const Node& node) const {
  if (node.op == "HardSigmoid") {
    const float alpha = node.Float("alpha", 0.2f).value_or(0);
    return Ramp{node.inputs[0], alpha, node.Float("beta", 0.5f).value_or(0), 0, 1};
  }
  if (node.op == "Clip") {
    const absl::StatusOr<ClipRange> range = ReadClipRange(graph_, node);
    if (!range.ok()) return std::nullopt;
    Ramp ramp = MatchLinear(node.inputs[0]);
    ramp.low = range->low;
    ramp.high = range->high;
    return ramp;
  }
  const std::optional<Scaled> scaled = MatchScaled(node);
  if (!scaled.has_value()) return std::nullopt;
  for (const absl::string_view op : {"Clip", "HardSigmoid"}) {
    const Node* inner = Producer(scaled->src, op);
    if (inner == nullptr) continue;
    const std::optional<Ramp> ramp = MatchRamp(*inner);
    if (ramp.has_value()) return ramp->Scaled(scaled->factor);
  }
  return std::nullopt;
}

std::optional<Ramp> Matcher::MatchRamp(absl::string_view value) const {
  const int producer = index_.Producer(value);
  if (producer < 0) return std::nullopt;
  return MatchRamp(graph_.nodes[static_cast<size_t>(producer)]);
}

// factor * (x / k) * ramp(x), where that is x * relu6(x + 3) / 6.
std::optional<std::string> Matcher::MatchGated(const Node& product, float factor) const {
  if (product.op != "Mul" || product.inputs.size() != 2) return std::nullopt;
  for (const size_t gate : {size_t{0}, size_t{1}}) {
    const std::optional<Ramp> ramp = MatchRamp(absl::string_view(product.inputs[gate]));
    if (!ramp.has_value()) continue;
    const std::string& other = product.inputs[1 - gate];
    if (other == ramp->src && ramp->Scaled(factor).IsHardSwishGate()) return other;
    const std::optional<Scaled> scaled = MatchScaled(absl::string_view(other));
    if (scaled.has_value() && scaled->src == ramp->src &&
        ramp->Scaled(factor * scaled->factor).IsHardSwishGate()) {
      return scaled->src;
    }
  }
  return std::nullopt;
}

std::optional<std::string> Matcher::MatchHardSwish(const Node& node) const {
  if (const auto direct = MatchGated(node, 1); direct.has_value()) return direct;
  const std::optional<Scaled> scaled = MatchScaled(node);
  if (!scaled.has_value()) return std::nullopt;
  const Node* product = Producer(scaled->src, "Mul");
  return product == nullptr ? std::nullopt : MatchGated(*product, scaled->factor);
}

std::optional<Node> Matcher::Recognize(const Node& node) const {
  Node recognized;
  recognized.name = node.name;
  recognized.outputs = {node.outputs[0]};
  if (const auto src = MatchHardSwish(node); src.has_value()) {
    recognized.op = "HardSwish";
    recognized.inputs = {*src};
    return recognized;
  }
  const std::optional<Ramp> ramp = MatchRamp(node);
  // A Clip of x itself is no hard-sigmoid in disguise.
  const bool plain = !ramp.has_value() || (ramp->alpha == 1 && ramp->beta == 0);
  if (node.op == "HardSigmoid" || plain || !ramp->IsHardSigmoid()) return std::nullopt;
  recognized.op = "HardSigmoid";
  recognized.inputs = {ramp->src};
  recognized.attributes = {{"alpha", ramp->alpha}, {"beta", ramp->beta}};
  return recognized;
}

}  // namespace

absl::StatusOr<Graph> RecognizeActivations(Graph graph) {
  std::vector<Node> nodes;
  {
    const Matcher matcher(graph);
    for (const Node& node : graph.nodes) {
      std::optional<Node> recognized = matcher.Recognize(node);
      nodes.push_back(recognized.has_value() ? *std::move(recognized) : node);
    }
  }
  graph.nodes = std::move(nodes);
  RemoveUnused(graph);
  return graph;
}

}  // namespace halftone
