// Derivatives of values that are cut to pieces.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "nn/engine/derivative.h"
#include "nn/engine/op.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/shape_ops.h"
#include "tests/nn/engine/run_program.h"

namespace halftone {
namespace {

constexpr int64_t kRows = 6, kColumns = 3;

struct Cut {
  int axis;
  int64_t start, size, step = 1;
};

// sum_i (i + 1) <slice i of x, slice i of x>, differentiated in x [6, 3].
class CutTest {
 public:
  explicit CutTest(const std::vector<Cut>& cuts) {
    x_ = builder_.AddInput("x", Shape{kRows, kColumns});
    ValueId sum = builder_.AddScalar(0);
    float factor = 1;
    for (const Cut& cut : cuts) {
      std::vector<int64_t> starts(2, 0), steps(2, 1);
      Shape sizes = {kRows, kColumns};
      starts[static_cast<size_t>(cut.axis)] = cut.start;
      steps[static_cast<size_t>(cut.axis)] = cut.step;
      sizes.set_dim(cut.axis, cut.size);
      const ValueId slice =
          builder_.Apply1(std::make_shared<SliceOp>(starts, steps, sizes), {x_}).value();
      const ValueId squares = ops::Mul(builder_, slice, slice).value();
      const ValueId total = ops::SumAll(builder_, squares).value();
      sum = ops::Add(builder_, sum, ops::Scale(builder_, total, factor++).value()).value();
    }
    gradient_ = AppendVjp(builder_, {sum}, {builder_.AddScalar(1)}, {x_}).value()[0];
    for (size_t i = 0; i < static_cast<size_t>(kRows * kColumns); ++i) {
      float slope = 0, weight = 1;
      for (const Cut& cut : cuts) {
        const auto at = static_cast<int64_t>(i);
        const int64_t index = (cut.axis == 0 ? at / kColumns : at % kColumns) - cut.start;
        const bool inside = index >= 0 && index % cut.step == 0 && index / cut.step < cut.size;
        slope += inside ? 2 * weight : 0;
        weight += 1;
      }
      x.push_back(0.25f * static_cast<float>(i) - 1);
      expected.push_back(slope * x.back());
    }
  }

  std::vector<float> Gradient() {
    return RunProgram(builder_, {{"g", gradient_}}, {{"x", x}}).value().at("g");
  }
  // Of all instructions that the gradient needs.
  int64_t Count(OpKind kind) const {
    const Program program = builder_.Build({{"g", gradient_}});
    return std::count_if(program.instructions.begin(), program.instructions.end(),
                         [&](const Instruction& each) { return each.op->kind() == kind; });
  }

  std::vector<float> x, expected;

 private:
  ProgramBuilder builder_;
  ValueId x_ = kNoValue, gradient_ = kNoValue;
};

TEST(JoinSlicesTest, PiecesOfAWholeAreConcatenated) {
  CutTest test({{0, 0, 2}, {0, 2, 3}, {0, 5, 1}});
  EXPECT_EQ(test.Gradient(), test.expected);
  EXPECT_EQ(test.Count(OpKind::kConcat), 1);
  EXPECT_EQ(test.Count(OpKind::kSliceScatter), 0);
}

TEST(JoinSlicesTest, OrderDoesNotMatter) {
  CutTest test({{1, 2, 1}, {1, 0, 1}, {1, 1, 1}});
  EXPECT_EQ(test.Gradient(), test.expected);
  EXPECT_EQ(test.Count(OpKind::kSliceScatter), 0);
}

TEST(JoinSlicesTest, RunsOfPiecesArePutInTheirPlaces) {
  CutTest test({{0, 0, 1}, {0, 1, 1}, {0, 4, 1}, {0, 5, 1}});
  EXPECT_EQ(test.Gradient(), test.expected);
  EXPECT_EQ(test.Count(OpKind::kConcat), 2);
  EXPECT_EQ(test.Count(OpKind::kSliceScatter), 2);
}

TEST(JoinSlicesTest, PiecesThatOverlapOrLieAcrossAreAdded) {
  CutTest overlapping({{0, 0, 4}, {0, 2, 4}, {0, 4, 2}, {0, 0, 2}});
  EXPECT_EQ(overlapping.Gradient(), overlapping.expected);
  CutTest across({{0, 0, 3}, {1, 0, 2}, {0, 3, 3}, {1, 2, 1}});
  EXPECT_EQ(across.Gradient(), across.expected);
  CutTest strided({{0, 0, 3, 2}, {0, 1, 3, 2}, {0, 0, 6}});
  EXPECT_EQ(strided.Gradient(), strided.expected);
}

}  // namespace
}  // namespace halftone
