// The two networks that are shipped, each with batch normalization as nodes and folded by torch.
#include <algorithm>
#include <cmath>
#include <ostream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/graph/layer.h"
#include "nn/graph/passes.h"
#include "nn/onnx/import.h"

namespace halftone {
namespace {

struct Network {
  const char* name;
  size_t layers, residual_ties;
};
void PrintTo(const Network& network, std::ostream* out) { *out << network.name; }

class ShippedNetworkTest : public ::testing::TestWithParam<Network> {
 protected:
  static Graph Bind(const std::string& suffix) {
    absl::StatusOr<Graph> graph = ImportOnnxFile(
        std::string(HALFTONE_SOURCE_DIR) + "/tests/data/networks/" + GetParam().name + suffix);
    EXPECT_TRUE(graph.ok()) << graph.status();
    absl::StatusOr<Graph> bound = BindBatch(*graph, 3);
    EXPECT_TRUE(bound.ok()) << bound.status();
    return *std::move(bound);
  }
};

// Largest difference, relative to the largest weight.
double Difference(const Tensor& a, const Tensor& b) {
  const std::vector<double> x = *a.ToDoubles(), y = *b.ToDoubles();
  EXPECT_EQ(x.size(), y.size());
  double difference = 0, largest = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    difference = std::max(difference, std::abs(x[i] - y[i]));
    largest = std::max(largest, std::abs(y[i]));
  }
  return difference / largest;
}

TEST_P(ShippedNetworkTest, FoldsToWhatTorchFolded) {
  absl::StatusOr<Graph> folded = FoldBatchNorm(Bind(".onnx"));
  ASSERT_TRUE(folded.ok()) << folded.status();
  const Graph expected = Bind("_folded.onnx");
  EXPECT_EQ(folded->nodes.size(), expected.nodes.size());
  for (const Node& node : expected.nodes) {
    if (node.op != "Conv" && node.op != "Gemm") continue;
    const Node* found = folded->FindNode(node.name);
    ASSERT_NE(found, nullptr) << node.name;
    for (const size_t i : {1, 2}) {
      EXPECT_LT(Difference(folded->initializers.at(found->inputs[i]),
                           expected.initializers.at(node.inputs[i])),
                1e-6)
          << node.name;
    }
  }
}

TEST_P(ShippedNetworkTest, HasItsLayersAndTies) {
  for (const char* suffix : {".onnx", "_folded.onnx"}) {
    const Graph bound = Bind(suffix);
    absl::StatusOr<LayerSet> set = FindLayers(bound);
    ASSERT_TRUE(set.ok()) << set.status();
    EXPECT_EQ(set->layers.size(), GetParam().layers);
    EXPECT_EQ(set->ties.size(), GetParam().residual_ties);
    for (const Layer& layer : set->layers) EXPECT_GT(layer.macs, 0) << layer.name;
    EXPECT_TRUE(FindUnsupported(bound).empty());
    EXPECT_EQ(bound.outputs[0].info.shape, (Shape{3, 10}));
  }
}

TEST(VisionTransformerTest, HasAttentionsProductsAsLayers) {
  absl::StatusOr<Graph> graph =
      ImportOnnxFile(std::string(HALFTONE_SOURCE_DIR) + "/tests/data/networks/vit.onnx");
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_TRUE(FindUnsupported(*graph).empty());
  for (const int64_t batch : {1, 3}) {
    const absl::StatusOr<Graph> bound = BindBatch(*graph, batch);
    ASSERT_TRUE(bound.ok()) << bound.status();
    const absl::StatusOr<LayerSet> set = FindLayers(*bound);
    ASSERT_TRUE(set.ok()) << set.status();
    // Patches, four blocks of six, the classifier. The residual sums tie no two layers: each has a
    // layer on one side and another sum, or the class token's Concat, on the other.
    EXPECT_EQ(set->layers.size(), 26u);
    EXPECT_TRUE(set->ties.empty());
    int64_t macs = 0, products = 0;
    for (const Layer& layer : set->layers) {
      macs += layer.macs;
      if (layer.weights.empty()) ++products;
      EXPECT_EQ(layer.weights.empty(), !layer.second_src.empty()) << layer.name;
    }
    EXPECT_EQ(products, 8);
    EXPECT_EQ(macs, 7884416) << "of one sample, whatever the batch";
  }
}

// ResNet-14: in the first block of each stage the projection, or the stem, is tied to the second
// convolution; the second blocks' other branch is a sum. MobileNetV2: the one residual block.
INSTANTIATE_TEST_SUITE_P(Networks, ShippedNetworkTest,
                         ::testing::Values(Network{"resnet14", 16, 3},
                                           Network{"mobilenetv2", 12, 1}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace halftone
