#ifndef HALFTONE_TESTS_PROFILERS_SMALL_NETWORK_H_
#define HALFTONE_TESTS_PROFILERS_SMALL_NETWORK_H_

#include <string>
#include <utility>
#include <vector>

#include "nn/graph/graph.h"
#include "nn/graph/layer.h"
#include "nn/graph/passes.h"

namespace halftone {

// A network with a convolution, a depthwise and a strided one, and a classifier.
class SmallNetwork {
 public:
  explicit SmallNetwork(int64_t classes = 10) {
    graph_.name = "small";
    graph_.inputs = {{"x", {DataType::kFloat32, Shape{Shape::kDynamic, 3, 16, 16}}}};
    graph_.outputs = {{"y", {DataType::kFloat32, Shape{Shape::kDynamic, classes}}}};
    Convolve("conv", "x", "a", {16, 3, 3, 3}, 1, 1);
    Add("relu", "Relu", {"a"}, "b");
    Convolve("depthwise", "b", "c", {16, 1, 3, 3}, 16, 1);
    Convolve("strided", "c", "d", {32, 16, 3, 3}, 1, 2);
    Add("pool", "GlobalAveragePool", {"d"}, "e");
    Add("flat", "Flatten", {"e"}, "f");
    Weights("fc.w", {classes, 32});
    Weights("fc.b", {classes});
    Add("fc", "Gemm", {"f", "fc.w", "fc.b"}, "y").attributes["transB"] = int64_t{1};
  }

  // The graph and its layers for a batch; both stay valid while this object lives.
  absl::Status Bind(int64_t batch) {
    absl::StatusOr<Graph> bound = BindBatch(graph_, batch);
    if (!bound.ok()) return bound.status();
    bound_ = *std::move(bound);
    absl::StatusOr<LayerSet> layers = FindLayers(bound_);
    if (!layers.ok()) return layers.status();
    layers_ = *std::move(layers);
    return absl::OkStatus();
  }
  const Graph& graph() const { return bound_; }
  const LayerSet& layers() const { return layers_; }

 private:
  Node& Add(std::string name, std::string op, std::vector<std::string> inputs, std::string output) {
    Node node;
    node.name = std::move(name);
    node.op = std::move(op);
    node.inputs = std::move(inputs);
    node.outputs = {std::move(output)};
    graph_.nodes.push_back(std::move(node));
    return graph_.nodes.back();
  }

  void Weights(const std::string& name, Shape shape) {
    std::vector<float> values(static_cast<size_t>(shape.Elements()));
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = 0.01f * static_cast<float>(static_cast<int>(i * 37 % 101) - 50);
    }
    graph_.initializers.emplace(name, Tensor::Of<float>(std::move(shape), std::move(values)));
  }

  void Convolve(const std::string& name, const std::string& src, const std::string& dst,
                Shape weights, int64_t groups, int64_t stride) {
    Weights(name + ".w", weights);
    Node& node = Add(name, "Conv", {src, name + ".w"}, dst);
    node.attributes["group"] = groups;
    node.attributes["kernel_shape"] = std::vector<int64_t>{3, 3};
    node.attributes["pads"] = std::vector<int64_t>{1, 1, 1, 1};
    node.attributes["strides"] = std::vector<int64_t>{stride, stride};
  }

  Graph graph_, bound_;
  LayerSet layers_;
};

}  // namespace halftone

#endif  // HALFTONE_TESTS_PROFILERS_SMALL_NETWORK_H_
