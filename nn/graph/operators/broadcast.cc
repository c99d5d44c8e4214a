#include "nn/graph/operators/broadcast.h"

#include "absl/strings/str_cat.h"

namespace halftone {

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

}  // namespace halftone
