// Layer normalization and GELU, written out.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/graph/passes.h"
#include "tests/nn/graph/graph_builder.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using Ints = std::vector<int64_t>;
constexpr int64_t kN = Shape::kDynamic;

Graph Recognized(const GraphBuilder& builder) {
  const absl::StatusOr<Graph> bound = BindBatch(builder.graph(), 2);
  EXPECT_TRUE(bound.ok()) << bound.status();
  Graph graph = RecognizeBlocks(*bound);
  EXPECT_TRUE(CheckGraph(graph).ok()) << CheckGraph(graph);
  return graph;
}

GraphBuilder Tokens() {
  GraphBuilder builder;
  builder.Input("x", {kN, 5, 4}).Output("y");
  builder.Float("half", 0.5f).Float("one", 1).Float("two", 2).Float("three", 3);
  builder.Float("root2", 1.41421356f).Float("eps", 1e-6f);
  builder.Float("cubic", 0.044715f).Float("root", 0.79788456f);
  return builder.Floats("gamma", {4}).Floats("beta", {4});
}

// (x - mean) / sqrt(var + eps), as "unit".
GraphBuilder& Normalize(GraphBuilder& builder, int64_t axis, bool power) {
  builder.Op("ReduceMean", {"x"}, {"mean"}, {{"axes", Ints{axis}}}).Op("Sub", {"x", "mean"}, {"d"});
  builder.Op(power ? "Pow" : "Mul", {"d", power ? "two" : "d"}, {"d2"});
  builder.Op("ReduceMean", {"d2"}, {"var"}, {{"axes", Ints{axis}}});
  builder.Op("Add", {"eps", "var"}, {"shifted"}).Op("Sqrt", {"shifted"}, {"s"});
  return builder.Op("Div", {"d", "s"}, {"unit"});
}

TEST(RecognizeBlocksTest, LayerNormalization) {
  for (const bool power : {true, false}) {
    GraphBuilder builder = Tokens();
    Normalize(builder, power ? -1 : 2, power);
    builder.Op("Mul", {"gamma", "unit"}, {"m"}).Op("Add", {"m", "beta"}, {"y"});
    const Graph graph = Recognized(builder);
    ASSERT_EQ(graph.nodes.size(), 1u);
    const Node& node = graph.nodes[0];
    EXPECT_EQ(node.op, "LayerNormalization");
    EXPECT_EQ(node.name, "y");
    EXPECT_THAT(node.inputs, ElementsAre("x", "gamma", "beta"));
    EXPECT_FLOAT_EQ(*node.Float("epsilon", 0), 1e-6f);
    EXPECT_EQ(*node.Int("axis", 0), -1);
  }
}

TEST(RecognizeBlocksTest, LayerNormalizationWithoutShift) {
  GraphBuilder builder = Tokens();
  Normalize(builder, -1, true).Op("Mul", {"unit", "gamma"}, {"y"});
  const Graph graph = Recognized(builder);
  ASSERT_EQ(graph.nodes.size(), 1u);
  EXPECT_THAT(graph.nodes[0].inputs, ElementsAre("x", "gamma"));
}

TEST(RecognizeBlocksTest, LeavesOtherNormalizations) {
  GraphBuilder over_tokens = Tokens();
  Normalize(over_tokens, 1, true).Op("Mul", {"unit", "gamma"}, {"y"});
  GraphBuilder uncentered = Tokens();
  uncentered.Op("Pow", {"x", "two"}, {"d2"}).Op("ReduceMean", {"d2"}, {"var"}, {{"axes", Ints{2}}});
  uncentered.Op("Add", {"eps", "var"}, {"shifted"}).Op("Sqrt", {"shifted"}, {"s"});
  uncentered.Op("Div", {"x", "s"}, {"unit"}).Op("Mul", {"unit", "gamma"}, {"y"});
  for (const GraphBuilder& builder : {over_tokens, uncentered}) {
    for (const Node& node : Recognized(builder).nodes) EXPECT_NE(node.op, "LayerNormalization");
  }
}

std::string OnlyGelu(const GraphBuilder& builder) {
  const Graph graph = Recognized(builder);
  if (graph.nodes.size() != 1 || graph.nodes[0].op != "Gelu") return "no";
  EXPECT_THAT(graph.nodes[0].inputs, ElementsAre("x"));
  return *graph.nodes[0].String("approximate", "");
}

TEST(RecognizeBlocksTest, GeluWithErfInAnyOrder) {
  const auto gate = [](const char* divide) {
    GraphBuilder builder = Tokens();
    builder.Float("inverse", 0.70710678f);
    builder.Op(divide, {"x", divide == std::string("Div") ? "root2" : "inverse"}, {"scaled"});
    return builder.Op("Erf", {"scaled"}, {"erf"}).Op("Add", {"one", "erf"}, {"gate"});
  };
  EXPECT_EQ(OnlyGelu(gate("Div").Op("Mul", {"x", "gate"}, {"a"}).Op("Mul", {"a", "half"}, {"y"})),
            "none");
  EXPECT_EQ(OnlyGelu(gate("Mul").Op("Mul", {"half", "x"}, {"a"}).Op("Mul", {"a", "gate"}, {"y"})),
            "none");
  EXPECT_EQ(OnlyGelu(gate("Div").Op("Div", {"gate", "two"}, {"a"}).Op("Mul", {"a", "x"}, {"y"})),
            "none");
}

TEST(RecognizeBlocksTest, GeluWithTanh) {
  GraphBuilder builder = Tokens();
  builder.Op("Pow", {"x", "three"}, {"cube"}).Op("Mul", {"cubic", "cube"}, {"term"});
  builder.Op("Add", {"x", "term"}, {"sum"}).Op("Mul", {"sum", "root"}, {"scaled"});
  builder.Op("Tanh", {"scaled"}, {"tanh"}).Op("Add", {"tanh", "one"}, {"gate"});
  builder.Op("Mul", {"x", "gate"}, {"a"}).Op("Mul", {"a", "half"}, {"y"});
  EXPECT_EQ(OnlyGelu(builder), "tanh");
}

TEST(RecognizeBlocksTest, LeavesWhatOnlyLooksLikeGelu) {
  GraphBuilder unscaled = Tokens();
  unscaled.Op("Erf", {"x"}, {"erf"}).Op("Add", {"one", "erf"}, {"gate"});
  unscaled.Op("Mul", {"x", "gate"}, {"a"}).Op("Mul", {"a", "half"}, {"y"});
  EXPECT_EQ(OnlyGelu(unscaled), "no");
  GraphBuilder doubled = Tokens();
  doubled.Op("Div", {"x", "root2"}, {"s"}).Op("Erf", {"s"}, {"erf"});
  doubled.Op("Add", {"one", "erf"}, {"gate"}).Op("Mul", {"x", "gate"}, {"y"});
  EXPECT_EQ(OnlyGelu(doubled), "no");
}

// Every product of two others: looking for factors must not take time that doubles at each.
TEST(RecognizeBlocksTest, TakesNoTimeOnDeepProducts) {
  GraphBuilder builder;
  builder.Input("x0", {kN, 4}).Output("x600");
  for (int i = 0; i < 600; ++i) {
    const std::string src = absl::StrCat("x", i);
    builder.Op("Mul", {src, src}, {absl::StrCat("x", i + 1)});
  }
  EXPECT_EQ(Recognized(builder).nodes.size(), 600u);
}

}  // namespace
}  // namespace halftone
