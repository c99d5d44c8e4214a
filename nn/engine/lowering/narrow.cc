#include "nn/engine/lowering/narrow.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/ops.h"
#include "nn/graph/narrow_float.h"

namespace halftone {
namespace {

absl::StatusOr<IntegerLimits> RequiredLimits(DataType type) {
  const std::optional<IntegerLimits> limits = LimitsOf(type);
  if (limits.has_value()) return *limits;
  return absl::UnimplementedError(absl::StrCat("integers of type ", DataTypeName(type)));
}

}  // namespace

absl::StatusOr<ValueId> RoundToNarrowFloat(const NodeLowering& lowering, ValueId src,
                                           DataType type) {
  HT_ASSIGN_OR_RETURN(const int64_t saturate, lowering.node().Int("saturate", 1));
  return ops::RoundToNarrowFloat(lowering.builder, src, *NarrowFloatOf(type), saturate != 0);
}

absl::StatusOr<ValueId> Saturate(ProgramBuilder& builder, ValueId src, DataType type) {
  HT_ASSIGN_OR_RETURN(const IntegerLimits limits, RequiredLimits(type));
  return ops::Unary(builder, UnaryFunction::kClip, src, static_cast<float>(limits.least),
                    static_cast<float>(limits.most));
}

// By how often the type's range lies between them, which is exact: the range is a power of two.
absl::StatusOr<ValueId> WrapAround(ProgramBuilder& builder, ValueId src, DataType type) {
  HT_ASSIGN_OR_RETURN(const IntegerLimits limits, RequiredLimits(type));
  const auto range = static_cast<float>(limits.most - limits.least + 1);
  const float first = static_cast<float>(limits.least) / range;
  HT_ASSIGN_OR_RETURN(ValueId turns,
                      ops::Unary(builder, UnaryFunction::kLinear, src, 1.0f / range, -first));
  HT_ASSIGN_OR_RETURN(turns, ops::Unary(builder, UnaryFunction::kFloor, turns));
  HT_ASSIGN_OR_RETURN(turns, ops::Scale(builder, turns, -range));
  return ops::Add(builder, src, turns);
}

}  // namespace halftone
