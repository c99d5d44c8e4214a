#include <algorithm>
#include <utility>
#include <vector>

#include "nn/engine/onednn/kernels/movement_kernels.h"
#include "nn/engine/onednn/kernels/reduce_kernels.h"
#include "nn/engine/onednn/physical_axes.h"
#include "nn/engine/onednn/steps.h"

namespace halftone {
namespace {

bool IsReduced(const ReduceOp& op, int axis) {
  return std::find(op.axes.begin(), op.axes.end(), axis) != op.axes.end();
}

// Whether reducing memory in that layout leaves the kept axes in C order: they come in order, their
// blocks behind their outer parts, without padding; and padding of the reduced ones adds nothing.
bool ReducesToPlain(const ReduceOp& op, const Layout& layout) {
  if (!IsDense(layout)) return false;
  const auto dims = layout.get_dims();
  const auto padded = layout.get_padded_dims();
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    const bool keeps_result =
        IsReduced(op, static_cast<int>(axis)) && op.function == ReduceFunction::kSum;
    if (padded[axis] != dims[axis] && !keeps_result) return false;
  }
  int last_axis = -1;
  for (const PhysicalAxis& axis : PhysicalAxes(layout)) {
    if (IsReduced(op, axis.axis)) continue;
    if (axis.axis < last_axis) return false;
    last_axis = axis.axis;
  }
  return true;
}

// A layout in which both have one contiguous piece per sample: the one that `a` or `b` has, plain
// where neither is such. Padding holds zeros, which add nothing.
Layout SampleLayout(const StepBuilder& steps, ValueId a, ValueId b) {
  const Layout a_layout = LayoutWithAxes(steps, a), b_layout = LayoutWithAxes(steps, b);
  if (IsOuterMost(a_layout, 0) && (steps.HasLayout(b, a_layout) || !IsPlain(a_layout))) {
    return a_layout;
  }
  if (IsOuterMost(b_layout, 0)) return b_layout;
  return PlainLayout(steps.shape(a));
}

}  // namespace

void AddInnerProduct(StepBuilder& steps, const Instruction& instruction) {
  const ValueId a = instruction.srcs[0], b = instruction.srcs[1];
  const Layout layout = SampleLayout(steps, a, b);
  const int64_t rows = steps.shape(a).dim(0);
  const int64_t columns = StoredElements(layout) / rows;
  const BufferId a_buffer = steps.Source(a, layout), b_buffer = steps.Source(b, layout);
  steps.AddKernel(
      [=](absl::Span<float* const> buffers) {
        InnerProductKernel(rows, columns, buffers[0], buffers[1], buffers[2]);
      },
      {a_buffer, b_buffer, steps.DefinePlain(instruction.dsts[0])});
}

void AddSteps(StepBuilder& steps, const ReduceOp& op, const Instruction& instruction) {
  const ValueId src = instruction.srcs[0], dst = instruction.dsts[0];
  if (op.axes.empty()) {
    steps.Alias(dst, src);
    return;
  }
  Layout layout = LayoutWithAxes(steps, src);
  if (!ReducesToPlain(op, layout)) layout = PlainLayout(steps.shape(src));
  std::vector<ReduceAxis> axes;
  for (const PhysicalAxis& axis : PhysicalAxes(layout)) {
    axes.push_back({axis.size, IsReduced(op, axis.axis)});
  }
  const BufferId src_buffer = steps.Source(src, layout);
  const ReduceKernel kernel(op.function, axes);
  steps.AddKernel([kernel](absl::Span<float* const> b) { kernel.Run(b[0], b[1]); },
                  {src_buffer, steps.DefinePlain(dst)});
}

void AddSteps(StepBuilder& steps, const BroadcastToOp& op, const Instruction& instruction) {
  const ValueId src = instruction.srcs[0], dst = instruction.dsts[0];
  if (steps.shape(src).Elements() == op.shape.Elements()) {
    steps.Alias(dst, src);
    return;
  }
  const std::vector<int64_t> src_strides = BroadcastStrides(steps.shape(src), op.shape);
  const std::vector<int64_t> dst_strides = BroadcastStrides(op.shape, op.shape);
  StridedLoop<2> loop;
  for (size_t i = 0; i < dst_strides.size(); ++i) {
    loop.axes.push_back({op.shape.dim(static_cast<int>(i)), {dst_strides[i], src_strides[i]}});
  }
  loop.Simplify();
  const BufferId src_buffer = steps.PlainSource(src);
  steps.AddKernel([loop](absl::Span<float* const> b) { CopyKernel(loop, b[0], b[1]); },
                  {src_buffer, steps.DefinePlain(dst)});
}

}  // namespace halftone
