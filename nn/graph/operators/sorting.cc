#include <array>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/operators/operator.h"

namespace halftone {
namespace {

// How many to keep: an attribute up to opset 9, then an input.
absl::StatusOr<int64_t> KeptCount(const NodeContext& context) {
  if (context.node.Has("k")) return context.node.Int("k", 0);
  HT_ASSIGN_OR_RETURN(const std::vector<int64_t> count, context.RequiredInts(1, "K"));
  if (count.size() != 1) return absl::InvalidArgumentError("its K is not one number");
  return count[0];
}

absl::StatusOr<ValueInfos> InferTopK(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(const int64_t asked, context.node.Int("axis", -1));
  HT_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(asked, src.shape.rank()));
  HT_ASSIGN_OR_RETURN(const int64_t count, KeptCount(context));
  if (count < 0 || count > src.shape.dim(axis)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the first ", count, " on axis ", axis, " of ", src.shape.ToString()));
  }
  src.shape.set_dim(axis, count);
  return ValueInfos{src, {DataType::kInt64, src.shape}};
}

constexpr std::array kSortingOperators = {
    Operator{"TopK", InferTopK, nullptr, Runs::kAnything},
};

}  // namespace

absl::Span<const Operator> SortingOperators() { return kSortingOperators; }

}  // namespace halftone
