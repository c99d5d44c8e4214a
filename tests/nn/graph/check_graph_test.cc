#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/graph/graph.h"
#include "tests/nn/graph/graph_builder.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

void ExpectBad(const Graph& graph, const std::string& offender) {
  const absl::Status status = CheckGraph(graph);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr(offender));
}

GraphBuilder Good() {
  GraphBuilder builder;
  builder.Input("x", {1, 2}).Floats("w", {2, 2}).Op("MatMul", {"x", "w"}, {"y"}).Output("y");
  return builder;
}

TEST(CheckGraphTest, AcceptsAGoodGraph) { EXPECT_TRUE(CheckGraph(Good().graph()).ok()); }

TEST(CheckGraphTest, NamesWhatIsWrong) {
  ExpectBad(Good().Op("Relu", {"ghost"}, {"z"}).graph(), "'ghost'");
  ExpectBad(Good().Op("Add", {"x", "b"}, {"a"}).Op("Relu", {"a"}, {"b"}).graph(), "cycle");
  ExpectBad(Good().Op("Relu", {"x"}, {"w"}).graph(), "'w'");
  ExpectBad(Good().Input("x", {1}).graph(), "'x'");
  ExpectBad(Good().Floats("x", {1}).graph(), "'x'");
  ExpectBad(Good().Output("ghost").graph(), "'ghost'");
  ExpectBad(GraphBuilder().Input("x", {1}).graph(), "no outputs");
  Graph twice = Good().Op("Relu", {"y"}, {"z"}).graph();
  twice.nodes[1].name = "y";
  ExpectBad(twice, "two nodes are named 'y'");
  twice.nodes[1].name = "";
  ExpectBad(twice, "has no name");
}

TEST(GraphIndexTest, KnowsProducersAndConsumers) {
  const Graph graph = Good().Op("Add", {"y", "y"}, {"z"}).graph();
  const GraphIndex index(graph);
  EXPECT_EQ(index.Producer("y"), 0);
  EXPECT_EQ(index.Producer("x"), -1);
  EXPECT_THAT(index.Consumers("y"), ElementsAre(1, 1));
  EXPECT_TRUE(index.Consumers("z").empty());
  EXPECT_TRUE(index.IsGraphOutput("y"));
  EXPECT_FALSE(index.IsGraphOutput("z"));
}

TEST(NodeTest, AttributesHaveFallbacksAndTypes) {
  const Node node{"n", "Op", "", {}, {"y"}, {{"i", int64_t{3}}, {"f", 1.5f}}};
  EXPECT_EQ(*node.Int("i", 0), 3);
  EXPECT_EQ(*node.Int("absent", 7), 7);
  EXPECT_EQ(*node.Float("f", 0), 1.5f);
  const absl::Status status = node.Int("f", 0).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("node 'n': attribute 'f'"));
}

TEST(GraphTest, FixedBatchIsThatOfTheInputs) {
  EXPECT_EQ(Good().graph().fixed_batch(), 1);
  GraphBuilder symbolic;
  symbolic.Input("a", {5, 2}).Input("b", {Shape::kDynamic, 2});
  EXPECT_FALSE(symbolic.graph().fixed_batch().has_value());
  EXPECT_FALSE(GraphBuilder().Input("scalar", {}).graph().fixed_batch().has_value());
}

}  // namespace
}  // namespace halftone
