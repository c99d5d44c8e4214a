#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/engine/derivative.h"
#include "nn/engine/ops.h"
#include "tests/nn/engine/op_cases.h"
#include "tests/nn/engine/run_program.h"

// Every op's first and second derivatives, and those of operators composed of ops, against central
// differences and by symmetry.
namespace halftone {
namespace {

constexpr float kStep = 0.01f;
constexpr float kSpacing = 0.06f;

std::vector<float> UniformValues(size_t count, float lower, float upper, SplitMix64& random) {
  std::vector<float> values(count);
  for (float& value : values) {
    value = lower + (upper - lower) * static_cast<float>(random.Uniform());
  }
  return values;
}

std::vector<float> GridValues(size_t count, size_t source, const std::vector<float>& kinks,
                              SplitMix64& random) {
  // Half a spacing between the grids of two sources, whatever their sizes.
  const float offset = 0.25f + 0.5f * static_cast<float>(source) - static_cast<float>(count / 2);
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = kSpacing * (static_cast<float>(i) + offset);
  std::shuffle(values.begin(), values.end(), random);
  for (float& value : values) {
    for (float kink : kinks) {
      if (std::abs(value - kink) < 2 * kStep) value = kink + 2 * kStep;
    }
  }
  return values;
}

// The loss L = <u, dst> + |dst|^2 / 2 of one op, with L's gradient and H v as programs.
class OpDerivativeTest : public testing::TestWithParam<OpCase> {
 protected:
  void SetUp() override {
    const OpCase& op_case = GetParam();
    SplitMix64 random(17);
    for (size_t i = 0; i < op_case.srcs.size(); ++i) {
      const Shape& shape = op_case.srcs[i];
      const auto count = static_cast<size_t>(shape.Elements());
      srcs_.push_back(builder_.AddInput(Name("x", i), shape));
      values_[Name("x", i)] = op_case.values == OpCase::Values::kGrid
                                  ? GridValues(count, i, op_case.kinks, random)
                                  : UniformValues(count, op_case.lower, op_case.upper, random);
      directions_.push_back(builder_.AddInput(Name("v", i), shape));
      values_[Name("v", i)] = UniformValues(count, -1, 1, random);
    }
    ASSERT_NO_FATAL_FAILURE(BuildLoss(random));
    auto gradient = AppendVjp(builder_, {loss_}, {builder_.AddScalar(1.0f)}, srcs_);
    ASSERT_TRUE(gradient.ok()) << gradient.status();
    gradient_ = *gradient;
    auto product = AppendVjp(builder_, gradient_, directions_, srcs_);
    ASSERT_TRUE(product.ok()) << product.status();
    product_ = *product;
  }

  void BuildLoss(SplitMix64& random) {
    std::vector<ValueId> all = srcs_;
    for (const auto& [position, tensor] : GetParam().fixed) {
      all.insert(all.begin() + static_cast<std::ptrdiff_t>(position), builder_.AddConstant(tensor));
    }
    const OpCase& op_case = GetParam();
    const absl::StatusOr<ValueId> dst =
        op_case.build ? op_case.build(builder_, all) : builder_.Apply1(op_case.op, all);
    ASSERT_TRUE(dst.ok()) << dst.status();
    dst_ = *dst;
    const Shape shape = builder_.shape(dst_);
    const ValueId weights = builder_.AddInput("u", shape);
    values_["u"] = UniformValues(static_cast<size_t>(shape.Elements()), -1, 1, random);
    const ValueId half = ops::Scale(builder_, dst_, 0.5f).value();
    const ValueId sum = ops::Add(builder_, weights, half).value();
    loss_ = ops::SumAll(builder_, ops::Mul(builder_, sum, dst_).value()).value();
  }

  static std::string Name(const char* prefix, size_t index) { return absl::StrCat(prefix, index); }

  // The inputs with every source moved by `step` times its direction.
  NamedFloats Moved(float step) const {
    NamedFloats moved = values_;
    for (size_t i = 0; i < srcs_.size(); ++i) {
      const std::vector<float>& direction = values_.at(Name("v", i));
      std::vector<float>& values = moved[Name("x", i)];
      for (size_t k = 0; k < values.size(); ++k) values[k] += step * direction[k];
    }
    return moved;
  }

  std::vector<std::pair<std::string, ValueId>> Outputs(const std::vector<ValueId>& values) const {
    std::vector<std::pair<std::string, ValueId>> outputs;
    for (size_t i = 0; i < values.size(); ++i) outputs.push_back({Name("out", i), values[i]});
    return outputs;
  }

  // The loss in double from the op's results, so that only they carry rounding.
  double LossAt(float step) const {
    const auto run = RunProgram(builder_, {{"dst", dst_}}, Moved(step));
    EXPECT_TRUE(run.ok()) << run.status();
    if (!run.ok()) return 0;
    const std::vector<float>& dst = run->at("dst");
    return Dot(values_.at("u"), dst) + 0.5 * Dot(dst, dst);
  }

  NamedFloats Run(const std::vector<ValueId>& values, const NamedFloats& inputs) const {
    auto run = RunProgram(builder_, Outputs(values), inputs);
    EXPECT_TRUE(run.ok()) << run.status();
    return run.ok() ? *run : NamedFloats();
  }

  ProgramBuilder builder_;
  std::vector<ValueId> srcs_, directions_, gradient_, product_;
  ValueId dst_ = kNoValue, loss_ = kNoValue;
  NamedFloats values_;
};

TEST_P(OpDerivativeTest, GradientMatchesCentralDifferences) {
  const NamedFloats gradient = Run(gradient_, values_);
  double slope = 0, scale = 0;
  for (size_t i = 0; i < srcs_.size(); ++i) {
    ASSERT_TRUE(gradient.contains(Name("out", i)));
    slope += Dot(gradient.at(Name("out", i)), values_.at(Name("v", i)));
    scale += Norm(gradient.at(Name("out", i)));
  }
  const double measured = (LossAt(kStep) - LossAt(-kStep)) / (2 * kStep);
  EXPECT_NEAR(slope, measured, 1e-3 * (scale + 0.1));
}

TEST_P(OpDerivativeTest, HessianProductMatchesCentralDifferencesOfGradient) {
  const NamedFloats product = Run(product_, values_);
  const NamedFloats above = Run(gradient_, Moved(kStep));
  const NamedFloats below = Run(gradient_, Moved(-kStep));
  for (size_t i = 0; i < srcs_.size(); ++i) {
    const std::string name = Name("out", i);
    ASSERT_TRUE(product.contains(name));
    std::vector<float> measured = above.at(name);
    for (size_t k = 0; k < measured.size(); ++k) {
      measured[k] = (measured[k] - below.at(name)[k]) / (2 * kStep);
    }
    for (size_t k = 0; k < measured.size(); ++k) {
      const double size = Norm(measured) / std::sqrt(static_cast<double>(measured.size()));
      EXPECT_NEAR(product.at(name)[k], measured[k], 3e-3 * (size + std::abs(measured[k]) + 0.1))
          << "source " << i << ", element " << k;
    }
  }
}

// w.Hv = v.Hw
TEST_P(OpDerivativeTest, HessianIsSymmetric) {
  NamedFloats other = values_;
  SplitMix64 random(23);
  for (size_t i = 0; i < srcs_.size(); ++i) {
    other[Name("v", i)] = UniformValues(values_.at(Name("v", i)).size(), -1, 1, random);
  }
  const NamedFloats product = Run(product_, values_), other_product = Run(product_, other);
  double left = 0, right = 0, scale = 0;
  for (size_t i = 0; i < srcs_.size(); ++i) {
    const std::string name = Name("out", i);
    left += Dot(other.at(Name("v", i)), product.at(name));
    right += Dot(values_.at(Name("v", i)), other_product.at(name));
    scale += Norm(other.at(Name("v", i))) * Norm(product.at(name));
  }
  EXPECT_NEAR(left, right, 1e-5 * scale + 1e-5);
}

INSTANTIATE_TEST_SUITE_P(EveryOp, OpDerivativeTest, testing::ValuesIn(DifferentiableOpCases()),
                         [](const testing::TestParamInfo<OpCase>& info) {
                           return info.param.name;
                         });

INSTANTIATE_TEST_SUITE_P(EveryOperator, OpDerivativeTest, testing::ValuesIn(LoweredCases()),
                         [](const testing::TestParamInfo<OpCase>& info) {
                           return info.param.name;
                         });

}  // namespace
}  // namespace halftone
