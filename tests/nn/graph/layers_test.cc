// Layers, what is fused with them, and which of them are tied.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/graph/inspect.h"
#include "nn/graph/layer.h"
#include "nn/graph/passes.h"
#include "tests/nn/graph/graph_builder.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Ints = std::vector<int64_t>;
constexpr int64_t kN = Shape::kDynamic;

LayerSet Layers(const GraphBuilder& builder, int64_t batch = 2) {
  absl::StatusOr<Graph> bound = BindBatch(builder.graph(), batch);
  EXPECT_TRUE(bound.ok()) << bound.status();
  absl::StatusOr<LayerSet> set = FindLayers(*bound);
  EXPECT_TRUE(set.ok()) << set.status();
  return *std::move(set);
}

// Adds a 1x1 convolution of `channels` to `channels`, named `dst`, with weights of its own.
GraphBuilder& Conv(GraphBuilder& builder, const std::string& src, const std::string& dst,
                   int64_t channels = 4) {
  return builder.Floats(dst + ".w", {channels, channels, 1, 1})
      .Op("Conv", {src, dst + ".w"}, {dst});
}

GraphBuilder Image() {
  GraphBuilder builder;
  builder.Input("x", {kN, 4, 8, 8});
  return builder;
}

TEST(FindLayersTest, MeasuresAGroupedConvolution) {
  GraphBuilder builder = Image();
  builder.Floats("w", {8, 1, 3, 3}).Floats("b", {8}).Output("y");
  builder.Op("Conv", {"x", "w", "b"}, {"y"}, {{"group", int64_t{4}}, {"strides", Ints{2, 2}}});
  for (const int64_t batch : {1, 6}) {
    const Layer layer = Layers(builder, batch).layers[0];
    EXPECT_EQ(layer.macs, 8 * 3 * 3 * 9);
    EXPECT_EQ(layer.parameters, 72 + 8);
    EXPECT_EQ(layer.bias, "b");
    EXPECT_EQ(layer.dst_shape, (Shape{batch, 8, 3, 3}));
    EXPECT_TRUE(layer.IsDepthwise());
  }
}

TEST(FindLayersTest, MeasuresMatrixProducts) {
  GraphBuilder builder;
  builder.Input("x", {kN, 5, 3}).Floats("w", {3, 7}).Op("MatMul", {"x", "w"}, {"a"});
  builder.Floats("v", {6, 5}).Op("MatMul", {"v", "a"}, {"b"}).Op("MatMul", {"b", "c"}, {"y"});
  builder.Input("c", {kN, 7, 2}).Output("y");
  const LayerSet set = Layers(builder, 4);
  ASSERT_EQ(set.layers.size(), 3);
  EXPECT_EQ(set.layers[0].macs, 5 * 7 * 3);
  EXPECT_EQ(set.layers[0].channel_axis, 1);
  EXPECT_EQ(set.layers[1].weights, "v") << "weights may be on the left";
  EXPECT_EQ(set.layers[1].src, "a");
  EXPECT_EQ(set.layers[1].macs, 6 * 7 * 5);
  EXPECT_EQ(set.layers[1].channel_axis, 0);
  EXPECT_EQ(set.layers[1].src_shape, (Shape{4, 5, 7}));
  EXPECT_EQ(set.layers[2].weights, "");
  EXPECT_EQ(set.layers[2].src, "b");
  EXPECT_EQ(set.layers[2].second_src, "c");
  EXPECT_EQ(set.layers[1].second_src, "");
  EXPECT_EQ(set.layers[2].parameters, 0);
  EXPECT_EQ(set.layers[2].macs, 6 * 2 * 7);
}

// softmax(q k') v with four heads, the keys transposed.
TEST(FindLayersTest, MeasuresAttentionPerSampleAndTiesNothing) {
  GraphBuilder builder;
  builder.Input("x", {kN, 50, 64}).Ints("heads", {0, 50, 4, 16}).Float("scale", 0.25f);
  for (const std::string name : {"q", "k", "v"}) {
    builder.Floats(name + ".w", {64, 64}).Op("MatMul", {"x", name + ".w"}, {name});
    builder.Op("Reshape", {name, "heads"}, {name + "1"});
    const Ints order = name == "k" ? Ints{0, 2, 3, 1} : Ints{0, 2, 1, 3};
    builder.Op("Transpose", {name + "1"}, {name + "2"}, {{"perm", order}});
  }
  builder.Op("MatMul", {"q2", "k2"}, {"scores"}).Op("Mul", {"scores", "scale"}, {"scaled"});
  builder.Op("Softmax", {"scaled"}, {"p"}).Op("MatMul", {"p", "v2"}, {"y"}).Output("y");
  for (const int64_t batch : {1, 3}) {
    const LayerSet set = Layers(builder, batch);
    ASSERT_EQ(set.layers.size(), 5u);
    EXPECT_THAT(set.ties, IsEmpty());
    const Layer& scores = *set.Find("scores");
    EXPECT_EQ(scores.macs, 4 * 50 * 50 * 16);
    EXPECT_EQ(scores.second_src, "k2");
    EXPECT_EQ(scores.weights_shape, (Shape{batch, 4, 16, 50}));
    EXPECT_EQ(set.Find("y")->macs, 4 * 50 * 50 * 16);
    EXPECT_EQ(set.Find("y")->parameters, 0);
  }
}

TEST(FindLayersTest, AnEmbeddingIsALayerOfItsTable) {
  GraphBuilder builder;
  builder.Input("tokens", {2, 7}, DataType::kInt64).Floats("table", {50, 6});
  builder.Op("Gather", {"table", "tokens"}, {"rows"}).Output("rows");
  const LayerSet layers = Layers(builder);
  ASSERT_EQ(layers.layers.size(), 1u);
  const Layer& layer = layers.layers[0];
  EXPECT_TRUE(layer.IsEmbedding());
  EXPECT_EQ(layer.src, "tokens");
  EXPECT_EQ(layer.weights, "table");
  EXPECT_EQ(layer.weights_shape, (Shape{50, 6}));
  EXPECT_EQ(layer.dst_shape, (Shape{2, 7, 6}));
  EXPECT_EQ(layer.channel_axis, 0);
  EXPECT_EQ(layer.macs, 0);
  EXPECT_EQ(layer.parameters, 300);
}

TEST(FindLayersTest, OtherGathersAreNoLayers) {
  GraphBuilder builder;
  builder.Input("i", {2, 7}, DataType::kInt64).Input("x", {2, 7});
  builder.Floats("table", {50, 6}).Floats("row", {50}).Ints("whole", {3, 4}).Ints("rows", {0, 1});
  builder.Op("Gather", {"table", "i"}, {"columns"}, {{"axis", int64_t{1}}}).Output("columns");
  builder.Op("Gather", {"row", "i"}, {"numbers"}).Output("numbers");
  builder.Op("Gather", {"whole", "i"}, {"integers"}).Output("integers");
  builder.Op("Gather", {"x", "rows"}, {"picked"}).Output("picked");
  EXPECT_THAT(Layers(builder).layers, IsEmpty());
}

// Words, places and kinds of words have tables of their own, whose rows have scales of their own.
TEST(TiesTest, SumsOfEmbeddingsTieNothing) {
  GraphBuilder builder;
  builder.Input("a", {2, 7}, DataType::kInt64).Input("b", {2, 7}, DataType::kInt64);
  builder.Floats("words", {50, 6}).Floats("places", {7, 6});
  builder.Op("Gather", {"words", "a"}, {"u"}).Op("Gather", {"places", "b"}, {"v"});
  builder.Op("Add", {"u", "v"}, {"y"}).Output("y");
  const LayerSet layers = Layers(builder);
  EXPECT_EQ(layers.layers.size(), 2u);
  EXPECT_THAT(layers.ties, IsEmpty());
}

TEST(FindLayersTest, WeightsOfGemmMayBeOnTheLeft) {
  GraphBuilder builder;
  builder.Input("x", {5, 3}).Floats("w", {3, 7}).Output("y");
  builder.Op("Gemm", {"w", "x"}, {"y"}, {{"transA", int64_t{1}}, {"transB", int64_t{1}}});
  absl::StatusOr<Graph> bound = BindBatch(builder.graph(), 5);
  ASSERT_TRUE(bound.ok()) << bound.status();
  const Layer layer = FindLayers(*bound)->layers[0];
  EXPECT_EQ(layer.src, "x");
  EXPECT_EQ(layer.weights, "w");
  EXPECT_EQ(layer.channel_axis, 1);
  EXPECT_EQ(layer.macs, 7 * 3);
}

// Whichever side it is on: one column or row of weights.
TEST(FindLayersTest, AVectorOfWeightsIsOneChannel) {
  GraphBuilder builder;
  builder.Input("x", {kN, 5, 3}).Floats("w", {3}).Floats("v", {5}).Output("a").Output("b");
  builder.Op("MatMul", {"x", "w"}, {"a"}).Op("MatMul", {"v", "x"}, {"b"});
  const LayerSet set = Layers(builder, 4);
  ASSERT_EQ(set.layers.size(), 2u);
  for (const Layer& layer : set.layers) {
    EXPECT_EQ(layer.channel_axis, -1);
    EXPECT_EQ(layer.Channels(), 1);
    EXPECT_EQ(layer.macs, 5 * 3);
  }
}

TEST(FindLayersTest, ChannelAxisOfGemmDependsOnItsLayout) {
  GraphBuilder builder;
  builder.Input("x", {kN, 3}).Floats("w", {3, 3}).Floats("v", {3, 3}).Output("y");
  builder.Op("Gemm", {"x", "w"}, {"a"}, {{"transB", int64_t{1}}}).Op("Gemm", {"a", "v"}, {"y"});
  const LayerSet set = Layers(builder);
  EXPECT_EQ(set.layers[0].channel_axis, 0);
  EXPECT_EQ(set.layers[1].channel_axis, 1);
  EXPECT_EQ(set.layers[0].macs, 9);
}

// Two blocks: add1 = conv a + relu(stem); add2 = conv b + relu(add1).
GraphBuilder TwoResidualBlocks() {
  GraphBuilder builder = Image();
  Conv(builder, "x", "stem").Op("Relu", {"stem"}, {"r0"});
  Conv(builder, "r0", "a").Op("Add", {"a", "r0"}, {"add1"}).Op("Relu", {"add1"}, {"r1"});
  Conv(builder, "r1", "b").Op("Add", {"b", "r1"}, {"add2"}).Op("Relu", {"add2"}, {"y"});
  return builder.Output("y");
}

TEST(TiesTest, ResidualSumsTieTheirBranchesButNotThroughAnotherSum) {
  const LayerSet set = Layers(TwoResidualBlocks());
  ASSERT_EQ(set.ties.size(), 1);
  EXPECT_THAT(set.ties[0].layers, ElementsAre("a", "stem"));
  EXPECT_THAT(set.ties[0].reason, HasSubstr("'add1'"));
  EXPECT_EQ(set.Find("stem")->tie_group, "tie0");
  EXPECT_EQ(set.Find("a")->tie_group, "tie0");
  EXPECT_EQ(set.Find("b")->tie_group, "b");
}

TEST(FusionTest, TakesActivationsAndResidualSums) {
  const LayerSet set = Layers(TwoResidualBlocks());
  EXPECT_THAT(set.Find("stem")->fused_nodes, ElementsAre("r0"));
  EXPECT_THAT(set.Find("a")->fused_nodes, ElementsAre("add1", "r1"));
  EXPECT_THAT(set.Find("b")->fused_nodes, ElementsAre("add2", "y"));
}

TEST(FusionTest, OnlyTheLaterBranchTakesTheSum) {
  GraphBuilder builder = Image();
  Conv(builder, "x", "early");
  Conv(builder, "x", "late").Op("Add", {"early", "late"}, {"y"}).Output("y");
  const LayerSet set = Layers(builder);
  EXPECT_THAT(set.Find("early")->fused_nodes, IsEmpty());
  EXPECT_THAT(set.Find("late")->fused_nodes, ElementsAre("y"));
}

TEST(FusionTest, StopsAtOtherReadersAndOutputs) {
  GraphBuilder builder = Image();
  Conv(builder, "x", "c").Op("Relu", {"c"}, {"y"}).Output("y").Output("c");
  EXPECT_THAT(Layers(builder).layers[0].fused_nodes, IsEmpty());
}

TEST(FusionTest, TakesABiasThatIsAnAdd) {
  GraphBuilder builder;
  builder.Input("x", {kN, 5, 3}).Floats("w", {3, 7}).Floats("b", {7}).Output("y");
  builder.Op("MatMul", {"x", "w"}, {"m"}).Op("Add", {"b", "m"}, {"s"}).Op("Relu", {"s"}, {"y"});
  EXPECT_THAT(Layers(builder).layers[0].fused_nodes, ElementsAre("s", "y"));
}

TEST(TiesTest, TracesThroughActivationsPoolingAndReshapes) {
  GraphBuilder builder = Image();
  builder.Ints("shape", {0, 4, -1}).Floats("scale", {4, 1});
  Conv(builder, "x", "a").Op("HardSwish", {"a"}, {"a1"});
  builder.Op("MaxPool", {"a1"}, {"a2"}, {{"kernel_shape", Ints{1, 1}}});
  builder.Op("Reshape", {"a2", "shape"}, {"a3"}).Op("Mul", {"a3", "scale"}, {"a4"});
  Conv(builder, "x", "b").Op("Reshape", {"b", "shape"}, {"b1"});
  builder.Op("Add", {"a4", "b1"}, {"y"}).Output("y");
  EXPECT_THAT(Layers(builder).ties[0].layers, ElementsAre("a", "b"));
}

TEST(TiesTest, ConcatTiesItsInputs) {
  GraphBuilder builder = Image();
  Conv(Conv(Conv(builder, "x", "a"), "x", "b"), "x", "c");
  builder.Op("Relu", {"b"}, {"b1"})
      .Op("Concat", {"a", "b1", "x", "c"}, {"y"}, {{"axis", int64_t{1}}});
  const LayerSet set = Layers(builder.Output("y"));
  ASSERT_EQ(set.ties.size(), 1);
  EXPECT_THAT(set.ties[0].layers, ElementsAre("a", "b", "c"));
}

TEST(TiesTest, AGateIsNoTie) {
  GraphBuilder builder = Image();
  Conv(builder, "x", "main").Op("GlobalAveragePool", {"main"}, {"p"});
  Conv(builder, "p", "gate").Op("Sigmoid", {"gate"}, {"g"}).Op("Mul", {"main", "g"}, {"y"});
  EXPECT_THAT(Layers(builder.Output("y")).ties, IsEmpty());
}

TEST(TiesTest, SwishIsAnActivation) {
  GraphBuilder builder = Image();
  Conv(builder, "x", "a").Op("Sigmoid", {"a"}, {"s"}).Op("Mul", {"a", "s"}, {"swish"});
  Conv(builder, "x", "b").Op("Add", {"swish", "b"}, {"y"});
  const LayerSet set = Layers(builder.Output("y"));
  ASSERT_EQ(set.ties.size(), 1);
  EXPECT_THAT(set.ties[0].layers, ElementsAre("a", "b"));
}

TEST(TiesTest, SharedWeightsTie) {
  GraphBuilder builder = Image();
  Conv(builder, "x", "a").Op("Conv", {"a", "a.w"}, {"b"}).Output("b");
  const LayerSet set = Layers(builder);
  ASSERT_EQ(set.ties.size(), 1);
  EXPECT_THAT(set.ties[0].layers, ElementsAre("a", "b"));
  EXPECT_THAT(set.ties[0].reason, HasSubstr("'a.w'"));
}

TEST(TiesTest, GroupsAreTheTransitiveClosure) {
  GraphBuilder builder = Image();
  Conv(Conv(Conv(Conv(builder, "x", "a"), "x", "b"), "x", "c"), "x", "d");
  builder.Op("Add", {"c", "d"}, {"s1"}).Op("Add", {"a", "b"}, {"s2"}).Op("Mul", {"b", "d"}, {"s3"});
  const LayerSet set = Layers(builder.Output("s1").Output("s2").Output("s3"));
  EXPECT_EQ(set.ties.size(), 3);
  for (const Layer& layer : set.layers) EXPECT_EQ(layer.tie_group, "tie0");
}

// 500 products of one value with itself: tracing must not double its work at each.
TEST(TiesTest, TakesNoTimeOnDeepProducts) {
  GraphBuilder builder = Image();
  Conv(builder, "x", "p0");
  for (int i = 0; i < 500; ++i) {
    const std::string src = absl::StrCat("p", i);
    builder.Op("Mul", {src, src}, {absl::StrCat("p", i + 1)});
  }
  EXPECT_THAT(Layers(builder.Output("p500")).ties, IsEmpty());
}

TEST(InspectTest, DescribesWhatIsKnownAndNamesTheRest) {
  GraphBuilder builder = Image();
  Conv(builder, "x", "known").Op("Frobnicate", {"known"}, {"odd"});
  Conv(builder, "odd", "unknown").Output("unknown");
  absl::StatusOr<nlohmann::json> json = InspectToJson(builder.graph());
  ASSERT_TRUE(json.ok()) << json.status();
  ASSERT_EQ((*json)["layers"].size(), 1);
  EXPECT_EQ((*json)["layers"][0]["name"], "known");
  EXPECT_EQ((*json)["layers"][0]["src_shape"], nlohmann::json({1, 4, 8, 8}));
  EXPECT_EQ((*json)["layers"][0]["tie_group"], "known");
  ASSERT_EQ((*json)["unsupported"].size(), 1);
  EXPECT_EQ((*json)["unsupported"][0]["node"], "odd");
  EXPECT_EQ((*json)["unsupported"][0]["op"], "Frobnicate");
}

}  // namespace
}  // namespace halftone
