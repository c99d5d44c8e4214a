#ifndef HALFTONE_TESTS_NN_ENGINE_GRAPH_MAKER_H_
#define HALFTONE_TESTS_NN_ENGINE_GRAPH_MAKER_H_

#include <cmath>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "nn/graph/graph.h"

namespace halftone {

// Builds graphs of random networks node by node; every value is named for its node.
class GraphMaker {
 public:
  // With one input "x".
  GraphMaker(const Shape& input, uint64_t seed) : random_(seed) {
    graph_.opset = 14;
    graph_.inputs = {{"x", {DataType::kFloat32, input}}};
  }

  // Appends a node of one output: its name.
  std::string Node1(const std::string& op, std::vector<std::string> inputs,
                    std::map<std::string, Attribute> attributes = {}) {
    return Nodes(op, std::move(inputs), std::move(attributes), 1)[0];
  }

  // Appends a node of several outputs: their names.
  std::vector<std::string> Nodes(const std::string& op, std::vector<std::string> inputs,
                                 std::map<std::string, Attribute> attributes, int outputs) {
    Node node;
    node.name = absl::StrCat(op, graph_.nodes.size());
    node.op = op;
    node.inputs = std::move(inputs);
    for (int i = 0; i < outputs; ++i) {
      node.outputs.push_back(absl::StrCat(node.name, "_out", i == 0 ? "" : absl::StrCat(i)));
    }
    node.attributes = std::move(attributes);
    graph_.nodes.push_back(node);
    return node.outputs;
  }

  // An initializer of normally distributed numbers.
  std::string Weights(const Shape& shape, float magnitude, float mean = 0) {
    std::normal_distribution<float> normal(mean, magnitude);
    std::vector<float> values(static_cast<size_t>(shape.Elements()));
    for (float& value : values) value = normal(random_);
    return Constant(Tensor::Of<float>(shape, std::move(values)));
  }

  std::string Constant(Tensor tensor) {
    std::string name = absl::StrCat("w", graph_.initializers.size());
    graph_.initializers.emplace(name, std::move(tensor));
    return name;
  }
  std::string Number(float value) { return Constant(Tensor::Scalar(value)); }
  std::string Ints(std::vector<int64_t> values) {
    const auto count = static_cast<int64_t>(values.size());
    return Constant(Tensor::Of<int64_t>(Shape{count}, std::move(values)));
  }

  std::string Convolution(const std::string& src, int64_t channels, int64_t depth, int64_t kernel,
                          std::map<std::string, Attribute> attributes = {}) {
    const float magnitude = 1.4f / std::sqrt(static_cast<float>(depth * kernel * kernel));
    const std::string weights = Weights(Shape{channels, depth, kernel, kernel}, magnitude);
    return Node1("Conv", {src, weights, Weights(Shape{channels}, 0.2f)}, std::move(attributes));
  }

  Graph Finish(const std::string& output) {
    graph_.outputs = {{output, {}}};
    return std::move(graph_);
  }

 private:
  std::mt19937_64 random_;
  Graph graph_;
};

}  // namespace halftone

#endif  // HALFTONE_TESTS_NN_ENGINE_GRAPH_MAKER_H_
