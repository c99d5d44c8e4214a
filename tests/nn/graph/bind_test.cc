// Binding a graph to a batch: symbolic sizes, shapes that the graph computes, what folds away.
#include "nn/graph/bind.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/graph/passes.h"
#include "tests/nn/graph/graph_builder.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Ints = std::vector<int64_t>;
constexpr int64_t kN = Shape::kDynamic;

Graph Bind(const GraphBuilder& builder, int64_t batch) {
  absl::StatusOr<Graph> bound = BindBatch(builder.graph(), batch);
  EXPECT_TRUE(bound.ok()) << bound.status();
  return bound.ok() ? *std::move(bound) : Graph();
}

void ExpectError(const GraphBuilder& builder, int64_t batch, absl::StatusCode code,
                 const std::string& offender) {
  const absl::Status status = BindBatch(builder.graph(), batch).status();
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(offender));
}

TEST(BindBatchTest, FixedBatchBindsOnlyToItself) {
  GraphBuilder builder;
  builder.Input("x", {4, 3}).Op("Relu", {"x"}, {"y"}).Output("y");
  EXPECT_EQ(Bind(builder, 4).outputs[0].info.shape, (Shape{4, 3}));
  ExpectError(builder, 5, absl::StatusCode::kInvalidArgument, "fixed batch of 4");
}

TEST(BindBatchTest, OnlyTheBatchMayBeSymbolic) {
  GraphBuilder builder;
  builder.Input("image", {kN, 3, kN}).Op("Relu", {"image"}, {"y"}).Output("y");
  ExpectError(builder, 1, absl::StatusCode::kInvalidArgument, "input 'image': axis 2");
  ExpectError(builder, 0, absl::StatusCode::kInvalidArgument, "a batch of 0");
}

// x.view(x.size(0), -1), as torch exports it: Shape, Gather, Unsqueeze, Concat, Reshape.
TEST(BindBatchTest, FoldsShapeChains) {
  GraphBuilder builder;
  builder.Input("x", {kN, 2, 3}).Int("zero", 0).Ints("axes", {0}).Ints("rest", {-1});
  builder.Op("Shape", {"x"}, {"s"}).Op("Gather", {"s", "zero"}, {"n"});
  builder.Op("Unsqueeze", {"n", "axes"}, {"n1"});
  builder.Op("Concat", {"n1", "rest"}, {"to"}, {{"axis", int64_t{0}}});
  builder.Op("Reshape", {"x", "to"}, {"y"}).Output("y");
  for (const int64_t batch : {1, 5, 64}) {
    const Graph bound = Bind(builder, batch);
    ASSERT_EQ(bound.nodes.size(), 1);
    EXPECT_EQ(bound.nodes[0].op, "Reshape");
    EXPECT_THAT(*bound.initializers.at("to").ToInts(), ElementsAre(batch, -1));
    EXPECT_EQ(bound.initializers.size(), 1) << "what only the chain read is gone";
    EXPECT_EQ(bound.outputs[0].info.shape, (Shape{batch, 6}));
  }
}

// ShuffleNet's channel shuffle with sizes computed by arithmetic and casts.
TEST(BindBatchTest, FoldsArithmeticOnShapes) {
  GraphBuilder builder;
  builder.Input("x", {kN, 6, 4}).Ints("b0", {0}).Ints("b1", {1}).Ints("b2", {2});
  builder.Ints("two", {2}).Constant("half", Tensor::Of<float>({1}, {0.5f}));
  builder.Op("Shape", {"x"}, {"s"});
  builder.Op("Slice", {"s", "b0", "b1"}, {"n"}).Op("Slice", {"s", "b1", "b2"}, {"c"});
  builder.Op("Cast", {"c"}, {"cf"}, {{"to", int64_t{1}}}).Op("Mul", {"cf", "half"}, {"hf"});
  builder.Op("Floor", {"hf"}, {"ff"}).Op("Cast", {"ff"}, {"h"}, {{"to", int64_t{7}}});
  builder.Op("Div", {"c", "h"}, {"g"}).Op("Sub", {"two", "g"}, {"zero"});
  builder.Op("Add", {"zero", "n"}, {"m"});
  builder.Op("Concat", {"m", "g", "h", "zero"}, {"to"}, {{"axis", int64_t{0}}});
  builder.Op("Reshape", {"x", "to"}, {"y"}).Output("y");
  ExpectError(builder, 3, absl::StatusCode::kInvalidArgument, "'y'");
  GraphBuilder good = builder;
  good.Op("Equal", {"zero", "b0"}, {"e"})
      .Ints("minus", {-1})
      .Op("Where", {"e", "minus", "g"}, {"w"});
  good.Op("Concat", {"m", "g", "h", "w"}, {"to2"}, {{"axis", int64_t{0}}});
  good.Op("Reshape", {"x", "to2"}, {"z"});
  Graph graph = good.graph();
  graph.outputs[0].name = "z";
  const absl::StatusOr<Graph> bound = BindBatch(graph, 3);
  ASSERT_TRUE(bound.ok()) << bound.status();
  EXPECT_EQ(bound->outputs[0].info.shape, (Shape{3, 2, 3, 4}));
}

// Computes one node on constants and returns its integers.
Ints Fold(GraphBuilder builder) {
  builder.Input("x", {2, 3}).Output("y");
  return *Bind(builder, 2).initializers.at("y").ToInts();
}

TEST(FoldingTest, ComputesIntegersAsOnnxSays) {
  EXPECT_THAT(Fold(GraphBuilder().Ints("a", {7, -7}).Ints("b", {2}).Op("Div", {"a", "b"}, {"y"})),
              ElementsAre(3, -3));
  EXPECT_THAT(Fold(GraphBuilder()
                       .Ints("a", {INT64_MIN, INT64_MAX})
                       .Ints("b", {-1, 1})
                       .Op("Add", {"a", "b"}, {"y"})),
              ElementsAre(INT64_MAX, INT64_MIN));
  EXPECT_THAT(Fold(GraphBuilder().Ints("a", {INT64_MIN}).Int("b", -1).Op("Div", {"a", "b"}, {"y"})),
              ElementsAre(INT64_MIN));
  EXPECT_THAT(Fold(GraphBuilder().Int("a", 5).Int("b", -2).Int("c", -3).Op("Range", {"a", "b", "c"},
                                                                           {"y"})),
              ElementsAre(5, 2, -1));
  EXPECT_THAT(Fold(GraphBuilder().Ints("s", {2}).Op("ConstantOfShape", {"s"}, {"y"},
                                                    {{"value", Tensor::Of<int64_t>({1}, {9})}})),
              ElementsAre(9, 9));
  EXPECT_THAT(Fold(GraphBuilder(15).Op("Shape", {"x"}, {"y"}, {{"start", int64_t{-1}}})),
              ElementsAre(3));
  EXPECT_THAT(Fold(GraphBuilder().Op("Size", {"x"}, {"y"})), ElementsAre(6));
  EXPECT_THAT(Fold(GraphBuilder()
                       .Ints("a", {1, 2, 3, 4, 5})
                       .Ints("s", {-1})
                       .Ints("e", {-9})
                       .Ints("ax", {0})
                       .Ints("t", {-2})
                       .Op("Slice", {"a", "s", "e", "ax", "t"}, {"y"})),
              ElementsAre(5, 3, 1));
  EXPECT_THAT(Fold(GraphBuilder()
                       .Constant("a", Tensor::Of<int64_t>({2, 2}, {1, 2, 3, 4}))
                       .Op("Transpose", {"a"}, {"y"})),
              ElementsAre(1, 3, 2, 4));
  EXPECT_THAT(Fold(GraphBuilder()
                       .Constant("a", Tensor::Of<int64_t>({2, 1}, {1, 2}))
                       .Ints("s", {2, 2})
                       .Op("Expand", {"a", "s"}, {"y"})),
              ElementsAre(1, 1, 2, 2));
  EXPECT_THAT(Fold(GraphBuilder()
                       .Constant("a", Tensor::Of<int64_t>({2, 2}, {1, 2, 3, 4}))
                       .Ints("i", {-1, 0})
                       .Op("Gather", {"a", "i"}, {"y"}, {{"axis", int64_t{1}}})),
              ElementsAre(2, 1, 4, 3));
  EXPECT_THAT(Fold(GraphBuilder()
                       .Constant("a", Tensor::Of<int64_t>({2, 1}, {1, 2}))
                       .Constant("b", Tensor::Of<int64_t>({2, 2}, {3, 4, 5, 6}))
                       .Op("Concat", {"a", "b"}, {"y"}, {{"axis", int64_t{1}}})),
              ElementsAre(1, 3, 4, 2, 5, 6));
}

TEST(BindBatchTest, RemovesWhatOnlyPassesValuesOn) {
  GraphBuilder builder(12);
  builder.Input("x", {kN, 3}).Op("Identity", {"x"}, {"a"}).Op("Relu", {"a"}, {"b"});
  builder.Op("Dropout", {"b"}, {"c", "mask"}).Op("Cast", {"c"}, {"d"}, {{"to", int64_t{1}}});
  builder.Op("Neg", {"d"}, {"e"}).Op("Identity", {"e"}, {"y"}).Output("y");
  const Graph bound = Bind(builder, 2);
  ASSERT_EQ(bound.nodes.size(), 2);
  EXPECT_THAT(bound.nodes[0].inputs, ElementsAre("x"));
  EXPECT_THAT(bound.nodes[1].inputs, ElementsAre("b"));
  EXPECT_THAT(bound.nodes[1].outputs, ElementsAre("y")) << "the graph's output keeps its name";
  EXPECT_TRUE(CheckGraph(bound).ok());
}

TEST(BindBatchTest, KeepsAnIdentityBetweenInputAndOutput) {
  GraphBuilder builder;
  builder.Input("x", {kN, 3}).Op("Identity", {"x"}, {"y"}).Output("y");
  EXPECT_EQ(Bind(builder, 2).nodes.size(), 1);
}

TEST(BindBatchTest, AnIdentityOfWeightsIsTheWeights) {
  GraphBuilder builder;
  builder.Input("x", {kN, 2}).Floats("w", {2, 2}).Op("Identity", {"w"}, {"v"});
  builder.Op("MatMul", {"x", "w"}, {"a"}).Op("MatMul", {"a", "v"}, {"y"}).Output("y");
  const Graph bound = Bind(builder, 1);
  EXPECT_EQ(bound.FindNode("y")->inputs[1], "w");
}

TEST(BindBatchTest, DropsUnusedNodesEvenIfUnknown) {
  GraphBuilder builder;
  builder.Input("x", {kN, 2}).Op("Frobnicate", {"x"}, {"dead"}).Op("Relu", {"x"}, {"y"});
  EXPECT_EQ(Bind(builder.Output("y"), 1).nodes.size(), 1);
}

TEST(BindBatchTest, EveryFloatIsFloat32) {
  GraphBuilder half;
  half.Input("x", {kN, 2}, DataType::kFloat16).Constant("w", Tensor::Of<double>({2}, {0.5, 2}));
  half.Op("Cast", {"x"}, {"d"}, {{"to", int64_t{11}}}).Op("Mul", {"d", "w"}, {"y"}).Output("y");
  const Graph bound = Bind(half, 3);
  EXPECT_EQ(bound.inputs[0].info.type, DataType::kFloat32);
  EXPECT_EQ(bound.outputs[0].info.type, DataType::kFloat32);
  EXPECT_EQ(bound.initializers.at("w").type(), DataType::kFloat32);
  EXPECT_EQ(bound.nodes.size(), 1u) << "a cast between floats does nothing";
}

TEST(BindBatchTest, IntegersAndBoolsRunWhereTheOperatorTakesThem) {
  GraphBuilder indices;
  indices.Input("i", {kN, 2}, DataType::kInt64).Floats("table", {9, 4});
  indices.Op("Gather", {"table", "i"}, {"y"}).Op("Greater", {"i", "i"}, {"b"});
  const Graph bound = Bind(indices.Output("y").Output("b"), 3);
  EXPECT_EQ(bound.values.at("y").shape, (Shape{3, 2, 4}));
  EXPECT_EQ(bound.values.at("b").type, DataType::kBool);
  GraphBuilder sigmoid;
  sigmoid.Input("i", {kN, 2}, DataType::kInt64).Op("Sigmoid", {"i"}, {"y"}).Output("y");
  ExpectError(sigmoid, 1, absl::StatusCode::kUnimplemented, "'i' is of type int64");
  GraphBuilder narrow;
  narrow.Input("i", {kN, 2}, DataType::kUint8).Op("Add", {"i", "i"}, {"y"}).Output("y");
  EXPECT_EQ(Bind(narrow, 1).values.at("y").type, DataType::kUint8);
  narrow.Op("Abs", {"i"}, {"z"}).Output("z");
  ExpectError(narrow, 1, absl::StatusCode::kUnimplemented, "'i' is of type uint8");
}

TEST(BindBatchTest, ShapesMustBeConstant) {
  GraphBuilder builder;
  builder.Input("x", {kN, 2}).Input("s", {2}, DataType::kInt64);
  builder.Op("Reshape", {"x", "s"}, {"y"}).Output("y");
  ExpectError(builder, 1, absl::StatusCode::kUnimplemented, "shape ('s') is not constant");
}

TEST(BindBatchTest, ResultsWhoseSizeDependsOnValuesAreOfConstants) {
  GraphBuilder known;
  known.Input("x", {kN, 6}).Floats("mask", {6}, {0, 1, 0, 1, 1, 0}).Ints("last", {-1});
  known.Op("NonZero", {"mask"}, {"places"}).Op("Reshape", {"places", "last"}, {"list"});
  known.Op("Gather", {"x", "list"}, {"y"}, {{"axis", int64_t{1}}}).Output("y");
  const Graph bound = Bind(known, 2);
  EXPECT_EQ(bound.values.at("y").shape, (Shape{2, 3}));
  EXPECT_EQ(bound.nodes.size(), 1);
  for (const char* const op : {"NonZero", "Unique", "NonMaxSuppression", "Compress"}) {
    GraphBuilder computed;
    computed.Input("x", {kN, 6, 4}).Op("Relu", {"x"}, {"r"}).Op(op, {"r", "r"}, {"y"}).Output("y");
    ExpectError(computed, 1, absl::StatusCode::kUnimplemented,
                "depends on the values of 'r', which the network computes");
  }
}

// Which tensors a list has is known while the graph is bound: nothing of it is left.
TEST(BindBatchTest, ListsOfTensorsAreTheirMembers) {
  GraphBuilder builder;
  builder.Input("x", {kN, 6, 2}).Int("two", 2).Int("end", -1).Int("first", 0);
  builder.Op("SplitToSequence", {"x", "two"}, {"parts"}, {{"axis", int64_t{1}}});
  builder.Op("Identity", {"parts"}, {"same"}).Op("SequenceErase", {"same", "end"}, {"fewer"});
  builder.Op("SequenceInsert", {"fewer", "x", "first"}, {"more"});
  builder.Op("SequenceLength", {"more"}, {"length"});
  builder.Op("ConcatFromSequence", {"more"}, {"y"}, {{"axis", int64_t{1}}}).Output("y");
  builder.Op("SequenceAt", {"more", "first"}, {"back"}).Op("Relu", {"back"}, {"z"}).Output("z");
  builder.Op("Optional", {"x"}, {"maybe"}).Op("OptionalGetElement", {"maybe"}, {"there"});
  builder.Op("Neg", {"there"}, {"n"}).Output("n").Output("length");
  const Graph bound = Bind(builder, 3);
  EXPECT_EQ(bound.values.at("y").shape, (Shape{3, 10, 2}));
  EXPECT_EQ(bound.values.at("z").shape, (Shape{3, 6, 2}));
  EXPECT_EQ(bound.initializers.at("length").ToInts().value(), std::vector<int64_t>{3});
  for (const Node& node : bound.nodes) {
    EXPECT_THAT((std::vector<std::string>{"Slice", "Concat", "Relu", "Neg"}),
                ::testing::Contains(node.op));
  }
}

// Places count from the end of the list as it was: -1 is before its last tensor.
TEST(BindBatchTest, ListsGrowWhereTheyAreToldTo) {
  const auto second_of = [](std::optional<int64_t> place) {
    GraphBuilder builder;
    builder.Input("x", {kN, 2}).Input("z", {kN, 5}).Int("one", 1);
    builder.Op("SequenceConstruct", {"x", "x"}, {"pair"});
    std::vector<std::string> inputs = {"pair", "z"};
    if (place.has_value()) {
      builder.Int("place", *place);
      inputs.push_back("place");
    }
    builder.Op("SequenceInsert", inputs, {"three"}).Op("SequenceAt", {"three", "one"}, {"second"});
    builder.Op("Relu", {"second"}, {"y"}).Output("y");
    return Bind(builder, 1).values.at("y").shape.dim(1);
  };
  EXPECT_EQ(second_of(1), 5);
  EXPECT_EQ(second_of(-1), 5);
  EXPECT_EQ(second_of(2), 2);
  EXPECT_EQ(second_of(-2), 2);
  EXPECT_EQ(second_of(std::nullopt), 2);
}

TEST(BindBatchTest, WhatIsNotKnownOfListsIsRefused) {
  const auto expect = [](const char* op, const std::vector<std::string>& inputs,
                         absl::StatusCode code, const char* message) {
    GraphBuilder builder;
    builder.Input("x", {kN, 3}).Input("i", {}, DataType::kInt64).Int("two", 2);
    builder.Op("SequenceConstruct", {"x", "x"}, {"pair"}).Op(op, inputs, {"y"}).Output("y");
    ExpectError(builder, 1, code, message);
  };
  const auto unimplemented = absl::StatusCode::kUnimplemented;
  const auto invalid = absl::StatusCode::kInvalidArgument;
  expect("SequenceAt", {"pair", "two"}, invalid, "position 2 in a list of 2");
  expect("SequenceAt", {"pair", "i"}, unimplemented, "its position ('i') is not constant");
  expect("SequenceAt", {"x", "two"}, invalid, "'x' is no list of tensors");
  expect("SequenceInsert", {"pair", "pair"}, unimplemented, "a list of lists");
  expect("SequenceMap", {"pair"}, unimplemented, "a graph applied to each tensor");
}

TEST(BindBatchTest, OperatorsThatAreLeftOutSayWhy) {
  const auto expect = [](const char* op, const char* reason) {
    GraphBuilder builder;
    builder.Input("x", {kN, 3}).Op(op, {"x"}, {"y"}).Output("y");
    ExpectError(builder, 1, absl::StatusCode::kUnimplemented, reason);
  };
  expect("RandomNormalLike", "its result is random");
  expect("StringNormalizer", "works on text");
  expect("Frobnicate", "this operator is not known");
}

TEST(BindWhereSupportedTest, GoesOnBesideUnsupportedNodes) {
  GraphBuilder builder;
  builder.Input("x", {kN, 2}).Op("Frobnicate", {"x"}, {"a"}).Op("Relu", {"a"}, {"b"});
  builder.Op("Neg", {"x"}, {"c"}).Output("b").Output("c");
  absl::StatusOr<PartialBinding> binding = BindWhereSupported(builder.graph(), 3);
  ASSERT_TRUE(binding.ok()) << binding.status();
  ASSERT_EQ(binding->unsupported.size(), 1);
  EXPECT_EQ(binding->unsupported[0].op, "Frobnicate");
  EXPECT_FALSE(binding->graph.values.contains("b"));
  EXPECT_EQ(binding->graph.values.at("c").shape, (Shape{3, 2}));
}

}  // namespace
}  // namespace halftone
