// The small network of tests/data/tiny-digits, from the file to its layers.
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/graph/inspect.h"
#include "nn/graph/layer.h"
#include "nn/graph/passes.h"
#include "nn/onnx/import.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

std::string DataPath(const std::string& file) {
  return std::string(HALFTONE_SOURCE_DIR) + "/tests/data/tiny-digits/" + file;
}

Graph Import(const std::string& file) {
  absl::StatusOr<Graph> graph = ImportOnnxFile(DataPath(file));
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

TEST(TinyDigitsTest, HasTheLayersThatItsMakersListed) {
  for (const std::string file : {"model.onnx", "model_folded.onnx"}) {
    absl::StatusOr<Graph> bound = BindBatch(Import(file), 5);
    ASSERT_TRUE(bound.ok()) << bound.status();
    absl::StatusOr<LayerSet> set = FindLayers(*bound);
    ASSERT_TRUE(set.ok()) << set.status();
    std::ifstream stream(DataPath("layers.json"));
    const auto listed = nlohmann::json::parse(stream);
    ASSERT_EQ(set->layers.size(), listed.size());
    for (size_t i = 0; i < listed.size(); ++i) {
      const Layer& layer = set->layers[i];
      const auto& names = listed[i]["onnx"][file];
      EXPECT_EQ(layer.name, names["node"].get<std::string>());
      EXPECT_EQ(layer.op, names["op"].get<std::string>());
      EXPECT_EQ(layer.weights, names["initializer"].get<std::string>());
      EXPECT_EQ(layer.macs, listed[i]["macs_per_sample"]);
      EXPECT_EQ(layer.weights_shape.dims(), listed[i]["shape"].get<std::vector<int64_t>>());
      EXPECT_EQ(layer.channel_axis, 0);
    }
    EXPECT_EQ(set->layers[3].parameters, 130);
    EXPECT_EQ(set->layers[1].src_shape, (Shape{5, 8, 8, 8}));
    EXPECT_EQ(set->layers[1].dst_shape, (Shape{5, 12, 4, 4}));
  }
}

TEST(TinyDigitsTest, TiesTheTwoBranchesOfTheResidualSum) {
  for (const std::string file : {"model.onnx", "model_folded.onnx"}) {
    absl::StatusOr<LayerSet> set = FindLayers(*BindBatch(Import(file), 1));
    ASSERT_TRUE(set.ok()) << set.status();
    ASSERT_EQ(set->ties.size(), 1);
    EXPECT_THAT(set->ties[0].layers, ElementsAre("/conv2/Conv", "/conv3/Conv"));
    EXPECT_THAT(set->ties[0].reason, HasSubstr("/Add"));
    EXPECT_EQ(set->layers[0].tie_group, "/conv1/Conv");
    EXPECT_EQ(set->layers[1].tie_group, "tie0");
    EXPECT_EQ(set->layers[2].tie_group, "tie0");
    EXPECT_EQ(set->layers[3].tie_group, "/fc/Gemm");
  }
}

TEST(TinyDigitsTest, FoldsBatchNormalizationAsTorchDid) {
  absl::StatusOr<Graph> folded = FoldBatchNorm(*BindBatch(Import("model.onnx"), 1));
  ASSERT_TRUE(folded.ok()) << folded.status();
  EXPECT_TRUE(CheckGraph(*folded).ok());
  const Graph expected = Import("model_folded.onnx");
  ASSERT_EQ(folded->nodes.size(), expected.nodes.size());
  for (const Node& node : expected.nodes) {
    if (node.op != "Conv" && node.op != "Gemm") continue;
    const Node* found = folded->FindNode(node.name);
    ASSERT_NE(found, nullptr) << node.name;
    EXPECT_EQ(found->inputs[1], node.inputs[1]);
    for (const size_t i : {1, 2}) {
      const Tensor& a = folded->initializers.at(found->inputs[i]);
      const Tensor& b = expected.initializers.at(node.inputs[i]);
      EXPECT_EQ(a.shape(), b.shape());
      EXPECT_THAT(*a.ToFloats(), Pointwise(FloatNear(1e-6f), *b.ToFloats())) << node.name;
    }
  }
}

TEST(TinyDigitsTest, AnswersWithLogits) {
  absl::StatusOr<HeadedGraph> headed = SplitOutputHeads(*BindBatch(Import("model.onnx"), 1));
  ASSERT_TRUE(headed.ok()) << headed.status();
  ASSERT_EQ(headed->heads.size(), 1);
  EXPECT_EQ(headed->heads[0].value, "logits");
  EXPECT_EQ(headed->heads[0].kind, HeadKind::kKl);
  EXPECT_TRUE(headed->heads[0].by_shape);
}

TEST(TinyDigitsTest, InspectsAsJson) {
  absl::StatusOr<nlohmann::json> json = InspectToJson(Import("model.onnx"));
  ASSERT_TRUE(json.ok()) << json.status();
  ASSERT_EQ((*json)["layers"].size(), 4);
  const auto& conv2 = (*json)["layers"][1];
  EXPECT_EQ(conv2["name"], "/conv2/Conv");
  EXPECT_EQ(conv2["weights"], "conv2.weight");
  EXPECT_EQ(conv2["src_shape"], nlohmann::json({1, 8, 8, 8}));
  EXPECT_EQ(conv2["macs"], 13824);
  EXPECT_EQ(conv2["parameters"], 864);
  EXPECT_EQ((*json)["ties"].size(), 1);
  EXPECT_TRUE((*json)["unsupported"].empty());
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
