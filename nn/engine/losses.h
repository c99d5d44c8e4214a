#ifndef HALFTONE_NN_ENGINE_LOSSES_H_
#define HALFTONE_NN_ENGINE_LOSSES_H_

#include "absl/status/statusor.h"
#include "nn/engine/program.h"

// Losses of a network's output, per sample, as ops: differentiable any number of times. The first
// axis is the sample; means and sums over samples are the caller's.
namespace halftone::ops {

// -sum_c targets[n, c] log softmax(logits)[n, c]: [N, C] x [N, C] -> [N]. `targets` are one-hot
// labels, or any distribution.
absl::StatusOr<ValueId> CrossEntropyPerSample(ProgramBuilder& builder, ValueId logits,
                                              ValueId targets);

// KL(softmax(p_logits) || softmax(q_logits)): [N, C] x [N, C] -> [N].
absl::StatusOr<ValueId> KlDivergencePerSample(ProgramBuilder& builder, ValueId p_logits,
                                              ValueId q_logits);

// The mean over all elements of a sample of (a - b)^2: [N, ...] x [N, ...] -> [N].
absl::StatusOr<ValueId> SquaredErrorPerSample(ProgramBuilder& builder, ValueId a, ValueId b);

// The mean of all elements, a scalar.
absl::StatusOr<ValueId> Mean(ProgramBuilder& builder, ValueId src);

}  // namespace halftone::ops

#endif  // HALFTONE_NN_ENGINE_LOSSES_H_
