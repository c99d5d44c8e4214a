// Types of few bits in networks: what is computed while they run, and what folds away, is the same.
#include <limits>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/engine/lower.h"
#include "nn/graph/float32.h"
#include "nn/graph/passes.h"
#include "nn/graph/quantized/read_as_float.h"
#include "tests/nn/engine/run_program.h"
#include "tests/nn/graph/graph_builder.h"

namespace halftone {
namespace {

using ::testing::HasSubstr;
using Attributes = GraphBuilder::Attributes;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

Tensor TensorOf(DataType type, const Shape& shape, const std::vector<double>& values) {
  if (IsFloat(type)) return Tensor::FromDoubles(type, shape, values);
  return Tensor::FromInts(type, shape, std::vector<int64_t>(values.begin(), values.end()));
}

// One node whose first input is `src`; the others are constants.
struct NarrowCase {
  std::string name, op;
  Tensor src;
  std::vector<Tensor> others;
  Attributes attributes;
  std::vector<float> dst;
};
void PrintTo(const NarrowCase& test, std::ostream* out) { *out << test.name; }

Graph GraphOf(const NarrowCase& test, bool is_constant) {
  GraphBuilder builder(21);
  std::vector<std::string> inputs = {"x"};
  for (size_t i = 0; i < test.others.size(); ++i) {
    inputs.push_back("c" + std::to_string(i));
    builder.Constant(inputs.back(), test.others[i]);
  }
  if (is_constant) {
    builder.Constant("x", test.src);
    builder.Input("unused", Shape{1});
  } else {
    builder.Input("x", test.src.shape(), test.src.type());
  }
  builder.Op(test.op, inputs, {"y"}, test.attributes).Output("y");
  return builder.graph();
}

absl::StatusOr<Graph> Bind(const Graph& graph) {
  return BindBatch(graph, graph.fixed_batch().value_or(1));
}

class NarrowTypesTest : public ::testing::TestWithParam<NarrowCase> {};

TEST_P(NarrowTypesTest, RunAsTheyAreDefined) {
  const auto bound = Bind(GraphOf(GetParam(), false));
  ASSERT_TRUE(bound.ok()) << bound.status();
  const auto lowered = LowerGraph(*bound);
  ASSERT_TRUE(lowered.ok()) << lowered.status();
  const Tensor src = *ToFloat32(GetParam().src);
  const auto run = RunProgram(lowered->builder, {{"y", lowered->values.at("y")}},
                              {{"x", {src.data<float>().begin(), src.data<float>().end()}}});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run->at("y"), ::testing::Pointwise(::testing::NanSensitiveFloatEq(), GetParam().dst));
}

TEST_P(NarrowTypesTest, FoldToTheSame) {
  const auto bound = Bind(GraphOf(GetParam(), true));
  ASSERT_TRUE(bound.ok()) << bound.status();
  ASSERT_EQ(bound->initializers.count("y"), 1);
  const Tensor dst = *ToFloat32(bound->initializers.at("y"));
  EXPECT_THAT(dst.data<float>(),
              ::testing::Pointwise(::testing::NanSensitiveFloatEq(), GetParam().dst));
}

Tensor Floats(const std::vector<float>& values) {
  return Tensor::Of(Shape{static_cast<int64_t>(values.size())}, values);
}

Attributes To(DataType type) { return {{"to", int64_t{OnnxNumber(type)}}}; }

Attributes ToWithoutSaturation(DataType type) {
  Attributes attributes = To(type);
  attributes["saturate"] = int64_t{0};
  return attributes;
}

std::vector<NarrowCase> CastCases() {
  const Tensor floats = Floats({0.3f, -1e6f, kInfinity, 5});
  const Tensor integers = TensorOf(DataType::kInt32, {4}, {-9, 3, 23, 500});
  const Tensor small = TensorOf(DataType::kFloat8E4M3Fn, {3}, {0.3, -2.6, 448});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  return {
      {"E4M3Fn", "Cast", floats, {}, To(DataType::kFloat8E4M3Fn), {0.3125f, -448, 448, 5}},
      {"E4M3Fnuz", "Cast", floats, {}, To(DataType::kFloat8E4M3Fnuz), {0.3125f, -240, 240, 5}},
      {"E4M3FnWithoutSaturation",
       "Cast",
       floats,
       {},
       ToWithoutSaturation(DataType::kFloat8E4M3Fn),
       {0.3125f, nan, nan, 5}},
      {"E5M2WithoutSaturation",
       "Cast",
       floats,
       {},
       ToWithoutSaturation(DataType::kFloat8E5M2),
       {0.3125f, -kInfinity, kInfinity, 5}},
      {"E2M1", "Cast", floats, {}, To(DataType::kFloat4E2M1), {0.5f, -6, 6, 4}},
      {"Like",
       "CastLike",
       floats,
       {TensorOf(DataType::kFloat8E4M3Fn, {1}, {1})},
       {},
       {0.3125f, -448, 448, 5}},
      {"FloatsToInt4",
       "Cast",
       Floats({-9.5f, -0.9f, 3.9f, 500}),
       {},
       To(DataType::kInt4),
       {-8, 0, 3, 7}},
      {"IntegersToInt4", "Cast", integers, {}, To(DataType::kInt4), {7, 3, 7, 4}},
      {"IntegersToUint4", "Cast", integers, {}, To(DataType::kUint4), {7, 3, 7, 4}},
      {"IntegersToInt8", "Cast", integers, {}, To(DataType::kInt8), {-9, 3, 23, -12}},
      {"IntegersToE2M1", "Cast", integers, {}, To(DataType::kFloat4E2M1), {-6, 3, 6, 6}},
      {"ToFloat", "Cast", small, {}, To(DataType::kFloat32), {0.3125f, -2.5f, 448}},
      {"ToHalf", "Cast", small, {}, To(DataType::kFloat16), {0.3125f, -2.5f, 448}},
      {"BetweenNarrow", "Cast", small, {}, To(DataType::kFloat4E2M1), {0.5f, -2, 6}},
      {"ToInt32", "Cast", small, {}, To(DataType::kInt32), {0, -2, 448}},
  };
}

// Along axis 1, in blocks of 2 of which the last is cut off.
std::vector<NarrowCase> BlockCases() {
  const Attributes blocks = {{"axis", int64_t{1}}, {"block_size", int64_t{2}}};
  const Tensor scales = Tensor::Of<float>({2, 2, 1}, {1, 2, 4, 0.5f});
  const Tensor integers = TensorOf(DataType::kInt4, {2, 3, 1}, {-8, 7, 3, 2, -4, -1});
  const Tensor zeros = TensorOf(DataType::kInt4, {2, 2, 1}, {1, -1, 0, 2});
  const Tensor reals = Tensor::Of<float>({2, 3, 1}, {-8, 7, 3, 2, -40, -1});
  Attributes to_e4m3 = blocks;
  to_e4m3["output_dtype"] = int64_t{OnnxNumber(DataType::kFloat8E4M3Fn)};
  Attributes to_int4 = blocks;
  to_int4["output_dtype"] = int64_t{OnnxNumber(DataType::kInt4)};
  return {
      {"Dequantize", "DequantizeLinear", integers, {scales}, blocks, {-8, 7, 6, 8, -16, -0.5f}},
      {"DequantizeWithZero",
       "DequantizeLinear",
       integers,
       {scales, zeros},
       blocks,
       {-9, 6, 8, 8, -16, -1.5f}},
      {"QuantizeToInt4", "QuantizeLinear", reals, {scales}, to_int4, {-8, 7, 2, 0, -8, -2}},
      {"QuantizeWithZero", "QuantizeLinear", reals, {scales, zeros}, blocks, {-7, 7, 1, 0, -8, 0}},
      {"QuantizeToE4M3", "QuantizeLinear", reals, {scales}, to_e4m3, {-8, 7, 1.5f, 0.5f, -10, -2}},
  };
}

std::vector<NarrowCase> ScaleCases() {
  const Tensor small = TensorOf(DataType::kFloat8E5M2, {2, 2}, {0.3, -2.6, 448, 1});
  const Tensor scale = Tensor::Scalar(2.0f);
  const Tensor zero = TensorOf(DataType::kFloat8E5M2, {}, {0});
  const Tensor reals = Floats({0.6f, -1e6f, 1e-9f});
  return {
      {"DequantizeE5M2", "DequantizeLinear", small, {scale}, {}, {0.625f, -5, 896, 2}},
      {"DequantizeE5M2WithZero",
       "DequantizeLinear",
       small,
       {scale, zero},
       {},
       {0.625f, -5, 896, 2}},
      {"QuantizeE5M2", "QuantizeLinear", reals, {scale, zero}, {}, {0.3125f, -57344, 0}},
      {"QuantizeE5M2WithoutSaturation",
       "QuantizeLinear",
       reals,
       {scale, zero},
       {{"saturate", int64_t{0}}},
       {0.3125f, -kInfinity, 0}},
  };
}

// Results keep their last bits.
std::vector<NarrowCase> ArithmeticCases() {
  const auto bytes = [](const std::vector<double>& values) {
    return TensorOf(DataType::kUint8, {4}, values);
  };
  const auto signs = [](const std::vector<double>& values) {
    return TensorOf(DataType::kInt8, {4}, values);
  };
  const Tensor a = bytes({200, 255, 7, 0}), b = bytes({100, 255, 8, 1});
  const Tensor c = signs({-128, 127, -100, 7}), d = signs({-1, 127, 100, -2});
  const Tensor wide = TensorOf(DataType::kInt16, {2}, {32767, -32768});
  return {
      {"AddUint8", "Add", a, {b}, {}, {44, 254, 15, 1}},
      {"SubUint8", "Sub", a, {b}, {}, {100, 0, 255, 255}},
      {"MulUint8", "Mul", a, {b}, {}, {32, 1, 56, 0}},
      {"DivUint8", "Div", a, {b}, {}, {2, 1, 0, 0}},
      {"AddInt8", "Add", c, {d}, {}, {127, -2, 0, 5}},
      {"SubInt8", "Sub", c, {d}, {}, {-127, 0, 56, 9}},
      {"MulInt8", "Mul", c, {d}, {}, {-128, 1, -16, -14}},
      {"DivInt8", "Div", c, {d}, {}, {-128, 1, -1, -3}},
      {"AddInt16", "Add", wide, {wide}, {}, {-2, 0}},
  };
}

const auto kName = [](const ::testing::TestParamInfo<NarrowCase>& info) { return info.param.name; };
INSTANTIATE_TEST_SUITE_P(Casts, NarrowTypesTest, ::testing::ValuesIn(CastCases()), kName);
INSTANTIATE_TEST_SUITE_P(Arithmetic, NarrowTypesTest, ::testing::ValuesIn(ArithmeticCases()),
                         kName);
INSTANTIATE_TEST_SUITE_P(Blocks, NarrowTypesTest, ::testing::ValuesIn(BlockCases()), kName);
INSTANTIATE_TEST_SUITE_P(Scales, NarrowTypesTest, ::testing::ValuesIn(ScaleCases()), kName);

// x through a quantizer, and weights that are stored in few bits.
Graph QuantizedProduct(const Tensor& weights, const Tensor& scale, const Attributes& blocks,
                       const Tensor& zero) {
  GraphBuilder builder(21);
  builder.Input("x", Shape{1, 2}).Constant("w", weights).Constant("s", scale);
  builder.Float("one", 1).Constant("zero", zero);
  builder.Op("QuantizeLinear", {"x", "one", "zero"}, {"q"});
  builder.Op("DequantizeLinear", {"q", "one", "zero"}, {"a"});
  builder.Op("DequantizeLinear", {"w", "s"}, {"b"}, blocks);
  builder.Op("MatMul", {"a", "b"}, {"y"}).Output("y");
  return builder.graph();
}

std::vector<float> RunAsFloat(const Graph& graph, const std::vector<float>& x) {
  const auto read = ReadAsFloat(graph);
  EXPECT_TRUE(read.ok()) << read.status();
  const auto bound = Bind(*read);
  EXPECT_TRUE(bound.ok()) << bound.status();
  EXPECT_EQ(bound->initializers.count("b"), 1) << "weights are folded";
  const auto lowered = LowerGraph(*bound);
  EXPECT_TRUE(lowered.ok()) << lowered.status();
  return RunProgram(lowered->builder, {{"y", lowered->values.at("y")}}, {{"x", x}})->at("y");
}

// Integers of 4 bits round no activations of the float network; floats of 8 bits do.
TEST(NarrowTypesTest, QuantizedNetworksAreReadAsFloat) {
  const Tensor four = TensorOf(DataType::kInt4, {2, 1}, {-8, 3});
  const Tensor eight = TensorOf(DataType::kFloat8E4M3Fn, {2, 1}, {-8, 0.3125});
  const Tensor zero4 = TensorOf(DataType::kInt4, {}, {0});
  const Tensor zero8 = TensorOf(DataType::kFloat8E4M3Fn, {}, {0});
  const Tensor half = Tensor::Scalar(0.5f), halves = Tensor::Of<float>({1, 1}, {0.5f});
  const Attributes blocks = {{"axis", int64_t{0}}, {"block_size", int64_t{2}}};
  const std::vector<float> x = {0.3f, 2};
  const std::vector<float> unrounded = {0.3f * -4 + 2 * 1.5f};
  EXPECT_EQ(RunAsFloat(QuantizedProduct(four, half, {}, zero4), x), unrounded);
  EXPECT_EQ(RunAsFloat(QuantizedProduct(four, halves, blocks, zero4), x), unrounded);
  EXPECT_EQ(RunAsFloat(QuantizedProduct(eight, half, {}, zero8), x),
            (std::vector<float>{0.3125f * -4 + 2 * 0.15625f}));
}

TEST(NarrowTypesTest, NothingIsComputedInFloatsOf8Bits) {
  const NarrowCase relu = {"Relu", "Relu", TensorOf(DataType::kFloat8E5M2, {2}, {1, 2}),
                           {},     {},     {}};
  const absl::Status status = Bind(GraphOf(relu, false)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("'x' is of type float8_e5m2"));
}

// A recurrent operator reads constant states as float32 when it is unrolled.
TEST(NarrowTypesTest, StatesInFloatsOf8BitsAreRefused) {
  GraphBuilder builder(21);
  builder.Input("x", Shape{1, 1, 1}).Floats("w", {1, 4, 1}).Floats("r", {1, 4, 4});
  builder.Constant("h", TensorOf(DataType::kFloat8E5M2, {1, 1, 4}, {1, 2, 3, 4}));
  builder.Op("RNN", {"x", "w", "r", "", "", "h"}, {"y"}, {{"hidden_size", int64_t{4}}});
  const absl::Status status = Bind(builder.Output("y").graph()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("node 'y'"));
}

TEST(NarrowTypesTest, ProductsBeyondFloat32AreRefused) {
  const Tensor wide = TensorOf(DataType::kInt16, {1}, {1});
  const auto bound = Bind(GraphOf({"Mul", "Mul", wide, {wide}, {}, {}}, false));
  const absl::Status status = LowerGraph(bound.value()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("node 'y'"));
}

// Each is refused with the node's name.
TEST(NarrowTypesTest, RefusesScalesThatDoNotFit) {
  const Tensor src = Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor scales = Tensor::Of<float>({2, 2}, {1, 2, 3, 4});
  const auto refuse = [&](std::vector<Tensor> others, Attributes attributes) {
    const NarrowCase bad = {"", "QuantizeLinear", src, std::move(others), std::move(attributes),
                            {}};
    for (const bool is_constant : {false, true}) {
      const absl::Status status = Bind(GraphOf(bad, is_constant)).status();
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr("node 'y'"));
    }
  };
  refuse({scales}, {});
  for (const int64_t block : {int64_t{1}, int64_t{3}, int64_t{-2}, INT64_MIN, INT64_MAX}) {
    refuse({scales}, {{"block_size", block}});
  }
  refuse({scales}, {{"block_size", int64_t{2}}, {"axis", int64_t{0}}});
  refuse({scales}, {{"block_size", int64_t{2}}, {"axis", int64_t{2}}});
  refuse({scales, TensorOf(DataType::kInt4, {2}, {1, 1})}, {{"block_size", int64_t{2}}});
  refuse({Tensor::Scalar(1.0f), TensorOf(DataType::kInt4, {}, {1})},
         {{"output_dtype", int64_t{OnnxNumber(DataType::kInt8)}}});
}

}  // namespace
}  // namespace halftone
