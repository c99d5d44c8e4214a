#include "tests/nn/engine/op_cases.h"

#include <limits>
#include <utility>

#include "nn/engine/ops.h"
#include "nn/engine/ops/convolution.h"
#include "nn/engine/ops/elementwise.h"
#include "nn/engine/ops/gather.h"
#include "nn/engine/ops/gather_nd.h"
#include "nn/engine/ops/matmul.h"
#include "nn/engine/ops/normalize.h"
#include "nn/engine/ops/pooling.h"
#include "nn/engine/ops/reduction.h"
#include "nn/engine/ops/shape_ops.h"
#include "nn/engine/ops/softmax.h"

namespace halftone {
namespace {

constexpr OpCase::Values kGrid = OpCase::Values::kGrid;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A convolution and its two derivatives on the same shapes.
void AddConvolution(std::vector<OpCase>& cases, const std::string& name,
                    const ConvolutionAttributes& attributes, const Shape& src,
                    const Shape& weights) {
  auto forward = std::make_shared<ConvolutionOp>(attributes);
  const Shape dst = forward->InferShapes({src, weights}).value()[0];
  cases.push_back({"Convolution" + name, forward, {src, weights}});
  cases.push_back({"ConvolutionBias" + name, forward, {src, weights, Shape{weights.dim(0)}}});
  cases.push_back({"ConvolutionBackwardData" + name,
                   std::make_shared<ConvolutionBackwardDataOp>(attributes, src),
                   {dst, weights}});
  cases.push_back({"ConvolutionBackwardWeights" + name,
                   std::make_shared<ConvolutionBackwardWeightsOp>(attributes, weights),
                   {src, dst}});
}

void AddConvolutions(std::vector<OpCase>& cases) {
  AddConvolution(cases, "Plain", {{1, 1}, {1, 1}, {0, 0}, {0, 0}, 1}, {2, 3, 6, 5}, {4, 3, 3, 3});
  AddConvolution(cases, "Pointwise", {{1, 1}, {1, 1}, {0, 0}, {0, 0}, 1}, {2, 5, 4, 4},
                 {3, 5, 1, 1});
  AddConvolution(cases, "StridedAsymmetricPads", {{2, 3}, {1, 1}, {1, 0}, {2, 1}, 1}, {2, 3, 8, 9},
                 {5, 3, 3, 2});
  AddConvolution(cases, "Dilated", {{1, 2}, {2, 3}, {2, 1}, {2, 3}, 1}, {1, 2, 9, 10},
                 {3, 2, 3, 3});
  AddConvolution(cases, "Grouped", {{1, 1}, {1, 1}, {1, 1}, {1, 1}, 2}, {2, 4, 5, 5}, {6, 2, 3, 3});
  AddConvolution(cases, "Depthwise", {{2, 2}, {1, 1}, {1, 1}, {1, 1}, 6}, {2, 6, 7, 7},
                 {6, 1, 3, 3});
  AddConvolution(cases, "DepthwiseMultiplier", {{1, 1}, {1, 1}, {1, 1}, {1, 1}, 3}, {2, 3, 5, 5},
                 {6, 1, 3, 3});
  AddConvolution(cases, "WideBlocked", {{1, 1}, {1, 1}, {1, 1}, {1, 1}, 1}, {2, 32, 6, 6},
                 {16, 32, 3, 3});
  AddConvolution(cases, "GroupedDilatedStrided", {{2, 1}, {1, 2}, {0, 2}, {1, 1}, 2}, {2, 6, 7, 8},
                 {4, 3, 2, 3});
  AddConvolution(cases, "OneAxis", {{2}, {1}, {1}, {0}, 1}, {2, 3, 9}, {4, 3, 3});
}

void AddMatMuls(std::vector<OpCase>& cases) {
  for (const bool transpose_a : {false, true}) {
    for (const bool transpose_b : {false, true}) {
      auto op = std::make_shared<MatMulOp>(transpose_a, transpose_b);
      const std::string name = std::string(transpose_a ? "At" : "A") + (transpose_b ? "Bt" : "B");
      const auto a = [&](std::vector<int64_t> batch) {
        batch.insert(batch.end(), {transpose_a ? 4 : 3, transpose_a ? 3 : 4});
        return Shape(batch);
      };
      const auto b = [&](std::vector<int64_t> batch) {
        batch.insert(batch.end(), {transpose_b ? 5 : 4, transpose_b ? 4 : 5});
        return Shape(batch);
      };
      cases.push_back({"MatMul" + name, op, {a({}), b({})}});
      cases.push_back({"MatMulBatch" + name, op, {a({2, 3}), b({2, 3})}});
      cases.push_back({"MatMulSharedRight" + name, op, {a({2, 3}), b({})}});
      cases.push_back({"MatMulSharedLeft" + name, op, {a({}), b({3})}});
      cases.push_back({"MatMulBroadcast" + name, op, {a({2, 1}), b({1, 3})}});
    }
  }
}

void AddUnary(std::vector<OpCase>& cases, const std::string& name, UnaryFunction function,
              float lower, float upper, float alpha = 0, float beta = 0) {
  cases.push_back({"Unary" + name,
                   std::make_shared<UnaryOp>(function, alpha, beta),
                   {Shape{3, 4, 5}},
                   OpCase::Values::kRange,
                   lower,
                   upper});
}

void AddCorneredUnary(std::vector<OpCase>& cases, const std::string& name, UnaryFunction function,
                      float alpha, float beta, std::vector<float> kinks) {
  cases.push_back({"Unary" + name,
                   std::make_shared<UnaryOp>(function, alpha, beta),
                   {Shape{3, 4, 5}},
                   kGrid,
                   0,
                   0,
                   std::move(kinks)});
}

void AddUnaries(std::vector<OpCase>& cases) {
  AddCorneredUnary(cases, "Relu", UnaryFunction::kRelu, 0, 0, {0});
  AddCorneredUnary(cases, "LeakyRelu", UnaryFunction::kLeakyRelu, 0.1f, 0, {0});
  AddCorneredUnary(cases, "LeakyReluFalling", UnaryFunction::kLeakyRelu, -0.5f, 0, {0});
  AddCorneredUnary(cases, "Clip", UnaryFunction::kClip, -0.4f, 0.7f, {-0.4f, 0.7f});
  AddCorneredUnary(cases, "ClipBelow", UnaryFunction::kClip, -0.4f, kInfinity, {-0.4f});
  AddCorneredUnary(cases, "Abs", UnaryFunction::kAbs, 0, 0, {0});
  AddUnary(cases, "Linear", UnaryFunction::kLinear, -2, 2, 1.5f, -0.5f);
  AddUnary(cases, "Sigmoid", UnaryFunction::kSigmoid, -3, 3);
  AddUnary(cases, "Tanh", UnaryFunction::kTanh, -2, 2);
  AddUnary(cases, "Exp", UnaryFunction::kExp, -1, 1);
  AddUnary(cases, "Log", UnaryFunction::kLog, 0.5f, 2);
  AddUnary(cases, "Erf", UnaryFunction::kErf, -2, 2);
  AddUnary(cases, "Softplus", UnaryFunction::kSoftplus, -3, 3);
  AddUnary(cases, "Square", UnaryFunction::kPower, -2, 2, 1, 2);
  AddUnary(cases, "Cube", UnaryFunction::kPower, -2, 2, 0.5f, 3);
  AddUnary(cases, "Sqrt", UnaryFunction::kPower, 0.5f, 2, 1, 0.5f);
  AddUnary(cases, "Reciprocal", UnaryFunction::kPower, 0.7f, 2, 1, -1);
  AddUnary(cases, "InverseSqrt", UnaryFunction::kPower, 0.7f, 2, 2, -0.5f);
  AddUnary(cases, "PowerOne", UnaryFunction::kPower, -2, 2, 3, 1);
  AddUnary(cases, "PowerZero", UnaryFunction::kPower, -2, 2, 3, 0);
  AddUnary(cases, "Gelu", UnaryFunction::kGelu, -3, 3);
  AddUnary(cases, "GeluSlope", UnaryFunction::kGeluSlope, -3, 3);
  AddUnary(cases, "Sin", UnaryFunction::kSin, -2, 2);
  AddUnary(cases, "Cos", UnaryFunction::kCos, -2, 2);
  AddUnary(cases, "Tan", UnaryFunction::kTan, -0.8f, 0.8f);
  AddUnary(cases, "Asin", UnaryFunction::kAsin, -0.7f, 0.7f);
  AddUnary(cases, "Acos", UnaryFunction::kAcos, -0.7f, 0.7f);
  AddUnary(cases, "Atan", UnaryFunction::kAtan, -2, 2);
  AddUnary(cases, "Sinh", UnaryFunction::kSinh, -1, 1);
  AddUnary(cases, "Cosh", UnaryFunction::kCosh, -1, 1);
  AddUnary(cases, "Asinh", UnaryFunction::kAsinh, -2, 2);
  AddUnary(cases, "Acosh", UnaryFunction::kAcosh, 1.5f, 3);
  AddUnary(cases, "Atanh", UnaryFunction::kAtanh, -0.7f, 0.7f);
}

void AddBinaries(std::vector<OpCase>& cases) {
  struct Function {
    const char* name;
    BinaryFunction function;
    OpCase::Values values;
    float lower, upper;
  };
  constexpr OpCase::Values kRange = OpCase::Values::kRange;
  const Function functions[] = {
      {"Add", BinaryFunction::kAdd, kRange, -1, 1},
      {"Sub", BinaryFunction::kSub, kRange, -1, 1},
      {"Mul", BinaryFunction::kMul, kRange, -1, 1},
      {"Div", BinaryFunction::kDiv, kRange, 0.7f, 2},
      {"Max", BinaryFunction::kMax, kGrid, 0, 0},
      {"Min", BinaryFunction::kMin, kGrid, 0, 0},
      {"Pow", BinaryFunction::kPow, kRange, 0.7f, 2},
  };
  for (const Function& f : functions) {
    auto op = std::make_shared<BinaryOp>(f.function);
    const std::string name = std::string("Binary") + f.name;
    const auto add = [&](const char* suffix, Shape a, Shape b) {
      cases.push_back(
          {name + suffix, op, {std::move(a), std::move(b)}, f.values, f.lower, f.upper});
    };
    add("", {2, 3, 4}, {2, 3, 4});
    add("PerChannel", {2, 3, 4, 2}, {3, 1, 1});
    add("BothWays", {2, 1, 4}, {3, 1});
    add("Scalar", {}, {2, 3});
  }
}

void AddReductions(std::vector<OpCase>& cases) {
  for (const bool keep_dims : {false, true}) {
    const std::string suffix = keep_dims ? "Keep" : "";
    const auto sum = [&](std::vector<int> axes) {
      return std::make_shared<ReduceOp>(ReduceFunction::kSum, std::move(axes), keep_dims);
    };
    cases.push_back({"ReduceSumInner" + suffix, sum({2, 3}), {Shape{2, 3, 4, 5}}});
    cases.push_back({"ReduceSumOuter" + suffix, sum({0, 2}), {Shape{2, 3, 4}}});
    cases.push_back({"ReduceSumAll" + suffix, sum({0, 1}), {Shape{3, 4}}});
    cases.push_back(
        {"ReduceMax" + suffix,
         std::make_shared<ReduceOp>(ReduceFunction::kMax, std::vector<int>{1, 2}, keep_dims),
         {Shape{3, 4, 5}},
         kGrid});
  }
  cases.push_back({"BroadcastTo", std::make_shared<BroadcastToOp>(Shape{2, 3, 4}), {Shape{3, 1}}});
  cases.push_back({"BroadcastScalar", std::make_shared<BroadcastToOp>(Shape{2, 3}), {Shape{}}});
}

void AddPools(std::vector<OpCase>& cases) {
  const Shape src = {2, 3, 7, 8};
  const std::vector<std::pair<std::string, PoolWindow>> windows = {
      {"Plain", {{2, 2}, {2, 2}, {1, 1}, {0, 0}, {0, 0}}},
      {"OverlappingPadded", {{3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}}},
      {"Asymmetric", {{3, 2}, {1, 3}, {1, 1}, {0, 1}, {2, 0}}},
      {"Whole", {{7, 8}, {1, 1}, {1, 1}, {0, 0}, {0, 0}}},
  };
  const auto add_max = [&cases](const std::string& name, const PoolWindow& window,
                                const Shape& shape) {
    auto pool = std::make_shared<MaxPoolOp>(window);
    const Shape dst = pool->InferShapes({shape}).value()[0];
    cases.push_back({"MaxPool" + name, pool, {shape}, kGrid});
    cases.push_back(
        {"MaxPoolScatter" + name, std::make_shared<MaxPoolScatterOp>(window), {dst, shape}, kGrid});
    cases.push_back(
        {"MaxPoolGather" + name, std::make_shared<MaxPoolGatherOp>(window), {shape, shape}, kGrid});
  };
  for (const auto& [name, window] : windows) {
    add_max(name, window, src);
    for (const bool count_padding : {false, true}) {
      auto pool = std::make_shared<AveragePoolOp>(window, count_padding);
      const Shape dst = pool->InferShapes({src}).value()[0];
      const std::string suffix = name + (count_padding ? "CountPadding" : "");
      cases.push_back({"AveragePool" + suffix, pool, {src}});
      cases.push_back({"AveragePoolBackward" + suffix,
                       std::make_shared<AveragePoolBackwardOp>(window, count_padding, src),
                       {dst}});
    }
  }
  add_max("Dilated", {{2, 2}, {1, 1}, {2, 3}, {1, 0}, {0, 1}}, src);
  add_max("OneAxis", {{3}, {2}, {1}, {1}, {1}}, {2, 3, 9});
}

void AddShapeOps(std::vector<OpCase>& cases) {
  const std::vector<int64_t> indices = {2, 0, 0, 3};
  cases.push_back({"Reshape", std::make_shared<ReshapeOp>(Shape{4, 6}), {Shape{2, 3, 4}}});
  cases.push_back({"Transpose",
                   std::make_shared<TransposeOp>(std::vector<int>{2, 0, 3, 1}),
                   {Shape{2, 3, 4, 5}}});
  cases.push_back(
      {"Concat", std::make_shared<ConcatOp>(1), {Shape{2, 3, 4}, Shape{2, 1, 4}, Shape{2, 2, 4}}});
  cases.push_back({"Slice",
                   std::make_shared<SliceOp>(std::vector<int64_t>{0, 1, 2},
                                             std::vector<int64_t>{1, 2, 1}, Shape{2, 2, 3}),
                   {Shape{2, 5, 6}}});
  cases.push_back(
      {"SliceScatter",
       std::make_shared<SliceScatterOp>(std::vector<int64_t>{0, 1, 2},
                                        std::vector<int64_t>{1, 2, 1}, Shape{2, 5, 6}, 0.5f),
       {Shape{2, 2, 3}}});
  cases.push_back({"IndexSelect", std::make_shared<IndexSelectOp>(1, indices), {Shape{2, 4, 3}}});
  cases.push_back({"IndexAdd", std::make_shared<IndexAddOp>(1, indices, 5), {Shape{2, 4, 3}}});
}

// The mask and the indices are the last source or the first: no derivative is taken in them.
void AddSelections(std::vector<OpCase>& cases) {
  const Tensor mask = Tensor::Of<float>(Shape{2, 1, 4}, {1, 0, 0, 1, 0, 0, 1, 0});
  const Tensor indices = Tensor::Of<float>(Shape{4}, {2, 0, -1, 2});
  cases.push_back({"Select", std::make_shared<SelectOp>(), {Shape{3, 4}, Shape{2, 3, 1}}});
  cases.back().fixed = {{0, mask}};
  cases.push_back({"Gather", std::make_shared<GatherOp>(1), {Shape{2, 5, 3}}});
  cases.back().fixed = {{1, indices}};
  const Tensor tuples = Tensor::Of<float>(Shape{2, 3, 2}, {1, 2, 0, -1, 1, 2, 0, 0, -2, 1, 1, -3});
  cases.push_back({"GatherNd", std::make_shared<GatherNdOp>(), {Shape{2, 2, 3, 4}}});
  cases.back().fixed = {{1, tuples}};
  cases.push_back({"ScatterNdAdd",
                   std::make_shared<ScatterNdAddOp>(std::vector<int64_t>{2, 3}),
                   {Shape{2, 3, 4}}});
  cases.back().fixed = {{1, tuples}};
  cases.push_back({"GatherAdd", std::make_shared<GatherAddOp>(1, 5), {Shape{2, 4, 3}}});
  cases.back().fixed = {{1, indices}};
}

void AddNormalizations(std::vector<OpCase>& cases) {
  cases.push_back({"Normalize", std::make_shared<NormalizeOp>(1, 1e-3f), {Shape{3, 2, 8}}});
  cases.push_back({"NormalizeBackward",
                   std::make_shared<NormalizeBackwardOp>(1),
                   {Shape{3, 2, 4}, Shape{3, 2, 4}, Shape{3, 1, 1}},
                   OpCase::Values::kRange,
                   0.5f,
                   2});
  // Through both results.
  cases.push_back({"NormalizeInverse", nullptr, {Shape{4, 9}}});
  cases.back().build = [](ProgramBuilder& builder,
                          absl::Span<const ValueId> srcs) -> absl::StatusOr<ValueId> {
    const auto results = builder.Apply(std::make_shared<NormalizeOp>(1, 1e-2f), srcs);
    if (!results.ok()) return results.status();
    return ops::Mul(builder, (*results)[0], (*results)[1]);
  };
}

}  // namespace

std::vector<OpCase> DifferentiableOpCases() {
  std::vector<OpCase> cases;
  AddConvolutions(cases);
  AddMatMuls(cases);
  AddUnaries(cases);
  AddBinaries(cases);
  AddReductions(cases);
  AddPools(cases);
  AddShapeOps(cases);
  AddSelections(cases);
  AddNormalizations(cases);
  cases.push_back({"Gate",
                   std::make_shared<GateOp>(-0.5f, 0.8f, 1.5f, 0.2f),
                   {Shape{4, 6}, Shape{4, 6}},
                   kGrid,
                   0,
                   0,
                   {-0.5f, 0.8f}});
  for (const bool logarithm : {false, true}) {
    const std::string name = logarithm ? "LogSoftmax" : "Softmax";
    cases.push_back({name + "Last",
                     std::make_shared<SoftmaxOp>(1, logarithm),
                     {Shape{4, 10}},
                     OpCase::Values::kRange,
                     -2,
                     2});
    cases.push_back({name + "Middle",
                     std::make_shared<SoftmaxOp>(1, logarithm),
                     {Shape{2, 5, 3}},
                     OpCase::Values::kRange,
                     -2,
                     2});
  }
  return cases;
}

}  // namespace halftone
