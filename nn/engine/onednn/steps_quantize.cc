#include "nn/engine/onednn/kernels/movement_kernels.h"
#include "nn/engine/onednn/kernels/quantize_kernels.h"
#include "nn/engine/onednn/steps.h"

namespace halftone {
namespace {

// Binary symmetric grids have no zero.
bool KeepsZero(const UniformQuantizer& quantizer) {
  return quantizer.bits > 1 || quantizer.symmetry == Symmetry::kAsymmetric;
}

// Of formats that have a 0: kernel(count, src, dst).
template <typename Kernel>
void AddRounding(StepBuilder& steps, const Instruction& instruction, const Kernel& kernel) {
  const ValueId src = instruction.srcs[0];
  const Layout layout = ElementwiseLayout(steps, src, true);
  const BufferId src_buffer = steps.Source(src, layout);
  const BufferId dst_buffer = steps.DefineInPlace(instruction.dsts[0], layout, {src});
  const int64_t count = StoredElements(layout);
  steps.AddKernel([=](absl::Span<float* const> b) { kernel(count, b[0], b[1]); },
                  {src_buffer, dst_buffer});
}

}  // namespace

void AddSteps(StepBuilder& steps, const FakeQuantizeOp& op, const Instruction& instruction) {
  const ValueId src = instruction.srcs[0], dst = instruction.dsts[0];
  const UniformQuantizer quantizer = op.quantizer;
  const bool per_channel = quantizer.axis >= 0;
  const Layout layout = per_channel ? PlainLayout(steps.shape(src))
                                    : ElementwiseLayout(steps, src, KeepsZero(quantizer));
  const BufferId src_buffer = steps.Source(src, layout);
  const BufferId dst_buffer = steps.DefineInPlace(dst, layout, {src});
  if (per_channel) {
    const AxisView view = ViewOf(steps.shape(src), quantizer.axis);
    steps.AddKernel(
        [=](absl::Span<float* const> b) {
          FakeQuantizeChannelsKernel(quantizer, view, b[0], b[1]);
        },
        {src_buffer, dst_buffer});
    return;
  }
  const int64_t count = StoredElements(layout);
  steps.AddKernel(
      [=](absl::Span<float* const> b) { FakeQuantizeKernel(quantizer, count, b[0], b[1]); },
      {src_buffer, dst_buffer});
}

void AddSteps(StepBuilder& steps, const FakeQuantizeGateOp& op, const Instruction& instruction) {
  const ValueId x = instruction.srcs[0], cotangent = instruction.srcs[1];
  const UniformQuantizer quantizer = op.quantizer;
  const bool per_channel = quantizer.axis >= 0;
  const Layout layout =
      per_channel ? PlainLayout(steps.shape(x)) : ElementwiseLayout(steps, x, true);
  const BufferId x_buffer = steps.Source(x, layout);
  const BufferId cotangent_buffer = steps.Source(cotangent, layout);
  const BufferId dst_buffer = steps.DefineInPlace(instruction.dsts[0], layout, {cotangent, x});
  if (per_channel) {
    const AxisView view = ViewOf(steps.shape(x), quantizer.axis);
    steps.AddKernel(
        [=](absl::Span<float* const> b) {
          FakeQuantizeGateChannelsKernel(quantizer, view, b[0], b[1], b[2]);
        },
        {x_buffer, cotangent_buffer, dst_buffer});
    return;
  }
  const int64_t count = StoredElements(layout);
  steps.AddKernel(
      [=](absl::Span<float* const> b) {
        FakeQuantizeGateKernel(quantizer, count, b[0], b[1], b[2]);
      },
      {x_buffer, cotangent_buffer, dst_buffer});
}

void AddSteps(StepBuilder& steps, const RoundToBFloat16Op&, const Instruction& instruction) {
  AddRounding(steps, instruction, [](int64_t count, const float* src, float* dst) {
    RoundToBFloat16Kernel(count, src, dst);
  });
}

void AddSteps(StepBuilder& steps, const RoundToNarrowFloatOp& op, const Instruction& instruction) {
  const NarrowFloat format = op.format;
  const bool saturate = op.saturate;
  AddRounding(steps, instruction, [=](int64_t count, const float* src, float* dst) {
    RoundToNarrowFloatKernel(format, saturate, count, src, dst);
  });
}

}  // namespace halftone
