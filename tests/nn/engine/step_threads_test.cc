#include "nn/engine/onednn/step_threads.h"

#include <memory>

#include "gtest/gtest.h"
#include "nn/engine/ops.h"
#include "nn/engine/program.h"

namespace halftone {
namespace {

// [m, k] x [k, n] of two inputs, and the negative of that.
Program Product(int64_t m, int64_t k, int64_t n) {
  ProgramBuilder builder;
  const ValueId a = builder.AddInput("a", Shape{m, k}), b = builder.AddInput("b", Shape{k, n});
  const ValueId product = *ops::MatMul(builder, a, b);
  const ValueId difference = *ops::Sub(builder, product, product);
  return builder.Build({{"difference", difference}});
}

TEST(StepThreads, CountWhatIsMultipliedAndWhatIsMoved) {
  const Program program = Product(30, 50, 70);
  ASSERT_EQ(program.instructions.size(), 2u);
  const double moved = 30 * 50 + 50 * 70 + 30 * 70;
  EXPECT_NEAR(CostOf(program, program.instructions[0]), 30 * 50 * 70 + 16 * moved, 1e-6);
  EXPECT_NEAR(CostOf(program, program.instructions[1]), 16 * 3 * 30 * 70, 1e-6);
}

TEST(StepThreads, AreOneWhereThereIsLittleToDo) {
  const Program small = Product(30, 50, 70), large = Product(300, 500, 700);
  for (const Instruction& instruction : small.instructions) {
    EXPECT_EQ(ThreadsFor(small, instruction, 8), 1);
  }
  for (const Instruction& instruction : large.instructions) {
    EXPECT_EQ(ThreadsFor(large, instruction, 8), 8);
    EXPECT_EQ(ThreadsFor(large, instruction, 1), 1);
  }
}

}  // namespace
}  // namespace halftone
