#ifndef HALFTONE_NN_ENGINE_OP_H_
#define HALFTONE_NN_ENGINE_OP_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "nn/engine/program.h"
#include "nn/graph/shape.h"

namespace halftone {

// Which class an op is (nn/engine/ops/): a backend dispatches on it and casts to the class.
enum class OpKind : uint8_t {
  kConvolution,                 // ConvolutionOp
  kConvolutionBackwardData,     // ConvolutionBackwardDataOp
  kConvolutionBackwardWeights,  // ConvolutionBackwardWeightsOp
  kMatMul,                      // MatMulOp
  kUnary,                       // UnaryOp
  kBinary,                      // BinaryOp
  kGate,                        // GateOp
  kSelect,                      // SelectOp
  kReduce,                      // ReduceOp
  kBroadcastTo,                 // BroadcastToOp
  kMaxPool,                     // MaxPoolOp
  kMaxPoolScatter,              // MaxPoolScatterOp
  kMaxPoolGather,               // MaxPoolGatherOp
  kAveragePool,                 // AveragePoolOp
  kAveragePoolBackward,         // AveragePoolBackwardOp
  kReshape,                     // ReshapeOp
  kTranspose,                   // TransposeOp
  kConcat,                      // ConcatOp
  kSlice,                       // SliceOp
  kSliceScatter,                // SliceScatterOp
  kIndexSelect,                 // IndexSelectOp
  kIndexAdd,                    // IndexAddOp
  kGather,                      // GatherOp
  kGatherAdd,                   // GatherAddOp
  kGatherNd,                    // GatherNdOp
  kScatterNdAdd,                // ScatterNdAddOp
  kLastWriter,                  // LastWriterOp
  kSortPositions,               // SortPositionsOp
  kSoftmax,                     // SoftmaxOp
  kNormalize,                   // NormalizeOp
  kNormalizeBackward,           // NormalizeBackwardOp
  kFakeQuantize,                // FakeQuantizeOp
  kFakeQuantizeGate,            // FakeQuantizeGateOp
  kRoundToBFloat16,             // RoundToBFloat16Op
  kRoundToNarrowFloat,          // RoundToNarrowFloatOp
};

// An elementary float32 operation and its derivative. The set is closed: every Vjp is written in
// ops, so that a gradient is a program, and the gradient of a gradient too. Ops are immutable
// descriptions; how one is computed is the backend's matter (nn/engine/onednn). Thread-safe.
class Op {
 public:
  virtual ~Op() = default;
  virtual OpKind kind() const = 0;
  // What it computes, for errors: "Convolution", "Binary.Add".
  virtual std::string name() const = 0;

  // The shapes of the results. INVALID_ARGUMENT when the sources do not fit.
  virtual absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const = 0;

  struct VjpRequest {
    absl::Span<const ValueId> srcs;
    absl::Span<const ValueId> dsts;
    absl::Span<const ValueId> diff_dsts;  // kNoValue where no derivative arrives
    absl::Span<const bool> needed;        // which sources a derivative is wanted for
  };
  // Appends the vector-Jacobian product: for each source that is needed, the value of
  // sum_d diff_dst_d . d dst_d / d src, with the shape of the source; kNoValue where the
  // derivative is zero everywhere.
  virtual absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                                   const VjpRequest& request) const = 0;
};

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_OP_H_
