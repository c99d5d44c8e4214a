#include <array>
#include <limits>

#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/ops.h"

// Comparisons, and what is computed with their results: 0 and 1.
namespace halftone {
namespace {

template <BinaryFunction function>
Values LowerBinary(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId a, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(ValueId b, lowering.Input(1));
  return Single(ops::Binary(lowering.builder, function, a, b));
}

// With the operands exchanged.
template <BinaryFunction function>
Values LowerReversed(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId a, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(ValueId b, lowering.Input(1));
  return Single(ops::Binary(lowering.builder, function, b, a));
}

absl::StatusOr<ValueId> Not(ProgramBuilder& builder, ValueId src) {
  return ops::Unary(builder, UnaryFunction::kLinear, src, -1.0f, 1.0f);
}

Values LowerNot(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  return Single(Not(lowering.builder, src));
}

Values LowerXor(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(std::vector<ValueId> equal, LowerBinary<BinaryFunction::kEqual>(lowering));
  return Single(Not(lowering.builder, equal[0]));
}

// NaN alone is not equal to itself.
Values LowerIsNan(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(ValueId equal,
                      ops::Binary(lowering.builder, BinaryFunction::kEqual, src, src));
  return Single(Not(lowering.builder, equal));
}

Values LowerIsInf(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const int64_t negative, lowering.node().Int("detect_negative", 1));
  HT_ASSIGN_OR_RETURN(const int64_t positive, lowering.node().Int("detect_positive", 1));
  ProgramBuilder& builder = lowering.builder;
  if (negative != 0 && positive != 0) {
    HT_ASSIGN_OR_RETURN(src, ops::Unary(builder, UnaryFunction::kAbs, src));
  }
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const ValueId infinity = builder.AddScalar(positive != 0 ? kInfinity : -kInfinity);
  HT_ASSIGN_OR_RETURN(ValueId equal, ops::Binary(builder, BinaryFunction::kEqual, src, infinity));
  return Single(ops::Scale(builder, equal, negative != 0 || positive != 0 ? 1.0f : 0.0f));
}

Values LowerWhere(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId condition, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(ValueId a, lowering.Input(1));
  HT_ASSIGN_OR_RETURN(ValueId b, lowering.Input(2));
  return Single(ops::Select(lowering.builder, condition, a, b));
}

constexpr std::array kLogicLowerings = {
    Lowering{"Equal", LowerBinary<BinaryFunction::kEqual>},
    Lowering{"Greater", LowerBinary<BinaryFunction::kGreater>},
    Lowering{"GreaterOrEqual", LowerBinary<BinaryFunction::kAtLeast>},
    Lowering{"Less", LowerReversed<BinaryFunction::kGreater>},
    Lowering{"LessOrEqual", LowerReversed<BinaryFunction::kAtLeast>},
    Lowering{"And", LowerBinary<BinaryFunction::kMin>},
    Lowering{"Or", LowerBinary<BinaryFunction::kMax>},
    Lowering{"Xor", LowerXor},
    Lowering{"Not", LowerNot},
    Lowering{"IsNaN", LowerIsNan},
    Lowering{"IsInf", LowerIsInf},
    Lowering{"Where", LowerWhere},
};

}  // namespace

absl::Span<const Lowering> LogicLowerings() { return kLogicLowerings; }

}  // namespace halftone
