#ifndef HALFTONE_TESTS_NN_GRAPH_GRAPH_BUILDER_H_
#define HALFTONE_TESTS_NN_GRAPH_GRAPH_BUILDER_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nn/graph/graph.h"

namespace halftone {

// Writes down small graphs. Nodes are named after their first result.
class GraphBuilder {
 public:
  using Attributes = std::map<std::string, Attribute>;

  explicit GraphBuilder(int64_t opset = 13) { graph_.opset = opset; }

  GraphBuilder& Input(const std::string& name, Shape shape, DataType type = DataType::kFloat32) {
    graph_.inputs.push_back({name, {type, std::move(shape)}});
    return *this;
  }
  // Of the input before.
  GraphBuilder& SampleAxis(int axis) {
    graph_.inputs.back().sample_axis = axis;
    return *this;
  }
  GraphBuilder& Output(const std::string& name, DataType type = DataType::kFloat32) {
    graph_.outputs.push_back({name, {type, {}}});
    return *this;
  }
  GraphBuilder& Op(const std::string& op, std::vector<std::string> inputs,
                   std::vector<std::string> outputs, Attributes attributes = {}) {
    Node node{outputs[0], op, "", std::move(inputs), outputs, std::move(attributes)};
    graph_.nodes.push_back(std::move(node));
    return *this;
  }
  GraphBuilder& Constant(const std::string& name, Tensor tensor) {
    graph_.initializers.insert_or_assign(name, std::move(tensor));
    return *this;
  }
  GraphBuilder& Floats(const std::string& name, Shape shape, std::vector<float> values = {}) {
    if (values.empty()) values.assign(static_cast<size_t>(shape.Elements()), 0.5f);
    return Constant(name, Tensor::Of(std::move(shape), std::move(values)));
  }
  GraphBuilder& Ints(const std::string& name, std::vector<int64_t> values) {
    const auto count = static_cast<int64_t>(values.size());
    return Constant(name, Tensor::Of(Shape{count}, std::move(values)));
  }
  GraphBuilder& Int(const std::string& name, int64_t value) {
    return Constant(name, Tensor::Scalar(value));
  }
  GraphBuilder& Float(const std::string& name, float value) {
    return Constant(name, Tensor::Scalar(value));
  }

  const Graph& graph() const { return graph_; }

 private:
  Graph graph_;
};

}  // namespace halftone

#endif  // HALFTONE_TESTS_NN_GRAPH_GRAPH_BUILDER_H_
