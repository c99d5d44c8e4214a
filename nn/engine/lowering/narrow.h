#ifndef HALFTONE_NN_ENGINE_LOWERING_NARROW_H_
#define HALFTONE_NN_ENGINE_LOWERING_NARROW_H_

#include "absl/status/statusor.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/program.h"
#include "nn/graph/data_type.h"

// How float32 becomes what types of few bits hold.
namespace halftone {

// Floats as the narrow float `type` has them: rounded, and saturated unless the node says
// otherwise.
absl::StatusOr<ValueId> RoundToNarrowFloat(const NodeLowering& lowering, ValueId src,
                                           DataType type);

// Integers cut off at the ends of `type`, which has 4, 8 or 16 bits; UNIMPLEMENTED for others.
absl::StatusOr<ValueId> Saturate(ProgramBuilder& builder, ValueId src, DataType type);

// Integers, below 2^24 in size, with the last bits that `type` has of them: that of LimitsOf.
absl::StatusOr<ValueId> WrapAround(ProgramBuilder& builder, ValueId src, DataType type);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_LOWERING_NARROW_H_
