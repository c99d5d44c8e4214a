// Operators that stand for simpler ones: on integers that stay as they are, and determinants; and
// what is made of no elements.
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/engine/lower.h"
#include "nn/graph/passes.h"
#include "tests/nn/engine/run_program.h"
#include "tests/nn/graph/graph_builder.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor Integers(DataType type, const Shape& shape, const std::vector<int64_t>& values) {
  return Tensor::FromInts(type, shape, values);
}

// The first output of a graph whose only input is "x".
absl::StatusOr<std::vector<float>> Compute(const Graph& graph, const std::vector<float>& x) {
  HT_ASSIGN_OR_RETURN(const Graph bound, BindBatch(graph, graph.fixed_batch().value_or(1)));
  HT_ASSIGN_OR_RETURN(const LoweredGraph lowered, LowerGraph(bound));
  std::vector<std::pair<std::string, ValueId>> outputs;
  for (const Port& port : bound.outputs) {
    outputs.emplace_back(port.name, lowered.values.at(port.name));
  }
  HT_ASSIGN_OR_RETURN(const NamedFloats results, RunProgram(lowered.builder, outputs, {{"x", x}}));
  std::vector<float> all;
  for (const auto& [name, value] : outputs) {
    const std::vector<float>& values = results.at(name);
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

TEST(IntegerOperatorsTest, ProductsLeaveZeroPointsOut) {
  GraphBuilder builder;
  builder.Input("x", Shape{2, 2}, DataType::kUint8).Output("y");
  builder.Constant("b", Integers(DataType::kInt8, {2, 2}, {-128, 127, 1, 0}));
  builder.Constant("rows", Integers(DataType::kUint8, {2}, {10, 20}));
  builder.Constant("columns", Integers(DataType::kInt8, {2}, {-1, 1}));
  builder.Op("MatMulInteger", {"x", "b", "rows", "columns"}, {"y"});
  // [0 245; 1 -19] by [-127 126; 2 -1].
  EXPECT_THAT(*Compute(builder.graph(), {10, 255, 21, 1}), ElementsAre(490, -245, -165, 145));
}

TEST(IntegerOperatorsTest, ConvolutionsPadWithTheZeroPoint) {
  GraphBuilder builder;
  builder.Input("x", Shape{1, 1, 3}, DataType::kUint8).Output("y");
  builder.Constant("w", Integers(DataType::kUint8, {2, 1, 2}, {1, 2, 3, 4}));
  builder.Constant("x0", Integers(DataType::kUint8, {}, {5}));
  builder.Constant("w0", Integers(DataType::kUint8, {2}, {0, 3}));
  builder.Op("ConvInteger", {"x", "w", "x0", "w0"}, {"y"}, {{"pads", std::vector<int64_t>{1, 0}}});
  // [0 1 2 3] by [1 2] and [0 1].
  EXPECT_THAT(*Compute(builder.graph(), {6, 7, 8}), ElementsAre(2, 5, 8, 1, 2, 3));
}

// Inputs of QLinearMatMul and QLinearConv after the sources: "b" with what is in the graph.
GraphBuilder Quantized(const Shape& src) {
  GraphBuilder builder;
  builder.Input("x", src, DataType::kUint8).Output("y");
  builder.Float("xs", 0.5f).Constant("x0", Integers(DataType::kUint8, {}, {1}));
  builder.Floats("ws", {2}, {1, 4}).Constant("w0", Integers(DataType::kInt8, {2}, {0, 1}));
  builder.Float("ys", 2).Constant("y0", Integers(DataType::kUint8, {}, {100}));
  return builder;
}

TEST(IntegerOperatorsTest, QuantizedProductsRoundAndSaturate) {
  GraphBuilder builder = Quantized({1, 2});
  builder.Constant("b", Integers(DataType::kInt8, {2, 2}, {3, 1, 2, -127}));
  builder.Op("QLinearMatMul", {"x", "xs", "x0", "b", "ws", "w0", "ys", "y0"}, {"y"});
  // [1 2] by [3 0; 2 -128]: 7 * 0.5 / 2 = 1.75, and -256 * 2 / 2.
  EXPECT_THAT(*Compute(builder.graph(), {2, 3}), ElementsAre(102, 0));
}

TEST(IntegerOperatorsTest, QuantizedConvolutionsHaveScalesForChannels) {
  GraphBuilder builder = Quantized({1, 1, 2});
  builder.Constant("w", Integers(DataType::kInt8, {2, 1, 1}, {3, 2}));
  builder.Constant("bias", Integers(DataType::kInt32, {2}, {1, -2}));
  builder.Op("QLinearConv", {"x", "xs", "x0", "w", "ws", "w0", "ys", "y0", "bias"}, {"y"});
  // [1 10] by 3 and 1, plus 1 and -2: 4 and 31 quarters, and -1 and 8.
  EXPECT_THAT(*Compute(builder.graph(), {2, 11}), ElementsAre(101, 108, 99, 108));
}

TEST(IntegerOperatorsTest, DynamicRangesHoldZero) {
  GraphBuilder builder;
  builder.Input("x", Shape{1, 3});
  builder.Output("y").Output("scale").Output("zero");
  builder.Op("DynamicQuantizeLinear", {"x"}, {"y", "scale", "zero"});
  EXPECT_THAT(*Compute(builder.graph(), {-51, 0, 204}), ElementsAre(0, 51, 255, 1, 51));
  EXPECT_THAT(*Compute(builder.graph(), {2, 4, 510}), ElementsAre(1, 2, 255, 2, 0));
  EXPECT_THAT(*Compute(builder.graph(), {0, 0, 0}), ElementsAre(0, 0, 0, 1, 0));
}

TEST(IntegerOperatorsTest, RefuseMissingSources) {
  for (const char* op : {"MatMulInteger", "ConvInteger", "QLinearMatMul", "QLinearConv"}) {
    GraphBuilder builder;
    builder.Input("x", Shape{1, 1, 2}, DataType::kUint8).Op(op, {"x"}, {"y"}).Output("y");
    const absl::Status status = Compute(builder.graph(), {1, 2}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("node 'y'"));
  }
}

absl::StatusOr<std::vector<float>> ReduceNothing(const std::string& op, DataType type) {
  GraphBuilder builder;
  builder.Input("x", Shape{2, 0}, type).Output("y");
  builder.Op(op, {"x"}, {"y"}, {{"axes", std::vector<int64_t>{1}}, {"keepdims", int64_t{0}}});
  return Compute(builder.graph(), {});
}

TEST(ReductionsOfNothingTest, AreTheEndsOfTheType) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_THAT(*ReduceNothing("ReduceMax", DataType::kFloat32), ElementsAre(-kInfinity, -kInfinity));
  EXPECT_THAT(*ReduceNothing("ReduceMin", DataType::kFloat16), ElementsAre(kInfinity, kInfinity));
  EXPECT_THAT(*ReduceNothing("ReduceMax", DataType::kInt8), ElementsAre(-128, -128));
  EXPECT_THAT(*ReduceNothing("ReduceMin", DataType::kInt8), ElementsAre(127, 127));
  EXPECT_THAT(*ReduceNothing("ReduceMin", DataType::kBool), ElementsAre(1, 1));
  EXPECT_THAT(*ReduceNothing("ReduceProd", DataType::kFloat32), ElementsAre(1, 1));
  EXPECT_EQ(ReduceNothing("ReduceMin", DataType::kInt64).status().code(),
            absl::StatusCode::kUnimplemented);
}

Graph Determinant(const Shape& shape) {
  GraphBuilder builder;
  return builder.Input("x", shape).Op("Det", {"x"}, {"y"}).Output("y").graph();
}

TEST(DeterminantTest, OfSmallMatrices) {
  EXPECT_THAT(*Compute(Determinant({2, 1, 1}), {3, -2}), ElementsAre(3, -2));
  EXPECT_THAT(*Compute(Determinant({2, 2}), {1, 2, 3, 4}), ElementsAre(-2));
  EXPECT_THAT(*Compute(Determinant({1, 3, 3}), {2, 0, 1, 1, 3, 2, 1, 1, 4}), ElementsAre(18));
  EXPECT_THAT(*Compute(Determinant({4, 4}), {1, 0, 2, -1, 3, 0, 0, 5, 2, 1, 4, -3, 1, 0, 5, 0}),
              ElementsAre(30));
}

TEST(DeterminantTest, OfOthersIsRefused) {
  EXPECT_EQ(Compute(Determinant({5, 5}), {}).status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(Compute(Determinant({2, 3}), {}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Compute(Determinant({3}), {}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace halftone
