#include <array>
#include <cmath>

#include "base/status_macros.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/checks.h"
#include "nn/engine/ops/elementwise.h"

namespace halftone {
namespace {

// In the order of BinaryFunction.
constexpr std::array kNames = {"Add", "Sub",  "Mul",   "Div",     "Max",     "Min",
                               "Pow", "Step", "Equal", "Greater", "AtLeast", "Remainder"};

// a / b without its fraction.
absl::StatusOr<ValueId> WholeQuotient(ProgramBuilder& builder, ValueId a, ValueId b) {
  HT_ASSIGN_OR_RETURN(ValueId rest, ops::Binary(builder, BinaryFunction::kRemainder, a, b));
  HT_ASSIGN_OR_RETURN(ValueId multiple, ops::Sub(builder, a, rest));
  HT_ASSIGN_OR_RETURN(ValueId quotient, ops::Div(builder, multiple, b));
  return ops::Unary(builder, UnaryFunction::kRound, quotient);
}

// d dst / d a times diff, before the sum over broadcast axes.
absl::StatusOr<ValueId> DiffOfFirst(ProgramBuilder& builder, BinaryFunction function, ValueId a,
                                    ValueId b, ValueId diff) {
  switch (function) {
    case BinaryFunction::kAdd:
    case BinaryFunction::kSub:
    case BinaryFunction::kRemainder:
      return diff;
    case BinaryFunction::kMul:
      return ops::Mul(builder, diff, b);
    case BinaryFunction::kDiv:
      return ops::Div(builder, diff, b);
    case BinaryFunction::kMax: {
      HT_ASSIGN_OR_RETURN(ValueId step, ops::Binary(builder, BinaryFunction::kStep, a, b));
      return ops::Mul(builder, diff, step);
    }
    case BinaryFunction::kMin: {
      HT_ASSIGN_OR_RETURN(ValueId step, ops::Binary(builder, BinaryFunction::kStep, b, a));
      return ops::Mul(builder, diff, step);
    }
    case BinaryFunction::kPow: {
      HT_ASSIGN_OR_RETURN(ValueId less,
                          ops::Unary(builder, UnaryFunction::kLinear, b, 1.0f, -1.0f));
      HT_ASSIGN_OR_RETURN(ValueId power, ops::Binary(builder, BinaryFunction::kPow, a, less));
      HT_ASSIGN_OR_RETURN(ValueId slope, ops::Mul(builder, b, power));
      return ops::Mul(builder, diff, slope);
    }
    case BinaryFunction::kStep:
    case BinaryFunction::kEqual:
    case BinaryFunction::kGreater:
    case BinaryFunction::kAtLeast:
      return kNoValue;
  }
  return absl::InternalError("unknown binary function");
}

// d dst / d b times diff, before the sum over broadcast axes.
absl::StatusOr<ValueId> DiffOfSecond(ProgramBuilder& builder, BinaryFunction function, ValueId a,
                                     ValueId b, ValueId dst, ValueId diff) {
  switch (function) {
    case BinaryFunction::kAdd:
      return diff;
    case BinaryFunction::kSub:
      return ops::Scale(builder, diff, -1.0f);
    case BinaryFunction::kDiv: {  // -a / b^2 = -dst / b
      HT_ASSIGN_OR_RETURN(ValueId slope, ops::Div(builder, dst, b));
      HT_ASSIGN_OR_RETURN(ValueId product, ops::Mul(builder, diff, slope));
      return ops::Scale(builder, product, -1.0f);
    }
    case BinaryFunction::kMul:
    case BinaryFunction::kMax:
    case BinaryFunction::kMin:
      return DiffOfFirst(builder, function, b, a, diff);
    case BinaryFunction::kPow: {
      HT_ASSIGN_OR_RETURN(ValueId log, ops::Unary(builder, UnaryFunction::kLog, a));
      HT_ASSIGN_OR_RETURN(ValueId slope, ops::Mul(builder, dst, log));
      return ops::Mul(builder, diff, slope);
    }
    case BinaryFunction::kRemainder: {
      HT_ASSIGN_OR_RETURN(ValueId quotient, WholeQuotient(builder, a, b));
      HT_ASSIGN_OR_RETURN(ValueId product, ops::Mul(builder, diff, quotient));
      return ops::Scale(builder, product, -1.0f);
    }
    case BinaryFunction::kStep:
    case BinaryFunction::kEqual:
    case BinaryFunction::kGreater:
    case BinaryFunction::kAtLeast:
      return kNoValue;
  }
  return absl::InternalError("unknown binary function");
}

absl::StatusOr<ValueId> SumToSource(ProgramBuilder& builder, ValueId diff, ValueId src) {
  if (diff == kNoValue) return kNoValue;
  return ops::SumTo(builder, diff, Shape(builder.shape(src)));
}

}  // namespace

std::string BinaryOp::name() const {
  return std::string("Binary.") + kNames[static_cast<size_t>(function)];
}

absl::StatusOr<std::vector<Shape>> BinaryOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 2));
  HT_ASSIGN_OR_RETURN(Shape dst, BroadcastShapes(srcs[0], srcs[1]));
  return std::vector<Shape>{dst};
}

absl::StatusOr<std::vector<ValueId>> BinaryOp::Vjp(ProgramBuilder& builder,
                                                   const VjpRequest& request) const {
  const ValueId a = request.srcs[0], b = request.srcs[1];
  const ValueId dst = request.dsts[0], diff_dst = request.diff_dsts[0];
  std::vector<ValueId> diffs(2, kNoValue);
  if (request.needed[0]) {
    HT_ASSIGN_OR_RETURN(ValueId diff, DiffOfFirst(builder, function, a, b, diff_dst));
    HT_ASSIGN_OR_RETURN(diffs[0], SumToSource(builder, diff, a));
  }
  if (request.needed[1]) {
    HT_ASSIGN_OR_RETURN(ValueId diff, DiffOfSecond(builder, function, a, b, dst, diff_dst));
    HT_ASSIGN_OR_RETURN(diffs[1], SumToSource(builder, diff, b));
  }
  return diffs;
}

}  // namespace halftone
