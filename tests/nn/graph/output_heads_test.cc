#include "nn/graph/output_heads.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "nn/graph/passes.h"
#include "tests/nn/graph/graph_builder.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Ints = std::vector<int64_t>;

constexpr int64_t kN = Shape::kDynamic;

// A layer whose result, [N, ...], is "t".
GraphBuilder Convolution(int64_t opset = 13) {
  GraphBuilder builder(opset);
  builder.Input("x", {kN, 2, 3, 3}).Floats("w", {4, 2, 1, 1}).Op("Conv", {"x", "w"}, {"t"});
  return builder;
}
GraphBuilder Product(int64_t opset = 13) {
  GraphBuilder builder(opset);
  builder.Input("x", {kN, 6}).Floats("w", {6, 5}).Op("MatMul", {"x", "w"}, {"t"});
  return builder;
}
GraphBuilder Tokens(int64_t opset = 13) {
  GraphBuilder builder(opset);
  builder.Input("x", {kN, 3, 6}).Floats("w", {6, 5}).Op("MatMul", {"x", "w"}, {"t"});
  return builder;
}

HeadedGraph Split(const GraphBuilder& builder, const AskedHeads& asked = {}, int64_t batch = 2) {
  const absl::StatusOr<Graph> bound = BindBatch(builder.graph(), batch);
  EXPECT_TRUE(bound.ok()) << bound.status();
  absl::StatusOr<HeadedGraph> headed = SplitOutputHeads(*bound, asked);
  EXPECT_TRUE(headed.ok()) << headed.status();
  EXPECT_TRUE(CheckGraph(headed->graph).ok());
  return *std::move(headed);
}

OutputHead Only(const GraphBuilder& builder, const AskedHeads& asked = {}) {
  const HeadedGraph headed = Split(builder, asked);
  EXPECT_EQ(headed.heads.size(), 1);
  EXPECT_EQ(headed.graph.outputs[0].name, headed.heads[0].value);
  return headed.heads[0];
}

std::string RefusalOf(const GraphBuilder& builder, const AskedHeads& asked) {
  const absl::StatusOr<HeadedGraph> headed =
      SplitOutputHeads(BindBatch(builder.graph(), 2).value(), asked);
  EXPECT_EQ(headed.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(headed.status().message());
}

TEST(SplitOutputHeadsTest, ASoftmaxAtTheEndIsTakenOff) {
  for (const char* op : {"Softmax", "LogSoftmax"}) {
    const HeadedGraph headed = Split(Product(11).Op(op, {"t"}, {"y"}).Output("y"));
    ASSERT_EQ(headed.heads.size(), 1);
    EXPECT_EQ(headed.heads[0].value, "t");
    EXPECT_EQ(headed.heads[0].output, "y");
    EXPECT_EQ(headed.heads[0].kind, HeadKind::kKl);
    EXPECT_TRUE(headed.heads[0].is_guess);
    EXPECT_FALSE(headed.heads[0].by_shape);
    EXPECT_THAT(headed.heads[0].reason, HasSubstr(op));
    EXPECT_EQ(headed.graph.nodes.size(), 1);
  }
}

TEST(SplitOutputHeadsTest, ClassesMayLieAlongAnyAxis) {
  GraphBuilder image = Convolution();
  image.Op("Softmax", {"t"}, {"y"}, {{"axis", int64_t{1}}}).Output("y");
  EXPECT_EQ(Only(image).class_axis, 1);
  EXPECT_EQ(Only(image).class_axis_end, 2);
  EXPECT_EQ(Only(image).value, "t");
  // Up to opset 12 a Softmax is one over all axes from its own on.
  GraphBuilder all = Tokens(11);
  all.Op("Softmax", {"t"}, {"y"}).Output("y");
  EXPECT_EQ(Only(all).class_axis, 1);
  EXPECT_EQ(Only(all).class_axis_end, 3);
  GraphBuilder samples = Product();
  samples.Op("Softmax", {"t"}, {"y"}, {{"axis", int64_t{0}}}).Output("y");
  EXPECT_EQ(Only(samples).value, "y") << "over the samples: no classes";
}

// As JAX writes it.
TEST(SplitOutputHeadsTest, ASoftmaxMayBeWrittenOut) {
  GraphBuilder builder = Tokens();
  builder.Ints("axis", {2}).Ints("rows", {0, 3, 1}).Ints("shape", {1, 3, 5});
  builder.Op("ReduceMax", {"t"}, {"m"}, {{"axes", Ints{2}}})
      .Op("Sub", {"t", "m"}, {"z"})
      .Op("Exp", {"z"}, {"e"})
      .Op("ReduceSum", {"e", "axis"}, {"s"}, {{"keepdims", int64_t{0}}})
      .Op("Reshape", {"s", "rows"}, {"r"})
      .Op("Expand", {"r", "shape"}, {"b"})
      .Op("Div", {"e", "b"}, {"y"})
      .Output("y");
  EXPECT_EQ(Only(builder).kind, HeadKind::kKl);
  EXPECT_EQ(Only(builder).value, "z");
  EXPECT_EQ(Only(builder).class_axis, 2);
}

TEST(SplitOutputHeadsTest, EndsAreSeenThroughWhatMovesElements) {
  GraphBuilder cast = Product();
  cast.Op("Softmax", {"t"}, {"p"}).Op("Cast", {"p"}, {"y"}, {{"to", int64_t{11}}}).Output("y");
  EXPECT_EQ(Only(cast).value, "t");
  GraphBuilder moved = Tokens();
  moved.Op("Softmax", {"t"}, {"p"}).Output("y");
  moved.Op("Transpose", {"p"}, {"y"}, {{"perm", Ints{0, 2, 1}}});
  EXPECT_EQ(Only(moved).value, "t") << "rows are the same, whatever their order";
  EXPECT_EQ(Only(moved).class_axis, 2);
  GraphBuilder flat = Convolution();
  flat.Op("Sigmoid", {"t"}, {"p"}).Ints("s", {0, -1}).Op("Reshape", {"p", "s"}, {"y"}).Output("y");
  EXPECT_EQ(Only(flat).value, "t");
  EXPECT_EQ(Only(flat).kind, HeadKind::kBernoulli);
}

TEST(SplitOutputHeadsTest, WhatMovesSamplesIsDoneToTheLogits) {
  // [N, T, C] from [T, N, C].
  GraphBuilder builder = Tokens();
  builder.Op("Transpose", {"t"}, {"u"}, {{"perm", Ints{1, 0, 2}}})
      .Op("LogSoftmax", {"u"}, {"l"})
      .Op("Transpose", {"l"}, {"y"}, {{"perm", Ints{1, 0, 2}}})
      .Output("y");
  const HeadedGraph headed = Split(builder);
  ASSERT_EQ(headed.heads.size(), 1);
  EXPECT_EQ(headed.heads[0].kind, HeadKind::kKl);
  EXPECT_EQ(headed.heads[0].class_axis, 2);
  const Shape& shape = headed.graph.values.at(headed.heads[0].value).shape;
  EXPECT_EQ(shape, (Shape{2, 3, 5}));
  EXPECT_EQ(headed.graph.nodes.size(), 3) << "the Softmax is gone";
  // A part of what a Sigmoid gives.
  GraphBuilder part = Product();
  part.Op("Sigmoid", {"t"}, {"p"}).Output("y");
  part.Ints("from", {1}).Ints("to", {3}).Ints("axis", {1});
  part.Op("Slice", {"p", "from", "to", "axis"}, {"y"});
  const HeadedGraph sliced = Split(part);
  EXPECT_EQ(sliced.heads[0].kind, HeadKind::kBernoulli);
  EXPECT_EQ(sliced.graph.values.at(sliced.heads[0].value).shape, (Shape{2, 2}));
  EXPECT_EQ(sliced.graph.FindNode("p"), nullptr);
}

TEST(SplitOutputHeadsTest, AnArgMaxSpeaksOfWhatItChoosesAmong) {
  GraphBuilder builder = Product();
  builder.Op("Softmax", {"t"}, {"p"})
      .Op("ArgMax", {"p"}, {"a"}, {{"axis", int64_t{-1}}, {"keepdims", int64_t{0}}})
      .Op("Cast", {"a"}, {"y"}, {{"to", int64_t{1}}})
      .Output("y");
  EXPECT_EQ(Only(builder).value, "t");
  EXPECT_EQ(Only(builder).kind, HeadKind::kKl);
}

TEST(SplitOutputHeadsTest, WhatIsTwiceCountsOnce) {
  GraphBuilder builder = Product();
  builder.Op("Softmax", {"t"}, {"p"}).Output("t").Output("p");
  const HeadedGraph headed = Split(builder);
  ASSERT_EQ(headed.heads.size(), 1);
  EXPECT_EQ(headed.heads[0].value, "t");
  EXPECT_EQ(headed.heads[0].output, "p") << "a Softmax says more than a shape";
  EXPECT_EQ(headed.heads[0].kind, HeadKind::kKl);
  ASSERT_EQ(headed.ignored.size(), 1);
  EXPECT_EQ(headed.ignored[0].output, "t");
  EXPECT_THAT(headed.ignored[0].reason, HasSubstr("'p'"));
  EXPECT_EQ(headed.graph.nodes.size(), 1);
}

TEST(SplitOutputHeadsTest, OfWhatIsTwiceTheOneThatIsAskedForCounts) {
  GraphBuilder builder = Product();
  builder.Op("Softmax", {"t"}, {"p"}).Output("p").Output("t");
  const HeadedGraph headed = Split(builder, {{"t", {HeadKind::kMse}}});
  ASSERT_EQ(headed.heads.size(), 1);
  EXPECT_EQ(headed.heads[0].output, "t");
  EXPECT_EQ(headed.heads[0].kind, HeadKind::kMse);
  EXPECT_EQ(headed.ignored[0].output, "p");
  EXPECT_THAT(RefusalOf(builder, {{"t", {HeadKind::kMse}}, {"p", {HeadKind::kKl}}}),
              HasSubstr("outputs 'p' and 't' say the same"));
}

TEST(SplitOutputHeadsTest, GuessesByShapeAreSaidToBe) {
  const OutputHead logits = Only(Product().Output("t"));
  EXPECT_EQ(logits.kind, HeadKind::kKl);
  EXPECT_TRUE(logits.by_shape);
  EXPECT_THAT(logits.reason, HasSubstr("no proof"));
  EXPECT_EQ(Only(Convolution().Output("t")).kind, HeadKind::kMse);
  GraphBuilder pixel = Convolution();
  EXPECT_EQ(Only(pixel.Op("GlobalAveragePool", {"t"}, {"p"}).Output("p")).kind, HeadKind::kKl);
  EXPECT_EQ(Only(Product().Op("Tanh", {"t"}, {"y"}).Output("y")).kind, HeadKind::kMse);
  GraphBuilder unit = Product();
  unit.Op("ReduceL2", {"t"}, {"n"}, {{"axes", Ints{1}}}).Op("Div", {"t", "n"}, {"y"}).Output("y");
  EXPECT_EQ(Only(unit).kind, HeadKind::kCosine);
  // Beside an output that is sure, a shape is no reason.
  GraphBuilder both = Product();
  both.Floats("v", {6, 4}).Op("MatMul", {"x", "v"}, {"boxes"}).Op("Softmax", {"t"}, {"p"});
  const HeadedGraph headed = Split(both.Output("boxes").Output("p"));
  ASSERT_EQ(headed.heads.size(), 2);
  EXPECT_EQ(headed.heads[0].kind, HeadKind::kMse);
  EXPECT_EQ(headed.heads[1].kind, HeadKind::kKl);
}

TEST(SplitOutputHeadsTest, LabelsSpeakForAGuessWhereTheyFit) {
  const HeadedGraph headed = Split(Product().Output("t"));
  std::vector<OutputHead> heads = headed.heads;
  WeighLabels(headed.graph, Ints{0, 5}, heads);
  EXPECT_TRUE(heads[0].by_shape) << "5 is no class of five";
  WeighLabels(headed.graph, Ints{0, 4, 2}, heads);
  EXPECT_FALSE(heads[0].by_shape);
  EXPECT_TRUE(heads[0].is_guess);
  EXPECT_THAT(heads[0].reason, HasSubstr("(0 to 4)"));
}

TEST(SplitOutputHeadsTest, WholeNumbersCountOnlyWhereNothingElseIsThere) {
  GraphBuilder builder = Product();
  builder.Float("half", 0.5f).Op("Greater", {"t", "half"}, {"is"}).Output("is");
  EXPECT_EQ(Only(builder).kind, HeadKind::kMse);
  EXPECT_THAT(Only(builder).reason, HasSubstr("whole numbers"));
  const HeadedGraph both = Split(builder.Output("t"));
  ASSERT_EQ(both.heads.size(), 1);
  EXPECT_EQ(both.heads[0].output, "t");
  EXPECT_THAT(both.ignored[0].reason, HasSubstr("whole numbers"));
  EXPECT_EQ(both.graph.nodes.size(), 1);
}

TEST(SplitOutputHeadsTest, WhatNoLayerFeedsIsIgnored) {
  GraphBuilder builder = Product();
  builder.Floats("c", {1, 3}).Op("Identity", {"x"}, {"same"}).Op("Neg", {"x"}, {"n"});
  const HeadedGraph headed = Split(builder.Output("same").Output("t").Output("n"));
  ASSERT_EQ(headed.heads.size(), 1);
  EXPECT_EQ(headed.heads[0].output, "t");
  ASSERT_EQ(headed.ignored.size(), 2);
  EXPECT_THAT(headed.ignored[0].reason, HasSubstr("passed on"));
  EXPECT_THAT(headed.ignored[1].reason, HasSubstr("no layer"));
  EXPECT_EQ(headed.graph.outputs.size(), 1);
}

GraphBuilder TwoHeads() {
  GraphBuilder builder = Product();
  builder.Floats("v", {6, 4}).Op("MatMul", {"x", "v"}, {"z"}).Output("t").Output("z");
  return builder;
}

TEST(SplitOutputHeadsTest, TheUserKnowsBetter) {
  const HeadedGraph headed =
      Split(TwoHeads(), {{"t", {HeadKind::kCosine, 2}}, {"z", {HeadKind::kRelative, 0.5}}});
  ASSERT_EQ(headed.heads.size(), 2);
  EXPECT_EQ(headed.heads[0].kind, HeadKind::kCosine);
  EXPECT_EQ(headed.heads[0].weight, 2);
  EXPECT_EQ(headed.heads[0].class_axis, 1);
  EXPECT_FALSE(headed.heads[0].is_guess);
  EXPECT_EQ(headed.heads[1].kind, HeadKind::kRelative);
  EXPECT_EQ(headed.heads[1].class_axis_end, 0);
  // Probabilities, not logits.
  GraphBuilder softmax = Product();
  softmax.Op("Softmax", {"t"}, {"y"}).Output("y");
  EXPECT_EQ(Only(softmax, {{"y", {HeadKind::kMse}}}).value, "y");
  EXPECT_EQ(Only(softmax, {{"y", {HeadKind::kKl}}}).value, "t");
  GraphBuilder pixels = Convolution();
  EXPECT_EQ(Only(pixels.Output("t"), {{"t", {HeadKind::kKl}}}).class_axis, 1);
  EXPECT_EQ(Only(pixels, {{"t", {HeadKind::kKl, 1, 3}}}).class_axis, 3);
}

TEST(SplitOutputHeadsTest, LayersOfIgnoredOutputsRemain) {
  const HeadedGraph headed = Split(TwoHeads(), {{"z", {HeadKind::kIgnore}}});
  ASSERT_EQ(headed.heads.size(), 1);
  EXPECT_EQ(headed.heads[0].output, "t");
  EXPECT_EQ(headed.graph.nodes.size(), 2);
  EXPECT_EQ(headed.graph.outputs.size(), 2);
  EXPECT_THAT(headed.uncounted, ElementsAre("z"));
  EXPECT_THAT(Split(TwoHeads()).uncounted, IsEmpty());
}

TEST(SplitOutputHeadsTest, RefusesByName) {
  EXPECT_THAT(RefusalOf(TwoHeads(), {{"score", {}}}), HasSubstr("no output 'score'"));
  EXPECT_THAT(RefusalOf(TwoHeads(), {{"score", {}}}), HasSubstr("'t', 'z'"));
  const AskedHeads none = {{"t", {HeadKind::kIgnore}}, {"z", {HeadKind::kIgnore}}};
  EXPECT_THAT(RefusalOf(TwoHeads(), none), HasSubstr("no output counts"));
  EXPECT_THAT(RefusalOf(TwoHeads(), {{"t", {HeadKind::kKl, 1, 5}}}), HasSubstr("axis 5"));
  EXPECT_THAT(RefusalOf(TwoHeads(), {{"t", {HeadKind::kKl, 1, 0}}}), HasSubstr("no axis"));
}

// Boxes in pixels beside scores, as detectors give them.
GraphBuilder Detector() {
  GraphBuilder builder = Product();
  builder.Floats("v", {6, 4}).Float("pixels", 640).Ints("last", {2});
  builder.Op("MatMul", {"x", "v"}, {"g"})
      .Op("Mul", {"g", "pixels"}, {"boxes"})
      .Op("Sigmoid", {"t"}, {"scores"})
      .Op("Concat", {"boxes", "scores"}, {"all"}, {{"axis", int64_t{1}}})
      .Op("Unsqueeze", {"all", "last"}, {"y"})
      .Output("y");
  return builder;
}

TEST(SplitOutputHeadsTest, PartsOfOneOutputAreToldApart) {
  const HeadedGraph headed = Split(Detector());
  ASSERT_EQ(headed.heads.size(), 2);
  EXPECT_EQ(headed.heads[0].output, "y");
  EXPECT_EQ(headed.heads[0].part, "boxes");
  EXPECT_EQ(headed.heads[0].kind, HeadKind::kMse);
  EXPECT_EQ(headed.heads[1].part, "scores");
  EXPECT_EQ(headed.heads[1].kind, HeadKind::kBernoulli);
  EXPECT_EQ(headed.heads[1].value, "t");
  EXPECT_EQ(headed.graph.FindNode("all"), nullptr);
  const HeadedGraph asked = Split(Detector(), {{"boxes", {HeadKind::kMse, 0.1}}});
  EXPECT_EQ(asked.heads[0].weight, 0.1);
  EXPECT_EQ(asked.heads[1].kind, HeadKind::kBernoulli);
  EXPECT_EQ(Only(Detector(), {{"y", {HeadKind::kMse}}}).value, "y") << "all of it, if that is said";
  EXPECT_THAT(RefusalOf(Detector(), {{"box", {}}}), HasSubstr("'boxes', 'scores'"));
}

TEST(SplitOutputHeadsTest, PartsOfOneKindAreOne) {
  GraphBuilder builder = TwoHeads();
  builder.Op("Concat", {"t", "z"}, {"y"}, {{"axis", int64_t{1}}});
  Graph graph = builder.graph();
  graph.outputs = {{"y", {}}};
  const HeadedGraph headed = SplitOutputHeads(BindBatch(graph, 2).value()).value();
  ASSERT_EQ(headed.heads.size(), 1);
  EXPECT_EQ(headed.heads[0].value, "y");
}

TEST(SplitOutputHeadsTest, NamesAreTheSameForEveryBatch) {
  for (const GraphBuilder& builder : {Detector(), TwoHeads(), Convolution().Output("t")}) {
    const HeadedGraph one = Split(builder, {}, 1), many = Split(builder, {}, 5);
    ASSERT_EQ(one.heads.size(), many.heads.size());
    for (size_t h = 0; h < one.heads.size(); ++h) {
      EXPECT_EQ(one.heads[h].value, many.heads[h].value);
      EXPECT_EQ(one.heads[h].class_axis, many.heads[h].class_axis);
    }
  }
}

TEST(OutputHeadsJsonTest, ReadsWhatItWrites) {
  const AskedHeads asked = {{"a", {HeadKind::kCosine, 0.5}}, {"b", {HeadKind::kKl, 1, -2}}};
  EXPECT_EQ(AskedHeadsFromJson(AskedHeadsToJson(asked)).value(), asked);
  const std::vector<OutputHead> heads = Split(Detector()).heads;
  const nlohmann::json json = OutputHeadsToJson(heads);
  const OutputHead read = OutputHeadFromJson(json[1]).value();
  EXPECT_EQ(read.part, "scores");
  EXPECT_EQ(read.kind, HeadKind::kBernoulli);
  EXPECT_EQ(read.reason, heads[1].reason);
  EXPECT_FALSE(AskedHeadsFromJson({{"a", {{"kind", "kl"}, {"weight", 0}}}}).ok());
  EXPECT_FALSE(AskedHeadsFromJson({{"a", {{"kind", "klm"}}}}).ok());
}

}  // namespace
}  // namespace halftone
