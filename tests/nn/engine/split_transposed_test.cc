// Transposed convolutions as the convolutions that SplitTransposedConvolutions puts in their place:
// what they compute, and what is a layer then.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/engine/lower.h"
#include "nn/graph/layer.h"
#include "nn/graph/passes.h"
#include "tests/nn/engine/run_program.h"
#include "tests/nn/graph/graph_builder.h"

namespace halftone {
namespace {

using Ints = std::vector<int64_t>;

std::vector<float> RandomFloats(int64_t count, uint64_t seed) {
  SplitMix64 random(seed);
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(static_cast<float>(2 * random.Uniform() - 1));
  return values;
}

std::vector<float> OutputOf(const Graph& graph) {
  const absl::StatusOr<LoweredGraph> lowered = LowerGraph(graph);
  EXPECT_TRUE(lowered.ok()) << lowered.status();
  if (!lowered.ok()) return {};
  const std::string output = graph.outputs[0].name;
  const std::vector<float> x = RandomFloats(graph.inputs[0].info.shape.Elements(), 3);
  const auto run = RunProgram(lowered->builder, {{output, lowered->values.at(output)}}, {{"x", x}});
  EXPECT_TRUE(run.ok()) << run.status();
  return run.ok() ? run->at(output) : std::vector<float>();
}

struct Case {
  std::string name;
  Shape src, weights;
  std::map<std::string, Attribute> attributes;
  size_t layers = 1;  // after the split
  int64_t opset = 13;
  bool has_bias = true;
};

GraphBuilder NetworkOf(const Case& c) {
  const auto group = c.attributes.find("group");
  const int64_t groups = group == c.attributes.end() ? 1 : std::get<int64_t>(group->second);
  const int64_t channels = c.weights.dim(1) * groups;
  GraphBuilder builder(c.opset);
  builder.Input("x", c.src);
  builder.Floats("w", c.weights, RandomFloats(c.weights.Elements(), 1));
  std::vector<std::string> inputs = {"x", "w"};
  if (c.has_bias) {
    builder.Floats("b", {channels}, RandomFloats(channels, 2));
    inputs.push_back("b");
  }
  builder.Op("ConvTranspose", inputs, {"y"}, c.attributes);
  return builder;
}

class SplitTransposedTest : public ::testing::TestWithParam<Case> {};

TEST_P(SplitTransposedTest, ComputesTheSame) {
  const Graph whole = *BindBatch(NetworkOf(GetParam()).Output("y").graph(), GetParam().src.dim(0));
  const absl::StatusOr<Graph> split = SplitTransposedConvolutions(whole);
  ASSERT_TRUE(split.ok()) << split.status();
  EXPECT_EQ(split->outputs[0].info.shape, whole.outputs[0].info.shape);
  EXPECT_LT(RelativeError(OutputOf(*split), OutputOf(whole)), 1e-6);
  const absl::StatusOr<LayerSet> layers = FindLayers(*split);
  ASSERT_TRUE(layers.ok()) << layers.status();
  ASSERT_EQ(layers->layers.size(), GetParam().layers);
  // No weight is added.
  int64_t weights = 0;
  for (const Layer& layer : layers->layers) weights += layer.weights_shape.Elements();
  if (GetParam().layers > 0) {
    EXPECT_EQ(weights, GetParam().weights.Elements());
  }
  if (GetParam().layers == 1) {
    EXPECT_EQ(layers->layers[0].name, "y");
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, SplitTransposedTest,
    ::testing::Values(
        Case{"Blocks", {2, 3, 4, 5}, {3, 6, 2, 2}, {{"strides", Ints{2, 2}}}},
        Case{"OldOpset", {1, 3, 4, 5}, {3, 6, 2, 2}, {{"strides", Ints{2, 2}}}, 1, 9},
        Case{"Overlapping",
             {2, 3, 4, 5},
             {3, 6, 4, 4},
             {{"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}}},
        Case{"WithoutBias", {2, 3, 4, 5}, {3, 6, 4, 4}, {{"strides", Ints{2, 2}}}, 1, 13, false},
        Case{"OddKernel",
             {2, 3, 4, 5},
             {3, 6, 3, 3},
             {{"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}, {"output_padding", Ints{1, 1}}},
             4},
        Case{"OddKernelOldOpset", {1, 3, 4, 5}, {3, 6, 3, 3}, {{"strides", Ints{2, 2}}}, 4, 10},
        Case{"OutputPaddingBeyondTheKernel",
             {1, 3, 4, 5},
             {3, 6, 2, 2},
             {{"strides", Ints{2, 2}}, {"output_padding", Ints{1, 1}}}},
        Case{"WidePads",
             {1, 2, 5, 6},
             {2, 3, 2, 2},
             {{"strides", Ints{2, 2}}, {"pads", Ints{3, 2, 2, 4}}}},
        Case{"Strides", {1, 2, 5, 6}, {2, 3, 6, 2}, {{"strides", Ints{3, 1}}}},
        Case{"UnequalOddStrides", {2, 2, 3, 4}, {2, 3, 5, 3}, {{"strides", Ints{3, 2}}}, 6},
        Case{"StrideOne", {1, 2, 5, 6}, {2, 3, 3, 3}, {{"pads", Ints{1, 0, 1, 2}}}},
        Case{
            "Groups", {2, 4, 3, 4}, {4, 3, 2, 2}, {{"strides", Ints{2, 2}}, {"group", int64_t{2}}}},
        Case{"GroupsOldOpset",
             {1, 4, 3, 4},
             {4, 3, 2, 2},
             {{"strides", Ints{2, 2}}, {"group", int64_t{2}}},
             1,
             10},
        Case{"Depthwise",
             {2, 4, 3, 4},
             {4, 1, 4, 4},
             {{"strides", Ints{2, 2}}, {"group", int64_t{4}}, {"pads", Ints{1, 1, 1, 1}}}},
        Case{"GroupsOddKernel",
             {2, 4, 3, 4},
             {4, 3, 3, 3},
             {{"strides", Ints{2, 2}}, {"group", int64_t{2}}},
             4},
        Case{"OneAxis", {2, 3, 7}, {3, 2, 16}, {{"strides", Ints{8}}, {"pads", Ints{4, 4}}}},
        Case{"OneAxisOdd", {2, 3, 7}, {3, 2, 3}, {{"strides", Ints{2}}}, 2},
        Case{"ThreeAxes", {1, 2, 2, 3, 4}, {2, 3, 2, 2, 2}, {{"strides", Ints{2, 2, 2}}}},
        Case{"SameUpper",
             {1, 2, 3, 4},
             {2, 3, 4, 4},
             {{"strides", Ints{2, 2}}, {"auto_pad", std::string("SAME_UPPER")}}},
        Case{"OutputShape",
             {1, 2, 3, 4},
             {2, 3, 4, 4},
             {{"strides", Ints{2, 2}}, {"output_shape", Ints{7, 9}}}},
        // Left as they are.
        Case{"Dilated", {1, 2, 3, 4}, {2, 3, 2, 2}, {{"dilations", Ints{2, 2}}}, 0},
        Case{"StrideBeyondTheKernel", {1, 2, 3, 4}, {2, 3, 1, 1}, {{"strides", Ints{2, 2}}}, 0}),
    [](const auto& info) { return info.param.name; });

TEST(SplitTransposedConvolutions, TakesUpABatchNormalization) {
  for (const int64_t groups : {1, 2}) {
    Case c{"", {2, 4, 3, 4}, {4, 6 / groups, 2, 2}, {{"strides", Ints{2, 2}}, {"group", groups}}};
    GraphBuilder builder = NetworkOf(c);
    for (const char* name : {"scale", "shift", "mean"}) {
      builder.Floats(name, {6}, RandomFloats(6, 4 + static_cast<uint64_t>(name[1])));
    }
    builder.Floats("variance", {6}, {1, 2, 3, 0.5F, 4, 1.5F});
    builder.Op("BatchNormalization", {"y", "scale", "shift", "mean", "variance"}, {"z"});
    builder.Op("Relu", {"z"}, {"r"}).Output("r");
    const absl::StatusOr<Graph> layers = BindLayers(builder.graph(), 2);
    ASSERT_TRUE(layers.ok()) << layers.status();
    EXPECT_LT(RelativeError(OutputOf(*layers), OutputOf(*BindBatch(builder.graph(), 2))), 1e-6);
    std::vector<std::string> ops;
    for (const Node& node : layers->nodes) ops.push_back(node.op);
    EXPECT_THAT(ops, ::testing::ElementsAre("Conv", "DepthToSpace", "Relu"));
  }
}

TEST(SplitTransposedConvolutions, SharedWeightsStayShared) {
  GraphBuilder builder;
  builder.Input("x", {1, 2, 3, 3}).Floats("w", {2, 2, 2, 2}, RandomFloats(16, 1));
  builder.Op("ConvTranspose", {"x", "w"}, {"a"}, {{"strides", Ints{2, 2}}});
  builder.Op("ConvTranspose", {"a", "w"}, {"b"}, {{"strides", Ints{2, 2}}}).Output("b");
  const absl::StatusOr<Graph> graph = BindLayers(builder.graph(), 1);
  ASSERT_TRUE(graph.ok()) << graph.status();
  const absl::StatusOr<LayerSet> layers = FindLayers(*graph);
  ASSERT_EQ(layers->layers.size(), 2u);
  EXPECT_EQ(layers->layers[0].weights, layers->layers[1].weights);
  EXPECT_EQ(layers->layers[0].tie_group, layers->layers[1].tie_group);
}

}  // namespace
}  // namespace halftone
