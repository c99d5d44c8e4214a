#include <array>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/ops.h"

namespace halftone {
namespace {

// The scale or the zero point, so that it spreads over the source along the node's axis.
absl::StatusOr<ValueId> AlongAxis(const NodeLowering& lowering, size_t input, int rank) {
  HT_ASSIGN_OR_RETURN(const ValueId value, lowering.Input(input));
  const Shape shape = lowering.builder.shape(value);
  if (shape.Elements() == 1) return ops::Reshape(lowering.builder, value, Shape{});
  HT_ASSIGN_OR_RETURN(const int64_t asked, lowering.node().Int("axis", 1));
  HT_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(asked, rank));
  Shape spread(std::vector<int64_t>(static_cast<size_t>(rank), 1));
  spread.set_dim(axis, shape.Elements());
  return ops::Reshape(lowering.builder, value, spread);
}

absl::StatusOr<ValueId> Saturate(ProgramBuilder& builder, ValueId value, DataType type) {
  const std::optional<IntegerLimits> limits = LimitsOf(type);
  if (!limits.has_value()) {
    return absl::UnimplementedError(absl::StrCat("integers of type ", DataTypeName(type)));
  }
  return ops::Unary(builder, UnaryFunction::kClip, value, static_cast<float>(limits->least),
                    static_cast<float>(limits->most));
}

// Integers are floats that are whole.
Values LowerQuantize(const NodeLowering& lowering) {
  ProgramBuilder& builder = lowering.builder;
  HT_ASSIGN_OR_RETURN(ValueId value, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const DataType type, lowering.DstType());
  const int rank = builder.shape(value).rank();
  HT_ASSIGN_OR_RETURN(const ValueId scale, AlongAxis(lowering, 1, rank));
  HT_ASSIGN_OR_RETURN(value, ops::Div(builder, value, scale));
  HT_ASSIGN_OR_RETURN(value, ops::Unary(builder, UnaryFunction::kRound, value));
  if (lowering.HasInput(2)) {
    HT_ASSIGN_OR_RETURN(const ValueId zero, AlongAxis(lowering, 2, rank));
    HT_ASSIGN_OR_RETURN(value, ops::Add(builder, value, zero));
  }
  return Single(Saturate(builder, value, type));
}

Values LowerDequantize(const NodeLowering& lowering) {
  ProgramBuilder& builder = lowering.builder;
  HT_ASSIGN_OR_RETURN(ValueId value, lowering.Input(0));
  const int rank = builder.shape(value).rank();
  if (lowering.HasInput(2)) {
    HT_ASSIGN_OR_RETURN(const ValueId zero, AlongAxis(lowering, 2, rank));
    HT_ASSIGN_OR_RETURN(value, ops::Sub(builder, value, zero));
  }
  HT_ASSIGN_OR_RETURN(const ValueId scale, AlongAxis(lowering, 1, rank));
  return Single(ops::Mul(builder, value, scale));
}

constexpr std::array kQuantizationLowerings = {
    Lowering{"QuantizeLinear", LowerQuantize},
    Lowering{"DequantizeLinear", LowerDequantize},
};

}  // namespace

absl::Span<const Lowering> QuantizationLowerings() { return kQuantizationLowerings; }

}  // namespace halftone
