#include <cmath>
#include <limits>
#include <memory>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/engine/derivative.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/gather.h"
#include "tests/nn/engine/run_program.h"

// Selection by a mask and by indices that are computed at run time: what random inputs do not meet.
namespace halftone {
namespace {

using testing::ElementsAre;
using testing::IsNan;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

ValueId Floats(ProgramBuilder& builder, const Shape& shape, std::vector<float> values) {
  return builder.AddConstant(Tensor::Of<float>(shape, std::move(values)));
}

std::vector<float> Elements(const ProgramBuilder& builder, absl::StatusOr<ValueId> value) {
  EXPECT_TRUE(value.ok()) << value.status();
  if (!value.ok()) return {};
  const auto run = RunProgram(builder, {{"y", *value}}, {});
  EXPECT_TRUE(run.ok()) << run.status();
  return run.ok() ? run->at("y") : std::vector<float>();
}

TEST(SelectTest, BroadcastsAllThreeSources) {
  ProgramBuilder builder;
  const ValueId condition = Floats(builder, {2, 1, 3}, {1, 0, 0, 0, -2, kNan});
  const ValueId a = Floats(builder, {2, 1}, {10, 20});
  const ValueId b = Floats(builder, {3}, {1, 2, 3});
  EXPECT_THAT(Elements(builder, ops::Select(builder, condition, a, b)),
              ElementsAre(10, 2, 3, 20, 2, 3, 1, 10, 10, 1, 20, 20));
}

TEST(SelectTest, WhatIsNotSelectedHasNoPart) {
  ProgramBuilder builder;
  const ValueId x = Floats(builder, {4}, {-kInf, kNan, 2, 3});
  const ValueId condition = Floats(builder, {4}, {0, 0, 1, 1});
  const ValueId zero = builder.AddScalar(0);
  const ValueId y = ops::Select(builder, condition, x, zero).value();
  EXPECT_THAT(Elements(builder, y), ElementsAre(0, 0, 2, 3));
  const ValueId cotangent = Floats(builder, {4}, {kInf, 5, 6, 7});
  EXPECT_THAT(Elements(builder, AppendVjp(builder, {y}, {cotangent}, {x}).value()[0]),
              ElementsAre(0, 0, 6, 7));
}

TEST(CompareTest, NanHoldsForNothing) {
  ProgramBuilder builder;
  const ValueId a = Floats(builder, {5}, {1, 2, 3, kNan, kInf});
  const ValueId b = Floats(builder, {5}, {2, 2, 2, kNan, kInf});
  const auto compare = [&](BinaryFunction function) {
    return Elements(builder, ops::Binary(builder, function, a, b));
  };
  EXPECT_THAT(compare(BinaryFunction::kEqual), ElementsAre(0, 1, 0, 0, 1));
  EXPECT_THAT(compare(BinaryFunction::kGreater), ElementsAre(0, 0, 1, 0, 0));
  EXPECT_THAT(compare(BinaryFunction::kAtLeast), ElementsAre(0, 1, 1, 0, 1));
}

TEST(CompareTest, RemainderHasTheSignOfTheDividend) {
  ProgramBuilder builder;
  const ValueId a = Floats(builder, {4}, {5.5f, -5.5f, 7, -1});
  const ValueId b = Floats(builder, {4}, {2, 2, -3, 4});
  const ValueId y = ops::Binary(builder, BinaryFunction::kRemainder, a, b).value();
  EXPECT_THAT(Elements(builder, y), ElementsAre(1.5f, -1.5f, 1, -1));
  const ValueId one = Floats(builder, {4}, {1, 1, 1, 1});
  // a - b trunc(a / b)
  EXPECT_THAT(Elements(builder, AppendVjp(builder, {y}, {one}, {b}).value()[0]),
              ElementsAre(-2, 2, 2, 0));
  EXPECT_THAT(Elements(builder, AppendVjp(builder, {y}, {one}, {a}).value()[0]),
              ElementsAre(1, 1, 1, 1));
}

TEST(GatherTest, IndicesThatNameNothingGiveNanAndAddNothing) {
  ProgramBuilder builder;
  const ValueId src = Floats(builder, {3, 2}, {1, 2, 3, 4, 5, 6});
  const ValueId indices = Floats(builder, {6}, {2, -3, 3, -4, 0.5f, kNan});
  const ValueId y = builder.Apply1(std::make_shared<GatherOp>(0), {src, indices}).value();
  EXPECT_THAT(Elements(builder, y), ElementsAre(5, 6, 1, 2, IsNan(), IsNan(), IsNan(), IsNan(),
                                                IsNan(), IsNan(), IsNan(), IsNan()));
  const ValueId cotangent = Floats(builder, {6, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  EXPECT_THAT(Elements(builder, AppendVjp(builder, {y}, {cotangent}, {src}).value()[0]),
              ElementsAre(3, 4, 0, 0, 1, 2));
}

TEST(GatherTest, RefusesIndicesThatAreNoList) {
  const absl::Status status = GatherOp(0).InferShapes({Shape{3}, Shape{2, 2}}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(GatherAddOp(0, 4).InferShapes({Shape{3}, Shape{2}}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace halftone
