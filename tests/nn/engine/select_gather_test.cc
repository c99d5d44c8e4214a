#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/engine/derivative.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/gather.h"
#include "nn/engine/ops/gather_nd.h"
#include "nn/engine/ops/sort.h"
#include "tests/nn/engine/reference_run.h"
#include "tests/nn/engine/run_program.h"

// Selection by a mask and by indices that are computed at run time: what random inputs do not meet.
namespace halftone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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

TEST(GatherTest, NegativeIndicesCountFromTheEnd) {
  ProgramBuilder builder;
  const ValueId src = Floats(builder, {3, 2}, {1, 2, 3, 4, 5, 6});
  const ValueId indices = Floats(builder, {3}, {2, -3, -1});
  const ValueId y = builder.Apply1(std::make_shared<GatherOp>(0), {src, indices}).value();
  EXPECT_THAT(Elements(builder, y), ElementsAre(5, 6, 1, 2, 5, 6));
  const ValueId cotangent = Floats(builder, {3, 2}, {1, 2, 3, 4, 5, 6});
  EXPECT_THAT(Elements(builder, AppendVjp(builder, {y}, {cotangent}, {src}).value()[0]),
              ElementsAre(3, 4, 0, 0, 6, 8));
}

// The error of a run in which `op` picks from three rows by the indices 0 and `index`.
absl::Status ErrorAt(std::shared_ptr<const Op> op, const Shape& src, const Shape& shape,
                     float index) {
  ProgramBuilder builder;
  builder.SetLabel("embed");
  const ValueId rows = builder.AddInput("rows", src);
  const ValueId indices = builder.AddInput("indices", shape);
  const ValueId y = builder.Apply1(std::move(op), {rows, indices}).value();
  const auto count = static_cast<size_t>(src.Elements());
  return RunProgram(builder, {{"y", y}},
                    {{"rows", std::vector<float>(count, 1)}, {"indices", {0, index}}})
      .status();
}

TEST(GatherTest, IndicesThatNameNothingEndTheRun) {
  for (const float index : {3.0f, -4.0f, 0.5f, kNan, kInf}) {
    for (const absl::Status& status :
         {ErrorAt(std::make_shared<GatherOp>(0), {3, 2}, {2}, index),
          ErrorAt(std::make_shared<GatherAddOp>(0, 3), {2, 2}, {2}, index),
          ErrorAt(std::make_shared<GatherNdOp>(), {1, 3, 2}, {1, 2, 1}, index),
          ErrorAt(std::make_shared<ScatterNdAddOp>(std::vector<int64_t>{3}), {1, 2, 2}, {1, 2, 1},
                  index)}) {
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
      EXPECT_THAT(
          std::string(status.message()),
          testing::AllOf(HasSubstr("of 'embed': index "), HasSubstr("(element 1 of its indices)"),
                         HasSubstr("outside of an axis of size 3")));
    }
  }
  EXPECT_THAT(std::string(ErrorAt(std::make_shared<GatherOp>(0), {3, 2}, {2}, 10).message()),
              HasSubstr("Gather of 'embed': index 10 (element 1"));
}

// Of so many that threads share them, against the ops' definitions.
TEST(GatherNdTest, ManyTuplesAreAsDefined) {
  const int64_t batch = 3, rows = 17, columns = 9, tuples = 4000, inner = 5;
  SplitMix64 random(3);
  const auto draw = [&](int64_t count, double lower, double upper, bool whole) {
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) {
      const double drawn = lower + (upper - lower) * random.Uniform();
      value = static_cast<float>(whole ? std::floor(drawn) : drawn);
    }
    return values;
  };
  std::vector<float> indices;
  for (int64_t i = 0; i < batch * tuples; ++i) {
    indices.push_back(draw(1, -rows, rows, true)[0]);
    indices.push_back(draw(1, -columns, columns, true)[0]);
  }
  ProgramBuilder builder;
  const ValueId src = builder.AddInput("src", {batch, rows, columns, inner});
  const ValueId at = builder.AddInput("at", {batch, tuples, 2});
  const ValueId updates = builder.AddInput("updates", {batch, tuples, inner});
  const ValueId sorted = builder.AddInput("sorted", {60, 200});
  const std::vector<int64_t> sizes = {rows, columns};
  const std::vector<std::pair<std::string, ValueId>> outputs = {
      {"gathered", builder.Apply1(std::make_shared<GatherNdOp>(), {src, at}).value()},
      {"added", builder.Apply1(std::make_shared<ScatterNdAddOp>(sizes), {updates, at}).value()},
      {"writers", builder.Apply1(std::make_shared<LastWriterOp>(sizes), {at}).value()},
      {"largest", builder.Apply1(std::make_shared<SortPositionsOp>(50, true), {sorted}).value()},
      {"smallest", builder.Apply1(std::make_shared<SortPositionsOp>(200, false), {sorted}).value()},
  };
  // Whole numbers, of which many are equal and sums are exact.
  const NamedFloats inputs = {{"src", draw(batch * rows * columns * inner, -1, 1, false)},
                              {"at", indices},
                              {"updates", draw(batch * tuples * inner, -9, 9, true)},
                              {"sorted", draw(60 * 200, -99, 99, true)}};
  const auto run = RunProgram(builder, outputs, inputs);
  ASSERT_TRUE(run.ok()) << run.status();
  for (const auto& [name, expected] : ReferenceRun(builder.Build(outputs), inputs)) {
    EXPECT_EQ(run->at(name), std::vector<float>(expected.values.begin(), expected.values.end()))
        << name;
  }
}

TEST(GatherNdTest, TheLastWriterOfAPlaceIsKnown) {
  ProgramBuilder builder;
  const ValueId indices = Floats(builder, {2, 3, 1}, {3, 0, -1, 1, 1, 1});
  const auto writer =
      builder.Apply1(std::make_shared<LastWriterOp>(std::vector<int64_t>{4}), {indices});
  EXPECT_THAT(Elements(builder, writer), ElementsAre(1, -1, -1, 2, -1, 2, -1, -1));
}

TEST(SortPositionsTest, EqualElementsKeepTheirOrderAndNanIsTheLargest) {
  ProgramBuilder builder;
  const ValueId x = Floats(builder, {2, 5}, {2, 7, 2, -kInf, 7, 1, kNan, 3, kInf, kNan});
  const auto sort = [&](int64_t count, bool descending) {
    return Elements(builder,
                    builder.Apply1(std::make_shared<SortPositionsOp>(count, descending), {x}));
  };
  EXPECT_THAT(sort(5, true), ElementsAre(1, 4, 0, 2, 3, 1, 4, 3, 2, 0));
  EXPECT_THAT(sort(3, false), ElementsAre(3, 0, 2, 0, 2, 3));
  EXPECT_THAT(sort(0, false), ElementsAre());
}

TEST(SortPositionsTest, RefusesMoreThanThereIs) {
  EXPECT_EQ(SortPositionsOp(4, true).InferShapes({Shape{2, 3}}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(SortPositionsOp(1, true).InferShapes({Shape{3}}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(GatherNdTest, RefusesTuplesThatDoNotFit) {
  const auto code = [](const Op& op, const std::vector<Shape>& srcs) {
    return op.InferShapes(srcs).status().code();
  };
  const auto refused = absl::StatusCode::kInvalidArgument;
  EXPECT_EQ(code(GatherNdOp(), {Shape{3}, Shape{1, 1, 1}}), refused);
  EXPECT_EQ(code(GatherNdOp(), {Shape{2, 3, 1}, Shape{1, 4, 1}}), refused);
  EXPECT_EQ(code(GatherNdOp(), {Shape{2, 3, 1}, Shape{2, 4, 2}}), refused);
  EXPECT_EQ(code(ScatterNdAddOp({3}), {Shape{2, 4, 1}, Shape{2, 5, 1}}), refused);
  EXPECT_EQ(code(ScatterNdAddOp({3}), {Shape{4, 1}, Shape{2, 5, 1}}), refused);
  EXPECT_EQ(code(LastWriterOp({3}), {Shape{2, 5}}), refused);
}

TEST(GatherTest, RefusesIndicesThatAreNoList) {
  const absl::Status status = GatherOp(0).InferShapes({Shape{3}, Shape{2, 2}}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(GatherAddOp(0, 4).InferShapes({Shape{3}, Shape{2}}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace halftone
