#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/shape_ops.h"

// Running sums.
namespace halftone {
namespace {

// src moved by `shift` along `axis`, with zeros where nothing comes from.
absl::StatusOr<ValueId> Shift(ProgramBuilder& builder, ValueId src, int axis, int64_t shift) {
  const Shape shape = builder.shape(src);
  Shape kept = shape;
  kept.set_dim(axis, std::max<int64_t>(shape.dim(axis) - std::abs(shift), 0));
  std::vector<int64_t> from(shape.dims().size(), 0), to = from;
  const std::vector<int64_t> steps(shape.dims().size(), 1);
  (shift > 0 ? to : from)[static_cast<size_t>(axis)] =
      std::min<int64_t>(std::abs(shift), shape.dim(axis));
  HT_ASSIGN_OR_RETURN(ValueId part,
                      builder.Apply1(std::make_shared<SliceOp>(from, steps, kept), {src}));
  return builder.Apply1(std::make_shared<SliceScatterOp>(to, steps, shape), {part});
}

// Running sums by doubling (Hillis and Steele, 1986): each step adds what lies twice as far away.
Values LowerCumSum(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId dst, lowering.Input(0));
  ProgramBuilder& builder = lowering.builder;
  const Shape shape = builder.shape(dst);
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> asked, lowering.context.RequiredInts(1, "axis"));
  HT_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(asked[0], shape.rank()));
  HT_ASSIGN_OR_RETURN(const int64_t exclusive, lowering.node().Int("exclusive", 0));
  HT_ASSIGN_OR_RETURN(const int64_t reverse, lowering.node().Int("reverse", 0));
  if (shape.Elements() == 0) return std::vector<ValueId>{dst};
  const int64_t direction = reverse != 0 ? -1 : 1;
  if (exclusive != 0) {
    HT_ASSIGN_OR_RETURN(dst, Shift(builder, dst, axis, direction));
  }
  for (int64_t reach = 1; reach < shape.dim(axis); reach *= 2) {
    HT_ASSIGN_OR_RETURN(ValueId moved, Shift(builder, dst, axis, direction * reach));
    HT_ASSIGN_OR_RETURN(dst, ops::Add(builder, dst, moved));
  }
  return std::vector<ValueId>{dst};
}

constexpr std::array kRunningSumLowerings = {Lowering{"CumSum", LowerCumSum}};

}  // namespace

absl::Span<const Lowering> RunningSumLowerings() { return kRunningSumLowerings; }

}  // namespace halftone
