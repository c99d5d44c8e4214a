#include "nn/engine/losses.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/engine/derivative.h"
#include "nn/engine/ops.h"
#include "tests/nn/engine/run_program.h"

namespace halftone {
namespace {

using testing::ElementsAre;
using testing::FloatNear;

const std::vector<float> kLogits = {1, 2, 3, -1, 0, 5};
const std::vector<float> kOther = {0, 2, 3.5f, 1, 1, 1};

std::vector<double> SoftmaxOf(const float* logits, size_t classes) {
  std::vector<double> p(classes);
  double sum = 0;
  for (size_t i = 0; i < classes; ++i) sum += p[i] = std::exp(static_cast<double>(logits[i]));
  for (double& value : p) value /= sum;
  return p;
}

TEST(LossesTest, CrossEntropyAndItsGradient) {
  ProgramBuilder builder;
  const ValueId logits = builder.AddInput("logits", Shape{2, 3});
  const ValueId targets = builder.AddInput("targets", Shape{2, 3});
  const ValueId losses = ops::CrossEntropyPerSample(builder, logits, targets).value();
  const ValueId mean = ops::Mean(builder, losses).value();
  const ValueId gradient =
      AppendVjp(builder, {mean}, {builder.AddScalar(1.0f)}, {logits}).value()[0];
  const NamedFloats run =
      RunProgram(builder, {{"losses", losses}, {"mean", mean}, {"gradient", gradient}},
                 {{"logits", kLogits}, {"targets", {0, 1, 0, 1, 0, 0}}})
          .value();
  const auto p0 = SoftmaxOf(kLogits.data(), 3), p1 = SoftmaxOf(kLogits.data() + 3, 3);
  const double first = -std::log(p0[1]), second = -std::log(p1[0]);
  EXPECT_NEAR(run.at("losses")[0], first, 1e-6);
  EXPECT_NEAR(run.at("losses")[1], second, 1e-5);
  EXPECT_NEAR(run.at("mean")[0], (first + second) / 2, 1e-5);
  const double expected[] = {p0[0], p0[1] - 1, p0[2], p1[0] - 1, p1[1], p1[2]};
  for (size_t i = 0; i < 6; ++i) EXPECT_NEAR(run.at("gradient")[i], expected[i] / 2, 1e-6);
}

// The Hessian of KL(p || q) in q's logits is diag(q) - q q': the metric of the Fisher matrix.
TEST(LossesTest, KlDivergenceAndItsHessian) {
  ProgramBuilder builder;
  const ValueId p_logits = builder.AddInput("p", Shape{2, 3});
  const ValueId q_logits = builder.AddInput("q", Shape{2, 3});
  const ValueId v = builder.AddInput("v", Shape{2, 3});
  const ValueId losses = ops::KlDivergencePerSample(builder, p_logits, q_logits).value();
  const ValueId loss = ops::SumAll(builder, losses).value();
  const ValueId gradient =
      AppendVjp(builder, {loss}, {builder.AddScalar(1.0f)}, {q_logits}).value()[0];
  const ValueId product = AppendVjp(builder, {gradient}, {v}, {q_logits}).value()[0];
  const NamedFloats run = RunProgram(builder, {{"losses", losses}, {"product", product}},
                                     {{"p", kLogits}, {"q", kOther}, {"v", {1, -1, 2, 0, 1, 0}}})
                              .value();
  for (size_t sample = 0; sample < 2; ++sample) {
    const auto p = SoftmaxOf(kLogits.data() + 3 * sample, 3);
    const auto q = SoftmaxOf(kOther.data() + 3 * sample, 3);
    const double v_of[2][3] = {{1, -1, 2}, {0, 1, 0}};
    double kl = 0, mean = 0;
    for (size_t i = 0; i < 3; ++i) {
      kl += p[i] * std::log(p[i] / q[i]);
      mean += q[i] * v_of[sample][i];
    }
    EXPECT_NEAR(run.at("losses")[sample], kl, 1e-6);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_NEAR(run.at("product")[3 * sample + i], q[i] * (v_of[sample][i] - mean), 1e-6);
    }
  }
}

TEST(LossesTest, KlDivergenceOfEqualsIsZero) {
  ProgramBuilder builder;
  const ValueId p = builder.AddInput("p", Shape{2, 3});
  const ValueId losses = ops::KlDivergencePerSample(builder, p, p).value();
  const NamedFloats run = RunProgram(builder, {{"losses", losses}}, {{"p", kLogits}}).value();
  EXPECT_THAT(run.at("losses"), ElementsAre(0, 0));
}

TEST(LossesTest, SquaredErrorIsAMeanPerSample) {
  ProgramBuilder builder;
  const ValueId a = builder.AddInput("a", Shape{2, 3});
  const ValueId b = builder.AddInput("b", Shape{2, 3});
  const ValueId losses = ops::SquaredErrorPerSample(builder, a, b).value();
  const NamedFloats run =
      RunProgram(builder, {{"losses", losses}}, {{"a", kLogits}, {"b", kOther}}).value();
  EXPECT_THAT(run.at("losses"),
              ElementsAre(FloatNear(1.25f / 3, 1e-6f), FloatNear(21.0f / 3, 1e-5f)));
}

}  // namespace
}  // namespace halftone
