#include "nn/engine/program_memory.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "nn/engine/executor.h"
#include "nn/engine/lower.h"
#include "nn/engine/op.h"
#include "nn/engine/ops.h"
#include "nn/graph/graph_memory.h"
#include "nn/graph/passes.h"
#include "nn/onnx/import.h"
#include "tests/nn/engine/graph_maker.h"

namespace halftone {
namespace {

constexpr double kFloatBytes = sizeof(float);

Program ProgramOf(const Graph& graph) {
  const auto lowered = LowerGraph(graph);
  EXPECT_TRUE(lowered.ok()) << lowered.status();
  std::vector<std::pair<std::string, ValueId>> outputs;
  for (const Port& output : graph.outputs) {
    outputs.emplace_back(output.name, lowered->values.at(output.name));
  }
  return lowered->builder.Build(outputs);
}

// 4 samples of 16 channels of 32x32 and a convolution 3x3 with that much padding at every end.
Program Padded(int64_t padding) {
  GraphMaker maker(Shape{4, 16, 32, 32}, 1);
  const std::string result =
      maker.Convolution("x", 16, 16, 3, {{"pads", std::vector<int64_t>(4, padding)}});
  const absl::StatusOr<Graph> graph = BindBatch(maker.Finish(result), 4);
  EXPECT_TRUE(graph.ok()) << graph.status();
  return ProgramOf(*graph);
}

void ExpectHolds(const Program& program) {
  const ProgramMemory estimate = EstimateMemory(program);
  const auto executable = Executable::Compile(program);
  ASSERT_TRUE(executable.ok()) << executable.status();
  const auto arena = static_cast<double>((*executable)->arena_bytes());
  EXPECT_GE(estimate.arena, 0.9 * arena);
  EXPECT_LE(estimate.arena, 2 * arena);
}

TEST(EstimateMemoryTest, WhatDiesMakesRoomAndWhatLeavesStays) {
  // x -> relu(x) -> sum of rows -> + x
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{10, 100});
  const ValueId relu = *ops::Unary(builder, UnaryFunction::kRelu, x, 0, 0);
  const ValueId tanh = *ops::Unary(builder, UnaryFunction::kTanh, relu, 0, 0);
  const ValueId sums = *ops::ReduceSum(builder, tanh, {1}, /*keep_dims=*/true);
  const ValueId y = *ops::Add(builder, x, sums);
  // x, then relu, over which tanh is written, with the sums; then the sums with y.
  EXPECT_EQ(EstimateMemory(builder.Build({{"y", y}})).arena, kFloatBytes * (1000 + 1000 + 10));
  EXPECT_EQ(EstimateMemory(builder.Build({{"y", y}, {"tanh", tanh}})).arena,
            kFloatBytes * (1000 + 1000 + 10 + 1000));
  EXPECT_EQ(ResultBytes(builder.Build({{"y", y}})), kFloatBytes * (1000 + 1000 + 10 + 1000));
}

TEST(EstimateMemoryTest, WhatDependsOnConstantsAloneIsNotOfTheArena) {
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{1, 4});
  const ValueId weights =
      builder.AddConstant(Tensor::Of<float>(Shape{50, 4}, std::vector<float>(200, 1.0f)));
  const ValueId scaled = *ops::Scale(builder, weights, 2);
  const ValueId y = *ops::MatMul(builder, x, scaled, false, /*transpose_b=*/true);
  const Program program = builder.Build({{"y", y}});
  EXPECT_EQ(EstimateMemory(program).arena, kFloatBytes * (4 + 50));
  EXPECT_EQ(EstimateMemory(program).constants, kFloatBytes * 200);
  EXPECT_EQ(ResultBytes(program), kFloatBytes * 50);
}

TEST(EstimateMemoryTest, PaddingAsWideAsTheKernelIsACopy) {
  const Program near = Padded(2), far = Padded(8);
  const double padded = kFloatBytes * 4 * 16 * 48 * 48;
  EXPECT_EQ(ResultBytes(far), padded + kFloatBytes * 4 * 16 * 46 * 46);
  EXPECT_EQ(ResultBytes(near), kFloatBytes * 4 * 16 * 34 * 34);
  EXPECT_GE(EstimateMemory(far).arena, ResultBytes(far));
  ExpectHolds(near);
  ExpectHolds(far);
}

class EstimateOfNetworkTest : public testing::TestWithParam<const char*> {};

TEST_P(EstimateOfNetworkTest, IsWhatItsExecutableHolds) {
  const auto imported =
      ImportOnnxFile(absl::StrCat(HALFTONE_SOURCE_DIR, "/tests/data/networks/", GetParam()));
  ASSERT_TRUE(imported.ok()) << imported.status();
  const absl::StatusOr<Graph> graph = BindBatch(*imported, 8);
  ASSERT_TRUE(graph.ok()) << graph.status();
  const Program program = ProgramOf(*graph);
  ExpectHolds(program);
  const double held = EstimateMemory(program).constants + WeightBytes(*graph);
  const auto executable = Executable::Compile(program);
  ASSERT_TRUE(executable.ok()) << executable.status();
  // The plain weights that a kernel reads in another form are held, but not by the executable.
  const auto used = static_cast<double>((*executable)->constant_bytes());
  EXPECT_GE(held, used);
  EXPECT_LE(held, 2.5 * used);
}

INSTANTIATE_TEST_SUITE_P(Shipped, EstimateOfNetworkTest,
                         testing::Values("resnet14.onnx", "mobilenetv2.onnx", "vit.onnx"),
                         [](const auto& info) {
                           const std::string file = info.param;
                           return file.substr(0, file.find('.'));
                         });

}  // namespace
}  // namespace halftone
