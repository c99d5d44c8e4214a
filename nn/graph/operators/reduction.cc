#include <array>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/operators/operator.h"

namespace halftone {
namespace {

using Infos = std::vector<ValueInfo>;
using Tensors = std::vector<Tensor>;

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

absl::StatusOr<Infos> InferReduce(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(int64_t keep, context.node.Int("keepdims", 1));
  HT_ASSIGN_OR_RETURN(std::vector<bool> reduced, ReducedAxes(context, src.shape.rank()));
  std::vector<int64_t> dims;
  for (int axis = 0; axis < src.shape.rank(); ++axis) {
    if (!reduced[static_cast<size_t>(axis)]) {
      dims.push_back(src.shape.dim(axis));
    } else if (keep != 0) {
      dims.push_back(1);
    }
  }
  return Infos{{src.type, Shape(dims)}};
}

// The product of all integers: how exporters count the elements of a shape.
absl::StatusOr<Tensors> EvaluateProduct(const NodeContext& context,
                                        absl::Span<const ValueInfo> infos) {
  if (infos[0].shape.Elements() != 1) return absl::UnimplementedError("products of some axes");
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> values, context.constants[0]->ToInts());
  uint64_t product = 1;
  for (const int64_t value : values) product *= static_cast<uint64_t>(value);
  const std::array result = {static_cast<int64_t>(product)};
  return Tensors{Tensor::FromInts(infos[0].type, infos[0].shape, result)};
}

absl::StatusOr<Infos> InferSoftmax(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(int64_t axis, context.node.Int("axis", context.opset < 13 ? 1 : -1));
  // Up to opset 12 the axes from `axis` on are flattened, and `axis` may be the rank.
  if (context.opset < 13 && axis == src.shape.rank()) return Infos{src};
  HT_RETURN_IF_ERROR(NormalizeAxis(axis, src.shape.rank()).status());
  return Infos{src};
}

constexpr std::array kOperators = {
    Operator{"ReduceMean", InferReduce},
    Operator{"ReduceSum", InferReduce},
    Operator{"ReduceMax", InferReduce, nullptr, false},
    Operator{"ReduceMin", InferReduce, nullptr, false},
    Operator{"ReduceProd", InferReduce, EvaluateProduct, false},
    Operator{"Softmax", InferSoftmax},
    Operator{"LogSoftmax", InferSoftmax},
};

}  // namespace

absl::Span<const Operator> ReductionOperators() { return kOperators; }

}  // namespace halftone
