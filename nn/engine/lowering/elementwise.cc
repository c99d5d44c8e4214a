#include <array>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/lowering/narrow.h"
#include "nn/engine/ops.h"

namespace halftone {
namespace {

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

template <BinaryFunction function>
Values LowerBinary(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId a, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(ValueId b, lowering.Input(1));
  return Single(ops::Binary(lowering.builder, function, a, b));
}

// x without its fraction, written such that it plainly has no derivative.
absl::StatusOr<ValueId> Truncate(ProgramBuilder& builder, ValueId src) {
  HT_ASSIGN_OR_RETURN(const ValueId sign, ops::Unary(builder, UnaryFunction::kSign, src));
  HT_ASSIGN_OR_RETURN(ValueId size, ops::Unary(builder, UnaryFunction::kAbs, src));
  HT_ASSIGN_OR_RETURN(size, ops::Unary(builder, UnaryFunction::kFloor, size));
  return ops::Mul(builder, sign, size);
}

// Of narrow integers, the last bits of a result.
Values AsNarrow(const NodeLowering& lowering, ValueId result) {
  HT_ASSIGN_OR_RETURN(const DataType type, lowering.DstType());
  if (!LimitsOf(type).has_value()) return std::vector<ValueId>{result};
  return Single(WrapAround(lowering.builder, result, type));
}

template <BinaryFunction function>
Values LowerSum(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(const std::vector<ValueId> sum, LowerBinary<function>(lowering));
  return AsNarrow(lowering, sum[0]);
}

Values LowerMul(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(const DataType type, lowering.DstType());
  if (LimitsOf(type).has_value() && SizeOf(type) > 1) {
    return absl::UnimplementedError(absl::StrCat("products of ", DataTypeName(type),
                                                 ", whose last bits float32 does not have"));
  }
  HT_ASSIGN_OR_RETURN(const std::vector<ValueId> product,
                      LowerBinary<BinaryFunction::kMul>(lowering));
  return AsNarrow(lowering, product[0]);
}

// Quotients of integers are truncated.
Values LowerDiv(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(std::vector<ValueId> quotient, LowerBinary<BinaryFunction::kDiv>(lowering));
  HT_ASSIGN_OR_RETURN(const DataType type, lowering.DstType());
  if (IsFloat(type)) return quotient;
  HT_ASSIGN_OR_RETURN(const ValueId whole, Truncate(lowering.builder, quotient[0]));
  return AsNarrow(lowering, whole);
}

Values LowerMod(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(const int64_t fmod, lowering.node().Int("fmod", 0));
  HT_ASSIGN_OR_RETURN(std::vector<ValueId> rest, LowerBinary<BinaryFunction::kRemainder>(lowering));
  if (fmod != 0) return rest;
  // From the dividend's sign to the divisor's.
  HT_ASSIGN_OR_RETURN(ValueId divisor, lowering.Input(1));
  HT_ASSIGN_OR_RETURN(ValueId shifted, ops::Add(lowering.builder, rest[0], divisor));
  return Single(ops::Binary(lowering.builder, BinaryFunction::kRemainder, shifted, divisor));
}

// The power of an integer is one: what rounding leaves off it is put right, and the fraction of one
// with a float exponent is cut off.
Values AsPowerType(const NodeLowering& lowering, absl::StatusOr<ValueId> power) {
  HT_RETURN_IF_ERROR(power.status());
  HT_ASSIGN_OR_RETURN(const DataType type, lowering.DstType());
  if (IsFloat(type)) return std::vector<ValueId>{*power};
  if (IsFloat(lowering.context.infos[1]->type)) {
    return Single(Truncate(lowering.builder, *power));
  }
  return Single(ops::Unary(lowering.builder, UnaryFunction::kRound, *power));
}

// A constant exponent, of whatever type, makes it a function of one source.
Values LowerPow(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId base, lowering.Input(0));
  const Tensor* exponent = lowering.context.Constant(1);
  const bool broadcasts =
      exponent != nullptr && exponent->shape().rank() > lowering.builder.shape(base).rank();
  if (exponent == nullptr || exponent->elements() != 1 || broadcasts) {
    HT_ASSIGN_OR_RETURN(ValueId power, lowering.Input(1));
    return AsPowerType(lowering, ops::Binary(lowering.builder, BinaryFunction::kPow, base, power));
  }
  HT_ASSIGN_OR_RETURN(const float value, lowering.ConstantScalar(1, 1.0f));
  return AsPowerType(lowering,
                     ops::Unary(lowering.builder, UnaryFunction::kPower, base, 1.0f, value));
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

Values LowerMean(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(std::vector<ValueId> sum, LowerVariadic<BinaryFunction::kAdd>(lowering));
  const auto count = static_cast<float>(lowering.node().inputs.size());
  return Single(ops::Scale(lowering.builder, sum[0], 1.0f / count));
}

// Those of 4 bits saturate, as when they are constant.
absl::StatusOr<ValueId> FloatsAsIntegers(ProgramBuilder& builder, ValueId src, DataType to) {
  HT_ASSIGN_OR_RETURN(const ValueId whole, Truncate(builder, src));
  return IsFourBits(to) ? Saturate(builder, whole, to) : whole;
}

absl::StatusOr<ValueId> IntegersAs(ProgramBuilder& builder, ValueId src, DataType from,
                                   DataType to) {
  const std::optional<IntegerLimits> limits = LimitsOf(to), given = LimitsOf(from);
  const bool fits = !limits.has_value() || (given.has_value() && limits->least <= given->least &&
                                            given->most <= limits->most);
  return fits ? src : WrapAround(builder, src, to);
}

Values LowerCast(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const DataType to, lowering.DstType());
  const DataType from = lowering.context.infos[0]->type;
  if (to == DataType::kFloat32 || to == from || from == DataType::kBool) {
    return std::vector<ValueId>{src};
  }
  if (to == DataType::kBool) {
    const ValueId zero = lowering.builder.AddScalar(0.0f);
    HT_ASSIGN_OR_RETURN(ValueId is_zero,
                        ops::Binary(lowering.builder, BinaryFunction::kEqual, src, zero));
    return Single(ops::Unary(lowering.builder, UnaryFunction::kLinear, is_zero, -1.0f, 1.0f));
  }
  if (IsNarrowFloat(to)) return Single(RoundToNarrowFloat(lowering, src, to));
  return Single(IsFloat(from) ? FloatsAsIntegers(lowering.builder, src, to)
                              : IntegersAs(lowering.builder, src, from, to));
}

constexpr std::array kElementwiseLowerings = {
    Lowering{"Exp", LowerUnary<UnaryFunction::kExp>},
    Lowering{"Log", LowerUnary<UnaryFunction::kLog>},
    Lowering{"Abs", LowerUnary<UnaryFunction::kAbs>},
    Lowering{"Sign", LowerUnary<UnaryFunction::kSign>},
    Lowering{"Round", LowerUnary<UnaryFunction::kRound>},
    Lowering{"Floor", LowerUnary<UnaryFunction::kFloor>},
    Lowering{"Ceil", LowerUnary<UnaryFunction::kCeil>},
    Lowering{"Sin", LowerUnary<UnaryFunction::kSin>},
    Lowering{"Cos", LowerUnary<UnaryFunction::kCos>},
    Lowering{"Tan", LowerUnary<UnaryFunction::kTan>},
    Lowering{"Asin", LowerUnary<UnaryFunction::kAsin>},
    Lowering{"Acos", LowerUnary<UnaryFunction::kAcos>},
    Lowering{"Atan", LowerUnary<UnaryFunction::kAtan>},
    Lowering{"Sinh", LowerUnary<UnaryFunction::kSinh>},
    Lowering{"Cosh", LowerUnary<UnaryFunction::kCosh>},
    Lowering{"Asinh", LowerUnary<UnaryFunction::kAsinh>},
    Lowering{"Acosh", LowerUnary<UnaryFunction::kAcosh>},
    Lowering{"Atanh", LowerUnary<UnaryFunction::kAtanh>},
    Lowering{"Sqrt", LowerPower<1, 1>},
    Lowering{"Reciprocal", LowerPower<1, -2>},
    Lowering{"Neg", LowerNeg},
    Lowering{"Add", LowerSum<BinaryFunction::kAdd>},
    Lowering{"Sub", LowerSum<BinaryFunction::kSub>},
    Lowering{"Mul", LowerMul},
    Lowering{"Div", LowerDiv},
    Lowering{"Mod", LowerMod},
    Lowering{"Pow", LowerPow},
    Lowering{"Sum", LowerVariadic<BinaryFunction::kAdd>},
    Lowering{"Mean", LowerMean},
    Lowering{"Max", LowerVariadic<BinaryFunction::kMax>},
    Lowering{"Min", LowerVariadic<BinaryFunction::kMin>},
    Lowering{"Cast", LowerCast},
    Lowering{"CastLike", LowerCast},
};

}  // namespace

absl::Span<const Lowering> ElementwiseLowerings() { return kElementwiseLowerings; }

}  // namespace halftone
