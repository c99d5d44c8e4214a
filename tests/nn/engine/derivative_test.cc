#include "nn/engine/derivative.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/engine/op.h"
#include "nn/engine/ops.h"
#include "tests/nn/engine/run_program.h"

namespace halftone {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

TEST(AppendVjpTest, SumsOverAllPaths) {
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{3});
  const ValueId square = ops::Mul(builder, x, x).value();
  const ValueId y = ops::Add(builder, square, x).value();  // x^2 + x
  const ValueId u = builder.AddInput("u", Shape{3});
  const ValueId dx = AppendVjp(builder, {y}, {u}, {x}).value()[0];
  const NamedFloats run =
      RunProgram(builder, {{"dx", dx}}, {{"x", {1, 2, -3}}, {"u", {1, 10, 1}}}).value();
  EXPECT_THAT(run.at("dx"), ElementsAre(3, 50, -5));
}

// d/d(hidden) stops at hidden; d/dx goes on through it.
TEST(AppendVjpTest, DifferentiatesInIntermediateValues) {
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{2});
  const ValueId hidden = ops::Scale(builder, x, 3.0f).value();
  const ValueId y = ops::Mul(builder, hidden, hidden).value();
  const ValueId u = builder.AddConstant(Tensor::Of<float>(Shape{2}, {1, 1}));
  const auto diffs = AppendVjp(builder, {y}, {u}, {hidden, x}).value();
  const NamedFloats run =
      RunProgram(builder, {{"dh", diffs[0]}, {"dx", diffs[1]}}, {{"x", {1, 2}}}).value();
  EXPECT_THAT(run.at("dh"), ElementsAre(6, 12));
  EXPECT_THAT(run.at("dx"), ElementsAre(18, 36));
}

TEST(AppendVjpTest, AppendsNothingOffThePath) {
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{2});
  const ValueId before = ops::Unary(builder, UnaryFunction::kExp, x).value();
  const ValueId w = builder.AddInput("w", Shape{2});
  const ValueId y = ops::Mul(builder, before, w).value();
  const ValueId u = builder.AddInput("u", Shape{2});
  const size_t count = builder.program().instructions.size();
  ASSERT_TRUE(AppendVjp(builder, {y}, {u}, {w}).ok());
  // u * before, and nothing for exp(x).
  EXPECT_EQ(builder.program().instructions.size(), count + 1);
}

TEST(AppendVjpTest, GivesZerosWhereNothingDepends) {
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{2});
  const ValueId w = builder.AddInput("w", Shape{3, 2});
  const ValueId y = ops::Unary(builder, UnaryFunction::kRound, x).value();
  const ValueId u = builder.AddInput("u", Shape{2});
  const auto diffs = AppendVjp(builder, {y}, {u}, {w, x}).value();
  EXPECT_EQ(builder.shape(diffs[0]), (Shape{3, 2}));
  EXPECT_EQ(builder.shape(diffs[1]), Shape{2});
  for (const Program::Constant& constant : builder.program().constants) {
    EXPECT_EQ(constant.tensor.elements(), 1) << "zeros are not stored";
  }
  const NamedFloats run = RunProgram(builder, {{"dw", diffs[0]}, {"dx", diffs[1]}},
                                     {{"x", {1, 2}}, {"w", {1, 2, 3, 4, 5, 6}}, {"u", {1, 1}}})
                              .value();
  EXPECT_THAT(run.at("dw"), AllOf(SizeIs(6), Each(0.0f)));
  EXPECT_THAT(run.at("dx"), AllOf(SizeIs(2), Each(0.0f)));
}

TEST(AppendVjpTest, AWrtThatIsAResultGetsItsCotangent) {
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{2});
  const ValueId u = builder.AddInput("u", Shape{2});
  EXPECT_EQ(AppendVjp(builder, {x}, {u}, {x}).value()[0], u);
}

TEST(AppendVjpTest, SeveralResultsAddUp) {
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{1});
  const ValueId a = ops::Scale(builder, x, 2.0f).value();
  const ValueId b = ops::Mul(builder, x, x).value();
  const ValueId one = builder.AddConstant(Tensor::Of<float>(Shape{1}, {1}));
  const ValueId dx = AppendVjp(builder, {a, b, a}, {one, one, one}, {x}).value()[0];
  const NamedFloats run = RunProgram(builder, {{"dx", dx}}, {{"x", {5}}}).value();
  EXPECT_THAT(run.at("dx"), ElementsAre(14));
}

TEST(AppendVjpTest, LabelsTheDerivativeLikeTheInstruction) {
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{2});
  builder.SetLabel("relu3");
  const ValueId y = ops::Unary(builder, UnaryFunction::kRelu, x).value();
  builder.SetLabel("");
  ASSERT_TRUE(AppendVjp(builder, {y}, {x}, {x}).ok());
  EXPECT_EQ(builder.program().instructions.back().op->name(), "Gate");
  EXPECT_EQ(builder.program().instructions.back().label, "relu3");
}

TEST(AppendVjpTest, RefusesWhatDoesNotFit) {
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{2});
  const ValueId u = builder.AddInput("u", Shape{3});
  const absl::Status wrong_shape = AppendVjp(builder, {x}, {u}, {x}).status();
  EXPECT_EQ(wrong_shape.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(wrong_shape.message()), HasSubstr("[3]"));
  EXPECT_EQ(AppendVjp(builder, {x}, {}, {x}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(AppendVjp(builder, {x}, {x}, {77}).status().code(), absl::StatusCode::kInvalidArgument);
}

// x^5 five times over is 120, whatever x: derivatives can be taken of derivatives of derivatives.
TEST(AppendVjpTest, FifthDerivative) {
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{1});
  const ValueId one = builder.AddConstant(Tensor::Of<float>(Shape{1}, {1}));
  ValueId y = ops::Unary(builder, UnaryFunction::kPower, x, 1.0f, 5.0f).value();
  for (int i = 0; i < 5; ++i) y = AppendVjp(builder, {y}, {one}, {x}).value()[0];
  const NamedFloats run = RunProgram(builder, {{"y", y}}, {{"x", {1.5f}}}).value();
  EXPECT_NEAR(run.at("y")[0], 120.0f, 1e-3f);
}

TEST(CornersTest, DerivativeIsThatOfTheOuterSide) {
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{3});
  const ValueId one = builder.AddConstant(Tensor::Of<float>(Shape{3}, {1, 1, 1}));
  const auto derivative = [&](UnaryFunction function, float alpha, float beta) {
    const ValueId y = ops::Unary(builder, function, x, alpha, beta).value();
    const ValueId dx = AppendVjp(builder, {y}, {one}, {x}).value()[0];
    return RunProgram(builder, {{"dx", dx}}, {{"x", {0, 3, 6}}}).value().at("dx");
  };
  EXPECT_THAT(derivative(UnaryFunction::kRelu, 0, 0), ElementsAre(0, 1, 1));
  EXPECT_THAT(derivative(UnaryFunction::kLeakyRelu, 0.5f, 0), ElementsAre(0.5f, 1, 1));
  EXPECT_THAT(derivative(UnaryFunction::kClip, 0, 6), ElementsAre(0, 1, 0));
  EXPECT_THAT(derivative(UnaryFunction::kAbs, 0, 0), ElementsAre(0, 1, 1));
}

TEST(CornersTest, EqualMaximaShareTheDerivative) {
  ProgramBuilder builder;
  const ValueId a = builder.AddInput("a", Shape{2});
  const ValueId b = builder.AddInput("b", Shape{2});
  const ValueId one = builder.AddConstant(Tensor::Of<float>(Shape{2}, {1, 1}));
  const ValueId y = ops::Binary(builder, BinaryFunction::kMax, a, b).value();
  const auto diffs = AppendVjp(builder, {y}, {one}, {a, b}).value();
  const NamedFloats run =
      RunProgram(builder, {{"da", diffs[0]}, {"db", diffs[1]}}, {{"a", {1, 2}}, {"b", {1, 1}}})
          .value();
  EXPECT_THAT(run.at("da"), ElementsAre(0.5f, 1));
  EXPECT_THAT(run.at("db"), ElementsAre(0.5f, 0));
}

}  // namespace
}  // namespace halftone
