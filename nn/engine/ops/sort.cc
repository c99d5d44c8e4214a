#include "nn/engine/ops/sort.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/ops/checks.h"

namespace halftone {
namespace {

// Positions are floats, which are exact up to there.
constexpr int64_t kMaxPositions = int64_t{1} << 24;

}  // namespace

absl::StatusOr<std::vector<Shape>> SortPositionsOp::InferShapes(
    absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 1));
  const Shape& src = srcs[0];
  if (src.rank() != 2 || count < 0 || count > src.dim(1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the first ", count, " of each row of ", src.ToString()));
  }
  if (src.dim(1) > kMaxPositions) {
    return absl::UnimplementedError(
        absl::StrCat("sorting ", src.dim(1), " elements (limit ", kMaxPositions, ")"));
  }
  return std::vector<Shape>{{src.dim(0), count}};
}

absl::StatusOr<std::vector<ValueId>> SortPositionsOp::Vjp(ProgramBuilder&,
                                                          const VjpRequest&) const {
  return std::vector<ValueId>{kNoValue};
}

}  // namespace halftone
