#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/operators/operator.h"
#include "nn/graph/operators/strided.h"

namespace halftone {
namespace {

// Which axes of src are reduced.
absl::StatusOr<std::vector<bool>> ReducedAxes(const NodeContext& context, int rank) {
  HT_ASSIGN_OR_RETURN(auto given, context.IntsFromEither("axes", 1));
  HT_ASSIGN_OR_RETURN(int64_t noop, context.node.Int("noop_with_empty_axes", 0));
  const std::vector<int64_t> axes = given.value_or(std::vector<int64_t>{});
  std::vector<bool> reduced(static_cast<size_t>(rank), axes.empty() && noop == 0);
  for (const int64_t axis : axes) {
    HT_ASSIGN_OR_RETURN(int at, NormalizeAxis(axis, rank));
    reduced[static_cast<size_t>(at)] = true;
  }
  return reduced;
}

Shape ReducedShape(const Shape& src, const std::vector<bool>& reduced, bool keep) {
  std::vector<int64_t> dims;
  for (int axis = 0; axis < src.rank(); ++axis) {
    const bool is_reduced = reduced[static_cast<size_t>(axis)];
    if (!is_reduced) dims.push_back(src.dim(axis));
    if (is_reduced && keep) dims.push_back(1);
  }
  return Shape(dims);
}

absl::StatusOr<ValueInfos> InferReduce(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(int64_t keep, context.node.Int("keepdims", 1));
  HT_ASSIGN_OR_RETURN(std::vector<bool> reduced, ReducedAxes(context, src.shape.rank()));
  return ValueInfos{{src.type, ReducedShape(src.shape, reduced, keep != 0)}};
}

struct Sum {
  uint64_t operator()(uint64_t a, uint64_t b) const { return a + b; }
};
struct Product {
  uint64_t operator()(uint64_t a, uint64_t b) const { return a * b; }
};
struct Maximum {
  uint64_t operator()(uint64_t a, uint64_t b) const {
    return static_cast<int64_t>(a) > static_cast<int64_t>(b) ? a : b;
  }
};
struct Minimum {
  uint64_t operator()(uint64_t a, uint64_t b) const {
    return static_cast<int64_t>(a) < static_cast<int64_t>(b) ? a : b;
  }
};

// Of integers, which wrap around: how exporters compute with shapes. Floats are left to the engine.
template <typename Operation>
absl::StatusOr<Tensors> EvaluateReduce(const NodeContext& context,
                                       absl::Span<const ValueInfo> infos) {
  if (IsFloat(infos[0].type)) return absl::UnimplementedError("of floats");
  const Shape& src = context.constants[0]->shape();
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> values, context.constants[0]->ToInts());
  HT_ASSIGN_OR_RETURN(std::vector<bool> reduced, ReducedAxes(context, src.rank()));
  const std::vector<int64_t> kept_strides = DenseStrides(ReducedShape(src, reduced, true));
  const std::vector<int64_t> strides = DenseStrides(src);
  std::vector<int64_t> results(static_cast<size_t>(infos[0].shape.Elements()), 0);
  std::vector<bool> seen(results.size(), false);
  for (size_t i = 0; i < values.size(); ++i) {
    auto rest = static_cast<int64_t>(i);
    size_t to = 0;
    for (size_t axis = 0; axis < strides.size(); ++axis) {
      if (!reduced[axis]) to += static_cast<size_t>(rest / strides[axis] * kept_strides[axis]);
      rest %= strides[axis];
    }
    results[to] = seen[to] ? static_cast<int64_t>(Operation()(static_cast<uint64_t>(results[to]),
                                                              static_cast<uint64_t>(values[i])))
                           : values[i];
    seen[to] = true;
  }
  if (std::count(seen.begin(), seen.end(), false) > 0) {
    return absl::UnimplementedError("reducing no elements");
  }
  return Tensors{Tensor::FromInts(infos[0].type, infos[0].shape, results)};
}

absl::StatusOr<ValueInfos> InferArgMax(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(int64_t asked, context.node.Int("axis", 0));
  HT_ASSIGN_OR_RETURN(int axis, NormalizeAxis(asked, src.shape.rank()));
  HT_ASSIGN_OR_RETURN(int64_t keep, context.node.Int("keepdims", 1));
  if (src.shape.dim(axis) == 0) return absl::InvalidArgumentError("its axis has no elements");
  std::vector<bool> reduced(src.shape.dims().size(), false);
  reduced[static_cast<size_t>(axis)] = true;
  return ValueInfos{{DataType::kInt64, ReducedShape(src.shape, reduced, keep != 0)}};
}

absl::StatusOr<ValueInfos> InferCumSum(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> axis, context.RequiredInts(1, "axis"));
  if (axis.size() != 1) return absl::InvalidArgumentError("its axis is not one number");
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_RETURN_IF_ERROR(NormalizeAxis(axis[0], src.shape.rank()).status());
  return ValueInfos{src};
}

constexpr std::array kReductionOperators = {
    Operator{"ReduceMean", InferReduce},
    Operator{"ReduceSum", InferReduce, EvaluateReduce<Sum>, Runs::kNumbers},
    Operator{"ReduceMax", InferReduce, EvaluateReduce<Maximum>, Runs::kAnything},
    Operator{"ReduceMin", InferReduce, EvaluateReduce<Minimum>, Runs::kAnything},
    Operator{"ReduceProd", InferReduce, EvaluateReduce<Product>, Runs::kNumbers},
    Operator{"ReduceL1", InferReduce, nullptr, Runs::kNumbers},
    Operator{"ReduceL2", InferReduce},
    Operator{"ReduceLogSum", InferReduce},
    Operator{"ReduceLogSumExp", InferReduce},
    Operator{"ReduceSumSquare", InferReduce, nullptr, Runs::kNumbers},
    Operator{"ArgMax", InferArgMax, nullptr, Runs::kAnything},
    Operator{"ArgMin", InferArgMax, nullptr, Runs::kAnything},
    Operator{"CumSum", InferCumSum, nullptr, Runs::kNumbers},
};

}  // namespace

absl::Span<const Operator> ReductionOperators() { return kReductionOperators; }

}  // namespace halftone
