// Networks whose samples lie elsewhere than along the first axis.
#include "nn/graph/arrange_samples.h"

#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/graph/passes.h"
#include "tests/nn/graph/graph_builder.h"

namespace halftone {
namespace {

using ::testing::HasSubstr;
using Ints = std::vector<int64_t>;
constexpr int64_t kN = Shape::kDynamic;

// Bound to the batch: what runs.
Graph Arranged(const Graph& graph, int64_t batch) {
  const absl::StatusOr<ArrangedGraph> arranged = ArrangeSamples(graph);
  EXPECT_TRUE(arranged.ok()) << arranged.status();
  if (!arranged.ok()) return Graph();
  absl::StatusOr<Graph> bound = BindBatch(arranged->graph, batch);
  EXPECT_TRUE(bound.ok()) << bound.status();
  return bound.ok() ? *std::move(bound) : Graph();
}

TEST(ArrangeSamples, LeavesANetworkWithSamplesFirst) {
  GraphBuilder builder;
  builder.Input("x", {kN, 3}).Op("Relu", {"x"}, {"y"}).Output("y");
  const absl::StatusOr<ArrangedGraph> arranged = ArrangeSamples(builder.graph());
  ASSERT_TRUE(arranged.ok()) << arranged.status();
  EXPECT_EQ(arranged->graph.nodes.size(), 1u);
}

TEST(ArrangeSamples, PutsSamplesOfAnOutputFirst) {
  GraphBuilder builder;
  builder.Input("x", {kN, 10, 5});
  builder.Op("Transpose", {"x"}, {"y"}, {{"perm", Ints{1, 0, 2}}}).Output("y");
  const Graph bound = Arranged(builder.graph(), 4);
  EXPECT_EQ(bound.outputs[0].name, "y");
  EXPECT_EQ(bound.outputs[0].info.shape, (Shape{4, 10, 5}));
}

TEST(ArrangeSamples, TellsWhereTheSamplesWere) {
  GraphBuilder builder;
  builder.Input("x", {kN, 10, 5});
  builder.Op("Transpose", {"x"}, {"y"}, {{"perm", Ints{1, 2, 0}}}).Output("y");
  builder.Op("Relu", {"x"}, {"z"}).Output("z");
  const absl::StatusOr<ArrangedGraph> arranged = ArrangeSamples(builder.graph());
  ASSERT_TRUE(arranged.ok()) << arranged.status();
  EXPECT_EQ(arranged->moved_outputs, (std::map<std::string, int>{{"y", 2}}));
}

// An axis of seven, the first of the two batches that are tried.
TEST(ArrangeSamples, IsNotMisledByAnAxisOfTheSameSize) {
  GraphBuilder builder;
  builder.Input("x", {kN, 7, 5});
  builder.Op("Transpose", {"x"}, {"y"}, {{"perm", Ints{1, 0, 2}}}).Output("y");
  EXPECT_EQ(Arranged(builder.graph(), 4).outputs[0].info.shape, (Shape{4, 7, 5}));
}

TEST(ArrangeSamples, TransposesInputs) {
  GraphBuilder builder;
  builder.Input("x", {kN, 3}).Input("state", {2, kN, 4});
  builder.Op("Relu", {"state"}, {"next"}).Op("Relu", {"x"}, {"y"}).Output("y").Output("next");
  Graph graph = builder.graph();
  graph.inputs[1].sample_axis = 1;
  const Graph bound = Arranged(graph, 6);
  EXPECT_EQ(bound.inputs[1].info.shape, (Shape{6, 2, 4}));
  EXPECT_EQ(bound.values.at("state/arranged").shape, (Shape{2, 6, 4}));
  EXPECT_EQ(bound.outputs[1].info.shape, (Shape{6, 2, 4}));
}

TEST(ArrangeSamples, AWholeValueGetsAnAxisOfOne) {
  GraphBuilder builder;
  builder.Input("nodes", {20, 6}).Op("Relu", {"nodes"}, {"y"}).Output("y");
  Graph graph = builder.graph();
  graph.inputs[0].sample_axis.reset();
  const Graph bound = Arranged(graph, 1);
  EXPECT_EQ(bound.inputs[0].info.shape, (Shape{1, 20, 6}));
  EXPECT_EQ(bound.outputs[0].info.shape, (Shape{1, 20, 6}));
}

TEST(ArrangeSamples, FindsTheSamplesOfAFixedBatch) {
  GraphBuilder four;
  four.Input("x", {4, 10, 5});
  four.Op("Transpose", {"x"}, {"y"}, {{"perm", Ints{1, 0, 2}}}).Output("y");
  EXPECT_EQ(Arranged(four.graph(), 4).outputs[0].info.shape, (Shape{4, 10, 5}));
  GraphBuilder one;
  one.Input("x", {1, 10, 5});
  one.Op("Transpose", {"x"}, {"y"}, {{"perm", Ints{1, 0, 2}}}).Output("y");
  one.Ints("axes", {0}).Op("Squeeze", {"x", "axes"}, {"boxes"}).Output("boxes");
  const Graph bound = Arranged(one.graph(), 1);
  EXPECT_EQ(bound.outputs[0].info.shape, (Shape{1, 10, 5}));
  EXPECT_EQ(bound.outputs[1].info.shape, (Shape{1, 10, 5})) << "the whole output is of one sample";
}

TEST(ArrangeSamples, OutputsThatOthersReadStayWhatTheyRead) {
  GraphBuilder builder;
  builder.Input("x", {kN, 10, 5});
  builder.Op("Transpose", {"x"}, {"y"}, {{"perm", Ints{1, 0, 2}}}).Output("y");
  builder.Ints("axes", {0}).Op("ReduceSum", {"y", "axes"}, {"sum"}).Output("sum");
  const Graph bound = Arranged(builder.graph(), 4);
  EXPECT_EQ(bound.outputs[0].info.shape, (Shape{4, 10, 5}));
  EXPECT_EQ(bound.outputs[1].info.shape, (Shape{4, 1, 5}));
}

TEST(ArrangeSamples, RefusesAnOutputWithSamplesAlongTwoAxes) {
  GraphBuilder builder;
  builder.Input("x", {kN, 5});
  builder.Op("Transpose", {"x"}, {"t"}, {{"perm", Ints{1, 0}}});
  builder.Op("MatMul", {"x", "t"}, {"y"}).Output("y");
  const absl::Status status = ArrangeSamples(builder.graph()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("output 'y' of shape [7, 7]"));
}

}  // namespace
}  // namespace halftone
