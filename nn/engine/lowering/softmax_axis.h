#ifndef HALFTONE_NN_ENGINE_LOWERING_SOFTMAX_AXIS_H_
#define HALFTONE_NN_ENGINE_LOWERING_SOFTMAX_AXIS_H_

#include "absl/status/statusor.h"
#include "nn/engine/lowering/lowering.h"

namespace halftone {

// The source of a Softmax, LogSoftmax or Hardmax, of a shape in which it works along one axis.
struct FlattenedAxis {
  ValueId src = kNoValue;
  int axis = 0;
};

// The source itself from opset 13 on. Before, all axes from the attribute `axis` on are one, and it
// may be the rank: a matrix.
absl::StatusOr<FlattenedAxis> FlattenForSoftmax(const NodeLowering& lowering, ValueId src);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_LOWERING_SOFTMAX_AXIS_H_
