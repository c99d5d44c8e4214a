#include <algorithm>
#include <array>
#include <functional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/operators/broadcast.h"
#include "nn/graph/operators/operator.h"

// Comparisons, and what is computed with their results.
namespace halftone {
namespace {

absl::StatusOr<ValueInfos> InferComparison(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo result, BroadcastInputs(context, 0, 2));
  result.type = DataType::kBool;
  return ValueInfos{result};
}

absl::Status CheckBool(const NodeContext& context) {
  for (size_t i = 0; i < context.infos.size(); ++i) {
    HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(i));
    if (src.type == DataType::kBool) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("input ", i, " is of type ", DataTypeName(src.type), ", not bool"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ValueInfos> InferLogical(const NodeContext& context) {
  HT_RETURN_IF_ERROR(CheckBool(context));
  return InferComparison(context);
}

absl::StatusOr<ValueInfos> InferNot(const NodeContext& context) {
  HT_RETURN_IF_ERROR(CheckBool(context));
  return InferLikeFirst(context);
}

// IsNaN, IsInf: bool of one float source.
absl::StatusOr<ValueInfos> InferFloatTest(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  if (!IsFloat(src.type)) {
    return absl::InvalidArgumentError(
        absl::StrCat("its source is of type ", DataTypeName(src.type)));
  }
  return ValueInfos{{DataType::kBool, src.shape}};
}

absl::StatusOr<ValueInfos> InferWhere(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo condition, context.Input(0));
  if (condition.type != DataType::kBool) {
    return absl::InvalidArgumentError("its condition is not of type bool");
  }
  HT_ASSIGN_OR_RETURN(ValueInfo result, BroadcastInputs(context, 1, 2));
  HT_ASSIGN_OR_RETURN(result.shape, BroadcastShapes(condition.shape, result.shape));
  return ValueInfos{result};
}

template <typename Predicate>
absl::StatusOr<Tensors> EvaluateComparison(const NodeContext& context,
                                           absl::Span<const ValueInfo> infos) {
  const auto compare = [&](const auto& srcs) {
    std::vector<int64_t> result(srcs[0].size());
    for (size_t i = 0; i < result.size(); ++i) result[i] = Predicate()(srcs[0][i], srcs[1][i]);
    return Tensors{Tensor::FromInts(DataType::kBool, infos[0].shape, result)};
  };
  return ComputeBroadcast(context, infos[0], compare, compare);
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

absl::StatusOr<Tensors> EvaluateNot(const NodeContext& context, absl::Span<const ValueInfo> infos) {
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> values, context.constants[0]->ToInts());
  for (int64_t& value : values) value = value == 0 ? 1 : 0;
  return Tensors{Tensor::FromInts(infos[0].type, infos[0].shape, values)};
}

// Of integers that are known: shapes and masks.
absl::Status CheckIntegers(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(0));
  if (!IsFloat(src.type) && src.type != DataType::kBool) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("its source is of type ", DataTypeName(src.type), ", which has no bits"));
}

absl::StatusOr<ValueInfos> InferBitwise(const NodeContext& context) {
  HT_RETURN_IF_ERROR(CheckIntegers(context));
  HT_ASSIGN_OR_RETURN(ValueInfo result, BroadcastInputs(context, 0, 2));
  return ValueInfos{result};
}

absl::StatusOr<ValueInfos> InferBitwiseNot(const NodeContext& context) {
  HT_RETURN_IF_ERROR(CheckIntegers(context));
  return InferLikeFirst(context);
}

template <typename Function>
absl::StatusOr<Tensors> EvaluateBitwise(const NodeContext& context,
                                        absl::Span<const ValueInfo> infos) {
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> a,
                      BroadcastTo(*context.constants[0], infos[0].shape).ToInts());
  HT_ASSIGN_OR_RETURN(const std::vector<int64_t> b,
                      BroadcastTo(*context.constants[1], infos[0].shape).ToInts());
  for (size_t i = 0; i < a.size(); ++i) a[i] = Function()(a[i], b[i]);
  return Tensors{Tensor::FromInts(infos[0].type, infos[0].shape, a)};
}

absl::StatusOr<Tensors> EvaluateBitwiseNot(const NodeContext& context,
                                           absl::Span<const ValueInfo> infos) {
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> values, context.constants[0]->ToInts());
  for (int64_t& value : values) value = ~value;
  return Tensors{Tensor::FromInts(infos[0].type, infos[0].shape, values)};
}

// By a number of bits of each element's own; all bits are shifted out from 64 on.
absl::StatusOr<Tensors> EvaluateBitShift(const NodeContext& context,
                                         absl::Span<const ValueInfo> infos) {
  HT_ASSIGN_OR_RETURN(const std::string direction, context.node.String("direction", ""));
  if (direction != "LEFT" && direction != "RIGHT") {
    return absl::InvalidArgumentError(absl::StrCat("direction '", direction, "'"));
  }
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> bits,
                      BroadcastTo(*context.constants[0], infos[0].shape).ToInts());
  HT_ASSIGN_OR_RETURN(const std::vector<int64_t> counts,
                      BroadcastTo(*context.constants[1], infos[0].shape).ToInts());
  for (size_t i = 0; i < bits.size(); ++i) {
    const auto from = static_cast<uint64_t>(bits[i]);
    const auto count = static_cast<uint64_t>(counts[i]);
    if (count >= 64) {
      bits[i] = 0;
    } else if (direction == "LEFT") {
      bits[i] = static_cast<int64_t>(from << count);
    } else {
      bits[i] = infos[0].type == DataType::kUint64 ? static_cast<int64_t>(from >> count)
                                                   : bits[i] >> count;
    }
  }
  return Tensors{Tensor::FromInts(infos[0].type, infos[0].shape, bits)};
}

constexpr std::array kLogicOperators = {
    Operator{"Equal", InferComparison, EvaluateComparison<std::equal_to<>>, Runs::kAnything},
    Operator{"Less", InferComparison, EvaluateComparison<std::less<>>, Runs::kAnything},
    Operator{"Greater", InferComparison, EvaluateComparison<std::greater<>>, Runs::kAnything},
    Operator{"LessOrEqual", InferComparison, EvaluateComparison<std::less_equal<>>,
             Runs::kAnything},
    Operator{"GreaterOrEqual", InferComparison, EvaluateComparison<std::greater_equal<>>,
             Runs::kAnything},
    Operator{"And", InferLogical, EvaluateComparison<std::logical_and<>>, Runs::kAnything},
    Operator{"Or", InferLogical, EvaluateComparison<std::logical_or<>>, Runs::kAnything},
    Operator{"Xor", InferLogical, EvaluateComparison<std::not_equal_to<>>, Runs::kAnything},
    Operator{"Not", InferNot, EvaluateNot, Runs::kAnything},
    Operator{"BitwiseAnd", InferBitwise, EvaluateBitwise<std::bit_and<>>, Runs::kNever},
    Operator{"BitwiseOr", InferBitwise, EvaluateBitwise<std::bit_or<>>, Runs::kNever},
    Operator{"BitwiseXor", InferBitwise, EvaluateBitwise<std::bit_xor<>>, Runs::kNever},
    Operator{"BitShift", InferBitwise, EvaluateBitShift, Runs::kNever},
    Operator{"BitwiseNot", InferBitwiseNot, EvaluateBitwiseNot, Runs::kNever},
    Operator{"IsNaN", InferFloatTest},
    Operator{"IsInf", InferFloatTest},
    Operator{"Where", InferWhere, EvaluateWhere, Runs::kAnything},
};

}  // namespace

absl::Span<const Operator> LogicOperators() { return kLogicOperators; }

}  // namespace halftone
