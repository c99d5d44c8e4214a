#include "tests/nn/engine/reference_functions.h"

#include <algorithm>
#include <cmath>

namespace halftone {
namespace {

double NormalDistribution(double x) { return 0.5 * (1 + std::erf(x / std::sqrt(2.0))); }

}  // namespace

double Unary(const UnaryOp& op, double x) {
  switch (op.function) {
    case UnaryFunction::kRelu:
      return std::max(x, 0.0);
    case UnaryFunction::kLeakyRelu:
      return x > 0 ? x : op.alpha * x;
    case UnaryFunction::kClip:
      return std::min(std::max(x, double{op.alpha}), double{op.beta});
    case UnaryFunction::kLinear:
      return op.alpha * x + op.beta;
    case UnaryFunction::kPower:
      return op.alpha * std::pow(x, op.beta);
    case UnaryFunction::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case UnaryFunction::kTanh:
      return std::tanh(x);
    case UnaryFunction::kExp:
      return std::exp(x);
    case UnaryFunction::kLog:
      return std::log(x);
    case UnaryFunction::kErf:
      return std::erf(x);
    case UnaryFunction::kSoftplus:
      return std::log1p(std::exp(-std::fabs(x))) + std::max(x, 0.0);
    case UnaryFunction::kAbs:
      return std::fabs(x);
    case UnaryFunction::kSign:
      return x > 0 ? 1 : x < 0 ? -1 : 0;
    case UnaryFunction::kRound:
      return std::nearbyint(x);
    case UnaryFunction::kFloor:
      return std::floor(x);
    case UnaryFunction::kCeil:
      return std::ceil(x);
    case UnaryFunction::kGelu:
      return x * NormalDistribution(x);
    case UnaryFunction::kGeluSlope:
      return NormalDistribution(x) + x * std::exp(-0.5 * x * x) / std::sqrt(2 * M_PI);
    case UnaryFunction::kSin:
      return std::sin(x);
    case UnaryFunction::kCos:
      return std::cos(x);
    case UnaryFunction::kTan:
      return std::tan(x);
    case UnaryFunction::kAsin:
      return std::asin(x);
    case UnaryFunction::kAcos:
      return std::acos(x);
    case UnaryFunction::kAtan:
      return std::atan(x);
    case UnaryFunction::kSinh:
      return std::sinh(x);
    case UnaryFunction::kCosh:
      return std::cosh(x);
    case UnaryFunction::kAsinh:
      return std::asinh(x);
    case UnaryFunction::kAcosh:
      return std::acosh(x);
    case UnaryFunction::kAtanh:
      return std::atanh(x);
  }
  return 0;
}

double Binary(BinaryFunction function, double a, double b) {
  switch (function) {
    case BinaryFunction::kAdd:
      return a + b;
    case BinaryFunction::kSub:
      return a - b;
    case BinaryFunction::kMul:
      return a * b;
    case BinaryFunction::kDiv:
      return a / b;
    case BinaryFunction::kMax:
      return std::max(a, b);
    case BinaryFunction::kMin:
      return std::min(a, b);
    case BinaryFunction::kPow:
      return std::pow(a, b);
    case BinaryFunction::kStep:
      return a > b ? 1 : a == b ? 0.5 : 0;
    case BinaryFunction::kEqual:
      return a == b ? 1 : 0;
    case BinaryFunction::kGreater:
      return a > b ? 1 : 0;
    case BinaryFunction::kAtLeast:
      return a >= b ? 1 : 0;
    case BinaryFunction::kRemainder:
      return std::fmod(a, b);
  }
  return 0;
}

}  // namespace halftone
