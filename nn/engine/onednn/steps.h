#ifndef HALFTONE_NN_ENGINE_ONEDNN_STEPS_H_
#define HALFTONE_NN_ENGINE_ONEDNN_STEPS_H_

#include "absl/status/status.h"
#include "nn/engine/onednn/step_builder.h"
#include "nn/engine/op.h"
#include "nn/engine/ops/convolution.h"
#include "nn/engine/ops/elementwise.h"
#include "nn/engine/ops/gather.h"
#include "nn/engine/ops/gather_nd.h"
#include "nn/engine/ops/matmul.h"
#include "nn/engine/ops/normalize.h"
#include "nn/engine/ops/pooling.h"
#include "nn/engine/ops/quantize.h"
#include "nn/engine/ops/reduction.h"
#include "nn/engine/ops/shape_ops.h"
#include "nn/engine/ops/softmax.h"
#include "nn/engine/ops/sort.h"

// How each op is computed: one function per op class, which appends the steps of one instruction.
// oneDNN's exceptions pass through.
namespace halftone {

// Appends the steps of an instruction of any op; UNIMPLEMENTED where there is no way.
absl::Status AddInstruction(StepBuilder& steps, const FusedInstruction& fused);

// With the activation at its end, if there is one.
void AddSteps(StepBuilder& steps, const ConvolutionOp& op, const FusedInstruction& fused);
void AddStackProduct(StepBuilder& steps, const StackProduct& product, ValueId dst);
// The sum per sample of the product of two tensors of one shape.
void AddInnerProduct(StepBuilder& steps, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const ConvolutionBackwardDataOp& op,
              const Instruction& instruction);
void AddSteps(StepBuilder& steps, const ConvolutionBackwardWeightsOp& op,
              const Instruction& instruction);
void AddSteps(StepBuilder& steps, const MatMulOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const UnaryOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const BinaryOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const GateOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const SelectOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const ReduceOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const BroadcastToOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const MaxPoolOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const MaxPoolScatterOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const MaxPoolGatherOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const AveragePoolOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const AveragePoolBackwardOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const ReshapeOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const TransposeOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const ConcatOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const SliceOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const SliceScatterOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const IndexSelectOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const IndexAddOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const GatherOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const GatherAddOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const GatherNdOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const ScatterNdAddOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const LastWriterOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const SortPositionsOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const SoftmaxOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const NormalizeOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const NormalizeBackwardOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const FakeQuantizeOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const FakeQuantizeGateOp& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const RoundToBFloat16Op& op, const Instruction& instruction);
void AddSteps(StepBuilder& steps, const RoundToNarrowFloatOp& op, const Instruction& instruction);

// The layout of `value`; plain where that one has other axes than the value's shape.
Layout LayoutWithAxes(const StepBuilder& steps, ValueId value);

// The dense layout in which steps that treat all elements alike should read `value`: the one that
// it has, or plain where padding would not stay zero (`keeps_zero` false).
Layout ElementwiseLayout(const StepBuilder& steps, ValueId value, bool keeps_zero);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_STEPS_H_
