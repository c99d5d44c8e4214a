#include "nn/engine/onednn/kernels/elementwise_kernels.h"

#include <cmath>

#include "nn/engine/onednn/kernels/error_function.h"

namespace halftone {
namespace {

constexpr float kSqrtHalf = 0.70710678118654752440f;
constexpr float kOneOverSqrtTwoPi = 0.39894228040143267794f;

// Inlined into each clone of its caller, so that the loop is compiled for the clone's vectors.
template <typename Function>
[[gnu::always_inline]] inline void Map(int64_t count, const float* src, float* dst,
                                       Function function) {
  for (int64_t i = 0; i < count; ++i) dst[i] = function(src[i]);
}

using UnaryRow = void (*)(float alpha, float beta, int64_t count, const float* src, float* dst);

HT_TARGET_CLONES void Relu(float, float, int64_t count, const float* src, float* dst) {
  Map(count, src, dst, [](float x) { return x > 0 ? x : 0; });
}
HT_TARGET_CLONES void LeakyRelu(float alpha, float, int64_t count, const float* src, float* dst) {
  Map(count, src, dst, [=](float x) { return x > 0 ? x : alpha * x; });
}
HT_TARGET_CLONES void Clip(float alpha, float beta, int64_t count, const float* src, float* dst) {
  Map(count, src, dst, [=](float x) {
    const float low = x < alpha ? alpha : x;
    return low > beta ? beta : low;
  });
}
HT_TARGET_CLONES void Linear(float alpha, float beta, int64_t count, const float* src, float* dst) {
  Map(count, src, dst, [=](float x) { return alpha * x + beta; });
}
HT_TARGET_CLONES void Abs(float, float, int64_t count, const float* src, float* dst) {
  Map(count, src, dst, [](float x) { return std::fabs(x); });
}
HT_TARGET_CLONES void Sign(float, float, int64_t count, const float* src, float* dst) {
  Map(count, src, dst, [](float x) { return (x > 0 ? 1.0f : 0.0f) - (x < 0 ? 1.0f : 0.0f); });
}
HT_TARGET_CLONES void Round(float, float, int64_t count, const float* src, float* dst) {
  Map(count, src, dst, [](float x) { return std::nearbyintf(x); });
}
HT_TARGET_CLONES void Floor(float, float, int64_t count, const float* src, float* dst) {
  Map(count, src, dst, [](float x) { return std::floor(x); });
}
HT_TARGET_CLONES void Ceil(float, float, int64_t count, const float* src, float* dst) {
  Map(count, src, dst, [](float x) { return std::ceil(x); });
}
HT_TARGET_CLONES void SquareRoot(float alpha, float, int64_t count, const float* src, float* dst) {
  Map(count, src, dst, [=](float x) { return alpha * std::sqrt(x); });
}
HT_TARGET_CLONES void Reciprocal(float alpha, float, int64_t count, const float* src, float* dst) {
  Map(count, src, dst, [=](float x) { return alpha / x; });
}
HT_TARGET_CLONES void Square(float alpha, float, int64_t count, const float* src, float* dst) {
  Map(count, src, dst, [=](float x) { return alpha * (x * x); });
}
void Power(float alpha, float beta, int64_t count, const float* src, float* dst) {
  Map(count, src, dst, [=](float x) { return alpha * std::pow(x, beta); });
}
HT_TARGET_CLONES void Erf(float, float, int64_t count, const float* src, float* dst) {
  Map(count, src, dst, [](float x) { return FastErf(x); });
}
// x Phi(x) and its derivative.
HT_TARGET_CLONES void Gelu(float, float, int64_t count, const float* src, float* dst) {
  Map(count, src, dst, [](float x) { return 0.5f * x * (1.0f + FastErf(x * kSqrtHalf)); });
}
HT_TARGET_CLONES void GeluSlope(float, float, int64_t count, const float* src, float* dst) {
  Map(count, src, dst, [](float x) {
    const float density = kOneOverSqrtTwoPi * FastExp(-0.5f * x * x);
    return 0.5f * (1.0f + FastErf(x * kSqrtHalf)) + x * density;
  });
}
// Functions that networks use too rarely for loops of their own.
template <float (*function)(float)>
void MathRow(float, float, int64_t count, const float* src, float* dst) {
  Map(count, src, dst, [](float x) { return function(x); });
}

UnaryRow PowerRow(float exponent) {
  if (exponent == 0.5f) return SquareRoot;
  if (exponent == -1.0f) return Reciprocal;
  if (exponent == 2.0f) return Square;
  return Power;
}

UnaryRow FindUnaryRow(UnaryFunction function, float beta) {
  switch (function) {
    case UnaryFunction::kRelu:
      return Relu;
    case UnaryFunction::kLeakyRelu:
      return LeakyRelu;
    case UnaryFunction::kClip:
      return Clip;
    case UnaryFunction::kLinear:
      return Linear;
    case UnaryFunction::kPower:
      return PowerRow(beta);
    case UnaryFunction::kErf:
      return Erf;
    case UnaryFunction::kAbs:
      return Abs;
    case UnaryFunction::kSign:
      return Sign;
    case UnaryFunction::kRound:
      return Round;
    case UnaryFunction::kFloor:
      return Floor;
    case UnaryFunction::kCeil:
      return Ceil;
    case UnaryFunction::kGelu:
      return Gelu;
    case UnaryFunction::kGeluSlope:
      return GeluSlope;
    case UnaryFunction::kSin:
      return MathRow<std::sin>;
    case UnaryFunction::kCos:
      return MathRow<std::cos>;
    case UnaryFunction::kTan:
      return MathRow<std::tan>;
    case UnaryFunction::kAsin:
      return MathRow<std::asin>;
    case UnaryFunction::kAcos:
      return MathRow<std::acos>;
    case UnaryFunction::kAtan:
      return MathRow<std::atan>;
    case UnaryFunction::kSinh:
      return MathRow<std::sinh>;
    case UnaryFunction::kCosh:
      return MathRow<std::cosh>;
    case UnaryFunction::kAsinh:
      return MathRow<std::asinh>;
    case UnaryFunction::kAcosh:
      return MathRow<std::acosh>;
    case UnaryFunction::kAtanh:
      return MathRow<std::atanh>;
    case UnaryFunction::kSigmoid:
    case UnaryFunction::kTanh:
    case UnaryFunction::kExp:
    case UnaryFunction::kLog:
    case UnaryFunction::kSoftplus:
      return nullptr;
  }
  return nullptr;
}

// The same for two sources with strides; the cases that occur in bulk get loops of their own.
template <typename Function>
[[gnu::always_inline]] inline void Zip(int64_t count, const float* a, int64_t a_stride,
                                       const float* b, int64_t b_stride, float* dst,
                                       Function function) {
  if (a_stride == 1 && b_stride == 1) {
    for (int64_t i = 0; i < count; ++i) dst[i] = function(a[i], b[i]);
  } else if (a_stride == 1 && b_stride == 0) {
    const float scalar = *b;
    for (int64_t i = 0; i < count; ++i) dst[i] = function(a[i], scalar);
  } else if (a_stride == 0 && b_stride == 1) {
    const float scalar = *a;
    for (int64_t i = 0; i < count; ++i) dst[i] = function(scalar, b[i]);
  } else {
    for (int64_t i = 0; i < count; ++i) dst[i] = function(a[i * a_stride], b[i * b_stride]);
  }
}

using BinaryRow = void (*)(int64_t count, const float* a, int64_t a_stride, const float* b,
                           int64_t b_stride, float* dst);

HT_TARGET_CLONES void AddRow(int64_t n, const float* a, int64_t sa, const float* b, int64_t sb,
                             float* dst) {
  Zip(n, a, sa, b, sb, dst, [](float x, float y) { return x + y; });
}
HT_TARGET_CLONES void SubRow(int64_t n, const float* a, int64_t sa, const float* b, int64_t sb,
                             float* dst) {
  Zip(n, a, sa, b, sb, dst, [](float x, float y) { return x - y; });
}
HT_TARGET_CLONES void MulRow(int64_t n, const float* a, int64_t sa, const float* b, int64_t sb,
                             float* dst) {
  Zip(n, a, sa, b, sb, dst, [](float x, float y) { return x * y; });
}
HT_TARGET_CLONES void DivRow(int64_t n, const float* a, int64_t sa, const float* b, int64_t sb,
                             float* dst) {
  Zip(n, a, sa, b, sb, dst, [](float x, float y) { return x / y; });
}
HT_TARGET_CLONES void MaxRow(int64_t n, const float* a, int64_t sa, const float* b, int64_t sb,
                             float* dst) {
  Zip(n, a, sa, b, sb, dst, [](float x, float y) { return x > y ? x : y; });
}
HT_TARGET_CLONES void MinRow(int64_t n, const float* a, int64_t sa, const float* b, int64_t sb,
                             float* dst) {
  Zip(n, a, sa, b, sb, dst, [](float x, float y) { return x < y ? x : y; });
}
HT_TARGET_CLONES void StepRow(int64_t n, const float* a, int64_t sa, const float* b, int64_t sb,
                              float* dst) {
  Zip(n, a, sa, b, sb, dst,
      [](float x, float y) { return (x > y ? 1.0f : 0.0f) + (x == y ? 0.5f : 0.0f); });
}
HT_TARGET_CLONES void EqualRow(int64_t n, const float* a, int64_t sa, const float* b, int64_t sb,
                               float* dst) {
  Zip(n, a, sa, b, sb, dst, [](float x, float y) { return x == y ? 1.0f : 0.0f; });
}
HT_TARGET_CLONES void GreaterRow(int64_t n, const float* a, int64_t sa, const float* b, int64_t sb,
                                 float* dst) {
  Zip(n, a, sa, b, sb, dst, [](float x, float y) { return x > y ? 1.0f : 0.0f; });
}
HT_TARGET_CLONES void AtLeastRow(int64_t n, const float* a, int64_t sa, const float* b, int64_t sb,
                                 float* dst) {
  Zip(n, a, sa, b, sb, dst, [](float x, float y) { return x >= y ? 1.0f : 0.0f; });
}
void RemainderRow(int64_t n, const float* a, int64_t sa, const float* b, int64_t sb, float* dst) {
  Zip(n, a, sa, b, sb, dst, [](float x, float y) { return std::fmod(x, y); });
}
void PowRow(int64_t n, const float* a, int64_t sa, const float* b, int64_t sb, float* dst) {
  Zip(n, a, sa, b, sb, dst, [](float x, float y) { return std::pow(x, y); });
}

BinaryRow FindBinaryRow(BinaryFunction function) {
  switch (function) {
    case BinaryFunction::kAdd:
      return AddRow;
    case BinaryFunction::kSub:
      return SubRow;
    case BinaryFunction::kMul:
      return MulRow;
    case BinaryFunction::kDiv:
      return DivRow;
    case BinaryFunction::kMax:
      return MaxRow;
    case BinaryFunction::kMin:
      return MinRow;
    case BinaryFunction::kPow:
      return PowRow;
    case BinaryFunction::kStep:
      return StepRow;
    case BinaryFunction::kEqual:
      return EqualRow;
    case BinaryFunction::kGreater:
      return GreaterRow;
    case BinaryFunction::kAtLeast:
      return AtLeastRow;
    case BinaryFunction::kRemainder:
      return RemainderRow;
  }
  return nullptr;
}

// Strides as in Zip.
HT_TARGET_CLONES void SelectRow(int64_t count, const float* condition, int64_t condition_stride,
                                const float* a, int64_t a_stride, const float* b, int64_t b_stride,
                                float* dst) {
  if (condition_stride == 1 && a_stride == 1 && b_stride == 1) {
    for (int64_t i = 0; i < count; ++i) dst[i] = condition[i] != 0.0f ? a[i] : b[i];
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    dst[i] = condition[i * condition_stride] != 0.0f ? a[i * a_stride] : b[i * b_stride];
  }
}

HT_TARGET_CLONES void GateRow(const GateParameters& gate, int64_t count, const float* x,
                              const float* cotangent, float* dst) {
  const GateParameters g = gate;
  for (int64_t i = 0; i < count; ++i) {
    const float factor = ((g.lower < x[i]) & (x[i] < g.upper)) ? g.inside : g.outside;
    dst[i] = cotangent[i] * factor;
  }
}

}  // namespace

bool HasUnaryKernel(UnaryFunction function) { return FindUnaryRow(function, 0) != nullptr; }

void UnaryKernel(UnaryFunction function, float alpha, float beta, int64_t count, const float* src,
                 float* dst) {
  const UnaryRow row = FindUnaryRow(function, beta);
  ParallelFor(count, kParallelGrain, [&](int64_t begin, int64_t end) {
    row(alpha, beta, end - begin, src + begin, dst + begin);
  });
}

void BinaryKernel(BinaryFunction function, const StridedLoop<3>& loop, const float* a,
                  const float* b, float* dst) {
  const BinaryRow row = FindBinaryRow(function);
  const auto& strides = loop.axes.back().strides;
  RunStrided(loop, [&](int64_t count, const StridedLoop<3>::Offsets& offsets) {
    row(count, a + offsets[1], strides[1], b + offsets[2], strides[2], dst + offsets[0]);
  });
}

void SelectKernel(const StridedLoop<4>& loop, const float* condition, const float* a,
                  const float* b, float* dst) {
  const auto& strides = loop.axes.back().strides;
  RunStrided(loop, [&](int64_t count, const StridedLoop<4>::Offsets& offsets) {
    SelectRow(count, condition + offsets[1], strides[1], a + offsets[2], strides[2], b + offsets[3],
              strides[3], dst + offsets[0]);
  });
}

void GateKernel(const GateParameters& gate, int64_t count, const float* x, const float* cotangent,
                float* dst) {
  ParallelFor(count, kParallelGrain, [&](int64_t begin, int64_t end) {
    GateRow(gate, end - begin, x + begin, cotangent + begin, dst + begin);
  });
}

}  // namespace halftone
