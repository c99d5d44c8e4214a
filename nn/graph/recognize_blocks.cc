#include <cmath>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nn/graph/clip_range.h"
#include "nn/graph/graph.h"
#include "nn/graph/passes.h"
#include "nn/graph/simplify.h"

namespace halftone {
namespace {

constexpr int kMaxDepth = 4;  // of a product that is written as a tree of Muls

bool Near(double a, double b) { return std::abs(a - b) <= 1e-4 * std::abs(b); }

// Finds out what a value is from the nodes that wrote it.
class BlockMatcher {
 public:
  explicit BlockMatcher(const Graph& graph) : graph_(graph), index_(graph) {}

  // The operator that `node` and those before it compute; absent when it is only what it is.
  std::optional<Node> Recognize(const Node& node) const {
    if (node.op != "Mul" && node.op != "Add") return std::nullopt;
    if (auto gelu = MatchGelu(node); gelu.has_value()) return gelu;
    return MatchLayerNormalization(node);
  }

 private:
  const Node* Producer(absl::string_view value, absl::string_view op) const {
    const int producer = index_.Producer(value);
    if (producer < 0) return nullptr;
    const Node& node = graph_.nodes[static_cast<size_t>(producer)];
    return node.op == op && node.domain.empty() ? &node : nullptr;
  }

  static Node MakeNode(const Node& last, const char* op, std::vector<std::string> inputs) {
    Node node;
    node.name = last.name;
    node.op = op;
    node.inputs = std::move(inputs);
    node.outputs = {last.outputs[0]};
    return node;
  }

  // ---- GELU (Hendrycks and Gimpel, 2016) --------------------------------------------------------

  struct Product {
    double constant = 1;
    std::vector<std::string> values;
  };

  // Splits trees of Mul, and Div by a number, into their factors.
  void AddFactors(const std::string& value, int depth, Product& product) const {
    if (const auto number = ScalarConstant(graph_, value); number.has_value()) {
      product.constant *= *number;
      return;
    }
    const Node* mul = depth > 0 ? Producer(value, "Mul") : nullptr;
    if (mul != nullptr) {
      AddFactors(mul->inputs[0], depth - 1, product);
      AddFactors(mul->inputs[1], depth - 1, product);
      return;
    }
    const Node* div = depth > 0 ? Producer(value, "Div") : nullptr;
    const auto divisor = div == nullptr ? std::nullopt : ScalarConstant(graph_, div->Input(1));
    if (divisor.has_value()) {
      product.constant /= *divisor;
      return AddFactors(div->inputs[0], depth - 1, product);
    }
    product.values.push_back(value);
  }

  Product FactorsOf(const std::string& value) const {
    Product product;
    AddFactors(value, kMaxDepth, product);
    return product;
  }

  // The source of `op` in op(source) + 1; "" for another value.
  std::string SourceOfGate(const std::string& value, absl::string_view op) const {
    const Node* add = Producer(value, "Add");
    if (add == nullptr) return "";
    for (const size_t i : {size_t{0}, size_t{1}}) {
      const auto one = ScalarConstant(graph_, add->inputs[i]);
      const Node* inner = Producer(add->inputs[1 - i], op);
      if (one.has_value() && *one == 1.0f && inner != nullptr) return inner->inputs[0];
    }
    return "";
  }

  bool IsScaled(const std::string& value, const std::string& src, double factor) const {
    const Product product = FactorsOf(value);
    return product.values == std::vector<std::string>{src} && Near(product.constant, factor);
  }

  // 0.044715 x^3.
  bool IsCubicTerm(const std::string& value, const std::string& x) const {
    const Product product = FactorsOf(value);
    if (!Near(product.constant, 0.044715)) return false;
    if (product.values == std::vector<std::string>{x, x, x}) return true;
    const Node* pow = product.values.size() == 1 ? Producer(product.values[0], "Pow") : nullptr;
    return pow != nullptr && pow->inputs[0] == x && ScalarConstant(graph_, pow->Input(1)) == 3.0f;
  }

  // sqrt(2 / pi) (x + 0.044715 x^3).
  bool IsTanhArgument(const std::string& value, const std::string& x) const {
    const Product product = FactorsOf(value);
    const double scale = std::sqrt(2 / std::numbers::pi);
    if (product.values.size() != 1 || !Near(product.constant, scale)) return false;
    const Node* add = Producer(product.values[0], "Add");
    if (add == nullptr) return false;
    return (add->inputs[0] == x && IsCubicTerm(add->inputs[1], x)) ||
           (add->inputs[1] == x && IsCubicTerm(add->inputs[0], x));
  }

  // 0.5 x (1 + erf(x / sqrt 2)), or with tanh, its factors in any order.
  std::optional<Node> MatchGelu(const Node& node) const {
    if (node.op != "Mul") return std::nullopt;
    const Product product = FactorsOf(node.outputs[0]);
    if (product.values.size() != 2 || !Near(product.constant, 0.5)) return std::nullopt;
    for (const size_t gate : {size_t{0}, size_t{1}}) {
      const std::string& x = product.values[1 - gate];
      const std::string erf = SourceOfGate(product.values[gate], "Erf");
      const std::string tanh = SourceOfGate(product.values[gate], "Tanh");
      const bool exact = !erf.empty() && IsScaled(erf, x, 1 / std::numbers::sqrt2);
      if (!exact && (tanh.empty() || !IsTanhArgument(tanh, x))) continue;
      Node gelu = MakeNode(node, "Gelu", {x});
      gelu.attributes["approximate"] = std::string(exact ? "none" : "tanh");
      return gelu;
    }
    return std::nullopt;
  }

  // ---- Layer normalization (Ba et al., 2016) over the last axis ---------------------------------

  // The constant of one number per element of the last axis among a node's two inputs, and the
  // other input.
  struct Affine {
    std::string src, constant;
  };
  std::optional<Affine> MatchAffine(const Node& node) const {
    const auto dst = graph_.values.find(node.outputs[0]);
    if (dst == graph_.values.end() || dst->second.shape.rank() == 0) return std::nullopt;
    const Shape& shape = dst->second.shape;
    for (const size_t i : {size_t{0}, size_t{1}}) {
      const auto constant = graph_.initializers.find(node.inputs[i]);
      if (constant == graph_.initializers.end()) continue;
      if (constant->second.shape() == Shape{shape.dim(shape.rank() - 1)}) {
        return Affine{node.inputs[1 - i], node.inputs[i]};
      }
    }
    return std::nullopt;
  }

  // The source of a ReduceMean over the last axis that keeps it; "" for another value.
  std::string SourceOfMean(const std::string& value) const {
    const Node* mean = Producer(value, "ReduceMean");
    if (mean == nullptr || mean->Int("keepdims", 1).value_or(0) == 0) return "";
    std::vector<int64_t> axes = mean->Ints("axes", {}).value_or(std::vector<int64_t>());
    if (const auto given = graph_.initializers.find(std::string(mean->Input(1)));
        given != graph_.initializers.end()) {
      axes = given->second.ToInts().value_or(std::vector<int64_t>());
    }
    const auto src = graph_.values.find(mean->inputs[0]);
    if (axes.size() != 1 || src == graph_.values.end()) return "";
    const bool last = axes[0] == -1 || axes[0] == src->second.shape.rank() - 1;
    return last ? mean->inputs[0] : "";
  }

  bool IsSquare(const std::string& value, const std::string& src) const {
    if (const Node* pow = Producer(value, "Pow"); pow != nullptr) {
      return pow->inputs[0] == src && ScalarConstant(graph_, pow->Input(1)) == 2.0f;
    }
    const Node* mul = Producer(value, "Mul");
    return mul != nullptr && mul->inputs[0] == src && mul->inputs[1] == src;
  }

  // The epsilon in sqrt(mean(src^2) + epsilon).
  std::optional<float> MatchDeviation(const std::string& value, const std::string& src) const {
    const Node* root = Producer(value, "Sqrt");
    const Node* add = root == nullptr ? nullptr : Producer(root->inputs[0], "Add");
    if (add == nullptr) return std::nullopt;
    for (const size_t i : {size_t{0}, size_t{1}}) {
      const auto epsilon = ScalarConstant(graph_, add->inputs[i]);
      const std::string square = SourceOfMean(add->inputs[1 - i]);
      if (epsilon.has_value() && !square.empty() && IsSquare(square, src)) return epsilon;
    }
    return std::nullopt;
  }

  std::optional<Node> MatchLayerNormalization(const Node& node) const {
    std::string bias;
    const Node* scaled = &node;
    if (node.op == "Add") {
      const std::optional<Affine> shift = MatchAffine(node);
      scaled = shift.has_value() ? Producer(shift->src, "Mul") : nullptr;
      if (scaled == nullptr) return std::nullopt;
      bias = shift->constant;
    }
    const std::optional<Affine> scale = MatchAffine(*scaled);
    const Node* div = scale.has_value() ? Producer(scale->src, "Div") : nullptr;
    const Node* centered = div == nullptr ? nullptr : Producer(div->inputs[0], "Sub");
    if (centered == nullptr || SourceOfMean(centered->inputs[1]) != centered->inputs[0]) {
      return std::nullopt;
    }
    const std::optional<float> epsilon = MatchDeviation(div->inputs[1], centered->outputs[0]);
    if (!epsilon.has_value()) return std::nullopt;
    std::vector<std::string> inputs = {centered->inputs[0], scale->constant};
    if (!bias.empty()) inputs.push_back(bias);
    Node normalization = MakeNode(node, "LayerNormalization", std::move(inputs));
    normalization.attributes = {{"axis", int64_t{-1}}, {"epsilon", *epsilon}};
    return normalization;
  }

  const Graph& graph_;
  const GraphIndex index_;
};

}  // namespace

Graph RecognizeBlocks(Graph graph) {
  std::vector<std::pair<size_t, Node>> recognized;
  {
    const BlockMatcher matcher(graph);
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      if (std::optional<Node> node = matcher.Recognize(graph.nodes[i]); node.has_value()) {
        recognized.emplace_back(i, *std::move(node));
      }
    }
  }
  if (recognized.empty()) return graph;
  for (auto& [i, node] : recognized) graph.nodes[i] = std::move(node);
  RemoveUnused(graph);
  return graph;
}

}  // namespace halftone
