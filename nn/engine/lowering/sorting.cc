#include <array>
#include <memory>
#include <vector>

#include "base/status_macros.h"
#include "nn/engine/lowering/computed_indices.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/sort.h"

namespace halftone {
namespace {

// The largest (or smallest) elements along an axis, sorted, and their positions.
Values LowerTopK(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  ProgramBuilder& builder = lowering.builder;
  const int rank = builder.shape(src).rank();
  HT_ASSIGN_OR_RETURN(const int64_t asked, lowering.node().Int("axis", -1));
  HT_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(asked, rank));
  HT_ASSIGN_OR_RETURN(const int64_t largest, lowering.node().Int("largest", 1));
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  HT_ASSIGN_OR_RETURN(src, Permute(builder, src, AxisToLast(rank, axis)));
  Shape kept = builder.shape(src);
  const int64_t size = kept.dim(rank - 1), count = dst.dim(axis);
  kept.set_dim(rank - 1, 1);
  const int64_t rows = kept.Elements();
  kept.set_dim(rank - 1, count);
  HT_ASSIGN_OR_RETURN(const ValueId flat, ops::Reshape(builder, src, Shape{rows, size}));
  HT_ASSIGN_OR_RETURN(
      ValueId positions,
      builder.Apply1(std::make_shared<SortPositionsOp>(count, largest != 0), {flat}));
  HT_ASSIGN_OR_RETURN(positions, ops::Reshape(builder, positions, kept));
  HT_ASSIGN_OR_RETURN(ValueId values, TakeAlongLast(builder, src, positions));
  const std::vector<int> back = AxisFromLast(rank, axis);
  HT_ASSIGN_OR_RETURN(values, Permute(builder, values, back));
  HT_ASSIGN_OR_RETURN(positions, Permute(builder, positions, back));
  return std::vector<ValueId>{values, positions};
}

constexpr std::array kSortingLowerings = {
    Lowering{"TopK", LowerTopK},
};

}  // namespace

absl::Span<const Lowering> SortingLowerings() { return kSortingLowerings; }

}  // namespace halftone
