// Operators that others stand for: what they become, and what is refused. Their numbers are tested
// by tests/nn/engine/onnx_node_test.cc.
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/graph/layer.h"
#include "nn/graph/passes.h"
#include "nn/graph/rewrites/parts.h"
#include "nn/graph/rewrites/rewrite.h"
#include "tests/nn/graph/graph_builder.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Ints = std::vector<int64_t>;

// The domain of the node that was written last.
Graph WithDomain(const GraphBuilder& builder, const char* domain) {
  Graph graph = builder.graph();
  graph.nodes.back().domain = domain;
  return graph;
}

Graph Bind(const Graph& graph) {
  absl::StatusOr<Graph> bound = BindBatch(graph, 2);
  EXPECT_TRUE(bound.ok()) << bound.status();
  return bound.ok() ? *std::move(bound) : Graph();
}

std::vector<std::string> Operators(const Graph& graph) {
  std::vector<std::string> operators;
  for (const Node& node : graph.nodes) operators.push_back(node.op);
  return operators;
}

TEST(RewritesTest, LayersKeepTheNameOfTheirNode) {
  GraphBuilder builder(17);
  builder.Input("x", {2, 3, 4, 4}).Floats("w", {5, 3, 1, 1}).Floats("b", {5}).Output("y");
  builder.Op("FusedConv", {"x", "w", "b", "z"}, {"y"},
             {{"activation", std::string("Relu")}, {"kernel_shape", Ints{1, 1}}});
  builder.Input("z", {2, 5, 4, 4});
  const Graph graph = Bind(WithDomain(builder, "com.microsoft"));
  EXPECT_THAT(Operators(graph), ElementsAre("Conv", "Add", "Relu"));
  EXPECT_EQ(graph.nodes[0].name, "y");
  EXPECT_THAT(graph.nodes[0].inputs, ElementsAre("x", "w", "b"));
  EXPECT_EQ(graph.nodes[2].outputs[0], "y");
}

TEST(RewritesTest, WrittenOutFormsAreThoseThatAreRecognized) {
  GraphBuilder builder(13);
  builder.Input("x", {2, 3, 4}).Floats("s", {4}).Floats("b", {4});
  builder.Op("LayerNormalization", {"x", "s", "b"}, {"n"}, {{"axis", int64_t{-1}}}).Output("y");
  builder.Op("BiasGelu", {"n", "b"}, {"y"});
  const Graph graph = RecognizeBlocks(Bind(WithDomain(builder, "com.microsoft")));
  EXPECT_THAT(Operators(graph), ElementsAre("LayerNormalization", "Add", "Gelu"));
}

TEST(RewritesTest, LayerNormalizationIsAnOperatorFromOpset17On) {
  GraphBuilder builder(17);
  builder.Input("x", {2, 4})
      .Floats("s", {4})
      .Op("LayerNormalization", {"x", "s"}, {"y"})
      .Output("y");
  EXPECT_THAT(Operators(Bind(builder.graph())), ElementsAre("LayerNormalization"));
}

TEST(RewritesTest, AttentionHasOneLayerOfProjectionsAndTwoProducts) {
  GraphBuilder builder(17);
  builder.Input("x", {2, 3, 4}).Floats("w", {4, 12}).Floats("b", {12}).Output("y");
  builder.Op("Attention", {"x", "w", "b"}, {"y"}, {{"num_heads", int64_t{2}}});
  const Graph graph = Bind(WithDomain(builder, "com.microsoft"));
  absl::StatusOr<LayerSet> layers = FindLayers(graph);
  ASSERT_TRUE(layers.ok()) << layers.status();
  std::vector<std::string> names;
  for (const Layer& layer : layers->layers) names.push_back(layer.name);
  EXPECT_THAT(names, ElementsAre("y/projections", "y/scores", "y/mixture"));
  EXPECT_EQ(graph.outputs[0].info.shape, (Shape{2, 3, 4}));
}

TEST(RewritesTest, NamesAreNobodyElses) {
  Graph graph;
  graph.initializers.emplace("a", Tensor::Scalar(1.0f));
  UniqueNames names(graph);
  EXPECT_EQ(names.Make("a"), "a_1");
  EXPECT_EQ(names.Make("a"), "a_2");
  EXPECT_EQ(names.Make("b"), "b");
}

struct Refused {
  const char* name;
  std::function<void(GraphBuilder&)> write;
  const char* domain;
  absl::StatusCode code;
  const char* reason;  // in the message
};
void PrintTo(const Refused& test, std::ostream* out) { *out << test.name; }

class RefusedTest : public ::testing::TestWithParam<Refused> {};

TEST_P(RefusedTest, NamesTheNode) {
  GraphBuilder builder(23);
  builder.Input("x", {2, 3, 4}).Floats("w", {4, 12}).Floats("s", {4}).Output("y");
  GetParam().write(builder);
  const absl::Status status = BindBatch(WithDomain(builder, GetParam().domain), 2).status();
  EXPECT_EQ(status.code(), GetParam().code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("node 'y' ("));
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().reason));
}

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;

INSTANTIATE_TEST_SUITE_P(
    All, RefusedTest,
    ::testing::Values(
        Refused{"Unknown", [](auto& b) { b.Op("GroupQueryAttention", {"x"}, {"y"}); },
                "com.microsoft", kUnimplemented, "operators of 'com.microsoft'"},
        Refused{"NoSource", [](auto& b) { b.Op("QuickGelu", {""}, {"y"}); }, "com.microsoft",
                kInvalid, "input 0 is missing"},
        Refused{"HeadsThatDoNotFit",
                [](auto& b) {
                  b.Op("Attention", {"x", "w"}, {"y"}, {{"num_heads", int64_t{3}}});
                },
                "com.microsoft", kInvalid, "3 heads of a width of 4"},
        Refused{"NoHeads",
                [](auto& b) {
                  b.Op("Attention", {"x", "w"}, {"y"});
                },
                "com.microsoft", kInvalid, "0 heads"},
        Refused{"WidthsThatDoNotFit",
                [](auto& b) {
                  b.Op("Attention", {"x", "w"}, {"y"},
                       {{"num_heads", int64_t{2}}, {"qkv_hidden_sizes", Ints{4, 4, 8}}});
                },
                "com.microsoft", kInvalid, "qkv_hidden_sizes"},
        Refused{"Past",
                [](auto& b) {
                  b.Op("Attention", {"x", "w", "", "", "x"}, {"y"}, {{"num_heads", int64_t{2}}});
                },
                "com.microsoft", kUnimplemented, "'x', of a past"},
        Refused{"Present",
                [](auto& b) {
                  b.Op("Attention", {"x", "w"}, {"y", "kept"}, {{"num_heads", int64_t{2}}});
                },
                "com.microsoft", kUnimplemented, "keeps keys and values"},
        Refused{"MaskThatDoesNotFit",
                [](auto& b) {
                  b.Op("Attention", {"x", "w", "", "w"}, {"y"}, {{"num_heads", int64_t{2}}});
                },
                "com.microsoft", kUnimplemented, "a mask [4, 12]"},
        Refused{"PackedSources",
                [](auto& b) {
                  b.Op("MultiHeadAttention", {"x"}, {"y"}, {{"num_heads", int64_t{2}}});
                },
                "com.microsoft", kUnimplemented, "packed"},
        Refused{"ActivationOfConv",
                [](auto& b) {
                  b.Op("FusedGemm", {"w", "w"}, {"y"}, {{"activation", std::string("Odd")}});
                },
                "com.microsoft", kUnimplemented, "the activation 'Odd'"},
        Refused{"TokensOfOneAxis",
                [](auto& b) {
                  b.Op("EmbedLayerNormalization", {"s", "", "w", "w", "", "s", "s"}, {"y"});
                },
                "com.microsoft", kInvalid, "not of two axes"},
        Refused{"OnnxHeads",
                [](auto& b) {
                  b.Op("Attention", {"x", "x", "x"}, {"y"});
                },
                "", kInvalid, "0 heads of queries"},
        Refused{"OnnxRanks",
                [](auto& b) {
                  b.Op("Attention", {"x", "w", "x"}, {"y"});
                },
                "", kInvalid, "sources [2, 3, 4], [4, 12]"},
        Refused{"RotaryTable",
                [](auto& b) {
                  b.Op("RotaryEmbedding", {"x", "x", "x"}, {"y"}, {{"num_heads", int64_t{2}}});
                },
                "", kInvalid, "a table [2, 3, 4] to turn 2 elements"},
        Refused{"AxisOfNormalization",
                [](auto& b) {
                  b.Op("RMSNormalization", {"x", "s"}, {"y"}, {{"axis", int64_t{5}}});
                },
                "", kInvalid, "axis"}));

}  // namespace
}  // namespace halftone
