// Shape inference of every operator, in the forms that the opsets give it.
#include <algorithm>
#include <cstdint>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/graph/passes.h"
#include "tests/nn/graph/graph_builder.h"

namespace halftone {
namespace {

using Ints = std::vector<int64_t>;
using Attributes = GraphBuilder::Attributes;

// One node "y" on the input x and constants; the shapes that its results must have.
struct OperatorCase {
  std::string op;
  Shape src;
  Attributes attributes;
  std::vector<Shape> dsts;  // empty: must be refused
  int64_t opset = 13;
  std::vector<std::pair<std::string, Tensor>> constants = {};  // further inputs, "" for absent
};
void PrintTo(const OperatorCase& test, std::ostream* out) { *out << test.op; }

Tensor List(const Ints& values) {
  return Tensor::Of(Shape{static_cast<int64_t>(values.size())}, values);
}
Tensor Zeros(const Shape& shape) {
  return Tensor::Of(shape, std::vector<float>(static_cast<size_t>(shape.Elements()), 0.0f));
}
Tensor Scales(const std::vector<float>& values) {
  return Tensor::Of(Shape{static_cast<int64_t>(values.size())}, values);
}

absl::StatusOr<Graph> Bind(const OperatorCase& test) {
  GraphBuilder builder(test.opset);
  builder.Input("x", test.src);
  std::vector<std::string> inputs = {"x"}, outputs;
  for (const auto& [name, tensor] : test.constants) {
    inputs.push_back(name);
    if (!name.empty()) builder.Constant(name, tensor);
  }
  for (size_t i = 0; i < std::max<size_t>(test.dsts.size(), 1); ++i) {
    outputs.push_back(absl::StrCat("y", i));
    builder.Output(outputs.back());
  }
  builder.Op(test.op, inputs, outputs, test.attributes);
  return BindBatch(builder.graph(), builder.graph().fixed_batch().value_or(1));
}

class OperatorTest : public ::testing::TestWithParam<OperatorCase> {};

TEST_P(OperatorTest, InfersItsShapes) {
  const OperatorCase& test = GetParam();
  absl::StatusOr<Graph> bound = Bind(test);
  if (test.dsts.empty()) {
    ASSERT_FALSE(bound.ok());
    EXPECT_THAT(std::string(bound.status().message()), ::testing::HasSubstr("node 'y0'"));
    return;
  }
  ASSERT_TRUE(bound.ok()) << bound.status();
  for (size_t i = 0; i < test.dsts.size(); ++i) {
    EXPECT_EQ(bound->outputs[i].info.shape, test.dsts[i])
        << bound->outputs[i].info.shape.ToString();
  }
}

const Shape kImage = {2, 4, 9, 7};

std::vector<OperatorCase> WindowCases() {
  const auto w = [](const Shape& shape) {
    return std::vector<std::pair<std::string, Tensor>>{{"w", Zeros(shape)}};
  };
  const Attributes kernel2 = {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}};
  Attributes ceil = kernel2, upper = kernel2;
  ceil["ceil_mode"] = int64_t{1};
  upper["auto_pad"] = std::string("SAME_UPPER");
  return {
      {"Conv", kImage, {}, {{2, 6, 7, 5}}, 13, w({6, 4, 3, 3})},
      {"Conv",
       kImage,
       {{"strides", Ints{2, 1}}, {"pads", Ints{1, 0, 2, 1}}},
       {{2, 6, 5, 6}},
       13,
       w({6, 4, 3, 3})},
      {"Conv", kImage, {{"dilations", Ints{3, 2}}}, {{2, 6, 3, 3}}, 13, w({6, 4, 3, 3})},
      {"Conv", kImage, {{"group", int64_t{4}}}, {{2, 8, 7, 5}}, 13, w({8, 1, 3, 3})},
      {"Conv",
       kImage,
       {{"auto_pad", std::string("SAME_LOWER")}, {"strides", Ints{2, 2}}},
       {{2, 6, 5, 4}},
       13,
       w({6, 4, 3, 3})},
      {"Conv", {2, 4, 9}, {}, {{2, 6, 7}}, 13, w({6, 4, 3})},
      {"Conv", kImage, {{"group", int64_t{3}}}, {}, 13, w({6, 4, 3, 3})},
      {"Conv", kImage, {{"kernel_shape", Ints{5, 5}}}, {}, 13, w({6, 4, 3, 3})},
      {"MaxPool", kImage, kernel2, {{2, 4, 4, 3}}},
      {"MaxPool", kImage, ceil, {{2, 4, 5, 4}}},
      {"AveragePool", kImage, upper, {{2, 4, 5, 4}}},
      {"AveragePool", kImage, {}, {}},
      {"LpPool", kImage, kernel2, {{2, 4, 4, 3}}},
      {"LpPool", kImage, {}, {}},
      {"GlobalAveragePool", kImage, {}, {{2, 4, 1, 1}}},
      {"GlobalMaxPool", kImage, {}, {{2, 4, 1, 1}}},
      {"BatchNormalization",
       kImage,
       {},
       {kImage},
       9,
       {{"s", Zeros({4})}, {"b", Zeros({4})}, {"m", Zeros({4})}, {"v", Zeros({4})}}},
      {"BatchNormalization",
       kImage,
       {{"training_mode", int64_t{1}}},
       {},
       14,
       {{"s", Zeros({4})}, {"b", Zeros({4})}, {"m", Zeros({4})}, {"v", Zeros({4})}}},
      {"BatchNormalization",
       kImage,
       {},
       {},
       9,
       {{"s", Zeros({3})}, {"b", Zeros({4})}, {"m", Zeros({4})}, {"v", Zeros({4})}}},
  };
}

std::vector<OperatorCase> MatrixAndReductionCases() {
  return {
      {"Gemm", {2, 3}, {}, {{2, 5}}, 9, {{"b", Zeros({3, 5})}, {"c", Zeros({5})}}},
      {"Gemm", {2, 3}, {{"transB", int64_t{1}}}, {{2, 5}}, 11, {{"b", Zeros({5, 3})}}},
      {"Gemm", {3, 2}, {{"transA", int64_t{1}}}, {{2, 5}}, 11, {{"b", Zeros({3, 5})}}},
      {"Gemm", {2, 3}, {}, {}, 11, {{"b", Zeros({4, 5})}}},
      {"Gemm", {2, 3}, {}, {}, 11, {{"b", Zeros({3, 5})}, {"c", Zeros({4})}}},
      {"MatMul", {2, 7, 3}, {}, {{2, 7, 5}}, 13, {{"b", Zeros({3, 5})}}},
      {"MatMul", {2, 1, 7, 3}, {}, {{2, 4, 7, 5}}, 13, {{"b", Zeros({4, 3, 5})}}},
      {"MatMul", {3}, {}, {{5}}, 13, {{"b", Zeros({3, 5})}}},
      {"MatMul", {2, 3}, {}, {{2}}, 13, {{"b", Zeros({3})}}},
      {"ReduceMean", kImage, {{"axes", Ints{2, -1}}}, {{2, 4, 1, 1}}},
      {"ReduceMean", kImage, {{"axes", Ints{2, 3}}, {"keepdims", int64_t{0}}}, {{2, 4}}},
      {"ReduceMean", kImage, {{"keepdims", int64_t{0}}}, {Shape{}}},
      {"ReduceMean", kImage, {}, {{2, 4, 1, 1}}, 18, {{"axes", List({2, 3})}}},
      {"ReduceSum", kImage, {}, {{2, 1, 9, 7}}, 13, {{"axes", List({1})}}},
      {"ReduceSum",
       kImage,
       {{"noop_with_empty_axes", int64_t{1}}},
       {kImage},
       13,
       {{"axes", List({})}}},
      {"ReduceMean", kImage, {{"axes", Ints{4}}}, {}},
      {"Softmax", {2, 5}, {}, {{2, 5}}, 9},
      {"Softmax", {2, 5}, {{"axis", int64_t{2}}}, {}, 13},
      {"LogSoftmax", {2, 5}, {{"axis", int64_t{-1}}}, {{2, 5}}, 13},
  };
}

std::vector<OperatorCase> LayoutCases() {
  return {
      {"Reshape", kImage, {}, {{2, 252}}, 13, {{"s", List({0, -1})}}},
      {"Reshape", kImage, {}, {{7, 2, 36}}, 13, {{"s", List({7, 2, -1})}}},
      {"Reshape", kImage, {}, {}, 13, {{"s", List({5, -1})}}},
      {"Reshape", kImage, {}, {}, 13, {{"s", List({-1, -1})}}},
      {"Reshape", {0, 4}, {{"allowzero", int64_t{1}}}, {{4, 0}}, 14, {{"s", List({4, 0})}}},
      {"Flatten", kImage, {}, {{2, 252}}, 9},
      {"Flatten", kImage, {{"axis", int64_t{0}}}, {{1, 504}}, 9},
      {"Flatten", kImage, {{"axis", int64_t{-1}}}, {{72, 7}}, 11},
      {"Flatten", kImage, {{"axis", int64_t{4}}}, {{504, 1}}, 9},
      {"Transpose", kImage, {}, {{7, 9, 4, 2}}},
      {"Transpose", kImage, {{"perm", Ints{0, 2, 3, 1}}}, {{2, 9, 7, 4}}},
      {"Transpose", kImage, {{"perm", Ints{0, 2, 2, 1}}}, {}},
      {"Squeeze", {2, 1, 3, 1}, {}, {{2, 3}}},
      {"Squeeze", {2, 1, 3, 1}, {{"axes", Ints{1}}}, {{2, 3, 1}}, 11},
      {"Squeeze", {2, 1, 3, 1}, {}, {{2, 1, 3}}, 13, {{"axes", List({-1})}}},
      {"Squeeze", {2, 1, 3, 1}, {{"axes", Ints{0}}}, {}, 11},
      {"Unsqueeze", {2, 3}, {{"axes", Ints{0, 3}}}, {{1, 2, 3, 1}}, 11},
      {"Unsqueeze", {2, 3}, {}, {{2, 3, 1}}, 13, {{"axes", List({-1})}}},
      {"Unsqueeze", {2, 3}, {}, {}, 13, {{"axes", List({1, 1})}}},
      {"Concat", {2, 3}, {{"axis", int64_t{-1}}}, {{2, 8}}, 11, {{"b", Zeros({2, 5})}}},
      {"Concat", {2, 3}, {{"axis", int64_t{0}}}, {}, 11, {{"b", Zeros({2, 5})}}},
      {"Concat", {2, 3}, {}, {}, 11, {{"b", Zeros({2, 3})}}},
      {"Expand", {2, 1}, {}, {{4, 2, 3}}, 13, {{"s", List({4, 1, 3})}}},
      {"Identity", kImage, {}, {kImage}},
      {"Dropout", kImage, {{"ratio", 0.5f}}, {kImage}, 9},
      {"Cast", kImage, {{"to", int64_t{1}}}, {kImage}},
      {"Cast", kImage, {{"to", int64_t{7}}}, {kImage}},
      {"Cast", kImage, {{"to", int64_t{8}}}, {}},
  };
}

std::vector<OperatorCase> SelectionCases() {
  return {
      {"Slice",
       kImage,
       {{"starts", Ints{1}}, {"ends", Ints{-1}}, {"axes", Ints{2}}},
       {{2, 4, 7, 7}},
       9},
      {"Slice",
       kImage,
       {},
       {{2, 4, 3, 7}},
       13,
       {{"s", List({0})}, {"e", List({INT64_MAX})}, {"a", List({2})}, {"t", List({4})}}},
      {"Slice",
       kImage,
       {},
       {{2, 4, 9, 4}},
       13,
       {{"s", List({-1})}, {"e", List({INT64_MIN})}, {"a", List({-1})}, {"t", List({-2})}}},
      {"Slice",
       kImage,
       {},
       {},
       13,
       {{"s", List({0})}, {"e", List({1})}, {"a", List({2})}, {"t", List({0})}}},
      {"Slice", kImage, {}, {{0, 4, 9, 7}}, 13, {{"s", List({5})}, {"e", List({9})}}},
      {"Gather", kImage, {{"axis", int64_t{1}}}, {{2, 3, 9, 7}}, 13, {{"i", List({0, 2, 1})}}},
      {"Gather",
       kImage,
       {{"axis", int64_t{-1}}},
       {{2, 4, 9}},
       13,
       {{"i", Tensor::Scalar(int64_t{0})}}},
      {"Split", kImage, {{"axis", int64_t{1}}}, {{2, 2, 9, 7}, {2, 2, 9, 7}}, 11},
      {"Split",
       kImage,
       {{"axis", int64_t{1}}, {"split", Ints{1, 3}}},
       {{2, 1, 9, 7}, {2, 3, 9, 7}},
       11},
      {"Split",
       kImage,
       {{"axis", int64_t{1}}},
       {{2, 3, 9, 7}, {2, 1, 9, 7}},
       13,
       {{"p", List({3, 1})}}},
      {"Split",
       kImage,
       {{"axis", int64_t{3}}, {"num_outputs", int64_t{2}}},
       {{2, 4, 9, 4}, {2, 4, 9, 3}},
       18},
      {"Pad", kImage, {{"pads", Ints{0, 0, 1, 2, 0, 0, 3, 4}}}, {{2, 4, 13, 13}}, 9},
      {"Pad", kImage, {}, {{2, 4, 8, 7}}, 13, {{"p", List({0, 0, -1, 0, 0, 0, 0, 0})}}},
      {"Pad",
       kImage,
       {},
       {{2, 4, 9, 10}},
       18,
       {{"p", List({1, 2})}, {"", Tensor()}, {"a", List({-1})}}},
      {"Pad", kImage, {}, {}, 13, {{"p", List({0, 0, 1})}}},
      {"Pad", kImage, {}, {}, 13, {{"p", List({-3, 0, 0, 0, 0, 0, 0, 0})}}},
      {"Resize", kImage, {}, {{2, 4, 18, 14}}, 10, {{"s", Scales({1, 1, 2, 2})}}},
      {"Resize", kImage, {}, {{2, 4, 4, 21}}, 13, {{"", Tensor()}, {"s", Scales({1, 1, 0.5, 3})}}},
      {"Resize",
       kImage,
       {},
       {{2, 4, 5, 6}},
       13,
       {{"", Tensor()}, {"", Tensor()}, {"z", List({2, 4, 5, 6})}}},
      {"Resize",
       kImage,
       {{"mode", std::string("lanczos")}},
       {},
       13,
       {{"", Tensor()}, {"s", Scales({1, 1, 2, 2})}}},
      {"Resize", kImage, {}, {}, 13, {{"", Tensor()}, {"s", Scales({1, 1, -2, 2})}}},
      {"Resize",
       kImage,
       {{"keep_aspect_ratio_policy", std::string("not_larger")}, {"axes", Ints{3, 2}}},
       {{2, 4, 18, 14}},
       18,
       {{"", Tensor()}, {"", Tensor()}, {"z", List({14, 20})}}},
      {"Resize",
       kImage,
       {{"keep_aspect_ratio_policy", std::string("not_smaller")}, {"axes", Ints{2, 3}}},
       {{2, 4, 6, 5}},
       18,
       {{"", Tensor()}, {"", Tensor()}, {"z", List({6, 2})}}},
      {"Resize",
       kImage,
       {{"keep_aspect_ratio_policy", std::string("about")}, {"axes", Ints{2, 3}}},
       {},
       18,
       {{"", Tensor()}, {"", Tensor()}, {"z", List({6, 2})}}},
      {"CenterCropPad", kImage, {}, {{2, 3, 12, 7}}, 18, {{"z", List({2, 3, 12, 7})}}},
      {"CenterCropPad", kImage, {{"axes", Ints{-1, 1}}}, {{2, 1, 9, 8}}, 18, {{"z", List({8, 1})}}},
      {"CenterCropPad", kImage, {{"axes", Ints{-1}}}, {}, 18, {{"z", List({8, 1})}}},
      {"CenterCropPad", kImage, {{"axes", Ints{2}}}, {}, 18, {{"z", List({-1})}}},
      {"BitwiseNot", kImage, {}, {}, 18},
  };
}

std::vector<OperatorCase> ElementwiseCases() {
  std::vector<OperatorCase> cases = {
      {"Clip", kImage, {{"min", 0.0f}, {"max", 6.0f}}, {kImage}, 9},
      {"Clip", kImage, {}, {kImage}, 13, {{"lo", Tensor::Scalar(0.0f)}}},
      {"Clip", kImage, {}, {}, 13, {{"lo", Zeros({3})}}},
      {"Add", kImage, {}, {kImage}, 13, {{"b", Zeros({4, 1, 1})}}},
      {"Add", {4, 1}, {}, {{4, 5}}, 13, {{"b", Zeros({5})}}},
      {"Add", kImage, {}, {}, 13, {{"b", Zeros({5, 1, 1})}}},
      {"Add", kImage, {}, {}, 13, {{"b", List({1})}}},
      {"Pow", kImage, {}, {kImage}, 13, {{"b", List({2})}}},
      {"Sum", kImage, {}, {kImage}, 13, {{"b", Zeros({7})}, {"c", Zeros({9, 1})}}},
      {"Frobnicate", kImage, {}, {}},
  };
  for (const char* op : {"Relu", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Exp",
                         "Sqrt", "Neg", "Abs", "Reciprocal", "Log", "Erf"}) {
    cases.push_back({op, kImage, {}, {kImage}});
  }
  for (const char* op : {"Sub", "Mul", "Div", "Max", "Min"}) {
    cases.push_back({op, kImage, {}, {kImage}, 13, {{"b", Zeros({1, 4, 1, 1})}}});
  }
  return cases;
}

Tensor Bools(const Ints& values) {
  return Tensor::FromInts(DataType::kBool, Shape{static_cast<int64_t>(values.size())}, values);
}

std::vector<OperatorCase> NormalizationCases() {
  const auto parameters = [](int64_t size) {
    return std::vector<std::pair<std::string, Tensor>>{{"s", Zeros({size})}, {"b", Zeros({size})}};
  };
  const Attributes groups = {{"num_groups", int64_t{2}}};
  return {
      {"LayerNormalization", {2, 5, 8}, {}, {{2, 5, 8}, {2, 5, 1}, {2, 5, 1}}, 17, parameters(8)},
      {"LayerNormalization", {2, 5, 8}, {{"axis", int64_t{1}}}, {{2, 5, 8}}, 17, parameters(8)},
      {"LayerNormalization", {2, 5, 8}, {}, {}, 17, parameters(5)},
      {"LayerNormalization", {2, 5, 8}, {{"axis", int64_t{3}}}, {}, 17, parameters(8)},
      {"LayerNormalization", {2, 5, 8}, {}, {}, 17},
      {"GroupNormalization", kImage, groups, {kImage}, 18, parameters(2)},
      {"GroupNormalization", kImage, groups, {kImage}, 21, parameters(4)},
      {"GroupNormalization", kImage, groups, {}, 21, parameters(2)},
      {"GroupNormalization", kImage, {{"num_groups", int64_t{3}}}, {}, 18, parameters(3)},
      {"GroupNormalization", kImage, {}, {}, 18, parameters(2)},
      {"InstanceNormalization", kImage, {}, {kImage}, 9, parameters(4)},
      {"InstanceNormalization", kImage, {}, {}, 9, parameters(3)},
      {"InstanceNormalization", {2, 4}, {}, {}, 9, parameters(4)},
      {"MeanVarianceNormalization", kImage, {}, {kImage}},
      {"MeanVarianceNormalization", {2, 4}, {}, {}},
      {"LRN", kImage, {{"size", int64_t{3}}}, {kImage}},
      {"LRN", kImage, {}, {}},
      {"LpNormalization", kImage, {{"axis", int64_t{1}}}, {kImage}},
      {"LpNormalization", kImage, {{"p", int64_t{3}}}, {}},
      {"Hardmax", {2, 5}, {}, {{2, 5}}},
      {"Gelu", kImage, {}, {kImage}, 20},
      {"Gelu", kImage, {{"approximate", std::string("tanh")}}, {kImage}, 20},
      {"Gelu", kImage, {{"approximate", std::string("sine")}}, {}, 20},
      {"PRelu", kImage, {}, {kImage}, 13, {{"s", Zeros({4, 1, 1})}}},
      {"PRelu", {4, 1}, {}, {}, 13, {{"s", Zeros({4, 5})}}},
  };
}

std::vector<OperatorCase> IndexingCases() {
  const Shape data = {3, 4, 2};
  const Tensor pairs = Tensor::Of<int64_t>(Shape{3, 2}, {0, 1, 2, -4, 1, 0});
  return {
      {"GatherND", data, {}, {{3, 2}}, 13, {{"i", pairs}}},
      {"GatherND", data, {{"batch_dims", int64_t{1}}}, {{3}}, 13, {{"i", pairs}}},
      {"GatherND", data, {{"batch_dims", int64_t{2}}}, {}, 13, {{"i", pairs}}},
      {"GatherND", {3}, {}, {}, 13, {{"i", pairs}}},
      {"GatherND", data, {}, {}, 13, {{"i", Zeros({3, 2})}}},
      {"GatherElements", {3, 4}, {}, {{3, 2}}, 13, {{"i", pairs}}},
      {"GatherElements", {2, 4}, {{"axis", int64_t{1}}}, {}, 13, {{"i", pairs}}},
      {"ScatterND", data, {}, {data}, 16, {{"i", pairs}, {"u", Zeros({3, 2})}}},
      {"ScatterND", data, {}, {}, 16, {{"i", pairs}, {"u", Zeros({2, 2})}}},
      {"ScatterND",
       data,
       {{"reduction", std::string("mean")}},
       {},
       16,
       {{"i", pairs}, {"u", Zeros({3, 2})}}},
      {"ScatterElements", {3, 4}, {}, {{3, 4}}, 13, {{"i", pairs}, {"u", Zeros({3, 2})}}},
      {"ScatterElements", {3, 4}, {}, {}, 13, {{"i", pairs}}},
      {"Compress", data, {{"axis", int64_t{1}}}, {{3, 2, 2}}, 13, {{"c", Bools({1, 0, 1})}}},
      {"Compress", data, {}, {{1}}, 13, {{"c", Bools({0, 1})}}},
      {"Compress", {2}, {}, {}, 13, {{"c", Bools({0, 1, 1})}}},
      {"ReverseSequence", data, {}, {data}, 10, {{"l", List({1, 2, 3, 0})}}},
      {"ReverseSequence", data, {{"time_axis", int64_t{2}}}, {}, 10, {{"l", List({1, 2, 3, 0})}}},
      {"OneHot", data, {}, {{3, 4, 2, 5}}, 13, {{"d", List({5})}, {"v", Zeros({2})}}},
      {"OneHot", data, {}, {}, 13, {{"d", List({-5})}, {"v", Zeros({2})}}},
      {"OneHot", data, {}, {}, 13, {{"d", List({5})}, {"v", Zeros({3})}}},
  };
}

// Of what is sorted, sampled, transformed or put back.
std::vector<OperatorCase> PlacingCases() {
  const Attributes roi = {
      {"output_height", int64_t{2}}, {"output_width", int64_t{3}}, {"sampling_ratio", int64_t{2}}};
  const std::vector<std::pair<std::string, Tensor>> boxes = {{"b", Zeros({5, 4})},
                                                             {"s", List({0, 0, 1, 1, 1})}};
  const Attributes unpool = {{"kernel_shape", Ints{2, 3}}, {"strides", Ints{2, 3}}};
  const Tensor places = Tensor::Of<int64_t>(Shape{1, 2, 1, 2}, {0, 4, 12, 17});
  const Tensor one = Tensor::Scalar<int64_t>(1);
  return {
      {"TopK", {2, 5}, {}, {{2, 3}, {2, 3}}, 11, {{"k", List({3})}}},
      {"TopK", {2, 5}, {{"axis", int64_t{0}}, {"k", int64_t{1}}}, {{1, 5}, {1, 5}}, 9},
      {"TopK", {2, 5}, {}, {}, 11, {{"k", List({6})}}},
      {"TopK", {2, 5}, {}, {}, 11, {{"k", List({-1})}}},
      {"TopK", {2, 5}, {}, {}, 11, {{"k", List({1, 2})}}},
      {"GridSample", {2, 3, 4, 5}, {}, {{2, 3, 6, 7}}, 20, {{"g", Zeros({2, 6, 7, 2})}}},
      {"GridSample", {2, 3, 4, 5}, {}, {}, 20, {{"g", Zeros({2, 6, 7, 3})}}},
      {"GridSample", {2, 3, 4, 5}, {}, {}, 20, {{"g", Zeros({1, 6, 7, 2})}}},
      {"RoiAlign", {2, 3, 8, 9}, roi, {{5, 3, 2, 3}}, 16, boxes},
      {"RoiAlign", {2, 3, 8, 9}, {}, {}, 16, boxes},
      {"RoiAlign", {2, 8, 9}, roi, {}, 16, boxes},
      {"AffineGrid", {2, 2, 3}, {}, {{2, 4, 5, 2}}, 20, {{"s", List({2, 1, 4, 5})}}},
      {"AffineGrid", {2, 2, 3}, {}, {}, 20, {{"s", List({2, 1, 4})}}},
      {"DFT", {2, 6, 1}, {{"onesided", int64_t{1}}}, {{2, 4, 2}}, 17},
      {"DFT", {2, 6, 2}, {}, {{2, 9, 2}}, 17, {{"n", Tensor::Scalar<int64_t>(9)}}},
      {"DFT", {2, 6, 3}, {}, {}, 17},
      {"DFT", {2, 6, 1}, {{"axis", int64_t{2}}}, {}, 17},
      {"STFT", {2, 9, 1}, {}, {{2, 6, 3, 2}}, 17, {{"s", one}, {"w", Zeros({4})}}},
      {"STFT", {2, 9, 1}, {}, {}, 17, {{"s", one}, {"w", Zeros({10})}}},
      {"STFT", {2, 9, 1}, {}, {}, 17, {{"s", one}}},
      {"MaxUnpool", {1, 2, 1, 2}, unpool, {{1, 2, 2, 6}}, 11, {{"i", places}}},
      {"MaxUnpool", {1, 2, 1, 3}, unpool, {}, 11, {{"i", places}}},
      {"MaxUnpool", {1, 2, 1, 2}, {}, {}, 11, {{"i", places}}},
      {"Col2Im", {1, 8, 4}, {}, {{1, 2, 3, 3}}, 18, {{"s", List({3, 3})}, {"b", List({2, 2})}}},
      {"Col2Im", {1, 8, 5}, {}, {}, 18, {{"s", List({3, 3})}, {"b", List({2, 2})}}},
      {"Col2Im", {1, 8, 4}, {}, {}, 18, {{"s", List({3, 3})}, {"b", List({4, 2})}}},
  };
}

std::vector<OperatorCase> BlockCases() {
  const Attributes blocks = {{"blocksize", int64_t{2}}};
  const auto equation = [](const char* text) {
    return Attributes{{"equation", std::string(text)}};
  };
  const std::vector<std::pair<std::string, Tensor>> matrix = {{"b", Zeros({3, 5})}};
  const Attributes transposed = {{"strides", Ints{2, 2}}, {"output_padding", Ints{1, 0}}};
  return {
      {"Tile", {2, 3}, {}, {{4, 9}}, 13, {{"r", List({2, 3})}}},
      {"Tile", {2, 3}, {}, {}, 13, {{"r", List({2})}}},
      {"Tile", {2, 3}, {}, {}, 13, {{"r", List({2, -1})}}},
      {"Tile", {2, 3}, {}, {}, 13, {{"r", List({INT64_MAX, INT64_MAX})}}},
      {"DepthToSpace", {1, 8, 2, 3}, blocks, {{1, 2, 4, 6}}},
      {"DepthToSpace", {1, 6, 2, 3}, blocks, {}},
      {"DepthToSpace", {1, 8, 2, 3}, {}, {}},
      {"SpaceToDepth", {1, 2, 4, 6}, blocks, {{1, 8, 2, 3}}},
      {"SpaceToDepth", {1, 2, 5, 6}, blocks, {}},
      {"Trilu", {2, 4, 5}, {}, {{2, 4, 5}}, 14},
      {"Trilu", {4}, {}, {}, 14},
      {"Trilu", {4, 4}, {}, {}, 14, {{"k", List({1, 2})}}},
      {"Einsum", {2, 3}, equation("ij, jk -> ki"), {{5, 2}}, 12, matrix},
      {"Einsum", {2, 3}, equation("ij,jk"), {{2, 5}}, 12, matrix},
      {"Einsum", {4, 2, 3}, equation("...ij,jk->...k"), {{4, 5}}, 12, matrix},
      {"Einsum", {2, 3}, equation("ij,ik->k"), {}, 12, matrix},
      {"Einsum", {2, 3}, equation("ij,jk->iq"), {}, 12, matrix},
      {"Einsum", {2, 3}, equation("ij,jk->ii"), {}, 12, matrix},
      {"Einsum", {2, 3}, equation("i2,jk"), {}, 12, matrix},
      {"Einsum", {2, 3}, equation("ij->i->j"), {}, 12},
      {"Einsum", {2, 3}, equation("......ij"), {}, 12},
      {"Einsum", {2, 3}, equation("ij"), {}, 12, matrix},
      {"ConvTranspose",
       {2, 4, 3, 5},
       transposed,
       {{2, 6, 8, 11}},
       11,
       {{"w", Zeros({4, 6, 3, 3})}}},
      {"ConvTranspose",
       {2, 4, 3, 5},
       {{"group", int64_t{2}}, {"strides", Ints{2, 2}}, {"output_shape", Ints{6, 10}}},
       {{2, 12, 6, 10}},
       11,
       {{"w", Zeros({4, 6, 3, 3})}}},
      {"ConvTranspose", {2, 4, 3, 5}, {}, {}, 11, {{"w", Zeros({3, 6, 3, 3})}}},
      {"ConvTranspose", {2, 4, 3, 5}, {}, {}, 11, {{"w", Zeros({4, 6, 3})}}},
      {"ConvTranspose",
       {2, 4, 3, 5},
       {{"output_padding", Ints{3, 0}}},
       {},
       11,
       {{"w", Zeros({4, 6, 3, 3})}}},
      {"ConvTranspose", {2, 4, 3, 5}, {}, {}, 11, {{"w", Zeros({4, 6, 3, 3})}, {"b", Zeros({4})}}},
      {"CumSum", {2, 3}, {}, {{2, 3}}, 14, {{"a", List({1})}}},
      {"CumSum", {2, 3}, {}, {}, 14, {{"a", List({2})}}},
      {"ArgMax", {2, 3}, {{"axis", int64_t{1}}}, {{2, 1}}},
      {"ArgMin", {2, 3}, {{"keepdims", int64_t{0}}}, {{3}}},
      {"ArgMax", {2, 0}, {{"axis", int64_t{1}}}, {}},
      {"ReduceL2", kImage, {{"axes", Ints{1}}, {"keepdims", int64_t{0}}}, {{2, 9, 7}}},
      {"EyeLike", {3, 4}, {}, {{3, 4}}, 9},
      {"EyeLike", {3}, {}, {}, 9},
      {"Not", kImage, {}, {}},
      {"And", kImage, {}, {}, 13, {{"b", Bools({1, 0, 1, 1, 0, 1, 0})}}},
      {"Greater", kImage, {}, {kImage}, 13, {{"b", Zeros({7})}}},
      {"Where", kImage, {}, {}, 13, {{"a", Zeros({7})}, {"b", Zeros({7})}}},
      {"Mod", kImage, {{"fmod", int64_t{1}}}, {kImage}, 13, {{"b", Zeros({7})}}},
      {"Mod", kImage, {}, {}, 13, {{"b", Zeros({7})}}},
  };
}

std::string CaseName(const ::testing::TestParamInfo<OperatorCase>& info) {
  return absl::StrCat(info.param.op, info.index);
}

INSTANTIATE_TEST_SUITE_P(Windows, OperatorTest, ::testing::ValuesIn(WindowCases()), CaseName);
INSTANTIATE_TEST_SUITE_P(Matrices, OperatorTest, ::testing::ValuesIn(MatrixAndReductionCases()),
                         CaseName);
INSTANTIATE_TEST_SUITE_P(Normalizations, OperatorTest, ::testing::ValuesIn(NormalizationCases()),
                         CaseName);
INSTANTIATE_TEST_SUITE_P(Indexing, OperatorTest, ::testing::ValuesIn(IndexingCases()), CaseName);
INSTANTIATE_TEST_SUITE_P(Placing, OperatorTest, ::testing::ValuesIn(PlacingCases()), CaseName);
INSTANTIATE_TEST_SUITE_P(Blocks, OperatorTest, ::testing::ValuesIn(BlockCases()), CaseName);
INSTANTIATE_TEST_SUITE_P(Layout, OperatorTest, ::testing::ValuesIn(LayoutCases()), CaseName);
INSTANTIATE_TEST_SUITE_P(Selection, OperatorTest, ::testing::ValuesIn(SelectionCases()), CaseName);
INSTANTIATE_TEST_SUITE_P(Elementwise, OperatorTest, ::testing::ValuesIn(ElementwiseCases()),
                         CaseName);

}  // namespace
}  // namespace halftone
