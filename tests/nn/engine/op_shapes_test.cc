#include <memory>
#include <ostream>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/engine/ops/convolution.h"
#include "nn/engine/ops/elementwise.h"
#include "nn/engine/ops/matmul.h"
#include "nn/engine/ops/normalize.h"
#include "nn/engine/ops/pooling.h"
#include "nn/engine/ops/quantize.h"
#include "nn/engine/ops/reduction.h"
#include "nn/engine/ops/shape_ops.h"
#include "nn/engine/ops/softmax.h"

// What each op makes of shapes, and which it refuses.
namespace halftone {
namespace {

using testing::HasSubstr;

Shape Infer(const Op& op, const std::vector<Shape>& srcs) {
  const auto dsts = op.InferShapes(srcs);
  EXPECT_TRUE(dsts.ok()) << dsts.status();
  return dsts.ok() ? dsts->at(0) : Shape();
}

TEST(OpShapesTest, Convolution) {
  EXPECT_EQ(Infer(ConvolutionOp({{2, 1}, {1, 2}, {1, 0}, {0, 3}, 2}),
                  {Shape{5, 4, 9, 8}, Shape{6, 2, 3, 2}, Shape{6}}),
            (Shape{5, 6, 4, 9}));
  // The rows that no window meets make no difference.
  EXPECT_EQ(Infer(ConvolutionBackwardDataOp({{3}, {1}, {0}, {0}, 1}, Shape{1, 2, 9}),
                  {Shape{1, 4, 3}, Shape{4, 2, 2}}),
            (Shape{1, 2, 9}));
  EXPECT_EQ(Infer(ConvolutionBackwardWeightsOp({{3}, {1}, {0}, {0}, 1}, Shape{4, 2, 2}),
                  {Shape{1, 2, 9}, Shape{1, 4, 3}}),
            (Shape{4, 2, 2}));
}

TEST(OpShapesTest, MatMul) {
  EXPECT_EQ(Infer(MatMulOp(true, true), {Shape{7, 1, 4, 3}, Shape{2, 5, 4}}), (Shape{7, 2, 3, 5}));
}

TEST(OpShapesTest, Reductions) {
  EXPECT_EQ(Infer(ReduceOp(ReduceFunction::kSum, {0, 2}, false), {Shape{2, 3, 4}}), (Shape{3}));
  EXPECT_EQ(Infer(ReduceOp(ReduceFunction::kMax, {0, 2}, true), {Shape{2, 3, 4}}),
            (Shape{1, 3, 1}));
  EXPECT_EQ(Infer(ReduceOp(ReduceFunction::kSum, {}, false), {Shape{2, 3}}), (Shape{2, 3}));
}

TEST(OpShapesTest, Pools) {
  const PoolWindow window = {{3, 2}, {2, 2}, {1, 1}, {1, 0}, {1, 1}};
  EXPECT_EQ(Infer(MaxPoolOp(window), {Shape{1, 2, 6, 5}}), (Shape{1, 2, 3, 3}));
  EXPECT_EQ(Infer(MaxPoolScatterOp(window), {Shape{1, 2, 3, 3}, Shape{1, 2, 6, 5}}),
            (Shape{1, 2, 6, 5}));
  EXPECT_EQ(Infer(AveragePoolBackwardOp(window, true, Shape{1, 2, 6, 5}), {Shape{1, 2, 3, 3}}),
            (Shape{1, 2, 6, 5}));
}

TEST(OpShapesTest, Movements) {
  EXPECT_EQ(Infer(TransposeOp({2, 0, 1}), {Shape{2, 3, 4}}), (Shape{4, 2, 3}));
  EXPECT_EQ(Infer(ConcatOp(1), {Shape{2, 3}, Shape{2, 0}, Shape{2, 5}}), (Shape{2, 8}));
  EXPECT_EQ(Infer(SliceOp({4, 0}, {1, 3}, Shape{0, 2}), {Shape{4, 4}}), (Shape{0, 2}));
  EXPECT_EQ(Infer(IndexAddOp(0, {5, 5}, 6), {Shape{2, 3}}), (Shape{6, 3}));
}

struct Refusal {
  const char* name;
  std::shared_ptr<const Op> op;
  std::vector<Shape> srcs;
  const char* message;
};
void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.name; }

UniformQuantizer PerChannel(int axis, size_t channels) {
  return UniformQuantizer::Create(8, Symmetry::kSymmetricFull, axis,
                                  std::vector<Range>(channels, Range{-1, 1}))
      .value();
}

std::vector<Refusal> Refusals() {
  const ConvolutionAttributes plain = {{1, 1}, {1, 1}, {0, 0}, {0, 0}, 1};
  const ConvolutionAttributes grouped = {{1, 1}, {1, 1}, {0, 0}, {0, 0}, 2};
  const ConvolutionAttributes no_stride = {{0, 1}, {1, 1}, {0, 0}, {0, 0}, 1};
  const ConvolutionAttributes negative_pad = {{1, 1}, {1, 1}, {-1, 0}, {0, 0}, 1};
  const PoolWindow padded = {{2, 2}, {1, 1}, {1, 1}, {2, 0}, {0, 0}};
  const PoolWindow stepping_over = {{2, 1}, {1, 1}, {9, 1}, {5, 0}, {5, 0}};
  const PoolWindow dilated = {{2, 2}, {1, 1}, {2, 1}, {0, 0}, {0, 0}};
  const Shape image = {1, 4, 5, 5};
  return {
      {"ConvolutionWithOneSource", std::make_shared<ConvolutionOp>(plain), {image}, "2 sources"},
      {"ConvolutionKernelTooLarge",
       std::make_shared<ConvolutionOp>(plain),
       {image, Shape{2, 4, 7, 7}},
       "larger than the padded input"},
      {"ConvolutionChannels",
       std::make_shared<ConvolutionOp>(plain),
       {image, Shape{2, 3, 1, 1}},
       "do not fit"},
      {"ConvolutionGroups",
       std::make_shared<ConvolutionOp>(grouped),
       {image, Shape{3, 2, 1, 1}},
       "2 groups"},
      {"ConvolutionBias",
       std::make_shared<ConvolutionOp>(plain),
       {image, Shape{2, 4, 1, 1}, Shape{3}},
       "bias"},
      {"ConvolutionRank", std::make_shared<ConvolutionOp>(plain), {image, Shape{2, 4, 1}}, "rank"},
      {"ConvolutionAxes",
       std::make_shared<ConvolutionOp>(plain),
       {Shape{1, 4, 5}, Shape{2, 4, 1}},
       "axes"},
      {"ConvolutionStride",
       std::make_shared<ConvolutionOp>(no_stride),
       {image, Shape{2, 4, 1, 1}},
       "out of range"},
      {"ConvolutionPad",
       std::make_shared<ConvolutionOp>(negative_pad),
       {image, Shape{2, 4, 1, 1}},
       "out of range"},
      {"BackwardDataDst",
       std::make_shared<ConvolutionBackwardDataOp>(plain, image),
       {Shape{1, 2, 4, 4}, Shape{2, 4, 1, 1}},
       "diff_dst"},
      {"BackwardWeightsDst",
       std::make_shared<ConvolutionBackwardWeightsOp>(plain, Shape{2, 4, 1, 1}),
       {image, Shape{1, 3, 5, 5}},
       "diff_dst"},
      {"MatMulInner",
       std::make_shared<MatMulOp>(false, false),
       {Shape{2, 3}, Shape{2, 3}},
       "inner sizes"},
      {"MatMulVector", std::make_shared<MatMulOp>(false, false), {Shape{3}, Shape{3, 2}}, "rank 2"},
      {"MatMulBatch",
       std::make_shared<MatMulOp>(false, false),
       {Shape{2, 1, 3}, Shape{4, 3, 1}},
       "[2]"},
      {"BinaryBroadcast",
       std::make_shared<BinaryOp>(BinaryFunction::kAdd),
       {Shape{2, 3}, Shape{2}},
       "[2, 3]"},
      {"GateShapes",
       std::make_shared<GateOp>(0.0f, 1.0f, 1.0f, 0.0f),
       {Shape{2, 3}, Shape{3}},
       "cotangent"},
      {"ReduceAxis",
       std::make_shared<ReduceOp>(ReduceFunction::kSum, std::vector<int>{2}, true),
       {Shape{2, 3}},
       "axis 2"},
      {"ReduceTwice",
       std::make_shared<ReduceOp>(ReduceFunction::kSum, std::vector<int>{1, 1}, true),
       {Shape{2, 3}},
       "ascending"},
      {"MaximumOfNothing",
       std::make_shared<ReduceOp>(ReduceFunction::kMax, std::vector<int>{0}, true),
       {Shape{0, 3}},
       "empty"},
      {"BroadcastToSmaller",
       std::make_shared<BroadcastToOp>(Shape{1, 3}),
       {Shape{2, 3}},
       "broadcast"},
      {"PoolInPadding", std::make_shared<MaxPoolOp>(padded), {image}, "padding alone"},
      {"PoolStepsOver",
       std::make_shared<MaxPoolOp>(stepping_over),
       {Shape{1, 1, 2, 2}},
       "padding alone"},
      {"PoolScatterDst",
       std::make_shared<MaxPoolScatterOp>(dilated),
       {Shape{1, 4, 5, 5}, image},
       "diff_dst"},
      {"PoolWithoutSpace", std::make_shared<MaxPoolOp>(dilated), {Shape{1, 4}}, "spatial"},
      {"AverageDilated", std::make_shared<AveragePoolOp>(dilated, false), {image}, "dilations"},
      {"Reshape", std::make_shared<ReshapeOp>(Shape{4, 4}), {Shape{3, 5}}, "[3, 5]"},
      {"Transpose",
       std::make_shared<TransposeOp>(std::vector<int>{0, 0}),
       {Shape{2, 3}},
       "permutation"},
      {"ConcatShapes", std::make_shared<ConcatOp>(0), {Shape{2, 3}, Shape{2, 4}}, "[2, 4]"},
      {"ConcatNothing", std::make_shared<ConcatOp>(0), {}, "no sources"},
      {"SliceLeaves",
       std::make_shared<SliceOp>(std::vector<int64_t>{2}, std::vector<int64_t>{2}, Shape{3}),
       {Shape{6}},
       "leaves axis 0"},
      {"SliceBackwards",
       std::make_shared<SliceOp>(std::vector<int64_t>{2}, std::vector<int64_t>{-1}, Shape{3}),
       {Shape{6}},
       "leaves axis 0"},
      {"IndexOutside",
       std::make_shared<IndexSelectOp>(0, std::vector<int64_t>{0, 6}),
       {Shape{6}},
       "index 6"},
      {"IndexAddCount",
       std::make_shared<IndexAddOp>(0, std::vector<int64_t>{0, 1}, 4),
       {Shape{3}},
       "2 indices"},
      {"NormalizeAxis", std::make_shared<NormalizeOp>(2, 0.1f), {Shape{2, 3}}, "axis 2"},
      {"NormalizeInverse",
       std::make_shared<NormalizeBackwardOp>(1),
       {Shape{2, 3}, Shape{2, 3}, Shape{2}},
       "inverse"},
      {"SelectBroadcast",
       std::make_shared<SelectOp>(),
       {Shape{2, 3}, Shape{2, 1}, Shape{4}},
       "[4]"},
      {"SoftmaxAxis", std::make_shared<SoftmaxOp>(2, false), {Shape{2, 3}}, "axis 2"},
      {"QuantizerScales",
       std::make_shared<FakeQuantizeOp>(PerChannel(1, 4)),
       {Shape{2, 3}},
       "4 scales"},
      {"QuantizerAxis",
       std::make_shared<FakeQuantizeOp>(PerChannel(3, 4)),
       {Shape{2, 3}},
       "axis 3"},
  };
}

class OpRefusalTest : public testing::TestWithParam<Refusal> {};

TEST_P(OpRefusalTest, SaysWhy) {
  const absl::Status status = GetParam().op->InferShapes(GetParam().srcs).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(BadShapes, OpRefusalTest, testing::ValuesIn(Refusals()),
                         [](const testing::TestParamInfo<Refusal>& info) {
                           return std::string(info.param.name);
                         });

}  // namespace
}  // namespace halftone
