#include "nn/graph/graph_memory.h"

#include "gtest/gtest.h"

namespace halftone {
namespace {

// in -> a -> b -> sum -> out, where sum also reads a; w is a weight of 3 elements.
Graph Residual() {
  Graph graph;
  graph.inputs = {{"in", {DataType::kFloat32, Shape{1, 100}}}};
  graph.outputs = {{"out", {DataType::kFloat32, Shape{1, 1}}}};
  graph.nodes = {{"1", "Mul", "", {"in", "w"}, {"a"}, {}},
                 {"2", "Relu", "", {"a"}, {"b"}, {}},
                 {"3", "Add", "", {"a", "b"}, {"sum"}, {}},
                 {"4", "ReduceMean", "", {"sum"}, {"out"}, {}}};
  graph.initializers.emplace("w", Tensor::Of<float>({3}, {1, 2, 3}));
  for (const auto& [name, size] :
       std::map<std::string, int64_t>{{"in", 100}, {"a", 10}, {"b", 20}, {"sum", 40}, {"out", 1}}) {
    graph.values[name] = {DataType::kFloat32, Shape{1, size}};
  }
  return graph;
}

TEST(GraphMemory, CountsWhatIsAliveTogether) {
  const Graph graph = Residual();
  EXPECT_EQ(WeightBytes(graph), 4 * 3);
  EXPECT_EQ(PeakActivationBytes(graph), 4 * (10 + 20 + 40));
  EXPECT_EQ(OutputBytes(graph), 4 * 1);
}

TEST(GraphMemory, AValueThatLeavesTheGraphStays) {
  Graph graph = Residual();
  graph.outputs.push_back({"a", graph.values["a"]});
  EXPECT_EQ(PeakActivationBytes(graph), 4 * (10 + 20 + 40));
  graph.nodes.push_back({"5", "Tile", "", {"out"}, {"large"}, {}});
  graph.values["large"] = {DataType::kFloat32, Shape{1, 100}};
  EXPECT_EQ(PeakActivationBytes(graph), 4 * (10 + 1 + 100)) << "a is still there";
}

}  // namespace
}  // namespace halftone
