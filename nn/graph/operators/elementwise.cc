#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/operators/broadcast.h"
#include "nn/graph/operators/operator.h"

namespace halftone {
namespace {

absl::StatusOr<ValueInfos> InferBinary(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo result, BroadcastInputs(context, 0, 2));
  return ValueInfos{result};
}

absl::StatusOr<ValueInfos> InferVariadic(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo result,
                      BroadcastInputs(context, 0, std::max<size_t>(context.infos.size(), 1)));
  return ValueInfos{result};
}

// The exponent may have another type than the base, whose type the result has.
absl::StatusOr<ValueInfos> InferPow(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo base, context.Input(0));
  HT_ASSIGN_OR_RETURN(ValueInfo exponent, context.Input(1));
  HT_ASSIGN_OR_RETURN(base.shape, BroadcastShapes(base.shape, exponent.shape));
  return ValueInfos{base};
}

// Whether the ratio of a Dropout is known to be 0.
bool DropsNothing(const NodeContext& context) {
  const Tensor* ratio = context.Constant(1);
  const absl::StatusOr<std::vector<double>> value =
      ratio == nullptr ? absl::NotFoundError("") : ratio->ToDoubles();
  return value.ok() && value->size() == 1 && value->front() == 0;
}

absl::StatusOr<ValueInfos> InferDropout(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  if (context.HasInput(2)) {
    HT_ASSIGN_OR_RETURN(std::vector<int64_t> training, context.RequiredInts(2, "training_mode"));
    if (!training.empty() && training[0] != 0 && !DropsNothing(context)) {
      return absl::UnimplementedError("training mode");
    }
  }
  return ValueInfos{src, ValueInfo{DataType::kBool, src.shape}};
}

// Folds the sources from the left; integers wrap around as numpy's do.
template <typename Function>
absl::StatusOr<Tensors> Reduce(const NodeContext& context, const ValueInfo& info,
                               Function function) {
  const auto fold = [&](auto& srcs) {
    auto result = std::move(srcs[0]);
    for (size_t s = 1; s < srcs.size(); ++s) {
      for (size_t i = 0; i < result.size(); ++i) result[i] = function(result[i], srcs[s][i]);
    }
    return result;
  };
  return ComputeBroadcast(
      context, info,
      [&](auto& srcs) { return Tensors{Tensor::FromDoubles(info.type, info.shape, fold(srcs))}; },
      [&](auto& srcs) { return Tensors{Tensor::FromInts(info.type, info.shape, fold(srcs))}; });
}

template <typename Operation>
struct Wrapping {
  double operator()(double a, double b) const { return Operation()(a, b); }
  int64_t operator()(int64_t a, int64_t b) const {
    return static_cast<int64_t>(Operation()(static_cast<uint64_t>(a), static_cast<uint64_t>(b)));
  }
};

template <typename Operation>
absl::StatusOr<Tensors> EvaluateArithmetic(const NodeContext& context,
                                           absl::Span<const ValueInfo> infos) {
  return Reduce(context, infos[0], Wrapping<Operation>());
}

absl::StatusOr<Tensors> EvaluateMax(const NodeContext& context, absl::Span<const ValueInfo> infos) {
  return Reduce(context, infos[0], [](auto a, auto b) { return std::max(a, b); });
}

absl::StatusOr<Tensors> EvaluateMin(const NodeContext& context, absl::Span<const ValueInfo> infos) {
  return Reduce(context, infos[0], [](auto a, auto b) { return std::min(a, b); });
}

struct Quotient {
  double operator()(double a, double b) const { return a / b; }
  // Truncates; x / -1 is written as a negation because INT64_MIN / -1 overflows.
  int64_t operator()(int64_t a, int64_t b) const {
    return b == -1 ? static_cast<int64_t>(-static_cast<uint64_t>(a)) : a / b;
  }
};

absl::Status CheckDivisors(const Tensor& integers) {
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> divisors, integers.ToInts());
  if (std::count(divisors.begin(), divisors.end(), 0) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError("integer division by zero");
}

absl::StatusOr<Tensors> EvaluateDiv(const NodeContext& context, absl::Span<const ValueInfo> infos) {
  if (!IsFloat(infos[0].type)) HT_RETURN_IF_ERROR(CheckDivisors(*context.constants[1]));
  return Reduce(context, infos[0], Quotient());
}

struct FloorRemainder {
  double operator()(double a, double b) const { return std::fmod(a, b); }
  int64_t operator()(int64_t a, int64_t b) const {
    const int64_t rest = b == -1 ? 0 : a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
  }
};

absl::StatusOr<Tensors> EvaluateMod(const NodeContext& context, absl::Span<const ValueInfo> infos) {
  HT_ASSIGN_OR_RETURN(int64_t fmod, context.node.Int("fmod", 0));
  if (!IsFloat(infos[0].type)) {
    if (fmod != 0) return absl::UnimplementedError("fmod of constant integers");
    HT_RETURN_IF_ERROR(CheckDivisors(*context.constants[1]));
  }
  return Reduce(context, infos[0], FloorRemainder());
}

absl::StatusOr<Tensors> EvaluatePow(const NodeContext& context, absl::Span<const ValueInfo> infos) {
  if (!IsFloat(context.constants[0]->type()) || !IsFloat(context.constants[1]->type())) {
    return absl::UnimplementedError("powers of integers");
  }
  return Reduce(context, infos[0], [](auto a, auto b) {
    return static_cast<decltype(a)>(std::pow(static_cast<double>(a), static_cast<double>(b)));
  });
}

template <double (*kFunction)(double)>
absl::StatusOr<Tensors> EvaluateFloat(const NodeContext& context,
                                      absl::Span<const ValueInfo> infos) {
  HT_ASSIGN_OR_RETURN(std::vector<double> values, context.constants[0]->ToDoubles());
  for (double& value : values) value = kFunction(value);
  return Tensors{Tensor::FromDoubles(infos[0].type, infos[0].shape, values)};
}

double Reciprocal(double x) { return 1.0 / x; }
double Floor(double x) { return std::floor(x); }
double Ceil(double x) { return std::ceil(x); }
double Sqrt(double x) { return std::sqrt(x); }
double Round(double x) { return std::nearbyint(x); }
double Sin(double x) { return std::sin(x); }
double Cos(double x) { return std::cos(x); }
double Exp(double x) { return std::exp(x); }
double Log(double x) { return std::log(x); }

template <typename Function>
absl::StatusOr<Tensors> EvaluateUnary(const NodeContext& context,
                                      absl::Span<const ValueInfo> infos) {
  const ValueInfo& info = infos[0];
  const auto apply = [](auto& srcs) {
    for (auto& x : srcs[0]) x = Function()(x);
    return srcs[0];
  };
  return ComputeBroadcast(
      context, info,
      [&](auto& srcs) { return Tensors{Tensor::FromDoubles(info.type, info.shape, apply(srcs))}; },
      [&](auto& srcs) { return Tensors{Tensor::FromInts(info.type, info.shape, apply(srcs))}; });
}

struct Negate {
  double operator()(double x) const { return -x; }
  int64_t operator()(int64_t x) const { return static_cast<int64_t>(-static_cast<uint64_t>(x)); }
};
struct Absolute {
  double operator()(double x) const { return std::abs(x); }
  int64_t operator()(int64_t x) const { return x < 0 ? Negate()(x) : x; }
};
// ONNX: with fmod 0 the sign of the divisor (integers only), with 1 that of the dividend.
absl::StatusOr<ValueInfos> InferMod(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo result, BroadcastInputs(context, 0, 2));
  HT_ASSIGN_OR_RETURN(int64_t fmod, context.node.Int("fmod", 0));
  if (IsFloat(result.type) && fmod == 0) {
    return absl::InvalidArgumentError("of floats it needs the attribute fmod");
  }
  return ValueInfos{result};
}

absl::StatusOr<ValueInfos> InferWithFloatSource(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  if (IsFloat(src.type)) return ValueInfos{src};
  return absl::InvalidArgumentError(absl::StrCat("its source is of type ", DataTypeName(src.type)));
}

constexpr std::array kElementwiseOperators = {
    Operator{"Exp", InferWithFloatSource, EvaluateFloat<Exp>},
    Operator{"Log", InferWithFloatSource, EvaluateFloat<Log>},
    Operator{"Sqrt", InferWithFloatSource, EvaluateFloat<Sqrt>},
    Operator{"Reciprocal", InferWithFloatSource, EvaluateFloat<Reciprocal>},
    Operator{"Floor", InferWithFloatSource, EvaluateFloat<Floor>},
    Operator{"Ceil", InferWithFloatSource, EvaluateFloat<Ceil>},
    Operator{"Round", InferWithFloatSource, EvaluateFloat<Round>},
    Operator{"Sin", InferWithFloatSource, EvaluateFloat<Sin>},
    Operator{"Cos", InferWithFloatSource, EvaluateFloat<Cos>},
    Operator{"Tan", InferWithFloatSource},
    Operator{"Asin", InferWithFloatSource},
    Operator{"Acos", InferWithFloatSource},
    Operator{"Atan", InferWithFloatSource},
    Operator{"Sinh", InferWithFloatSource},
    Operator{"Cosh", InferWithFloatSource},
    Operator{"Asinh", InferWithFloatSource},
    Operator{"Acosh", InferWithFloatSource},
    Operator{"Atanh", InferWithFloatSource},
    Operator{"Neg", InferLikeFirst, EvaluateUnary<Negate>, Runs::kNumbers},
    Operator{"Abs", InferLikeFirst, EvaluateUnary<Absolute>, Runs::kNumbers},
    Operator{"Sign", InferLikeFirst, nullptr, Runs::kNumbers},
    Operator{"Add", InferBinary, EvaluateArithmetic<std::plus<>>, Runs::kIntegers},
    Operator{"Sub", InferBinary, EvaluateArithmetic<std::minus<>>, Runs::kIntegers},
    Operator{"Mul", InferBinary, EvaluateArithmetic<std::multiplies<>>, Runs::kIntegers},
    Operator{"Div", InferBinary, EvaluateDiv, Runs::kIntegers},
    Operator{"Mod", InferMod, EvaluateMod, Runs::kNumbers},
    Operator{"Pow", InferPow, EvaluatePow, Runs::kNumbers},
    Operator{"Sum", InferVariadic, EvaluateArithmetic<std::plus<>>, Runs::kNumbers},
    Operator{"Mean", InferVariadic},
    Operator{"Max", InferVariadic, EvaluateMax, Runs::kAnything},
    Operator{"Min", InferVariadic, EvaluateMin, Runs::kAnything},
    Operator{"Dropout", InferDropout},
};

}  // namespace

absl::Span<const Operator> ElementwiseOperators() { return kElementwiseOperators; }

}  // namespace halftone
