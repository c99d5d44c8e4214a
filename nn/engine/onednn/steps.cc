#include "nn/engine/onednn/steps.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "nn/engine/onednn/kernels/movement_kernels.h"

namespace halftone {
namespace {

bool IsEmpty(const Shape& shape) {
  return std::find(shape.dims().begin(), shape.dims().end(), 0) != shape.dims().end();
}

template <typename OpClass>
absl::Status Dispatch(StepBuilder& steps, const Instruction& instruction) {
  AddSteps(steps, static_cast<const OpClass&>(*instruction.op), instruction);
  return absl::OkStatus();
}

// Instructions on tensors without elements: results without elements need no work, and what remains
// are sums of nothing, which are 0, and the parts of a concatenation or a padded slice, which their
// own steps handle.
bool AddEmptyInstruction(StepBuilder& steps, const Instruction& instruction) {
  bool all_dsts_empty = true;
  for (ValueId dst : instruction.dsts) all_dsts_empty &= IsEmpty(steps.shape(dst));
  bool any_src_empty = false;
  for (ValueId src : instruction.srcs) any_src_empty |= IsEmpty(steps.shape(src));
  const OpKind kind = instruction.op->kind();
  const bool moves_parts = kind == OpKind::kConcat || kind == OpKind::kSliceScatter;
  if (!all_dsts_empty && (!any_src_empty || moves_parts)) return false;
  for (ValueId dst : instruction.dsts) {
    const BufferId buffer = steps.DefinePlain(dst);
    const int64_t count = steps.shape(dst).Elements();
    if (count == 0) continue;
    steps.AddKernel([=](absl::Span<float* const> b) { FillKernel(0, count, b[0]); }, {buffer});
  }
  return true;
}

}  // namespace

Layout LayoutWithAxes(const StepBuilder& steps, ValueId value) {
  const Layout& layout = steps.layout(value);
  const bool same_axes = layout.get_dims() == DnnlDims(steps.shape(value));
  return same_axes ? layout : PlainLayout(steps.shape(value));
}

Layout ElementwiseLayout(const StepBuilder& steps, ValueId value, bool keeps_zero) {
  const Layout& layout = steps.layout(value);
  if (IsDense(layout) && (keeps_zero || !IsPadded(layout))) return layout;
  return PlainLayout(steps.shape(value));
}

absl::Status AddInstruction(StepBuilder& steps, const FusedInstruction& fused) {
  const Instruction& instruction = fused.instruction;
  if (AddEmptyInstruction(steps, instruction)) return absl::OkStatus();
  if (fused.stack_product != nullptr) {
    AddStackProduct(steps, *fused.stack_product, instruction.dsts[0]);
    return absl::OkStatus();
  }
  if (fused.sums_product) {
    AddInnerProduct(steps, instruction);
    return absl::OkStatus();
  }
  switch (instruction.op->kind()) {
    case OpKind::kConvolution:
      AddSteps(steps, static_cast<const ConvolutionOp&>(*instruction.op), fused);
      return absl::OkStatus();
    case OpKind::kConvolutionBackwardData:
      return Dispatch<ConvolutionBackwardDataOp>(steps, instruction);
    case OpKind::kConvolutionBackwardWeights:
      return Dispatch<ConvolutionBackwardWeightsOp>(steps, instruction);
    case OpKind::kMatMul:
      return Dispatch<MatMulOp>(steps, instruction);
    case OpKind::kUnary:
      return Dispatch<UnaryOp>(steps, instruction);
    case OpKind::kBinary:
      return Dispatch<BinaryOp>(steps, instruction);
    case OpKind::kGate:
      return Dispatch<GateOp>(steps, instruction);
    case OpKind::kSelect:
      return Dispatch<SelectOp>(steps, instruction);
    case OpKind::kReduce:
      return Dispatch<ReduceOp>(steps, instruction);
    case OpKind::kBroadcastTo:
      return Dispatch<BroadcastToOp>(steps, instruction);
    case OpKind::kMaxPool:
      return Dispatch<MaxPoolOp>(steps, instruction);
    case OpKind::kMaxPoolScatter:
      return Dispatch<MaxPoolScatterOp>(steps, instruction);
    case OpKind::kMaxPoolGather:
      return Dispatch<MaxPoolGatherOp>(steps, instruction);
    case OpKind::kAveragePool:
      return Dispatch<AveragePoolOp>(steps, instruction);
    case OpKind::kAveragePoolBackward:
      return Dispatch<AveragePoolBackwardOp>(steps, instruction);
    case OpKind::kReshape:
      return Dispatch<ReshapeOp>(steps, instruction);
    case OpKind::kTranspose:
      return Dispatch<TransposeOp>(steps, instruction);
    case OpKind::kConcat:
      return Dispatch<ConcatOp>(steps, instruction);
    case OpKind::kSlice:
      return Dispatch<SliceOp>(steps, instruction);
    case OpKind::kSliceScatter:
      return Dispatch<SliceScatterOp>(steps, instruction);
    case OpKind::kIndexSelect:
      return Dispatch<IndexSelectOp>(steps, instruction);
    case OpKind::kIndexAdd:
      return Dispatch<IndexAddOp>(steps, instruction);
    case OpKind::kGather:
      return Dispatch<GatherOp>(steps, instruction);
    case OpKind::kGatherAdd:
      return Dispatch<GatherAddOp>(steps, instruction);
    case OpKind::kGatherNd:
      return Dispatch<GatherNdOp>(steps, instruction);
    case OpKind::kScatterNdAdd:
      return Dispatch<ScatterNdAddOp>(steps, instruction);
    case OpKind::kLastWriter:
      return Dispatch<LastWriterOp>(steps, instruction);
    case OpKind::kSortPositions:
      return Dispatch<SortPositionsOp>(steps, instruction);
    case OpKind::kSoftmax:
      return Dispatch<SoftmaxOp>(steps, instruction);
    case OpKind::kNormalize:
      return Dispatch<NormalizeOp>(steps, instruction);
    case OpKind::kNormalizeBackward:
      return Dispatch<NormalizeBackwardOp>(steps, instruction);
    case OpKind::kFakeQuantize:
      return Dispatch<FakeQuantizeOp>(steps, instruction);
    case OpKind::kFakeQuantizeGate:
      return Dispatch<FakeQuantizeGateOp>(steps, instruction);
    case OpKind::kRoundToBFloat16:
      return Dispatch<RoundToBFloat16Op>(steps, instruction);
    case OpKind::kRoundToNarrowFloat:
      return Dispatch<RoundToNarrowFloatOp>(steps, instruction);
  }
  return absl::UnimplementedError("no kernel");
}

}  // namespace halftone
