// The small network of tests/data/tiny-digits, from the file to its layers.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/graph/layer.h"
#include "nn/graph/passes.h"
#include "nn/onnx/import.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;

Graph Import(const std::string& file) {
  absl::StatusOr<Graph> graph =
      ImportOnnxFile(std::string(HALFTONE_SOURCE_DIR) + "/tests/data/tiny-digits/" + file);
  EXPECT_TRUE(graph.ok()) << graph.status();
  return graph.ok() ? *graph : Graph();
}

TEST(TinyDigitsTest, BindsAtAnyBatch) {
  const Graph graph = Import("model.onnx");
  EXPECT_EQ(graph.opset, 13);
  EXPECT_FALSE(graph.fixed_batch().has_value());
  for (const int64_t batch : {1, 7, 256}) {
    absl::StatusOr<Graph> bound = BindBatch(graph, batch);
    ASSERT_TRUE(bound.ok()) << bound.status();
    EXPECT_EQ(bound->outputs[0].info.shape, (Shape{batch, 10}));
    EXPECT_EQ(bound->fixed_batch(), batch);
    for (const auto& [name, info] : bound->values) EXPECT_TRUE(info.shape.IsStatic()) << name;
  }
}

TEST(TinyDigitsTest, HasTheFourLayersThatItsMakersListed) {
  absl::StatusOr<Graph> bound = BindBatch(Import("model.onnx"), 5);
  ASSERT_TRUE(bound.ok()) << bound.status();
  absl::StatusOr<LayerSet> set = FindLayers(*bound);
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_EQ(set->layers.size(), 4);
  EXPECT_EQ(set->layers[0].name, "/conv1/Conv");
  EXPECT_EQ(set->layers[1].macs, 13824);
  EXPECT_EQ(set->layers[2].weights_shape, (Shape{12, 12, 3, 3}));
  EXPECT_EQ(set->layers[3].weights, "fc.weight");
  EXPECT_EQ(set->layers[3].macs, 120);
  EXPECT_EQ(set->layers[3].parameters, 130);
  ASSERT_EQ(set->ties.size(), 1);
  EXPECT_THAT(set->ties[0].layers, ElementsAre("/conv2/Conv", "/conv3/Conv"));
  EXPECT_EQ(set->layers[1].tie_group, "tie0");
  EXPECT_EQ(set->layers[2].tie_group, "tie0");
  EXPECT_EQ(set->layers[0].tie_group, "/conv1/Conv");
}

TEST(TinyDigitsTest, FusesTheResidualSumIntoTheLaterConvolution) {
  absl::StatusOr<Graph> bound = BindBatch(Import("model_folded.onnx"), 1);
  ASSERT_TRUE(bound.ok()) << bound.status();
  absl::StatusOr<LayerSet> set = FindLayers(*bound);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(set->Find("/conv1/Conv")->fused_nodes, ElementsAre("/relu1/Relu"));
  EXPECT_THAT(set->Find("/conv3/Conv")->fused_nodes, ElementsAre("/Add", "/relu3/Relu"));
}

}  // namespace
}  // namespace halftone
