#ifndef HALFTONE_NN_ENGINE_OPS_ELEMENTWISE_H_
#define HALFTONE_NN_ENGINE_OPS_ELEMENTWISE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "nn/engine/op.h"

namespace halftone {

// dst = f(x). `alpha` and `beta` are the UnaryOp's.
enum class UnaryFunction : uint8_t {
  kRelu,       // max(x, 0)
  kLeakyRelu,  // x > 0 ? x : alpha x
  kClip,       // min(max(x, alpha), beta)
  kLinear,     // alpha x + beta
  kPower,      // alpha x^beta; beta may be negative or a fraction (0.5: sqrt, -1: reciprocal)
  kSigmoid,    // 1 / (1 + exp(-x))
  kTanh,
  kExp,
  kLog,
  kErf,
  kSoftplus,  // log(1 + exp(x))
  kAbs,
  kSign,   // -1, 0 or 1
  kRound,  // to nearest, ties to even
  kFloor,
  kCeil,
  kGelu,       // x Phi(x) with the distribution function Phi of the normal distribution
  kGeluSlope,  // its derivative, Phi(x) + x phi(x)
  kSin,
  kCos,
  kTan,
  kAsin,
  kAcos,
  kAtan,
  kSinh,
  kCosh,
  kAsinh,
  kAcosh,
  kAtanh,
};

// One function of each element. Where a function has a corner its derivative is: relu, leaky relu
// and clip at the bounds that of the outer side (relu'(0) = 0, as torch; clip as torch's relu6),
// abs'(0) = 0; the derivatives of sign, round, floor and ceil are 0 everywhere.
class UnaryOp final : public Op {
 public:
  explicit UnaryOp(UnaryFunction function, float alpha = 0, float beta = 0)
      : function(function), alpha(alpha), beta(beta) {}
  OpKind kind() const override { return OpKind::kUnary; }
  std::string name() const override;
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const UnaryFunction function;
  const float alpha;
  const float beta;
};

enum class BinaryFunction : uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMax,
  kMin,
  kPow,   // a^b
  kStep,  // 1 where a > b, 1/2 where they are equal, 0 where a < b
  // 1 where it holds, else 0 (wherever an operand is NaN).
  kEqual,
  kGreater,
  kAtLeast,    // a >= b
  kRemainder,  // of a / b, with the sign of a (C's fmod)
};

// A function of two elements, numpy broadcasting. Max and min of two equal elements pass half of
// the derivative to each (as torch); those of step and comparisons are 0. Pow's derivative in b
// needs a > 0; the remainder's is that between its jumps.
class BinaryOp final : public Op {
 public:
  explicit BinaryOp(BinaryFunction function) : function(function) {}
  OpKind kind() const override { return OpKind::kBinary; }
  std::string name() const override;
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const BinaryFunction function;
};

// (x, cotangent), same shapes -> cotangent * (lower < x && x < upper ? inside : outside): the
// derivative of a piecewise-linear function. Bounds may be infinite. Its own derivative in x is 0.
class GateOp final : public Op {
 public:
  GateOp(float lower, float upper, float inside, float outside)
      : lower(lower), upper(upper), inside(inside), outside(outside) {}
  OpKind kind() const override { return OpKind::kGate; }
  std::string name() const override { return "Gate"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const float lower;
  const float upper;
  const float inside;
  const float outside;
};

// (condition, a, b), numpy broadcasting -> a where the condition is not 0, else b. What is not
// selected has no part in the result, whatever it is. Its derivative in the condition is 0.
class SelectOp final : public Op {
 public:
  OpKind kind() const override { return OpKind::kSelect; }
  std::string name() const override { return "Select"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;
};

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_OPS_ELEMENTWISE_H_
