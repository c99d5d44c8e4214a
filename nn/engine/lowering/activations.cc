#include <algorithm>
#include <array>
#include <limits>

#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/ops.h"

namespace halftone {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kSqrtTwoOverPi = 0.79788456080286535588f;

template <UnaryFunction function>
Values LowerUnary(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  return Single(ops::Unary(lowering.builder, function, src));
}

Values LowerLeakyRelu(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(float alpha, lowering.node().Float("alpha", 0.01f));
  return Single(ops::Unary(lowering.builder, UnaryFunction::kLeakyRelu, src, alpha));
}

Values LowerClip(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  // Attributes up to opset 10, inputs from opset 11 on.
  HT_ASSIGN_OR_RETURN(float lower, lowering.node().Float("min", -kInfinity));
  HT_ASSIGN_OR_RETURN(float upper, lowering.node().Float("max", kInfinity));
  HT_ASSIGN_OR_RETURN(lower, lowering.ConstantScalar(1, lower));
  HT_ASSIGN_OR_RETURN(upper, lowering.ConstantScalar(2, upper));
  // Exporters write open sides as the largest float.
  if (upper >= std::numeric_limits<float>::max()) upper = kInfinity;
  if (lower <= std::numeric_limits<float>::lowest()) lower = -kInfinity;
  // Of min(max(x, lower), upper), which kernels of other libraries take with bounds in order only.
  lower = std::min(lower, upper);
  if (lower == 0.0f && upper == kInfinity) {
    return Single(ops::Unary(lowering.builder, UnaryFunction::kRelu, src));
  }
  return Single(ops::Unary(lowering.builder, UnaryFunction::kClip, src, lower, upper));
}

// clip(alpha x + beta, 0, 1)
absl::StatusOr<ValueId> HardSigmoid(ProgramBuilder& builder, ValueId src, float alpha, float beta) {
  HT_ASSIGN_OR_RETURN(ValueId line, ops::Unary(builder, UnaryFunction::kLinear, src, alpha, beta));
  return ops::Unary(builder, UnaryFunction::kClip, line, 0.0f, 1.0f);
}

Values LowerHardSigmoid(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(float alpha, lowering.node().Float("alpha", 0.2f));
  HT_ASSIGN_OR_RETURN(float beta, lowering.node().Float("beta", 0.5f));
  return Single(HardSigmoid(lowering.builder, src, alpha, beta));
}

Values LowerHardSwish(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(ValueId gate, HardSigmoid(lowering.builder, src, 1.0f / 6.0f, 0.5f));
  return Single(ops::Mul(lowering.builder, src, gate));
}

// 1 where x > bound, else 0.
absl::StatusOr<ValueId> IsAbove(ProgramBuilder& builder, ValueId src, float bound) {
  const ValueId scalar = builder.AddScalar(bound);
  return ops::Binary(builder, BinaryFunction::kGreater, src, scalar);
}

Values LowerPRelu(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(ValueId slope, lowering.Input(1));
  ProgramBuilder& builder = lowering.builder;
  HT_ASSIGN_OR_RETURN(ValueId above, IsAbove(builder, src, 0.0f));
  HT_ASSIGN_OR_RETURN(ValueId product, ops::Mul(builder, src, slope));
  return Single(ops::Select(builder, above, src, product));
}

Values LowerThresholdedRelu(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(float alpha, lowering.node().Float("alpha", 1.0f));
  ProgramBuilder& builder = lowering.builder;
  HT_ASSIGN_OR_RETURN(ValueId above, IsAbove(builder, src, alpha));
  return Single(ops::Select(builder, above, src, builder.AddScalar(0.0f)));
}

// positive x where x > 0, else negative (exp(x / width) - 1). The exponential sees no positive x,
// for which it may be infinite, and its side's derivative holds at 0.
absl::StatusOr<ValueId> ExponentialLinear(ProgramBuilder& builder, ValueId src, float positive,
                                          float negative, float width) {
  HT_ASSIGN_OR_RETURN(ValueId above, IsAbove(builder, src, 0.0f));
  HT_ASSIGN_OR_RETURN(ValueId low, ops::Select(builder, above, builder.AddScalar(0.0f), src));
  HT_ASSIGN_OR_RETURN(ValueId exponent, ops::Scale(builder, low, 1.0f / width));
  HT_ASSIGN_OR_RETURN(ValueId power, ops::Unary(builder, UnaryFunction::kExp, exponent));
  HT_ASSIGN_OR_RETURN(ValueId curve,
                      ops::Unary(builder, UnaryFunction::kLinear, power, negative, -negative));
  HT_ASSIGN_OR_RETURN(ValueId line, ops::Scale(builder, src, positive));
  return ops::Select(builder, above, line, curve);
}

Values LowerElu(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(float alpha, lowering.node().Float("alpha", 1.0f));
  return Single(ExponentialLinear(lowering.builder, src, 1.0f, alpha, 1.0f));
}

Values LowerSelu(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(float alpha, lowering.node().Float("alpha", 1.67326319217681884765625f));
  HT_ASSIGN_OR_RETURN(float gamma, lowering.node().Float("gamma", 1.05070102214813232421875f));
  return Single(ExponentialLinear(lowering.builder, src, gamma, gamma * alpha, 1.0f));
}

Values LowerCelu(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(float alpha, lowering.node().Float("alpha", 1.0f));
  if (alpha == 0.0f) return absl::InvalidArgumentError("an alpha of 0");
  return Single(ExponentialLinear(lowering.builder, src, 1.0f, alpha, alpha));
}

// x + bias below -lambd, x - bias above lambd, 0 between.
Values LowerShrink(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(float bias, lowering.node().Float("bias", 0.0f));
  HT_ASSIGN_OR_RETURN(float bound, lowering.node().Float("lambd", 0.5f));
  ProgramBuilder& builder = lowering.builder;
  HT_ASSIGN_OR_RETURN(ValueId above, IsAbove(builder, src, bound));
  HT_ASSIGN_OR_RETURN(ValueId below, ops::Binary(builder, BinaryFunction::kGreater,
                                                 builder.AddScalar(-bound), src));
  HT_ASSIGN_OR_RETURN(ValueId less, ops::Unary(builder, UnaryFunction::kLinear, src, 1.0f, -bias));
  HT_ASSIGN_OR_RETURN(ValueId more, ops::Unary(builder, UnaryFunction::kLinear, src, 1.0f, bias));
  HT_ASSIGN_OR_RETURN(ValueId low, ops::Select(builder, below, more, builder.AddScalar(0.0f)));
  return Single(ops::Select(builder, above, less, low));
}

// x / (1 + |x|)
Values LowerSoftsign(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  ProgramBuilder& builder = lowering.builder;
  HT_ASSIGN_OR_RETURN(ValueId size, ops::Unary(builder, UnaryFunction::kAbs, src));
  HT_ASSIGN_OR_RETURN(ValueId divisor,
                      ops::Unary(builder, UnaryFunction::kLinear, size, 1.0f, 1.0f));
  return Single(ops::Div(builder, src, divisor));
}

// x tanh(log(1 + exp(x)))
Values LowerMish(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  ProgramBuilder& builder = lowering.builder;
  HT_ASSIGN_OR_RETURN(ValueId soft, ops::Unary(builder, UnaryFunction::kSoftplus, src));
  HT_ASSIGN_OR_RETURN(ValueId gate, ops::Unary(builder, UnaryFunction::kTanh, soft));
  return Single(ops::Mul(builder, src, gate));
}

// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 (Hendrycks and Gimpel, 2016)
absl::StatusOr<ValueId> TanhGelu(ProgramBuilder& builder, ValueId src) {
  HT_ASSIGN_OR_RETURN(ValueId square, ops::Mul(builder, src, src));
  HT_ASSIGN_OR_RETURN(ValueId factor, ops::Unary(builder, UnaryFunction::kLinear, square,
                                                 0.044715f * kSqrtTwoOverPi, kSqrtTwoOverPi));
  HT_ASSIGN_OR_RETURN(ValueId cubic, ops::Mul(builder, src, factor));
  HT_ASSIGN_OR_RETURN(ValueId tanh, ops::Unary(builder, UnaryFunction::kTanh, cubic));
  HT_ASSIGN_OR_RETURN(ValueId gate, ops::Unary(builder, UnaryFunction::kLinear, tanh, 0.5f, 0.5f));
  return ops::Mul(builder, src, gate);
}

Values LowerGelu(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  const absl::StatusOr<std::string> form = lowering.node().String("approximate", "none");
  HT_RETURN_IF_ERROR(form.status());
  if (*form == "tanh") return Single(TanhGelu(lowering.builder, src));
  return Single(ops::Unary(lowering.builder, UnaryFunction::kGelu, src));
}

constexpr std::array kActivationLowerings = {
    Lowering{"Relu", LowerUnary<UnaryFunction::kRelu>},
    Lowering{"LeakyRelu", LowerLeakyRelu},
    Lowering{"PRelu", LowerPRelu},
    Lowering{"ThresholdedRelu", LowerThresholdedRelu},
    Lowering{"Elu", LowerElu},
    Lowering{"Selu", LowerSelu},
    Lowering{"Celu", LowerCelu},
    Lowering{"Shrink", LowerShrink},
    Lowering{"Sigmoid", LowerUnary<UnaryFunction::kSigmoid>},
    Lowering{"HardSigmoid", LowerHardSigmoid},
    Lowering{"HardSwish", LowerHardSwish},
    Lowering{"Tanh", LowerUnary<UnaryFunction::kTanh>},
    Lowering{"Softplus", LowerUnary<UnaryFunction::kSoftplus>},
    Lowering{"Softsign", LowerSoftsign},
    Lowering{"Mish", LowerMish},
    Lowering{"Gelu", LowerGelu},
    Lowering{"Erf", LowerUnary<UnaryFunction::kErf>},
    Lowering{"Clip", LowerClip},
};

}  // namespace

absl::Span<const Lowering> ActivationLowerings() { return kActivationLowerings; }

}  // namespace halftone
