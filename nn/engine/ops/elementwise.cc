#include "nn/engine/ops/elementwise.h"

#include <cmath>
#include <limits>
#include <memory>

#include "base/status_macros.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/checks.h"

namespace halftone {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kTwoOverSqrtPi = 1.12837916709551257390f;

absl::StatusOr<ValueId> Square(ProgramBuilder& builder, ValueId value) {
  return ops::Mul(builder, value, value);
}

// erf'(x) = 2 / sqrt(pi) exp(-x^2).
absl::StatusOr<ValueId> ErfSlope(ProgramBuilder& builder, ValueId src) {
  HT_ASSIGN_OR_RETURN(ValueId square, Square(builder, src));
  HT_ASSIGN_OR_RETURN(ValueId negative, ops::Scale(builder, square, -1.0f));
  HT_ASSIGN_OR_RETURN(ValueId bell, ops::Unary(builder, UnaryFunction::kExp, negative));
  return ops::Scale(builder, bell, kTwoOverSqrtPi);
}

// The derivative of a smooth function at `src`, where the function's value is `dst`.
absl::StatusOr<ValueId> Slope(ProgramBuilder& builder, const UnaryOp& op, ValueId src,
                              ValueId dst) {
  switch (op.function) {
    case UnaryFunction::kPower:
      return ops::Unary(builder, UnaryFunction::kPower, src, op.alpha * op.beta, op.beta - 1.0f);
    case UnaryFunction::kSigmoid: {
      HT_ASSIGN_OR_RETURN(ValueId square, Square(builder, dst));
      return ops::Sub(builder, dst, square);
    }
    case UnaryFunction::kTanh: {
      HT_ASSIGN_OR_RETURN(ValueId square, Square(builder, dst));
      return ops::Unary(builder, UnaryFunction::kLinear, square, -1.0f, 1.0f);
    }
    case UnaryFunction::kExp:
      return dst;
    case UnaryFunction::kLog:
      return ops::Unary(builder, UnaryFunction::kPower, src, 1.0f, -1.0f);
    case UnaryFunction::kErf:
      return ErfSlope(builder, src);
    case UnaryFunction::kSoftplus:
      return ops::Unary(builder, UnaryFunction::kSigmoid, src);
    case UnaryFunction::kAbs:
      return ops::Unary(builder, UnaryFunction::kSign, src);
    default:
      return absl::InternalError(op.name() + " is not differentiated by its slope");
  }
}

absl::StatusOr<ValueId> UnaryDiff(ProgramBuilder& builder, const UnaryOp& op,
                                  const Op::VjpRequest& request) {
  const ValueId src = request.srcs[0], dst = request.dsts[0], diff = request.diff_dsts[0];
  switch (op.function) {
    // The dst tells as well as the src on which side of the corner it is, and lets the src go.
    case UnaryFunction::kRelu:
      return ops::Gate(builder, dst, diff, 0.0f, kInfinity, 1.0f, 0.0f);
    case UnaryFunction::kClip:
      return ops::Gate(builder, dst, diff, op.alpha, op.beta, 1.0f, 0.0f);
    case UnaryFunction::kLeakyRelu:
      return ops::Gate(builder, src, diff, 0.0f, kInfinity, 1.0f, op.alpha);
    case UnaryFunction::kLinear:
      return ops::Scale(builder, diff, op.alpha);
    case UnaryFunction::kSign:
    case UnaryFunction::kRound:
    case UnaryFunction::kFloor:
    case UnaryFunction::kCeil:
      return kNoValue;
    default:
      break;
  }
  // x^0 is constant; x^1 and x^2 have derivatives that hold at 0, where 0^0 and 0^-1 may not.
  if (op.function == UnaryFunction::kPower) {
    if (op.alpha == 0.0f || op.beta == 0.0f) return kNoValue;
    if (op.beta == 1.0f) return ops::Scale(builder, diff, op.alpha);
    if (op.beta == 2.0f) {
      HT_ASSIGN_OR_RETURN(ValueId product, ops::Mul(builder, diff, src));
      return ops::Scale(builder, product, 2.0f * op.alpha);
    }
  }
  HT_ASSIGN_OR_RETURN(ValueId slope, Slope(builder, op, src, dst));
  return ops::Mul(builder, diff, slope);
}

const char* FunctionName(UnaryFunction function) {
  switch (function) {
    case UnaryFunction::kRelu:
      return "Relu";
    case UnaryFunction::kLeakyRelu:
      return "LeakyRelu";
    case UnaryFunction::kClip:
      return "Clip";
    case UnaryFunction::kLinear:
      return "Linear";
    case UnaryFunction::kPower:
      return "Power";
    case UnaryFunction::kSigmoid:
      return "Sigmoid";
    case UnaryFunction::kTanh:
      return "Tanh";
    case UnaryFunction::kExp:
      return "Exp";
    case UnaryFunction::kLog:
      return "Log";
    case UnaryFunction::kErf:
      return "Erf";
    case UnaryFunction::kSoftplus:
      return "Softplus";
    case UnaryFunction::kAbs:
      return "Abs";
    case UnaryFunction::kSign:
      return "Sign";
    case UnaryFunction::kRound:
      return "Round";
    case UnaryFunction::kFloor:
      return "Floor";
    case UnaryFunction::kCeil:
      return "Ceil";
  }
  return "?";
}

const char* FunctionName(BinaryFunction function) {
  switch (function) {
    case BinaryFunction::kAdd:
      return "Add";
    case BinaryFunction::kSub:
      return "Sub";
    case BinaryFunction::kMul:
      return "Mul";
    case BinaryFunction::kDiv:
      return "Div";
    case BinaryFunction::kMax:
      return "Max";
    case BinaryFunction::kMin:
      return "Min";
    case BinaryFunction::kPow:
      return "Pow";
    case BinaryFunction::kStep:
      return "Step";
  }
  return "?";
}

// d dst / d a times diff, before the sum over broadcast axes.
absl::StatusOr<ValueId> DiffOfFirst(ProgramBuilder& builder, BinaryFunction function, ValueId a,
                                    ValueId b, ValueId diff) {
  switch (function) {
    case BinaryFunction::kAdd:
    case BinaryFunction::kSub:
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
    case BinaryFunction::kStep:
      return kNoValue;
  }
  return absl::InternalError("unknown binary function");
}

absl::StatusOr<ValueId> SumToSource(ProgramBuilder& builder, ValueId diff, ValueId src) {
  if (diff == kNoValue) return kNoValue;
  return ops::SumTo(builder, diff, Shape(builder.shape(src)));
}

}  // namespace

std::string UnaryOp::name() const { return std::string("Unary.") + FunctionName(function); }

absl::StatusOr<std::vector<Shape>> UnaryOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 1));
  return std::vector<Shape>{srcs[0]};
}

absl::StatusOr<std::vector<ValueId>> UnaryOp::Vjp(ProgramBuilder& builder,
                                                  const VjpRequest& request) const {
  HT_ASSIGN_OR_RETURN(ValueId diff_src, UnaryDiff(builder, *this, request));
  return std::vector<ValueId>{diff_src};
}

std::string BinaryOp::name() const { return std::string("Binary.") + FunctionName(function); }

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

absl::StatusOr<std::vector<Shape>> GateOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 2));
  HT_RETURN_IF_ERROR(CheckSameShape(srcs[1], srcs[0], "cotangent"));
  return std::vector<Shape>{srcs[0]};
}

absl::StatusOr<std::vector<ValueId>> GateOp::Vjp(ProgramBuilder& builder,
                                                 const VjpRequest& request) const {
  std::vector<ValueId> diffs(2, kNoValue);
  if (request.needed[1]) {
    HT_ASSIGN_OR_RETURN(diffs[1], ops::Gate(builder, request.srcs[0], request.diff_dsts[0], lower,
                                            upper, inside, outside));
  }
  return diffs;
}

}  // namespace halftone
