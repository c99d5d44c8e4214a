#include "profilers/simulated/layer_work.h"

#include "gtest/gtest.h"
#include "tests/profilers/small_network.h"

namespace halftone {
namespace {

TEST(LayerWorkTest, ConvolutionsBecomeAProductPerGroup) {
  SmallNetwork network;
  ASSERT_TRUE(network.Bind(1).ok());
  const LayerWork conv = LayerWorkOf(*network.layers().Find("conv"), 1);
  EXPECT_EQ(conv.gemm.depth, 27);
  EXPECT_EQ(conv.gemm.channels, 16);
  EXPECT_EQ(conv.gemm.positions, 256);
  EXPECT_EQ(conv.gemm.groups, 1);
  EXPECT_EQ(conv.src_elements, 3 * 256);
  EXPECT_EQ(conv.weights_elements, 432);
  EXPECT_EQ(conv.dst_elements, 16 * 256);
  EXPECT_TRUE(conv.has_weights);
  const LayerWork depthwise = LayerWorkOf(*network.layers().Find("depthwise"), 4);
  EXPECT_EQ(depthwise.gemm.depth, 9);
  EXPECT_EQ(depthwise.gemm.channels, 1);
  EXPECT_EQ(depthwise.gemm.positions, 1024);
  EXPECT_EQ(depthwise.gemm.groups, 16);
  EXPECT_EQ(depthwise.gemm.Macs(), 16 * 9 * 1024);
}

TEST(LayerWorkTest, AGroupedConvolutionKeepsItsGroupsApart) {
  Layer layer;
  layer.op = "Conv";
  layer.weights = "grouped.w";
  layer.groups = 4;
  layer.src_shape = {2, 32, 10, 10};
  layer.weights_shape = {64, 8, 1, 1};
  layer.dst_shape = {2, 64, 10, 10};
  layer.macs = 64 * 8 * 100;
  const LayerWork work = LayerWorkOf(layer, 3);
  EXPECT_EQ(work.gemm.groups, 4);
  EXPECT_EQ(work.gemm.depth, 8);
  EXPECT_EQ(work.gemm.channels, 16);
  EXPECT_EQ(work.gemm.positions, 300);
  EXPECT_EQ(work.src_elements, 3 * 3200);
  EXPECT_EQ(work.weights_elements, 512);
}

TEST(LayerWorkTest, AClassifierHasAPositionPerSample) {
  SmallNetwork network;
  ASSERT_TRUE(network.Bind(1).ok());
  const GemmShape fc = LayerWorkOf(*network.layers().Find("fc"), 5).gemm;
  EXPECT_EQ(fc.depth, 32);
  EXPECT_EQ(fc.channels, 10);
  EXPECT_EQ(fc.positions, 5);
}

// Attention over 4 heads of 50 tokens and 16 channels, in a graph bound to batch 2.
TEST(LayerWorkTest, ProductsOfActivationsAreOneProductPerHead) {
  Layer scores;
  scores.op = "MatMul";
  scores.src_shape = {2, 4, 50, 16};
  scores.weights_shape = {2, 4, 16, 50};
  scores.dst_shape = {2, 4, 50, 50};
  scores.macs = 4 * 50 * 50 * 16;
  for (const int batch : {1, 3}) {
    const LayerWork work = LayerWorkOf(scores, batch);
    EXPECT_EQ(work.gemm.depth, 16);
    EXPECT_EQ(work.gemm.channels, 50);
    EXPECT_EQ(work.gemm.positions, 50);
    EXPECT_EQ(work.gemm.groups, 4 * batch);
    EXPECT_EQ(work.weights_elements, 4 * batch * 16 * 50);
    EXPECT_FALSE(work.has_weights);
  }
}

}  // namespace
}  // namespace halftone
