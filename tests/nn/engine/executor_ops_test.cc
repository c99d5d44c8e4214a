#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

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
#include "tests/nn/engine/executor_checks.h"

// Every op through Compile and Session against its definition: in C order, and between
// convolutions, whose layouts are blocked (and padded where the channels do not fill a block).
namespace halftone {
namespace {

struct OpCase {
  std::string name;
  std::shared_ptr<const Op> op;
  std::vector<Shape> srcs;
  float lower = -1;  // of the sources' elements
  float upper = 1;
};

std::shared_ptr<const Op> Unary(UnaryFunction function, float alpha = 0, float beta = 0) {
  return std::make_shared<UnaryOp>(function, alpha, beta);
}
std::shared_ptr<const Op> Binary(BinaryFunction function) {
  return std::make_shared<BinaryOp>(function);
}
std::shared_ptr<const Op> Reduce(std::vector<int> axes, bool keep_dims,
                                 ReduceFunction function = ReduceFunction::kSum) {
  return std::make_shared<ReduceOp>(function, std::move(axes), keep_dims);
}

void AddUnaryCases(std::vector<OpCase>& cases) {
  const Shape shape{2, 19, 5, 3};
  cases.push_back({"Relu", Unary(UnaryFunction::kRelu), {shape}});
  cases.push_back({"LeakyRelu", Unary(UnaryFunction::kLeakyRelu, 0.1f), {shape}});
  cases.push_back({"Clip", Unary(UnaryFunction::kClip, -0.25f, 0.5f), {shape}});
  cases.push_back({"ClipAboveZero", Unary(UnaryFunction::kClip, 0.25f, 0.5f), {shape}});
  cases.push_back({"Scale", Unary(UnaryFunction::kLinear, 2, 0), {shape}});
  cases.push_back({"Linear", Unary(UnaryFunction::kLinear, 2, 1), {shape}});
  cases.push_back({"Sqrt", Unary(UnaryFunction::kPower, 2, 0.5f), {shape}, 0, 4});
  cases.push_back({"Reciprocal", Unary(UnaryFunction::kPower, 1, -1), {shape}, 0.5, 4});
  cases.push_back({"Square", Unary(UnaryFunction::kPower, 1, 2), {shape}});
  cases.push_back({"Power", Unary(UnaryFunction::kPower, 3, 1.7f), {shape}, 0, 2});
  cases.push_back({"Sigmoid", Unary(UnaryFunction::kSigmoid), {shape}, -10, 10});
  cases.push_back({"Tanh", Unary(UnaryFunction::kTanh), {shape}, -5, 5});
  cases.push_back({"Exp", Unary(UnaryFunction::kExp), {shape}, -5, 5});
  cases.push_back({"Log", Unary(UnaryFunction::kLog), {shape}, 0.01f, 5});
  cases.push_back({"Erf", Unary(UnaryFunction::kErf), {shape}, -3, 3});
  cases.push_back({"Softplus", Unary(UnaryFunction::kSoftplus), {shape}, -20, 20});
  cases.push_back({"Abs", Unary(UnaryFunction::kAbs), {shape}});
  cases.push_back({"Sign", Unary(UnaryFunction::kSign), {shape}});
  cases.push_back({"Round", Unary(UnaryFunction::kRound), {shape}, -3, 3});
  cases.push_back({"Floor", Unary(UnaryFunction::kFloor), {shape}, -3, 3});
  cases.push_back({"Ceil", Unary(UnaryFunction::kCeil), {shape}, -3, 3});
  cases.push_back({"Gelu", Unary(UnaryFunction::kGelu), {shape}, -6, 6});
  cases.push_back({"GeluSlope", Unary(UnaryFunction::kGeluSlope), {shape}, -6, 6});
  cases.push_back({"Sin", Unary(UnaryFunction::kSin), {shape}, -9, 9});
  cases.push_back({"Cos", Unary(UnaryFunction::kCos), {shape}, -9, 9});
  cases.push_back({"Tan", Unary(UnaryFunction::kTan), {Shape{3, 5}}, -1, 1});
  cases.push_back({"Asin", Unary(UnaryFunction::kAsin), {shape}, -1, 1});
  cases.push_back({"Acos", Unary(UnaryFunction::kAcos), {shape}, 0, 0.9f});
  cases.push_back({"Atan", Unary(UnaryFunction::kAtan), {shape}, -9, 9});
  cases.push_back({"Sinh", Unary(UnaryFunction::kSinh), {shape}, -4, 4});
  cases.push_back({"Cosh", Unary(UnaryFunction::kCosh), {shape}, -4, 4});
  cases.push_back({"Asinh", Unary(UnaryFunction::kAsinh), {shape}, -9, 9});
  cases.push_back({"AtanhOfHalf", Unary(UnaryFunction::kAtanh), {Shape{3, 5}}, -0.5f, 0.5f});
  cases.push_back({"Acosh", Unary(UnaryFunction::kAcosh), {Shape{3, 5}}, 1, 9});
  cases.push_back({"Normalize", std::make_shared<NormalizeOp>(2, 1e-5f), {shape}});
  cases.push_back({"NormalizeLong", std::make_shared<NormalizeOp>(1, 1e-5f), {Shape{7, 333}}});
  cases.push_back({"NormalizeAll", std::make_shared<NormalizeOp>(0, 1e-5f), {Shape{5, 3}}});
  cases.push_back({"NormalizeBackward",
                   std::make_shared<NormalizeBackwardOp>(1),
                   {Shape{7, 5, 9}, Shape{7, 5, 9}, Shape{7, 1, 1}}});
  cases.push_back({"ReluOfScalar", Unary(UnaryFunction::kRelu), {Shape{}}});
  cases.push_back({"ReluOfNothing", Unary(UnaryFunction::kRelu), {Shape{0, 3}}});
  cases.push_back({"ReluLarge", Unary(UnaryFunction::kRelu), {Shape{3, 7, 31, 67}}});
  cases.push_back(
      {"ReluRank12", Unary(UnaryFunction::kRelu), {Shape{1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 3}}});
}

void AddBinaryCases(std::vector<OpCase>& cases) {
  const std::vector<std::pair<std::string, BinaryFunction>> functions = {
      {"Add", BinaryFunction::kAdd},        {"Sub", BinaryFunction::kSub},
      {"Mul", BinaryFunction::kMul},        {"Div", BinaryFunction::kDiv},
      {"Max", BinaryFunction::kMax},        {"Min", BinaryFunction::kMin},
      {"Pow", BinaryFunction::kPow},        {"Step", BinaryFunction::kStep},
      {"Equal", BinaryFunction::kEqual},    {"Greater", BinaryFunction::kGreater},
      {"AtLeast", BinaryFunction::kAtLeast}};
  const Shape full{2, 19, 5, 3};
  const std::vector<std::pair<std::string, Shape>> others = {
      {"Same", full},         {"Scalar", Shape{}},     {"Channel", Shape{19, 1, 1}},
      {"Row", Shape{3}},      {"Batch", {2, 1, 1, 1}}, {"Plane", Shape{1, 1, 5, 3}},
      {"Gate", {2, 19, 1, 1}}};
  for (const auto& [name, function] : functions) {
    for (const auto& [other, shape] : others) {
      cases.push_back({name + other, Binary(function), {full, shape}, 0.5, 2});
      if (other == "Same") continue;
      cases.push_back({name + other + "First", Binary(function), {shape, full}, 0.5, 2});
    }
  }
  cases.push_back({"AddBothBroadcast", Binary(BinaryFunction::kAdd), {Shape{4, 1}, Shape{1, 5}}});
  cases.push_back({"AddScalars", Binary(BinaryFunction::kAdd), {Shape{}, Shape{}}});
  cases.push_back({"AddNothing", Binary(BinaryFunction::kAdd), {Shape{0, 3}, Shape{3}}});
  cases.push_back(
      {"AddLarge", Binary(BinaryFunction::kAdd), {Shape{2, 16, 33, 65}, Shape{16, 1, 1}}});
  cases.push_back({"Gate", std::make_shared<GateOp>(-0.5f, 0.25f, 2.0f, 0.5f), {full, full}});
  cases.push_back({"Remainder", Binary(BinaryFunction::kRemainder), {Shape{4, 1}, Shape{5}}, 1, 9});
}

// Shapes of convolutions that differ in what is special about them.
struct ConvolutionShape {
  std::string name;
  Shape src, weights;
  ConvolutionAttributes attributes;
};

std::vector<ConvolutionShape> ConvolutionShapes() {
  return {
      {"Plain", {2, 16, 9, 9}, {32, 16, 3, 3}, {{1, 1}, {1, 1}, {1, 1}, {1, 1}, 1}},
      {"OneChannel", {7, 1, 8, 8}, {16, 1, 3, 3}, {{1, 1}, {1, 1}, {1, 1}, {1, 1}, 1}},
      {"OddChannels", {1, 5, 9, 7}, {11, 5, 3, 2}, {{2, 1}, {1, 1}, {1, 0}, {1, 1}, 1}},
      {"Strided1x1", {3, 17, 8, 8}, {33, 17, 1, 1}, {{2, 2}, {1, 1}, {0, 0}, {0, 0}, 1}},
      {"Dilated", {1, 8, 15, 15}, {8, 8, 3, 3}, {{1, 1}, {2, 3}, {2, 3}, {2, 3}, 1}},
      {"AsymmetricPads", {2, 4, 7, 7}, {6, 4, 3, 3}, {{2, 2}, {1, 1}, {0, 1}, {2, 0}, 1}},
      {"Depthwise", {2, 24, 9, 9}, {24, 1, 3, 3}, {{1, 1}, {1, 1}, {1, 1}, {1, 1}, 24}},
      {"DepthwiseStrided", {7, 19, 9, 9}, {19, 1, 3, 3}, {{2, 2}, {1, 1}, {1, 1}, {1, 1}, 19}},
      {"DepthwiseMultiplied", {2, 6, 9, 9}, {12, 1, 3, 3}, {{1, 1}, {1, 1}, {1, 1}, {1, 1}, 6}},
      {"Groups", {2, 32, 6, 6}, {64, 16, 3, 3}, {{1, 1}, {1, 1}, {1, 1}, {1, 1}, 2}},
      {"OddGroups", {1, 9, 6, 6}, {6, 3, 3, 3}, {{1, 1}, {1, 1}, {1, 1}, {0, 1}, 3}},
      {"LargeKernel", {1, 3, 20, 20}, {8, 3, 11, 11}, {{4, 4}, {1, 1}, {2, 2}, {2, 2}, 1}},
      {"OneDimension", {2, 5, 17}, {7, 5, 3}, {{2}, {1}, {1}, {1}, 1}},
      {"ThreeDimensions",
       {1, 3, 5, 6, 7},
       {4, 3, 2, 3, 2},
       {{1, 2, 1}, {1, 1, 1}, {0, 1, 1}, {1, 1, 0}, 1}},
      {"WholeImage", {3, 6, 5, 5}, {10, 6, 5, 5}, {{1, 1}, {1, 1}, {0, 0}, {0, 0}, 1}},
      {"PadsBeyondKernel", {1, 2, 4, 4}, {3, 2, 2, 2}, {{1, 1}, {1, 1}, {3, 2}, {2, 3}, 1}},
  };
}

void AddConvolutionCases(std::vector<OpCase>& cases) {
  for (const ConvolutionShape& shape : ConvolutionShapes()) {
    const auto forward = std::make_shared<ConvolutionOp>(shape.attributes);
    const Shape dst = (*forward->InferShapes({shape.src, shape.weights}))[0];
    cases.push_back({"Convolution" + shape.name, forward, {shape.src, shape.weights}});
    cases.push_back({"ConvolutionBias" + shape.name,
                     forward,
                     {shape.src, shape.weights, Shape{shape.weights.dim(0)}}});
    cases.push_back({"BackwardData" + shape.name,
                     std::make_shared<ConvolutionBackwardDataOp>(shape.attributes, shape.src),
                     {dst, shape.weights}});
    cases.push_back(
        {"BackwardWeights" + shape.name,
         std::make_shared<ConvolutionBackwardWeightsOp>(shape.attributes, shape.weights),
         {shape.src, dst}});
  }
}

void AddMatMulCases(std::vector<OpCase>& cases) {
  const auto matmul = [](bool a, bool b) { return std::make_shared<MatMulOp>(a, b); };
  cases.push_back({"MatMul", matmul(false, false), {{7, 5}, {5, 3}}});
  cases.push_back({"MatMulTransposedA", matmul(true, false), {{5, 7}, {5, 3}}});
  cases.push_back({"MatMulTransposedB", matmul(false, true), {{7, 5}, {3, 5}}});
  cases.push_back({"MatMulTransposedBoth", matmul(true, true), {{5, 7}, {3, 5}}});
  cases.push_back({"MatMulVector", matmul(false, false), {{1, 64}, {64, 1}}});
  cases.push_back({"MatMulOuter", matmul(false, false), {{9, 1}, {1, 10}}});
  cases.push_back({"MatMulBatched", matmul(false, false), {{4, 7, 5}, {4, 5, 3}}});
  cases.push_back({"MatMulOneMatrix", matmul(false, true), {{4, 2, 7, 5}, {3, 5}}});
  cases.push_back({"MatMulOneLeft", matmul(false, false), {{7, 5}, {4, 2, 5, 3}}});
  cases.push_back({"MatMulBroadcast", matmul(true, false), {{4, 1, 5, 7}, {1, 3, 5, 2}}});
  cases.push_back({"MatMulOfNothing", matmul(false, false), {{4, 0}, {0, 3}}});
  cases.push_back({"MatMulLarge", matmul(false, false), {{65, 129}, {129, 257}}});
}

void AddReductionCases(std::vector<OpCase>& cases) {
  const Shape shape{3, 19, 5, 7};
  for (ReduceFunction function : {ReduceFunction::kSum, ReduceFunction::kMax}) {
    const std::string name = function == ReduceFunction::kSum ? "ReduceSum" : "ReduceMax";
    cases.push_back({name + "Spatial", Reduce({2, 3}, false, function), {shape}});
    cases.push_back({name + "SpatialKept", Reduce({2, 3}, true, function), {shape}});
    cases.push_back({name + "PerChannel", Reduce({0, 2, 3}, false, function), {shape}});
    cases.push_back({name + "PerSample", Reduce({1, 2, 3}, false, function), {shape}});
    cases.push_back({name + "Batch", Reduce({0}, false, function), {shape}});
    cases.push_back({name + "Channels", Reduce({1}, true, function), {shape}});
    cases.push_back({name + "Alternating", Reduce({0, 2}, false, function), {shape}});
    cases.push_back({name + "All", Reduce({0, 1, 2, 3}, false, function), {shape}});
    cases.push_back({name + "None", Reduce({}, false, function), {shape}});
    cases.push_back({name + "LastAxis", Reduce({1}, false, function), {Shape{5, 1000}}});
    cases.push_back({name + "Large", Reduce({0, 2, 3}, false, function), {Shape{2, 16, 33, 35}}});
  }
  cases.push_back({"ReduceSumOfNothing", Reduce({0}, false), {Shape{0, 3}}});
  const auto broadcast = [](Shape to) { return std::make_shared<BroadcastToOp>(std::move(to)); };
  cases.push_back({"BroadcastScalar", broadcast({2, 3}), {Shape{}}});
  cases.push_back({"BroadcastPlane", broadcast({2, 19, 5, 7}), {Shape{2, 19, 1, 1}}});
  cases.push_back({"BroadcastRow", broadcast({4, 3, 5}), {Shape{5}}});
  cases.push_back({"BroadcastSame", broadcast({1, 2, 3}), {Shape{2, 3}}});
}

void AddMovementCases(std::vector<OpCase>& cases) {
  const Shape shape{3, 19, 5, 7};
  const auto transpose = [](std::vector<int> permutation) {
    return std::make_shared<TransposeOp>(std::move(permutation));
  };
  cases.push_back({"Reshape", std::make_shared<ReshapeOp>(Shape{3, 665}), {shape}});
  cases.push_back({"ReshapeToScalar", std::make_shared<ReshapeOp>(Shape{}), {Shape{1, 1}}});
  cases.push_back({"TransposeToLast", transpose({0, 2, 3, 1}), {shape}});
  cases.push_back({"TransposeReverse", transpose({3, 2, 1, 0}), {shape}});
  cases.push_back({"TransposeMatrix", transpose({1, 0}), {Shape{33, 65}}});
  cases.push_back({"TransposeScalar", transpose({}), {Shape{}}});
  cases.push_back({"ConcatChannels", std::make_shared<ConcatOp>(1), {shape, {3, 16, 5, 7}, shape}});
  cases.push_back({"ConcatBatch", std::make_shared<ConcatOp>(0), {shape, {1, 19, 5, 7}}});
  cases.push_back({"ConcatOne", std::make_shared<ConcatOp>(0), {shape}});
  cases.push_back({"ConcatWithNothing", std::make_shared<ConcatOp>(0), {{0, 4}, {2, 4}, {0, 4}}});
  const auto slice = [](std::vector<int64_t> starts, std::vector<int64_t> steps, Shape sizes) {
    return std::make_shared<SliceOp>(std::move(starts), std::move(steps), std::move(sizes));
  };
  const auto scatter = [](std::vector<int64_t> starts, std::vector<int64_t> steps, Shape to,
                          float fill) {
    return std::make_shared<SliceScatterOp>(std::move(starts), std::move(steps), std::move(to),
                                            fill);
  };
  cases.push_back({"Slice", slice({1, 2, 0, 3}, {1, 5, 2, 1}, {2, 3, 3, 4}), {shape}});
  cases.push_back({"SliceOne", slice({2, 18, 4, 6}, {1, 1, 1, 1}, {1, 1, 1, 1}), {shape}});
  cases.push_back({"SliceNothing", slice({0, 0, 0, 0}, {1, 1, 1, 1}, {3, 0, 5, 7}), {shape}});
  cases.push_back({"Scatter", scatter({1, 0, 2, 0}, {1, 2, 1, 1}, {5, 38, 9, 7}, 0), {shape}});
  cases.push_back({"Pad", scatter({0, 0, 1, 2}, {1, 1, 1, 1}, {3, 19, 7, 11}, 1.5f), {shape}});
  cases.push_back({"PadNothing", scatter({1}, {1}, {4}, 2), {Shape{0}}});
  const auto select = [](int axis, std::vector<int64_t> indices) {
    return std::make_shared<IndexSelectOp>(axis, std::move(indices));
  };
  const auto add = [](int axis, std::vector<int64_t> indices, int64_t size) {
    return std::make_shared<IndexAddOp>(axis, std::move(indices), size);
  };
  cases.push_back({"SelectRepeated", select(2, {0, 0, 1, 1, 4, 3}), {shape}});
  cases.push_back({"SelectLast", select(3, {6, 5, 4, 3, 2, 1, 0}), {shape}});
  cases.push_back({"SelectFirst", select(0, {2}), {shape}});
  cases.push_back({"IndexAdd", add(2, {0, 0, 7, 3, 3}, 8), {shape}});
  cases.push_back({"IndexAddFirst", add(0, {1, 1, 1}, 2), {shape}});
}

void AddPoolingCases(std::vector<OpCase>& cases) {
  struct Pool {
    std::string name;
    Shape src;
    PoolWindow window;
  };
  const std::vector<Pool> pools = {
      {"Plain", {2, 19, 8, 8}, {{2, 2}, {2, 2}, {1, 1}, {0, 0}, {0, 0}}},
      {"Overlapping", {1, 16, 9, 7}, {{3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}}},
      {"Asymmetric", {7, 3, 6, 6}, {{3, 2}, {1, 2}, {1, 1}, {0, 1}, {2, 0}}},
      {"OneDimension", {2, 3, 11}, {{3}, {2}, {1}, {1}, {0}}},
      {"ThreeDimensions", {1, 2, 5, 6, 7}, {{2, 3, 2}, {1, 2, 2}, {1, 1, 1}, {1, 0, 0}, {0, 1, 1}}},
      {"Global", {3, 20, 7, 7}, {{7, 7}, {1, 1}, {1, 1}, {0, 0}, {0, 0}}},
  };
  for (const Pool& pool : pools) {
    const auto maximum = std::make_shared<MaxPoolOp>(pool.window);
    const Shape dst = (*maximum->InferShapes({pool.src}))[0];
    cases.push_back({"MaxPool" + pool.name, maximum, {pool.src}});
    cases.push_back({"MaxPoolScatter" + pool.name,
                     std::make_shared<MaxPoolScatterOp>(pool.window),
                     {dst, pool.src}});
    cases.push_back({"MaxPoolGather" + pool.name,
                     std::make_shared<MaxPoolGatherOp>(pool.window),
                     {pool.src, pool.src}});
    for (bool count_padding : {false, true}) {
      const std::string name = (count_padding ? "Padded" : "") + pool.name;
      cases.push_back({"AveragePool" + name,
                       std::make_shared<AveragePoolOp>(pool.window, count_padding),
                       {pool.src}});
      cases.push_back(
          {"AveragePoolBackward" + name,
           std::make_shared<AveragePoolBackwardOp>(pool.window, count_padding, pool.src),
           {dst}});
    }
  }
  const PoolWindow dilated{{3, 3}, {1, 1}, {2, 2}, {2, 1}, {1, 2}};
  cases.push_back({"MaxPoolDilated", std::make_shared<MaxPoolOp>(dilated), {Shape{1, 5, 9, 9}}});
}

void AddSoftmaxCases(std::vector<OpCase>& cases) {
  for (bool logarithm : {false, true}) {
    const std::string name = logarithm ? "LogSoftmax" : "Softmax";
    const auto softmax = [=](int axis) { return std::make_shared<SoftmaxOp>(axis, logarithm); };
    cases.push_back({name, softmax(1), {Shape{7, 10}}, -9, 9});
    cases.push_back({name + "FirstAxis", softmax(0), {Shape{7, 10}}, -9, 9});
    cases.push_back({name + "MiddleAxis", softmax(1), {Shape{3, 19, 5, 7}}, -9, 9});
    cases.push_back({name + "OneElement", softmax(0), {Shape{1}}, -9, 9});
    cases.push_back({name + "Large", softmax(1), {Shape{2, 1000}}, 80, 120});
  }
}

void AddQuantizeCases(std::vector<OpCase>& cases) {
  const Shape shape{3, 19, 5, 7};
  cases.push_back({"RoundToBFloat16", std::make_shared<RoundToBFloat16Op>(), {shape}});
  for (const DataType type : {DataType::kFloat8E4M3Fn, DataType::kFloat4E2M1}) {
    cases.push_back({"RoundTo" + std::string(DataTypeName(type)),
                     std::make_shared<RoundToNarrowFloatOp>(*NarrowFloatOf(type), true),
                     {shape}});
  }
  std::vector<Range> ranges;
  for (int i = 0; i < 19; ++i) ranges.push_back({-0.1f * static_cast<float>(i), 0.05f});
  for (Symmetry symmetry : {Symmetry::kSymmetricRestricted, Symmetry::kAsymmetric}) {
    for (int bits : {1, 2, 4, 8, 16}) {
      const auto tensor = UniformQuantizer::Create(bits, symmetry, -1, {Range{-0.7f, 0.9f}});
      const auto channel = UniformQuantizer::Create(bits, symmetry, 1, ranges);
      const std::string name =
          (symmetry == Symmetry::kAsymmetric ? "Asymmetric" : "Symmetric") + std::to_string(bits);
      cases.push_back({"FakeQuantize" + name, std::make_shared<FakeQuantizeOp>(*tensor), {shape}});
      cases.push_back(
          {"FakeQuantizeChannels" + name, std::make_shared<FakeQuantizeOp>(*channel), {shape}});
      cases.push_back({"FakeQuantizeGate" + name,
                       std::make_shared<FakeQuantizeGateOp>(*tensor),
                       {shape, shape}});
      cases.push_back({"FakeQuantizeGateChannels" + name,
                       std::make_shared<FakeQuantizeGateOp>(*channel),
                       {shape, shape}});
    }
  }
}

std::vector<OpCase> AllCases() {
  std::vector<OpCase> cases;
  AddUnaryCases(cases);
  AddBinaryCases(cases);
  AddConvolutionCases(cases);
  AddMatMulCases(cases);
  AddReductionCases(cases);
  AddMovementCases(cases);
  AddPoolingCases(cases);
  AddSoftmaxCases(cases);
  AddQuantizeCases(cases);
  return cases;
}

// Those whose first source can come out of a convolution of images.
std::vector<OpCase> ImageCases() {
  std::vector<OpCase> cases = AllCases();
  std::erase_if(cases, [](const OpCase& c) { return c.srcs[0].rank() != 4; });
  return cases;
}

class ExecutorOpsTest : public testing::TestWithParam<OpCase> {};

TEST_P(ExecutorOpsTest, ComputesInPlainOrder) {
  const OpCase& test_case = GetParam();
  ProgramBuilder builder;
  std::vector<ValueId> srcs;
  for (size_t i = 0; i < test_case.srcs.size(); ++i) {
    srcs.push_back(builder.AddInput("src" + std::to_string(i), test_case.srcs[i]));
  }
  const ValueId dst = Apply(builder, test_case.op, srcs);
  ASSERT_NE(dst, kNoValue);
  const Program program = builder.Build({{"dst", dst}});
  ExpectMatchesReference(program, RandomInputs(program, test_case.lower, test_case.upper));
}

// The sources of rank 4 come out of convolutions, and the result goes into one. Squared and
// shifted, sources stay in the domain of logarithms and powers.
class ExecutorLayoutsTest : public testing::TestWithParam<OpCase> {};

TEST_P(ExecutorLayoutsTest, ComputesBetweenConvolutions) {
  const OpCase& test_case = GetParam();
  ProgramBuilder builder;
  std::vector<ValueId> srcs;
  for (size_t i = 0; i < test_case.srcs.size(); ++i) {
    ValueId src = builder.AddInput("src" + std::to_string(i), test_case.srcs[i]);
    if (test_case.srcs[i].rank() == 4) {
      src = BlockedCopy(builder, src, test_case.srcs[i].dim(1));
      if (test_case.lower >= 0) {
        src = Apply(builder, Unary(UnaryFunction::kAbs), {src});
        src = Apply(builder, Unary(UnaryFunction::kClip, 0.5f, 4), {src});
      }
    }
    srcs.push_back(src);
  }
  ValueId dst = Apply(builder, test_case.op, srcs);
  ASSERT_NE(dst, kNoValue);
  std::vector<std::pair<std::string, ValueId>> outputs = {{"dst", dst}};
  if (builder.shape(dst).rank() == 4 && builder.shape(dst).Elements() > 0) {
    outputs.push_back({"convolved", BlockedCopy(builder, dst, 17)});
    // What is wrongly left in a block's padding shows in sums over whole blocks.
    outputs.push_back(
        {"sums", Apply(builder, Reduce({1, 2, 3}, false),
                       {Apply(builder, Unary(UnaryFunction::kLinear, 1, 0), {dst})})});
  }
  const Program program = builder.Build(outputs);
  ExpectMatchesReference(program, RandomInputs(program, test_case.lower, test_case.upper));
}

std::string CaseName(const testing::TestParamInfo<OpCase>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Ops, ExecutorOpsTest, testing::ValuesIn(AllCases()), CaseName);
INSTANTIATE_TEST_SUITE_P(Ops, ExecutorLayoutsTest, testing::ValuesIn(ImageCases()), CaseName);

}  // namespace
}  // namespace halftone
