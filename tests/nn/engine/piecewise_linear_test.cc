#include "nn/engine/piecewise_linear.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/engine/derivative.h"
#include "nn/engine/ops.h"

namespace halftone {
namespace {

using testing::ElementsAre;

// Two weights in a row: y = (act(x W1)) W2.
struct TwoLayers {
  ProgramBuilder builder;
  ValueId src, first, second, hidden;
  TwoLayers()
      : src(builder.AddInput("x", Shape{4, 3})),
        first(builder.AddInput("w1", Shape{3, 3})),
        second(builder.AddInput("w2", Shape{3, 3})),
        hidden(ops::MatMul(builder, src, first).value()) {}
  std::vector<bool> Linear(ValueId activated) {
    const ValueId dst = ops::MatMul(builder, activated, second).value();
    return PiecewiseLinearIn(builder.program(), {first, second, src}, {dst});
  }
};

TEST(PiecewiseLinearTest, RectifiersKeepIt) {
  for (const UnaryFunction function :
       {UnaryFunction::kRelu, UnaryFunction::kLeakyRelu, UnaryFunction::kClip, UnaryFunction::kAbs,
        UnaryFunction::kLinear, UnaryFunction::kRound}) {
    TwoLayers net;
    EXPECT_THAT(net.Linear(ops::Unary(net.builder, function, net.hidden).value()),
                ElementsAre(true, true, true));
  }
}

TEST(PiecewiseLinearTest, SmoothFunctionsEndItForWhatIsBeforeThem) {
  for (const UnaryFunction function :
       {UnaryFunction::kSigmoid, UnaryFunction::kTanh, UnaryFunction::kErf, UnaryFunction::kExp,
        UnaryFunction::kGelu}) {
    TwoLayers net;
    EXPECT_THAT(net.Linear(ops::Unary(net.builder, function, net.hidden).value()),
                ElementsAre(false, true, false));
  }
  TwoLayers net;
  EXPECT_THAT(net.Linear(ops::Softmax(net.builder, net.hidden, 1).value()),
              ElementsAre(false, true, false));
}

TEST(PiecewiseLinearTest, APowerOfOneIsLinear) {
  TwoLayers square, same;
  EXPECT_THAT(
      square.Linear(ops::Unary(square.builder, UnaryFunction::kPower, square.hidden, 1, 2).value()),
      ElementsAre(false, true, false));
  EXPECT_THAT(
      same.Linear(ops::Unary(same.builder, UnaryFunction::kPower, same.hidden, 3, 1).value()),
      ElementsAre(true, true, true));
}

TEST(PiecewiseLinearTest, ProductsKeepItWhereOneFactorIsIndependent) {
  TwoLayers net;
  const ValueId gate = net.builder.AddInput("gate", Shape{4, 3});
  EXPECT_THAT(net.Linear(ops::Mul(net.builder, net.hidden, gate).value()),
              ElementsAre(true, true, true));
  TwoLayers gated;
  // hidden * relu(hidden), as in a gate that the layer itself feeds.
  const ValueId relu = ops::Unary(gated.builder, UnaryFunction::kRelu, gated.hidden).value();
  EXPECT_THAT(gated.Linear(ops::Mul(gated.builder, gated.hidden, relu).value()),
              ElementsAre(false, true, false));
  TwoLayers divided;
  const ValueId ones = divided.builder.AddInput("ones", Shape{4, 3});
  EXPECT_THAT(divided.Linear(ops::Div(divided.builder, ones, divided.hidden).value()),
              ElementsAre(false, true, false));
}

TEST(PiecewiseLinearTest, ConditionsAreConstantInPieces) {
  TwoLayers net;
  const ValueId zero = net.builder.AddScalar(0);
  const ValueId positive =
      ops::Binary(net.builder, BinaryFunction::kGreater, net.hidden, zero).value();
  EXPECT_THAT(net.Linear(ops::Select(net.builder, positive, net.hidden, zero).value()),
              ElementsAre(true, true, true));
}

TEST(PiecewiseLinearTest, AWeightUsedTwiceInARowIsNot) {
  ProgramBuilder builder;
  const ValueId src = builder.AddInput("x", Shape{4, 3});
  const ValueId weights = builder.AddInput("w", Shape{3, 3});
  const ValueId hidden = ops::MatMul(builder, src, weights).value();
  const ValueId twice = ops::MatMul(builder, hidden, weights).value();
  const ValueId side = ops::Add(builder, hidden, hidden).value();
  EXPECT_THAT(PiecewiseLinearIn(builder.program(), {weights}, {twice}), ElementsAre(false));
  EXPECT_THAT(PiecewiseLinearIn(builder.program(), {weights}, {side}), ElementsAre(true));
  EXPECT_THAT(PiecewiseLinearIn(builder.program(), {src}, {twice}), ElementsAre(true));
}

TEST(PiecewiseLinearTest, WhatDoesNotReachTheResultDoesNotCount) {
  TwoLayers net;
  const ValueId aside = ops::Unary(net.builder, UnaryFunction::kExp, net.hidden).value();
  const ValueId dst = ops::MatMul(net.builder, net.hidden, net.second).value();
  EXPECT_THAT(PiecewiseLinearIn(net.builder.program(), {net.first}, {dst}), ElementsAre(true));
  EXPECT_THAT(PiecewiseLinearIn(net.builder.program(), {net.first}, {dst, aside}),
              ElementsAre(false));
}

}  // namespace
}  // namespace halftone
