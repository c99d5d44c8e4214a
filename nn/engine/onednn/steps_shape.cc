#include <utility>
#include <vector>

#include "nn/engine/onednn/kernels/movement_kernels.h"
#include "nn/engine/onednn/kernels/reduce_kernels.h"
#include "nn/engine/onednn/physical_axes.h"
#include "nn/engine/onednn/steps.h"

namespace halftone {
namespace {

// Part `starts + i * steps` of a plain tensor of shape `whole`, walked together with a dense tensor
// of shape `part`.
struct PartLoop {
  std::vector<int64_t> part_strides;
  std::vector<int64_t> whole_strides;
  int64_t whole_start = 0;
};

PartLoop WalkPart(const Shape& whole, const Shape& part, const std::vector<int64_t>& starts,
                  const std::vector<int64_t>& steps) {
  // Axes of size 1 have no stride in BroadcastStrides, and need none: their index is 0.
  PartLoop loop{BroadcastStrides(part, part), BroadcastStrides(whole, whole)};
  for (size_t i = 0; i < starts.size(); ++i) {
    loop.whole_start += starts[i] * loop.whole_strides[i];
    loop.whole_strides[i] *= steps[i];
  }
  return loop;
}

bool HasElements(const Shape& shape) { return shape.Elements() > 0; }

}  // namespace

void AddSteps(StepBuilder& steps, const ReshapeOp& op, const Instruction& instruction) {
  steps.Alias(instruction.dsts[0], instruction.srcs[0]);
}

void AddSteps(StepBuilder& steps, const TransposeOp& op, const Instruction& instruction) {
  const ValueId src = instruction.srcs[0], dst = instruction.dsts[0];
  if (op.permutation.empty()) {
    steps.Alias(dst, src);
    return;
  }
  const dnnl::memory::dims src_strides = PlainLayout(steps.shape(src)).get_strides();
  dnnl::memory::dims strides;
  for (int axis : op.permutation) strides.push_back(src_strides[static_cast<size_t>(axis)]);
  const Layout from = StridedLayout(steps.shape(dst).dims(), strides);
  const Layout to = PlainLayout(steps.shape(dst));
  const dnnl::reorder::primitive_desc descriptor(steps.engine(), from, steps.engine(), to,
                                                 PrimitiveAttributes());
  const BufferId src_buffer = steps.PlainSource(src);
  const BufferId dst_buffer = steps.DefinePlain(dst);
  steps.AddPrimitive(dnnl::reorder(descriptor), descriptor.scratchpad_desc(),
                     {{DNNL_ARG_FROM, from, src_buffer}, {DNNL_ARG_TO, to, dst_buffer}});
}

void AddSteps(StepBuilder& steps, const ConcatOp& op, const Instruction& instruction) {
  std::vector<Layout> layouts;
  std::vector<StepArgument> arguments;
  for (ValueId src : instruction.srcs) {
    if (!HasElements(steps.shape(src))) continue;
    const Layout layout = PlainLayout(steps.shape(src));
    arguments.push_back({DNNL_ARG_MULTIPLE_SRC + static_cast<int>(layouts.size()), layout,
                         steps.Source(src, layout)});
    layouts.push_back(layout);
  }
  const ValueId dst = instruction.dsts[0];
  const Layout dst_layout = PlainLayout(steps.shape(dst));
  const dnnl::concat::primitive_desc descriptor(steps.engine(), dst_layout, op.axis, layouts,
                                                PrimitiveAttributes());
  arguments.push_back({DNNL_ARG_DST, dst_layout, steps.Define(dst, dst_layout)});
  steps.AddPrimitive(dnnl::concat(descriptor), descriptor.scratchpad_desc(), std::move(arguments));
}

void AddSteps(StepBuilder& steps, const SliceOp& op, const Instruction& instruction) {
  const ValueId src = instruction.srcs[0], dst = instruction.dsts[0];
  const PartLoop part = WalkPart(steps.shape(src), op.sizes, op.starts, op.steps);
  StridedLoop<2> loop;
  loop.start = {0, part.whole_start};
  for (size_t i = 0; i < op.starts.size(); ++i) {
    loop.axes.push_back(
        {op.sizes.dim(static_cast<int>(i)), {part.part_strides[i], part.whole_strides[i]}});
  }
  loop.Simplify();
  const BufferId src_buffer = steps.PlainSource(src);
  steps.AddKernel([loop](absl::Span<float* const> b) { CopyKernel(loop, b[0], b[1]); },
                  {src_buffer, steps.DefinePlain(dst)});
}

void AddSteps(StepBuilder& steps, const SliceScatterOp& op, const Instruction& instruction) {
  const ValueId src = instruction.srcs[0], dst = instruction.dsts[0];
  const BufferId src_buffer = steps.PlainSource(src);
  const BufferId dst_buffer = steps.DefinePlain(dst);
  const float fill = op.fill;
  const int64_t count = op.shape.Elements();
  steps.AddKernel([=](absl::Span<float* const> b) { FillKernel(fill, count, b[0]); }, {dst_buffer});
  if (!HasElements(steps.shape(src))) return;
  const PartLoop part = WalkPart(op.shape, steps.shape(src), op.starts, op.steps);
  StridedLoop<2> loop;
  loop.start = {part.whole_start, 0};
  for (size_t i = 0; i < op.starts.size(); ++i) {
    loop.axes.push_back(
        {steps.shape(src).dim(static_cast<int>(i)), {part.whole_strides[i], part.part_strides[i]}});
  }
  loop.Simplify();
  steps.AddKernel([loop](absl::Span<float* const> b) { CopyKernel(loop, b[0], b[1]); },
                  {src_buffer, dst_buffer});
}

void AddSteps(StepBuilder& steps, const IndexSelectOp& op, const Instruction& instruction) {
  const ValueId src = instruction.srcs[0];
  const AxisView view = ViewOf(steps.shape(src), op.axis);
  const std::vector<int64_t> indices = op.indices;
  const BufferId src_buffer = steps.PlainSource(src);
  steps.AddKernel(
      [view, indices](absl::Span<float* const> b) { IndexSelectKernel(view, indices, b[0], b[1]); },
      {src_buffer, steps.DefinePlain(instruction.dsts[0])});
}

void AddSteps(StepBuilder& steps, const IndexAddOp& op, const Instruction& instruction) {
  const ValueId dst = instruction.dsts[0];
  const AxisView view = ViewOf(steps.shape(dst), op.axis);
  const std::vector<int64_t> indices = op.indices;
  const BufferId src_buffer = steps.PlainSource(instruction.srcs[0]);
  steps.AddKernel(
      [view, indices](absl::Span<float* const> b) { IndexAddKernel(view, indices, b[0], b[1]); },
      {src_buffer, steps.DefinePlain(dst)});
}

void AddSteps(StepBuilder& steps, const SoftmaxOp& op, const Instruction& instruction) {
  const ValueId src = instruction.srcs[0], dst = instruction.dsts[0];
  if (op.logarithm) {
    const AxisView view = ViewOf(steps.shape(src), op.axis);
    const BufferId src_buffer = steps.PlainSource(src);
    steps.AddKernel(
        [view](absl::Span<float* const> b) {
          LogSoftmaxKernel(view.outer, view.size, view.inner, b[0], b[1]);
        },
        {src_buffer, steps.DefinePlain(dst)});
    return;
  }
  const Layout layout = PlainLayout(steps.shape(src));
  const dnnl::softmax_forward::primitive_desc descriptor(
      steps.engine(), dnnl::prop_kind::forward_inference, dnnl::algorithm::softmax_accurate, layout,
      layout, op.axis, PrimitiveAttributes());
  const BufferId src_buffer = steps.Source(src, layout);
  const BufferId dst_buffer = steps.Define(dst, layout);
  steps.AddPrimitive(dnnl::softmax_forward(descriptor), descriptor.scratchpad_desc(),
                     {{DNNL_ARG_SRC, layout, src_buffer}, {DNNL_ARG_DST, layout, dst_buffer}});
}

}  // namespace halftone
