#ifndef HALFTONE_NN_ENGINE_LOWERING_COMPUTED_INDICES_H_
#define HALFTONE_NN_ENGINE_LOWERING_COMPUTED_INDICES_H_

#include "nn/engine/lowering/lowering.h"

// Operators that read or write rows by indices that the network computes.
namespace halftone {

// GatherElements, GatherND and ReverseSequence.
Values LowerComputedGather(const NodeLowering& lowering);
// ScatterElements and ScatterND. Where several updates go to one place without a reduction, the
// last one stays. UNIMPLEMENTED for reductions other than 'add'.
Values LowerComputedScatter(const NodeLowering& lowering);

// Appends the elements of `src` at `positions` along its last axis, of which the other axes are the
// same: GatherElements there.
absl::StatusOr<ValueId> TakeAlongLast(ProgramBuilder& builder, ValueId src, ValueId positions);
// The permutation of `rank` axes that makes `axis` the last, and the one that undoes it.
std::vector<int> AxisToLast(int rank, int axis);
std::vector<int> AxisFromLast(int rank, int axis);
// Like ops::Transpose; `src` itself where nothing moves.
absl::StatusOr<ValueId> Permute(ProgramBuilder& builder, ValueId src,
                                const std::vector<int>& permutation);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_LOWERING_COMPUTED_INDICES_H_
