// Which constants keep an exported model from being one for any batch.
#include "nn/onnx/symbolic_batch.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "nn/graph/passes.h"
#include "nn/onnx/import.h"
#include "tests/nn/onnx/exported.h"

namespace halftone {
namespace {

// x [N, 3, 4] -> y, with a constant [N, 1, 4] that is `token` [1, 1, 4] for each sample, by a shape
// that is computed from the input's, as torch writes it. `op` joins the two.
Graph NetworkWithToken(const std::string& op) {
  Graph graph;
  graph.name = "token";
  graph.opset = 13;
  graph.inputs = {{"x", {DataType::kFloat32, {Shape::kDynamic, 3, 4}}}};
  graph.outputs = {{"y", {DataType::kFloat32, {}}}};
  graph.initializers = {{"token", Random({1, 1, 4}, 1)},
                        {"zero", Tensor::Of<int64_t>({1}, {0})},
                        {"sizes", Tensor::Of<int64_t>({2}, {1, 4})}};
  graph.nodes = {MakeNode("shape", "Shape", {"x"}, {"x_shape"}),
                 MakeNode("batch", "Gather", {"x_shape", "zero"}, {"batch_size"}),
                 MakeNode("target", "Concat", {"batch_size", "sizes"}, {"token_shape"}),
                 MakeNode("expand", "Expand", {"token", "token_shape"}, {"tokens"})};
  graph.nodes[2].attributes["axis"] = int64_t{0};
  if (op == "Concat") {
    graph.nodes.push_back(MakeNode("join", "Concat", {"tokens", "x"}, {"y"}));
    graph.nodes.back().attributes["axis"] = int64_t{1};
    graph.outputs[0].info.shape = {Shape::kDynamic, 4, 4};
  } else {
    graph.nodes.push_back(MakeNode("turn", "Transpose", {"x"}, {"turned"}));
    graph.nodes.back().attributes["perm"] = std::vector<int64_t>{0, 2, 1};
    graph.nodes.push_back(MakeNode("join", "MatMul", {"tokens", "turned"}, {"y"}));
    graph.outputs[0].info.shape = {Shape::kDynamic, 1, 3};
  }
  return graph;
}

TEST(SymbolicBatch, ExpandsAConstantThatIsThereForEachSample) {
  const onnx::ModelProto model = Export({}, NetworkWithToken("Concat"));
  EXPECT_EQ(model.graph().input(0).type().tensor_type().shape().dim(0).dim_param(), "batch");
  EXPECT_EQ(Producer(model, FindNode(model, "join")->input(0))->op_type(), "Expand");

  const auto again = ImportOnnx(model.SerializeAsString(), {});
  ASSERT_TRUE(again.ok()) << again.status();
  const auto bound = BindBatch(*again, 5);
  ASSERT_TRUE(bound.ok()) << bound.status();
  EXPECT_EQ(bound->outputs[0].info.shape, (Shape{5, 4, 4}));
  const Tensor& tokens = bound->initializers.at(bound->FindNode("join")->inputs[0]);
  ASSERT_EQ(tokens.shape(), (Shape{5, 1, 4}));
  const Tensor token = Random({1, 1, 4}, 1);
  for (size_t i = 0; i < 20; ++i) EXPECT_EQ(tokens.data<float>()[i], token.data<float>()[i % 4]);
}

// It would not be a layer's weights any more.
TEST(SymbolicBatch, LeavesALayersConstantAlone) {
  const onnx::ModelProto model = Export({}, NetworkWithToken("MatMul"));
  EXPECT_EQ(model.graph().input(0).type().tensor_type().shape().dim(0).dim_value(), 1);
  EXPECT_NE(Initializer(model, FindNode(model, "join")->input(0)), nullptr);
}

Graph Bound(const Tensor& constant, int64_t batch) {
  Graph graph;
  graph.inputs = {{"x", {DataType::kFloat32, {batch, 2}}}};
  graph.outputs = {{"y", {DataType::kFloat32, {batch, 2}}}};
  graph.initializers = {{"c", constant}};
  graph.nodes = {MakeNode("add", "Add", {"x", "c"}, {"y"})};
  return graph;
}

TEST(SymbolicBatch, LeavesTheGraphAsItWasWhereAConstantDependsOnTheBatchOtherwise) {
  const auto symbolic = [](const Tensor& of_one, const Tensor& of_two) {
    Graph one = Bound(of_one, 1);
    const bool freed = MakeBatchSymbolic(one, Bound(of_two, 2));
    EXPECT_EQ(one.inputs[0].info.shape.dim(0), freed ? Shape::kDynamic : 1);
    EXPECT_EQ(one.nodes.size() > 1, freed);
    return freed;
  };
  const auto floats = [](Shape shape, std::vector<float> values) {
    return Tensor::Of<float>(std::move(shape), std::move(values));
  };
  EXPECT_TRUE(symbolic(floats({1, 2}, {3, 4}), floats({2, 2}, {3, 4, 3, 4})));
  EXPECT_FALSE(symbolic(floats({1, 2}, {3, 4}), floats({2, 2}, {3, 4, 3, 5}))) << "not repeated";
  EXPECT_FALSE(symbolic(floats({1, 2}, {3, 4}), floats({2, 2}, {3, 5, 3, 5}))) << "not the same";
  EXPECT_FALSE(symbolic(floats({1, 2}, {3, 4}), floats({1, 2}, {3, 5}))) << "of one size";
  EXPECT_FALSE(symbolic(floats({2}, {3, 4}), floats({4}, {3, 4, 3, 4}))) << "no axis of the batch";
}

// `constant`, of the batch, whose columns are picked by indices that are an input.
Graph Picked(const Tensor& constant, int64_t batch) {
  Graph graph = Bound(constant, batch);
  graph.inputs.push_back({"columns", {DataType::kInt64, {2}}});
  graph.nodes[0].inputs[1] = "picked";
  graph.nodes.insert(graph.nodes.begin(), MakeNode("pick", "Gather", {"c", "columns"}, {"picked"}));
  graph.nodes[0].attributes["axis"] = int64_t{1};
  return graph;
}

// Unlike one that picks rows, an embedding.
TEST(SymbolicBatch, AGatherOfColumnsIsNoLayer) {
  Graph one = Picked(Tensor::Of<float>({1, 2}, {3, 4}), 1);
  EXPECT_TRUE(MakeBatchSymbolic(one, Picked(Tensor::Of<float>({2, 2}, {3, 4, 3, 4}), 2)));
  EXPECT_EQ(one.inputs[0].info.shape.dim(0), Shape::kDynamic);
}

}  // namespace
}  // namespace halftone
