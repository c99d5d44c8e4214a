#include <array>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/operators/operator.h"

namespace halftone {
namespace {

absl::Status DoNotFit(const Shape& a, const Shape& b) {
  return absl::InvalidArgumentError(
      absl::StrCat("matrices ", a.ToString(), " and ", b.ToString(), " do not fit"));
}

absl::Status CheckSameType(const ValueInfo& a, const ValueInfo& b) {
  if (a.type == b.type) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("inputs of types ", DataTypeName(a.type), " and ", DataTypeName(b.type)));
}

absl::StatusOr<ValueInfos> InferGemm(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo a, context.Input(0));
  HT_ASSIGN_OR_RETURN(ValueInfo b, context.Input(1));
  HT_RETURN_IF_ERROR(CheckSameType(a, b));
  HT_ASSIGN_OR_RETURN(int64_t transpose_a, context.node.Int("transA", 0));
  HT_ASSIGN_OR_RETURN(int64_t transpose_b, context.node.Int("transB", 0));
  HT_RETURN_IF_ERROR(context.node.Float("alpha", 1).status());
  HT_RETURN_IF_ERROR(context.node.Float("beta", 1).status());
  if (a.shape.rank() != 2 || b.shape.rank() != 2) return DoNotFit(a.shape, b.shape);
  const int rows = transpose_a != 0 ? 1 : 0;
  const int columns = transpose_b != 0 ? 0 : 1;
  if (a.shape.dim(1 - rows) != b.shape.dim(1 - columns)) return DoNotFit(a.shape, b.shape);
  const ValueInfo dst{a.type, Shape{a.shape.dim(rows), b.shape.dim(columns)}};
  if (context.HasInput(2)) {
    HT_ASSIGN_OR_RETURN(ValueInfo c, context.Input(2));
    HT_RETURN_IF_ERROR(CheckSameType(a, c));
    HT_ASSIGN_OR_RETURN(Shape broadcast, BroadcastShapes(c.shape, dst.shape));
    if (broadcast != dst.shape) {
      return absl::InvalidArgumentError(absl::StrCat(
          "bias ", c.shape.ToString(), " does not fit the result ", dst.shape.ToString()));
    }
  }
  return ValueInfos{dst};
}

// numpy's matmul: a vector is a row (first) or a column (second), leading axes broadcast.
absl::StatusOr<ValueInfos> InferMatMul(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo a, context.Input(0));
  HT_ASSIGN_OR_RETURN(ValueInfo b, context.Input(1));
  HT_RETURN_IF_ERROR(CheckSameType(a, b));
  std::vector<int64_t> left = a.shape.dims(), right = b.shape.dims();
  if (left.empty() || right.empty()) return DoNotFit(a.shape, b.shape);
  const bool row = left.size() == 1, column = right.size() == 1;
  if (row) left.insert(left.begin(), 1);
  if (column) right.push_back(1);
  const int64_t rows = left[left.size() - 2], columns = right.back();
  if (left.back() != right[right.size() - 2]) return DoNotFit(a.shape, b.shape);
  left.resize(left.size() - 2);
  right.resize(right.size() - 2);
  HT_ASSIGN_OR_RETURN(Shape batch, BroadcastShapes(Shape(left), Shape(right)));
  std::vector<int64_t> dims = batch.dims();
  if (!row) dims.push_back(rows);
  if (!column) dims.push_back(columns);
  return ValueInfos{{a.type, Shape(dims)}};
}

constexpr std::array kMatrixOperators = {
    Operator{"Gemm", InferGemm},
    Operator{"MatMul", InferMatMul},
};

}  // namespace

absl::Span<const Operator> MatrixOperators() { return kMatrixOperators; }

}  // namespace halftone
