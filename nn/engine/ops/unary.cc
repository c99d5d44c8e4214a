#include <array>
#include <cmath>
#include <limits>

#include "base/status_macros.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/checks.h"
#include "nn/engine/ops/elementwise.h"

namespace halftone {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kTwoOverSqrtPi = 1.12837916709551257390f;
constexpr float kOneOverSqrtTwoPi = 0.39894228040143267794f;

absl::StatusOr<ValueId> Square(ProgramBuilder& builder, ValueId value) {
  return ops::Mul(builder, value, value);
}

// height exp(-x^2 / spread)
absl::StatusOr<ValueId> Bell(ProgramBuilder& builder, ValueId square, float height, float spread) {
  HT_ASSIGN_OR_RETURN(ValueId exponent, ops::Scale(builder, square, -1.0f / spread));
  HT_ASSIGN_OR_RETURN(ValueId bell, ops::Unary(builder, UnaryFunction::kExp, exponent));
  return ops::Scale(builder, bell, height);
}

// erf'(x) = 2 / sqrt(pi) exp(-x^2).
absl::StatusOr<ValueId> ErfSlope(ProgramBuilder& builder, ValueId src) {
  HT_ASSIGN_OR_RETURN(ValueId square, Square(builder, src));
  return Bell(builder, square, kTwoOverSqrtPi, 1.0f);
}

// gelu''(x) = (2 - x^2) phi(x) with the density phi of the normal distribution.
absl::StatusOr<ValueId> GeluCurvature(ProgramBuilder& builder, ValueId src) {
  HT_ASSIGN_OR_RETURN(ValueId square, Square(builder, src));
  HT_ASSIGN_OR_RETURN(ValueId density, Bell(builder, square, kOneOverSqrtTwoPi, 2.0f));
  HT_ASSIGN_OR_RETURN(ValueId factor,
                      ops::Unary(builder, UnaryFunction::kLinear, square, -1.0f, 2.0f));
  return ops::Mul(builder, factor, density);
}

// factor (square_factor x^2 + offset)^exponent: the slopes of the inverse functions.
absl::StatusOr<ValueId> QuadraticPower(ProgramBuilder& builder, ValueId src, float square_factor,
                                       float offset, float exponent, float factor = 1.0f) {
  HT_ASSIGN_OR_RETURN(ValueId square, Square(builder, src));
  HT_ASSIGN_OR_RETURN(ValueId quadratic,
                      ops::Unary(builder, UnaryFunction::kLinear, square, square_factor, offset));
  return ops::Unary(builder, UnaryFunction::kPower, quadratic, factor, exponent);
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
    case UnaryFunction::kGelu:
      return ops::Unary(builder, UnaryFunction::kGeluSlope, src);
    case UnaryFunction::kGeluSlope:
      return GeluCurvature(builder, src);
    case UnaryFunction::kSin:
      return ops::Unary(builder, UnaryFunction::kCos, src);
    case UnaryFunction::kCos: {
      HT_ASSIGN_OR_RETURN(ValueId sine, ops::Unary(builder, UnaryFunction::kSin, src));
      return ops::Scale(builder, sine, -1.0f);
    }
    case UnaryFunction::kTan: {
      HT_ASSIGN_OR_RETURN(ValueId square, Square(builder, dst));
      return ops::Unary(builder, UnaryFunction::kLinear, square, 1.0f, 1.0f);
    }
    case UnaryFunction::kSinh:
      return ops::Unary(builder, UnaryFunction::kCosh, src);
    case UnaryFunction::kCosh:
      return ops::Unary(builder, UnaryFunction::kSinh, src);
    case UnaryFunction::kAsin:
      return QuadraticPower(builder, src, -1.0f, 1.0f, -0.5f);
    case UnaryFunction::kAcos:
      return QuadraticPower(builder, src, -1.0f, 1.0f, -0.5f, -1.0f);
    case UnaryFunction::kAtan:
      return QuadraticPower(builder, src, 1.0f, 1.0f, -1.0f);
    case UnaryFunction::kAsinh:
      return QuadraticPower(builder, src, 1.0f, 1.0f, -0.5f);
    case UnaryFunction::kAcosh:
      return QuadraticPower(builder, src, 1.0f, -1.0f, -0.5f);
    case UnaryFunction::kAtanh:
      return QuadraticPower(builder, src, -1.0f, 1.0f, -1.0f);
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

// In the order of UnaryFunction.
constexpr std::array kNames = {"Relu", "LeakyRelu", "Clip",  "Linear", "Power",    "Sigmoid",
                               "Tanh", "Exp",       "Log",   "Erf",    "Softplus", "Abs",
                               "Sign", "Round",     "Floor", "Ceil",   "Gelu",     "GeluSlope",
                               "Sin",  "Cos",       "Tan",   "Asin",   "Acos",     "Atan",
                               "Sinh", "Cosh",      "Asinh", "Acosh",  "Atanh"};

}  // namespace

std::string UnaryOp::name() const {
  return std::string("Unary.") + kNames[static_cast<size_t>(function)];
}

absl::StatusOr<std::vector<Shape>> UnaryOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 1));
  return std::vector<Shape>{srcs[0]};
}

absl::StatusOr<std::vector<ValueId>> UnaryOp::Vjp(ProgramBuilder& builder,
                                                  const VjpRequest& request) const {
  HT_ASSIGN_OR_RETURN(ValueId diff_src, UnaryDiff(builder, *this, request));
  return std::vector<ValueId>{diff_src};
}

}  // namespace halftone
