#include "nn/engine/losses.h"

#include "base/status_macros.h"
#include "nn/engine/ops.h"

namespace halftone::ops {
namespace {

absl::StatusOr<ValueId> LogProbabilities(ProgramBuilder& builder, ValueId logits) {
  return LogSoftmax(builder, logits, builder.shape(logits).rank() - 1);
}

}  // namespace

absl::StatusOr<ValueId> CrossEntropyPerSample(ProgramBuilder& builder, ValueId logits,
                                              ValueId targets) {
  HT_ASSIGN_OR_RETURN(ValueId log_probabilities, LogProbabilities(builder, logits));
  HT_ASSIGN_OR_RETURN(ValueId likelihood,
                      InnerProductPerSample(builder, log_probabilities, targets));
  return Scale(builder, likelihood, -1.0f);
}

absl::StatusOr<ValueId> KlDivergencePerSample(ProgramBuilder& builder, ValueId p_logits,
                                              ValueId q_logits) {
  HT_ASSIGN_OR_RETURN(ValueId log_p, LogProbabilities(builder, p_logits));
  HT_ASSIGN_OR_RETURN(ValueId log_q, LogProbabilities(builder, q_logits));
  HT_ASSIGN_OR_RETURN(ValueId p, Unary(builder, UnaryFunction::kExp, log_p));
  HT_ASSIGN_OR_RETURN(ValueId log_ratio, Sub(builder, log_p, log_q));
  return InnerProductPerSample(builder, p, log_ratio);
}

absl::StatusOr<ValueId> SquaredErrorPerSample(ProgramBuilder& builder, ValueId a, ValueId b) {
  HT_ASSIGN_OR_RETURN(ValueId difference, Sub(builder, a, b));
  HT_ASSIGN_OR_RETURN(ValueId sum, InnerProductPerSample(builder, difference, difference));
  const Shape shape = builder.shape(difference);
  const int64_t samples = shape.rank() == 0 ? 1 : shape.dim(0);
  if (shape.Elements() == 0) return sum;
  return Scale(builder, sum, static_cast<float>(samples) / static_cast<float>(shape.Elements()));
}

absl::StatusOr<ValueId> Mean(ProgramBuilder& builder, ValueId src) {
  const int64_t elements = builder.shape(src).Elements();
  HT_ASSIGN_OR_RETURN(ValueId sum, SumAll(builder, src));
  return Scale(builder, sum, 1.0f / static_cast<float>(elements));
}

}  // namespace halftone::ops
