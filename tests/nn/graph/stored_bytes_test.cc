#include "nn/graph/stored_bytes.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/graph/passes.h"
#include "tests/nn/graph/graph_builder.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
constexpr int64_t kN = Shape::kDynamic;

OtherTensors Find(const Graph& file) {
  const absl::StatusOr<Graph> bound = BindBatch(file, 1);
  EXPECT_TRUE(bound.ok()) << bound.status();
  const Graph prepared = FoldBatchNorm(*bound).value();
  return FindOtherTensors(file, prepared, FindLayers(prepared).value());
}

TEST(FindOtherTensorsTest, CountsFloatsThatAreNoLayers) {
  GraphBuilder builder;
  builder.Input("ids", {kN, 3}, DataType::kInt64)
      .Floats("table", {50, 6})
      .Floats("scale", {6})
      .Floats("w", {6, 5})
      .Floats("b", {5})
      .Op("Gather", {"table", "ids"}, {"v"})
      .Op("Mul", {"v", "scale"}, {"s"})
      .Op("ReduceMean", {"s"}, {"r"}, {{"axes", std::vector<int64_t>{1}}, {"keepdims", int64_t{0}}})
      .Op("Gemm", {"r", "w", "b"}, {"y"})
      .Output("y");
  EXPECT_EQ(Find(builder.graph()).bytes, 4 * 6) << "the table is an embedding's";
  EXPECT_THAT(Find(builder.graph()).layers, IsEmpty());
}

TEST(FindOtherTensorsTest, ATableThatIsAlsoALayersIsOne) {
  GraphBuilder builder;
  builder.Input("ids", {kN, 3}, DataType::kInt64)
      .Floats("table", {50, 1, 6})  // no embedding: its rows have two axes
      .Ints("matrix", {50, 6})
      .Op("Gather", {"table", "ids"}, {"v"})
      .Op("Reshape", {"table", "matrix"}, {"rows"})
      .Op("Transpose", {"rows"}, {"turned"}, {{"perm", std::vector<int64_t>{1, 0}}})
      .Op("MatMul", {"v", "turned"}, {"y"})
      .Output("y");
  EXPECT_EQ(Find(builder.graph()).bytes, 4 * 50 * 6);
  EXPECT_THAT(Find(builder.graph()).layers, ElementsAre("y"));
}

TEST(FindOtherTensorsTest, WhatIsFoldedIntoLayersIsTheirs) {
  GraphBuilder builder;
  builder.Input("x", {kN, 2, 3, 3}).Floats("w", {4, 2, 1, 1});
  for (const char* name : {"gain", "bias", "mean", "variance"}) builder.Floats(name, {4});
  builder.Op("Conv", {"x", "w"}, {"c"})
      .Op("BatchNormalization", {"c", "gain", "bias", "mean", "variance"}, {"y"})
      .Output("y");
  EXPECT_EQ(Find(builder.graph()).bytes, 0);
}

TEST(FindOtherTensorsTest, OfComputedConstantsTheirSourcesCount) {
  GraphBuilder builder;
  builder.Input("x", {kN, 4, 6})
      .Floats("position", {1, 1, 6})
      .Ints("shape", {1, 4, 6})
      .Floats("w", {6, 5})
      .Op("Expand", {"position", "shape"}, {"positions"})
      .Op("Add", {"x", "positions"}, {"a"})
      .Op("MatMul", {"a", "w"}, {"y"})
      .Output("y");
  EXPECT_EQ(Find(builder.graph()).bytes, 4 * 6);
}

// Sizes are made of shapes: of the weights before them nothing is in them.
TEST(FindOtherTensorsTest, ShapesAreNoTensors) {
  GraphBuilder builder;
  builder.Input("x", {kN, 4, 6})
      .Floats("w", {6, 5})
      .Floats("v", {5, 5})
      .Op("MatMul", {"x", "w"}, {"a"})
      .Op("Shape", {"a"}, {"shape"})
      .Op("Cast", {"shape"}, {"sizes"}, {{"to", int64_t{1}}})
      .Op("ReduceMax", {"sizes"}, {"largest"}, {{"keepdims", int64_t{0}}})
      .Op("Div", {"a", "largest"}, {"b"})
      .Op("Reshape", {"b", "shape"}, {"c"})
      .Op("MatMul", {"c", "v"}, {"y"})
      .Output("y");
  EXPECT_EQ(Find(builder.graph()).bytes, 0);
}

}  // namespace
}  // namespace halftone
