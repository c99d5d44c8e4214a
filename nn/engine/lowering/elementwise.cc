#include <array>
#include <limits>

#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/ops.h"

namespace halftone {
namespace {

using Values = absl::StatusOr<std::vector<ValueId>>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <UnaryFunction function>
Values LowerUnary(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  return Single(ops::Unary(lowering.builder, function, src));
}

// alpha x^(exponent / 2)
template <int alpha, int exponent_halves>
Values LowerPower(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  return Single(ops::Unary(lowering.builder, UnaryFunction::kPower, src, alpha,
                           static_cast<float>(exponent_halves) / 2));
}

Values LowerNeg(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  return Single(ops::Scale(lowering.builder, src, -1.0f));
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

template <BinaryFunction function>
Values LowerBinary(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId a, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(ValueId b, lowering.Input(1));
  return Single(ops::Binary(lowering.builder, function, a, b));
}

// A constant exponent, of whatever type, makes it a function of one source.
Values LowerPow(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId base, lowering.Input(0));
  const Tensor* exponent = lowering.context.Constant(1);
  const bool broadcasts =
      exponent != nullptr && exponent->shape().rank() > lowering.builder.shape(base).rank();
  if (exponent == nullptr || exponent->elements() != 1 || broadcasts) {
    HT_ASSIGN_OR_RETURN(ValueId power, lowering.Input(1));
    return Single(ops::Binary(lowering.builder, BinaryFunction::kPow, base, power));
  }
  float value = 0;
  if (absl::StatusOr<std::vector<float>> floats = exponent->ToFloats(); floats.ok()) {
    value = (*floats)[0];
  } else {
    HT_ASSIGN_OR_RETURN(std::vector<int64_t> ints, exponent->ToInts());
    value = static_cast<float>(ints[0]);
  }
  return Single(ops::Unary(lowering.builder, UnaryFunction::kPower, base, 1.0f, value));
}

// Any number of sources, one after the other.
template <BinaryFunction function>
Values LowerVariadic(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId dst, lowering.Input(0));
  for (size_t i = 1; i < lowering.node().inputs.size(); ++i) {
    HT_ASSIGN_OR_RETURN(ValueId next, lowering.Input(i));
    HT_ASSIGN_OR_RETURN(dst, ops::Binary(lowering.builder, function, dst, next));
  }
  return std::vector<ValueId>{dst};
}

constexpr std::array kLowerings = {
    Lowering{"Relu", LowerUnary<UnaryFunction::kRelu>},
    Lowering{"Sigmoid", LowerUnary<UnaryFunction::kSigmoid>},
    Lowering{"Tanh", LowerUnary<UnaryFunction::kTanh>},
    Lowering{"Erf", LowerUnary<UnaryFunction::kErf>},
    Lowering{"Exp", LowerUnary<UnaryFunction::kExp>},
    Lowering{"Log", LowerUnary<UnaryFunction::kLog>},
    Lowering{"Abs", LowerUnary<UnaryFunction::kAbs>},
    Lowering{"Sqrt", LowerPower<1, 1>},
    Lowering{"Reciprocal", LowerPower<1, -2>},
    Lowering{"Neg", LowerNeg},
    Lowering{"LeakyRelu", LowerLeakyRelu},
    Lowering{"Clip", LowerClip},
    Lowering{"HardSigmoid", LowerHardSigmoid},
    Lowering{"HardSwish", LowerHardSwish},
    Lowering{"Add", LowerBinary<BinaryFunction::kAdd>},
    Lowering{"Sub", LowerBinary<BinaryFunction::kSub>},
    Lowering{"Mul", LowerBinary<BinaryFunction::kMul>},
    Lowering{"Div", LowerBinary<BinaryFunction::kDiv>},
    Lowering{"Pow", LowerPow},
    Lowering{"Sum", LowerVariadic<BinaryFunction::kAdd>},
    Lowering{"Max", LowerVariadic<BinaryFunction::kMax>},
    Lowering{"Min", LowerVariadic<BinaryFunction::kMin>},
};

}  // namespace

absl::Span<const Lowering> ElementwiseLowerings() { return kLowerings; }

}  // namespace halftone
