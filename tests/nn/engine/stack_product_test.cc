#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "nn/engine/onednn/stack_products.h"
#include "nn/engine/ops/elementwise.h"
#include "nn/engine/ops/matmul.h"
#include "nn/engine/ops/shape_ops.h"
#include "tests/nn/engine/executor_checks.h"

namespace halftone {
namespace {

std::shared_ptr<const Op> Sub() { return std::make_shared<BinaryOp>(BinaryFunction::kSub); }
std::shared_ptr<const Op> Relu() { return std::make_shared<UnaryOp>(UnaryFunction::kRelu); }

ValueId Row(ProgramBuilder& builder, ValueId value) {
  const Shape shape = builder.shape(value);
  const int64_t samples = shape.dim(0);
  return Apply(builder, std::make_shared<ReshapeOp>(Shape{samples, 1, shape.Elements() / samples}),
               {value});
}

ValueId Stack(ProgramBuilder& builder, const std::vector<ValueId>& values) {
  std::vector<ValueId> rows;
  for (ValueId value : values) rows.push_back(Row(builder, value));
  if (rows.size() == 1) return rows[0];
  return Apply(builder, std::make_shared<ConcatOp>(1), rows);
}

ValueId Product(ProgramBuilder& builder, ValueId rows, ValueId columns) {
  return Apply(builder, std::make_shared<MatMulOp>(false, true), {rows, columns});
}

std::vector<ValueId> AddInputs(ProgramBuilder& builder, const std::string& name, int count,
                               const Shape& shape) {
  std::vector<ValueId> values;
  for (int i = 0; i < count; ++i) {
    values.push_back(builder.AddInput(absl::StrCat(name, i), shape));
  }
  return values;
}

void ExpectFound(const Program& program, size_t rows, size_t columns, size_t sources) {
  const StackProducts found = FindStackProducts(program);
  ASSERT_EQ(found.products.size(), 1u);
  const StackProduct& product = *found.products.begin()->second;
  EXPECT_EQ(product.rows.size(), rows);
  EXPECT_EQ(product.columns.size(), columns);
  EXPECT_EQ(product.Sources().size(), sources);
}

// Sizes around the kernel's tile of 512 and piece of 32768 elements.
TEST(StackProductTest, MatchesTheDefinitionForAnyNumberOfElements) {
  for (const int64_t elements : {1, 31, 512, 513, 1000, 32768, 40001}) {
    SCOPED_TRACE(elements);
    ProgramBuilder builder;
    const Shape shape{2, elements};
    const ValueId rows = Stack(builder, AddInputs(builder, "a", 3, shape));
    const ValueId columns = Stack(builder, AddInputs(builder, "b", 2, shape));
    const Program program = builder.Build({{"y", Product(builder, rows, columns)}});
    ExpectFound(program, 3, 2, 5);
    ExpectMatchesReference(program, RandomInputs(program));
  }
}

TEST(StackProductTest, TakesDifferencesAndSingleRows) {
  ProgramBuilder builder;
  const Shape shape{3, 2, 5};
  const std::vector<ValueId> values = AddInputs(builder, "a", 8, shape);
  std::vector<ValueId> differences;
  for (size_t i = 1; i < 7; ++i) {
    differences.push_back(Apply(builder, Sub(), {values[i], values[0]}));
  }
  const ValueId rows = Row(builder, Apply(builder, Sub(), {values[7], values[1]}));
  const Program program =
      builder.Build({{"y", Product(builder, rows, Stack(builder, differences))}});
  ExpectFound(program, 1, 6, 14);
  ExpectMatchesReference(program, RandomInputs(program));
}

// Blocked and padded layouts on one side (20 channels in blocks of 16), plain ones on the other.
TEST(StackProductTest, ReadsValuesInAnyLayout) {
  for (const int blocked : {0, 1, 3, 5}) {
    SCOPED_TRACE(blocked);
    ProgramBuilder builder;
    const std::vector<ValueId> inputs = AddInputs(builder, "x", 5, Shape{2, 20, 6, 7});
    std::vector<ValueId> values;
    for (int i = 0; i < 5; ++i) {
      const ValueId input = inputs[static_cast<size_t>(i)];
      values.push_back(i < blocked ? BlockedCopy(builder, input, 20)
                                   : Apply(builder, Relu(), {input}));
    }
    const ValueId difference = Apply(builder, Sub(), {values[3], values[4]});
    const ValueId rows = Stack(builder, {values[0], values[1]});
    const ValueId columns = Stack(builder, {values[2], difference});
    const Program program = builder.Build({{"y", Product(builder, rows, columns)}});
    ExpectFound(program, 2, 2, 5);
    ExpectMatchesReference(program, RandomInputs(program));
  }
}

TEST(StackProductTest, JoinsTensorsOfDifferentShapes) {
  ProgramBuilder builder;
  const ValueId a = builder.AddInput("a", Shape{2, 4, 3, 3});
  const ValueId b = builder.AddInput("b", Shape{2, 36});
  const ValueId blocked = BlockedCopy(builder, a, 4);
  const Program program =
      builder.Build({{"y", Product(builder, Row(builder, blocked), Row(builder, b))}});
  ExpectFound(program, 1, 1, 2);
  ExpectMatchesReference(program, RandomInputs(program));
}

// What somebody else reads has to be made: the product then takes it as it is.
TEST(StackProductTest, LeavesWhatOthersRead) {
  ProgramBuilder builder;
  const std::vector<ValueId> values = AddInputs(builder, "a", 3, Shape{2, 8});
  const ValueId difference = Apply(builder, Sub(), {values[0], values[1]});
  const ValueId rows = Row(builder, difference);
  const ValueId columns = Row(builder, values[2]);
  const Program difference_is_read =
      builder.Build({{"d", difference}, {"y", Product(builder, rows, columns)}});
  ExpectFound(difference_is_read, 1, 1, 2);
  ExpectMatchesReference(difference_is_read, RandomInputs(difference_is_read));

  const Program row_is_read = builder.Build({{"r", rows}, {"y", Product(builder, rows, columns)}});
  EXPECT_TRUE(FindStackProducts(row_is_read).products.empty());
  ExpectMatchesReference(row_is_read, RandomInputs(row_is_read));
}

// Not every product of matrices is one of stacks: axes that are no samples, and no transposition.
TEST(StackProductTest, LeavesOtherProducts) {
  ProgramBuilder builder;
  const ValueId a = builder.AddInput("a", Shape{6, 4});
  const ValueId b = builder.AddInput("b", Shape{2, 4, 3});
  const ValueId reshaped = Apply(builder, std::make_shared<ReshapeOp>(Shape{2, 3, 4}), {a});
  const ValueId plain = Apply(builder, std::make_shared<MatMulOp>(false, false), {reshaped, b});
  const Program program = builder.Build({{"y", plain}});
  EXPECT_TRUE(FindStackProducts(program).products.empty());
  ExpectMatchesReference(program, RandomInputs(program));
}

}  // namespace
}  // namespace halftone
