#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/lowering/narrow.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/shape_ops.h"

namespace halftone {
namespace {

// Each index along the axis, `size` in all, with the number of its block.
std::vector<int64_t> Blocks(int64_t size, int64_t block) {
  std::vector<int64_t> blocks(static_cast<size_t>(size));
  for (size_t i = 0; i < blocks.size(); ++i) blocks[i] = static_cast<int64_t>(i) / block;
  return blocks;
}

// The scale or the zero point, so that it spreads over the source along the node's axis.
absl::StatusOr<ValueId> AlongAxis(const NodeLowering& lowering, size_t input, const Shape& src) {
  ProgramBuilder& builder = lowering.builder;
  HT_ASSIGN_OR_RETURN(const ValueId value, lowering.Input(input));
  const int64_t count = builder.shape(value).Elements();
  HT_ASSIGN_OR_RETURN(const int64_t block, lowering.node().Int("block_size", 0));
  if (count == 1) return ops::Reshape(builder, value, Shape{});
  HT_ASSIGN_OR_RETURN(const int64_t asked, lowering.node().Int("axis", 1));
  HT_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(asked, src.rank()));
  if (block != 0) {
    return builder.Apply1(std::make_shared<IndexSelectOp>(axis, Blocks(src.dim(axis), block)),
                          {value});
  }
  Shape spread(std::vector<int64_t>(src.dims().size(), 1));
  spread.set_dim(axis, count);
  return ops::Reshape(builder, value, spread);
}

// Integers are floats that are whole.
Values LowerQuantize(const NodeLowering& lowering) {
  ProgramBuilder& builder = lowering.builder;
  HT_ASSIGN_OR_RETURN(ValueId value, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const DataType type, lowering.DstType());
  const Shape src = builder.shape(value);
  HT_ASSIGN_OR_RETURN(const ValueId scale, AlongAxis(lowering, 1, src));
  HT_ASSIGN_OR_RETURN(value, ops::Div(builder, value, scale));
  if (!IsFloat(type)) {
    HT_ASSIGN_OR_RETURN(value, ops::Unary(builder, UnaryFunction::kRound, value));
  }
  if (lowering.HasInput(2)) {
    HT_ASSIGN_OR_RETURN(const ValueId zero, AlongAxis(lowering, 2, src));
    HT_ASSIGN_OR_RETURN(value, ops::Add(builder, value, zero));
  }
  return Single(IsFloat(type) ? RoundToNarrowFloat(lowering, value, type)
                              : Saturate(builder, value, type));
}

Values LowerDequantize(const NodeLowering& lowering) {
  ProgramBuilder& builder = lowering.builder;
  HT_ASSIGN_OR_RETURN(ValueId value, lowering.Input(0));
  const Shape src = builder.shape(value);
  if (lowering.HasInput(2)) {
    HT_ASSIGN_OR_RETURN(const ValueId zero, AlongAxis(lowering, 2, src));
    HT_ASSIGN_OR_RETURN(value, ops::Sub(builder, value, zero));
  }
  HT_ASSIGN_OR_RETURN(const ValueId scale, AlongAxis(lowering, 1, src));
  return Single(ops::Mul(builder, value, scale));
}

constexpr std::array kQuantizationLowerings = {
    Lowering{"QuantizeLinear", LowerQuantize},
    Lowering{"DequantizeLinear", LowerDequantize},
};

}  // namespace

absl::Span<const Lowering> QuantizationLowerings() { return kQuantizationLowerings; }

}  // namespace halftone
