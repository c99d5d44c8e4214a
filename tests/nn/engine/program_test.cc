#include "nn/engine/program.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/engine/op.h"
#include "nn/engine/ops.h"

namespace halftone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> OpNames(const Program& program) {
  std::vector<std::string> names;
  for (const Instruction& instruction : program.instructions) {
    names.push_back(instruction.op->name());
  }
  return names;
}

TEST(ProgramBuilderTest, AppliesAndInfersShapes) {
  ProgramBuilder builder;
  const ValueId a = builder.AddInput("a", Shape{2, 3});
  const ValueId b = builder.AddConstant(Tensor::Of<float>(Shape{3, 4}, std::vector<float>(12)));
  const ValueId c = ops::MatMul(builder, a, b).value();
  EXPECT_EQ(builder.shape(c), (Shape{2, 4}));
  EXPECT_NE(builder.FindConstant(b), nullptr);
  EXPECT_EQ(builder.FindConstant(a), nullptr);
  EXPECT_EQ(builder.FindConstant(c), nullptr);
}

TEST(ProgramBuilderTest, ErrorsNameLabelAndOp) {
  ProgramBuilder builder;
  const ValueId a = builder.AddInput("a", Shape{2, 3});
  builder.SetLabel("fc7");
  const absl::Status status = ops::MatMul(builder, a, a).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("fc7"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("MatMul"));
  EXPECT_EQ(ops::Add(builder, a, 99).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ops::Add(builder, a, kNoValue).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ProgramBuilderTest, RefusesResultsThatAreTooLarge) {
  ProgramBuilder builder;
  const ValueId a = builder.AddInput("a", Shape{1 << 20, 1});
  const ValueId b = builder.AddInput("b", Shape{1, 1 << 20});
  EXPECT_FALSE(ops::Add(builder, a, b).ok());
}

TEST(ProgramBuilderTest, BuildDropsWhatNoOutputNeeds) {
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{4});
  const ValueId unused = builder.AddConstant(Tensor::Scalar(3.0f));
  ASSERT_TRUE(ops::Mul(builder, x, unused).ok());
  const ValueId y = ops::Unary(builder, UnaryFunction::kExp, x).value();
  const Program program = builder.Build({{"y", y}});
  EXPECT_THAT(OpNames(program), ElementsAre("Unary.Exp"));
  EXPECT_TRUE(program.constants.empty());
  EXPECT_EQ(program.inputs.size(), 1);
  EXPECT_EQ(program.shapes.size(), 2);
  EXPECT_EQ(program.outputs[0].name, "y");
  EXPECT_EQ(program.outputs[0].value, program.instructions[0].dsts[0]);
}

TEST(ProgramBuilderTest, BuildOrdersByNeed) {
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{4});
  // Appended first, needed last.
  const ValueId late = ops::Unary(builder, UnaryFunction::kTanh, x).value();
  const ValueId early = ops::Unary(builder, UnaryFunction::kExp, x).value();
  const ValueId sum = ops::Add(builder, early, late).value();
  EXPECT_THAT(OpNames(builder.Build({{"early", early}, {"sum", sum}})),
              ElementsAre("Unary.Exp", "Unary.Tanh", "Binary.Add"));
  EXPECT_THAT(OpNames(builder.Build({{"sum", sum}, {"early", early}})),
              ElementsAre("Unary.Exp", "Unary.Tanh", "Binary.Add"));
  EXPECT_THAT(OpNames(builder.Build({{"late", late}, {"sum", sum}})),
              ElementsAre("Unary.Tanh", "Unary.Exp", "Binary.Add"));
}

TEST(ProgramBuilderTest, InputsAndConstantsCanBeOutputs) {
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{4});
  const ValueId c = builder.AddScalar(2.0f);
  const Program program = builder.Build({{"x", x}, {"c", c}});
  EXPECT_TRUE(program.instructions.empty());
  ASSERT_EQ(program.constants.size(), 1);
  EXPECT_EQ(program.outputs[0].value, program.inputs[0].value);
  EXPECT_EQ(program.outputs[1].value, program.constants[0].value);
}

TEST(ProgramBuilderTest, BuildsProgramsOfAnyDepth) {
  ProgramBuilder builder;
  ValueId value = builder.AddInput("x", Shape{1});
  constexpr size_t kDepth = 200'000;
  for (size_t i = 0; i < kDepth; ++i) value = ops::Add(builder, value, value).value();
  EXPECT_EQ(builder.Build({{"y", value}}).instructions.size(), kDepth);
}

TEST(ProgramBuilderTest, CopiesGrowApart) {
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{4});
  ProgramBuilder copy = builder;
  const ValueId y = ops::Unary(copy, UnaryFunction::kExp, x).value();
  EXPECT_EQ(copy.program().instructions.size(), 1);
  EXPECT_TRUE(builder.program().instructions.empty());
  EXPECT_EQ(copy.shape(y), (Shape{4}));
}

}  // namespace
}  // namespace halftone
