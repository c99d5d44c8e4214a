#include "tests/nn/onnx/exported.h"

#include <gtest/gtest.h>

#include <utility>

#include "base/random.h"
#include "nn/graph/passes.h"
#include "nn/onnx/export.h"
#include "nn/quant/range_estimator.h"

namespace halftone {

Tensor Random(Shape shape, uint64_t seed) {
  SplitMix64 random(seed);
  std::vector<float> values(static_cast<size_t>(shape.Elements()));
  for (float& value : values) value = static_cast<float>(random.Uniform()) - 0.5f;
  return Tensor::Of<float>(std::move(shape), std::move(values));
}

Node MakeNode(std::string name, std::string op, std::vector<std::string> inputs,
              std::vector<std::string> outputs) {
  Node node;
  node.name = std::move(name);
  node.op = std::move(op);
  node.inputs = std::move(inputs);
  node.outputs = std::move(outputs);
  return node;
}

Graph SmallNetwork() {
  Graph graph;
  graph.name = "small";
  graph.opset = 13;
  graph.inputs = {{"input", {DataType::kFloat32, {Shape::kDynamic, 2, 4, 4}}}};
  graph.outputs = {{"logits", {DataType::kFloat32, {Shape::kDynamic, 5}}}};
  graph.initializers = {
      {"w1", Random({3, 2, 1, 1}, 1)},
      {"w2a", Random({3, 3, 1, 1}, 2)},
      {"w2b", Random({3, 3, 1, 1}, 3)},
      {"wf", Random({5, 48}, 4)},
      {"bf", Random({5}, 5)},
      {"gamma", Tensor::Of<float>({3}, {1, 2, 3})},
      {"beta", Tensor::Of<float>({3}, {0, 1, 2})},
      {"mean", Tensor::Of<float>({3}, {0, 0.5f, 1})},
      {"variance", Tensor::Of<float>({3}, {1, 2, 4})},
      {"zero", Tensor::Of<int64_t>({1}, {0})},
      {"minus_one", Tensor::Of<int64_t>({1}, {-1})},
  };
  graph.nodes = {
      MakeNode("conv1", "Conv", {"input", "w1"}, {"y1"}),
      MakeNode("norm", "BatchNormalization", {"y1", "gamma", "beta", "mean", "variance"}, {"n1"}),
      MakeNode("relu", "Relu", {"n1"}, {"x2"}),
      MakeNode("conv2a", "Conv", {"x2", "w2a"}, {"y2a"}),
      MakeNode("conv2b", "Conv", {"x2", "w2b"}, {"y2b"}),
      MakeNode("add", "Add", {"y2a", "y2b"}, {"sum"}),
      MakeNode("shape", "Shape", {"sum"}, {"sizes"}),
      MakeNode("batch", "Gather", {"sizes", "zero"}, {"batch_size"}),
      MakeNode("target", "Concat", {"batch_size", "minus_one"}, {"flat_shape"}),
      MakeNode("flat", "Reshape", {"sum", "flat_shape"}, {"flattened"}),
      MakeNode("fc", "Gemm", {"flattened", "wf", "bf"}, {"logits"}),
  };
  graph.nodes[8].attributes["axis"] = int64_t{0};
  graph.nodes[10].attributes["transB"] = int64_t{1};
  return graph;
}

std::shared_ptr<const UniformQuantizer> Source(int bits, Symmetry symmetry, Range range) {
  return std::make_shared<const UniformQuantizer>(
      *UniformQuantizer::Create(bits, symmetry, -1, {range}));
}

std::shared_ptr<const UniformQuantizer> Weights(const Tensor& weights, int bits,
                                                Symmetry symmetry) {
  return std::make_shared<const UniformQuantizer>(
      *CalibrateWeights(weights, bits, symmetry, 0, {}));
}

Graph Folded() { return *FoldBatchNorm(*BindBatch(SmallNetwork(), 1)); }

onnx::ModelProto Export(const QuantizedAssignment& assignment, const Graph& graph) {
  const auto exported = ExportQuantizedOnnx(graph, assignment);
  EXPECT_TRUE(exported.ok()) << exported.status();
  onnx::ModelProto model;
  EXPECT_TRUE(exported.ok() && model.ParseFromString(exported->bytes));
  EXPECT_EQ(exported->opset, model.opset_import(0).version());
  return model;
}

const onnx::NodeProto* FindNode(const onnx::ModelProto& model, const std::string& name) {
  for (const onnx::NodeProto& node : model.graph().node()) {
    if (node.name() == name) return &node;
  }
  return nullptr;
}

const onnx::NodeProto* Producer(const onnx::ModelProto& model, const std::string& value) {
  for (const onnx::NodeProto& node : model.graph().node()) {
    for (const std::string& output : node.output()) {
      if (output == value) return &node;
    }
  }
  return nullptr;
}

const onnx::TensorProto* Initializer(const onnx::ModelProto& model, const std::string& name) {
  for (const onnx::TensorProto& tensor : model.graph().initializer()) {
    if (tensor.name() == name) return &tensor;
  }
  return nullptr;
}

std::vector<float> Floats(const onnx::TensorProto& tensor) {
  const auto* values = reinterpret_cast<const float*>(tensor.raw_data().data());
  return {values, values + tensor.raw_data().size() / sizeof(float)};
}

std::vector<std::string> OpsBefore(const onnx::ModelProto& model, const std::string& layer,
                                   const std::string& until) {
  std::vector<std::string> ops;
  std::string value = FindNode(model, layer)->input(0);
  while (value != until && Producer(model, value) != nullptr) {
    ops.insert(ops.begin(), Producer(model, value)->op_type());
    value = Producer(model, value)->input(0);
  }
  return ops;
}

}  // namespace halftone
