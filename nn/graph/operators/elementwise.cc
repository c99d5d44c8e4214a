#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/operators/operator.h"
#include "nn/graph/operators/strided.h"

namespace halftone {
namespace {

using Infos = std::vector<ValueInfo>;
using Tensors = std::vector<Tensor>;

absl::StatusOr<Infos> InferUnary(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  return Infos{src};
}

absl::StatusOr<Infos> InferClip(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  for (size_t bound = 1; bound <= 2; ++bound) {
    if (!context.HasInput(bound)) continue;
    HT_ASSIGN_OR_RETURN(ValueInfo info, context.Input(bound));
    if (info.shape.IsStatic() && info.shape.Elements() != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("bound of shape ", info.shape.ToString(), " is not a scalar"));
    }
    if (context.Constant(bound) == nullptr) {
      return absl::UnimplementedError("its bounds are not constant");
    }
    if (!IsFloat(info.type) && IsFloat(src.type)) {
      return absl::InvalidArgumentError("its bounds are not of the source's type");
    }
  }
  return Infos{src};
}

// Sources of one type, broadcast against each other.
absl::StatusOr<ValueInfo> BroadcastInputs(const NodeContext& context, size_t first, size_t count) {
  HT_ASSIGN_OR_RETURN(ValueInfo result, context.Input(first));
  for (size_t i = first + 1; i < first + count; ++i) {
    HT_ASSIGN_OR_RETURN(ValueInfo other, context.Input(i));
    if (other.type != result.type) {
      return absl::InvalidArgumentError(absl::StrCat("inputs of types ", DataTypeName(result.type),
                                                     " and ", DataTypeName(other.type)));
    }
    HT_ASSIGN_OR_RETURN(result.shape, BroadcastShapes(result.shape, other.shape));
  }
  return result;
}

absl::StatusOr<Infos> InferBinary(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo result, BroadcastInputs(context, 0, 2));
  return Infos{result};
}

absl::StatusOr<Infos> InferComparison(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo result, BroadcastInputs(context, 0, 2));
  result.type = DataType::kBool;
  return Infos{result};
}

absl::StatusOr<Infos> InferVariadic(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo result,
                      BroadcastInputs(context, 0, std::max<size_t>(context.infos.size(), 1)));
  return Infos{result};
}

// The exponent may have another type than the base, whose type the result has.
absl::StatusOr<Infos> InferPow(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo base, context.Input(0));
  HT_ASSIGN_OR_RETURN(ValueInfo exponent, context.Input(1));
  HT_ASSIGN_OR_RETURN(base.shape, BroadcastShapes(base.shape, exponent.shape));
  return Infos{base};
}

absl::StatusOr<Infos> InferWhere(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo condition, context.Input(0));
  if (condition.type != DataType::kBool) {
    return absl::InvalidArgumentError("its condition is not of type bool");
  }
  HT_ASSIGN_OR_RETURN(ValueInfo result, BroadcastInputs(context, 1, 2));
  HT_ASSIGN_OR_RETURN(result.shape, BroadcastShapes(condition.shape, result.shape));
  return Infos{result};
}

absl::StatusOr<Infos> InferDropout(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  if (context.HasInput(2)) {
    HT_ASSIGN_OR_RETURN(std::vector<int64_t> training, context.RequiredInts(2, "training_mode"));
    if (!training.empty() && training[0] != 0) {
      return absl::UnimplementedError("training mode");
    }
  }
  return Infos{src, ValueInfo{DataType::kBool, src.shape}};
}

// Computes elementwise in float64 or int64, each source repeated to the result's shape.
template <typename FloatFunction, typename IntFunction>
absl::StatusOr<Tensors> Compute(const NodeContext& context, const ValueInfo& info,
                                FloatFunction on_floats, IntFunction on_ints) {
  if (IsFloat(context.constants[0]->type())) {
    std::vector<std::vector<double>> srcs;
    for (const Tensor* constant : context.constants) {
      HT_ASSIGN_OR_RETURN(srcs.emplace_back(), BroadcastTo(*constant, info.shape).ToDoubles());
    }
    return on_floats(srcs);
  }
  std::vector<std::vector<int64_t>> srcs;
  for (const Tensor* constant : context.constants) {
    HT_ASSIGN_OR_RETURN(srcs.emplace_back(), BroadcastTo(*constant, info.shape).ToInts());
  }
  return on_ints(srcs);
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
  return Compute(
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

absl::StatusOr<Tensors> EvaluateDiv(const NodeContext& context, absl::Span<const ValueInfo> infos) {
  if (!IsFloat(infos[0].type)) {
    HT_ASSIGN_OR_RETURN(std::vector<int64_t> divisors, context.constants[1]->ToInts());
    if (std::count(divisors.begin(), divisors.end(), 0) > 0) {
      return absl::InvalidArgumentError("integer division by zero");
    }
  }
  return Reduce(context, infos[0], Quotient());
}

absl::StatusOr<Tensors> EvaluatePow(const NodeContext& context, absl::Span<const ValueInfo> infos) {
  if (!IsFloat(context.constants[0]->type()) || !IsFloat(context.constants[1]->type())) {
    return absl::UnimplementedError("powers of integers");
  }
  return Reduce(context, infos[0], [](auto a, auto b) {
    return static_cast<decltype(a)>(std::pow(static_cast<double>(a), static_cast<double>(b)));
  });
}

template <typename Predicate>
absl::StatusOr<Tensors> EvaluateComparison(const NodeContext& context,
                                           absl::Span<const ValueInfo> infos) {
  const auto compare = [&](const auto& srcs) {
    std::vector<int64_t> result(srcs[0].size());
    for (size_t i = 0; i < result.size(); ++i) result[i] = Predicate()(srcs[0][i], srcs[1][i]);
    return Tensors{Tensor::FromInts(DataType::kBool, infos[0].shape, result)};
  };
  return Compute(context, infos[0], compare, compare);
}

absl::StatusOr<Tensors> EvaluateWhere(const NodeContext& context,
                                      absl::Span<const ValueInfo> infos) {
  const ValueInfo& info = infos[0];
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> condition,
                      BroadcastTo(*context.constants[0], info.shape).ToInts());
  const Tensor yes = BroadcastTo(*context.constants[1], info.shape);
  const Tensor no = BroadcastTo(*context.constants[2], info.shape);
  const size_t size = SizeOf(info.type);
  std::vector<std::byte> bytes(yes.bytes().begin(), yes.bytes().end());
  for (size_t i = 0; i < condition.size(); ++i) {
    if (condition[i] != 0) continue;
    std::copy_n(no.bytes().data() + i * size, size, bytes.data() + i * size);
  }
  return Tensors{Tensor::FromBytes(info.type, info.shape, std::move(bytes))};
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
  return Compute(
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
struct LogicalNot {
  double operator()(double x) const { return x; }
  int64_t operator()(int64_t x) const { return x == 0 ? 1 : 0; }
};

constexpr std::array kOperators = {
    Operator{"Relu", InferUnary},
    Operator{"LeakyRelu", InferUnary},
    Operator{"Sigmoid", InferUnary},
    Operator{"HardSigmoid", InferUnary},
    Operator{"HardSwish", InferUnary},
    Operator{"Tanh", InferUnary},
    Operator{"Erf", InferUnary},
    Operator{"Clip", InferClip},
    Operator{"Exp", InferUnary, EvaluateFloat<Exp>},
    Operator{"Log", InferUnary, EvaluateFloat<Log>},
    Operator{"Sqrt", InferUnary, EvaluateFloat<Sqrt>},
    Operator{"Reciprocal", InferUnary, EvaluateFloat<Reciprocal>},
    Operator{"Floor", InferUnary, EvaluateFloat<Floor>, false},
    Operator{"Ceil", InferUnary, EvaluateFloat<Ceil>, false},
    Operator{"Neg", InferUnary, EvaluateUnary<Negate>},
    Operator{"Abs", InferUnary, EvaluateUnary<Absolute>},
    Operator{"Not", InferUnary, EvaluateUnary<LogicalNot>, false},
    Operator{"Add", InferBinary, EvaluateArithmetic<std::plus<>>},
    Operator{"Sub", InferBinary, EvaluateArithmetic<std::minus<>>},
    Operator{"Mul", InferBinary, EvaluateArithmetic<std::multiplies<>>},
    Operator{"Div", InferBinary, EvaluateDiv},
    Operator{"Pow", InferPow, EvaluatePow},
    Operator{"Sum", InferVariadic, EvaluateArithmetic<std::plus<>>},
    Operator{"Max", InferVariadic, EvaluateMax},
    Operator{"Min", InferVariadic, EvaluateMin},
    Operator{"Equal", InferComparison, EvaluateComparison<std::equal_to<>>, false},
    Operator{"Less", InferComparison, EvaluateComparison<std::less<>>, false},
    Operator{"Greater", InferComparison, EvaluateComparison<std::greater<>>, false},
    Operator{"LessOrEqual", InferComparison, EvaluateComparison<std::less_equal<>>, false},
    Operator{"GreaterOrEqual", InferComparison, EvaluateComparison<std::greater_equal<>>, false},
    Operator{"And", InferComparison, EvaluateComparison<std::logical_and<>>, false},
    Operator{"Or", InferComparison, EvaluateComparison<std::logical_or<>>, false},
    Operator{"Where", InferWhere, EvaluateWhere, false},
    Operator{"Dropout", InferDropout},
};

}  // namespace

absl::Span<const Operator> ElementwiseOperators() { return kOperators; }

}  // namespace halftone
