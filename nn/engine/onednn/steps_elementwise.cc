#include <array>
#include <utility>
#include <vector>

#include "nn/engine/onednn/kernels/elementwise_kernels.h"
#include "nn/engine/onednn/physical_axes.h"
#include "nn/engine/onednn/steps.h"

namespace halftone {
namespace {

using dnnl::algorithm;

// Whether f(0) is 0.
bool KeepsZero(const UnaryOp& op) {
  switch (op.function) {
    case UnaryFunction::kRelu:
    case UnaryFunction::kLeakyRelu:
    case UnaryFunction::kTanh:
    case UnaryFunction::kErf:
    case UnaryFunction::kAbs:
    case UnaryFunction::kSign:
    case UnaryFunction::kRound:
    case UnaryFunction::kFloor:
    case UnaryFunction::kCeil:
    case UnaryFunction::kGelu:
    case UnaryFunction::kSin:
    case UnaryFunction::kTan:
    case UnaryFunction::kAsin:
    case UnaryFunction::kAtan:
    case UnaryFunction::kSinh:
    case UnaryFunction::kAsinh:
    case UnaryFunction::kAtanh:
      return true;
    case UnaryFunction::kClip:
      return op.alpha <= 0 && op.beta >= 0;
    case UnaryFunction::kLinear:
      return op.beta == 0;
    case UnaryFunction::kPower:
      return op.beta > 0;
    case UnaryFunction::kSigmoid:
    case UnaryFunction::kExp:
    case UnaryFunction::kLog:
    case UnaryFunction::kSoftplus:
    case UnaryFunction::kGeluSlope:
    case UnaryFunction::kCos:
    case UnaryFunction::kAcos:
    case UnaryFunction::kCosh:
    case UnaryFunction::kAcosh:
      return false;
  }
  return false;
}

// Of the functions without a kernel of ours.
algorithm EltwiseAlgorithm(UnaryFunction function) {
  switch (function) {
    case UnaryFunction::kSigmoid:
      return algorithm::eltwise_logistic;
    case UnaryFunction::kTanh:
      return algorithm::eltwise_tanh;
    case UnaryFunction::kExp:
      return algorithm::eltwise_exp;
    case UnaryFunction::kLog:
      return algorithm::eltwise_log;
    case UnaryFunction::kSoftplus:
      return algorithm::eltwise_soft_relu;
    default:
      return algorithm::undef;
  }
}

// oneDNN's elementwise primitive over `count` elements, whatever their arrangement.
void AddEltwise(StepBuilder& steps, UnaryFunction function, int64_t count, BufferId src,
                BufferId dst) {
  const Layout flat = PlainLayout(Shape{count});
  const float alpha = function == UnaryFunction::kSoftplus ? 1.0f : 0.0f;
  const dnnl::eltwise_forward::primitive_desc descriptor(
      steps.engine(), dnnl::prop_kind::forward_inference, EltwiseAlgorithm(function), flat, flat,
      alpha, 0.0f, PrimitiveAttributes());
  steps.AddPrimitive(dnnl::eltwise_forward(descriptor), descriptor.scratchpad_desc(),
                     {{DNNL_ARG_SRC, flat, src}, {DNNL_ARG_DST, flat, dst}});
}

// Whether f(0, 0) is 0.
bool KeepsZero(BinaryFunction function) {
  return function == BinaryFunction::kAdd || function == BinaryFunction::kSub ||
         function == BinaryFunction::kMul || function == BinaryFunction::kMax ||
         function == BinaryFunction::kMin || function == BinaryFunction::kGreater;
}

// The layout in which two values of one shape meet with the fewest reorders: one that both have,
// else one that is blocked (its neighbours are convolutions, most likely), and a constant's last.
Layout CommonLayout(const StepBuilder& steps, ValueId a, ValueId b, bool keeps_zero) {
  const Layout a_layout = ElementwiseLayout(steps, a, keeps_zero);
  const Layout b_layout = ElementwiseLayout(steps, b, keeps_zero);
  if (steps.ConstantData(a) != nullptr) return b_layout;
  if (steps.ConstantData(b) != nullptr) return a_layout;
  if (steps.HasLayout(b, a_layout)) return a_layout;
  if (steps.HasLayout(a, b_layout)) return b_layout;
  return IsPlain(a_layout) ? b_layout : a_layout;
}

void AddSameShape(StepBuilder& steps, BinaryFunction function, const Instruction& instruction) {
  const ValueId a = instruction.srcs[0], b = instruction.srcs[1];
  const Layout layout = CommonLayout(steps, a, b, KeepsZero(function));
  const BufferId a_buffer = steps.Source(a, layout), b_buffer = steps.Source(b, layout);
  const BufferId dst = steps.DefineInPlace(instruction.dsts[0], layout, {a, b});
  StridedLoop<3> loop;
  loop.axes.push_back({StoredElements(layout), {1, 1, 1}});
  steps.AddKernel(
      [=](absl::Span<float* const> buffers) {
        BinaryKernel(function, loop, buffers[0], buffers[1], buffers[2]);
      },
      {a_buffer, b_buffer, dst});
}

// Where `full` has the shape of the result and `small` is repeated over it.
struct Repetition {
  ValueId full;
  ValueId small;
  bool full_is_first;
};

// Whether the padding of the result stays zero although it is computed from zeros of `full` and
// whatever `small` repeats there.
bool KeepsZeroWithAny(BinaryFunction function, bool full_is_first) {
  return function == BinaryFunction::kMul || (function == BinaryFunction::kDiv && full_is_first);
}

// Computes a repetition in the blocked layout of `full`; false where that has no simple loop.
bool AddBlockedRepetition(StepBuilder& steps, BinaryFunction function, const Repetition& repetition,
                          ValueId dst) {
  const Layout layout = steps.layout(repetition.full);
  if (IsPlain(layout) || !IsDense(layout)) return false;
  if (layout.get_dims() != DnnlDims(steps.shape(dst))) return false;
  if (IsPadded(layout) && !KeepsZeroWithAny(function, repetition.full_is_first)) return false;
  const auto small = RepeatedOver(layout, steps.shape(repetition.small));
  if (!small.has_value()) return false;
  StridedLoop<3> loop;
  for (const PhysicalAxis& axis : PhysicalAxes(layout)) {
    const int64_t small_stride = small->StrideOf(axis);
    const int64_t a_stride = repetition.full_is_first ? axis.stride : small_stride;
    const int64_t b_stride = repetition.full_is_first ? small_stride : axis.stride;
    loop.axes.push_back({axis.size, {axis.stride, a_stride, b_stride}});
  }
  loop.Simplify();
  const BufferId full_buffer = steps.Source(repetition.full, layout);
  const BufferId small_buffer = steps.Source(repetition.small, small->layout);
  const BufferId dst_buffer = steps.DefineInPlace(dst, layout, {repetition.full});
  const bool full_is_first = repetition.full_is_first;
  steps.AddKernel(
      [=](absl::Span<float* const> buffers) {
        BinaryKernel(function, loop, buffers[full_is_first ? 0 : 1], buffers[full_is_first ? 1 : 0],
                     buffers[2]);
      },
      {full_buffer, small_buffer, dst_buffer});
  return true;
}

void AddPlainBroadcast(StepBuilder& steps, BinaryFunction function,
                       const Instruction& instruction) {
  const ValueId a = instruction.srcs[0], b = instruction.srcs[1], dst = instruction.dsts[0];
  const std::vector<int64_t> a_strides = BroadcastStrides(steps.shape(a), steps.shape(dst));
  const std::vector<int64_t> b_strides = BroadcastStrides(steps.shape(b), steps.shape(dst));
  const std::vector<int64_t> dst_strides = BroadcastStrides(steps.shape(dst), steps.shape(dst));
  StridedLoop<3> loop;
  for (size_t i = 0; i < dst_strides.size(); ++i) {
    loop.axes.push_back(
        {steps.shape(dst).dim(static_cast<int>(i)), {dst_strides[i], a_strides[i], b_strides[i]}});
  }
  loop.Simplify();
  const BufferId a_buffer = steps.PlainSource(a), b_buffer = steps.PlainSource(b);
  const BufferId dst_buffer =
      steps.DefineInPlace(dst, PlainLayout(steps.shape(dst)), instruction.srcs);
  steps.AddKernel(
      [=](absl::Span<float* const> buffers) {
        BinaryKernel(function, loop, buffers[0], buffers[1], buffers[2]);
      },
      {a_buffer, b_buffer, dst_buffer});
}

}  // namespace

void AddSteps(StepBuilder& steps, const UnaryOp& op, const Instruction& instruction) {
  const ValueId src = instruction.srcs[0];
  const Layout layout = ElementwiseLayout(steps, src, KeepsZero(op));
  const BufferId src_buffer = steps.Source(src, layout);
  const BufferId dst_buffer = steps.DefineInPlace(instruction.dsts[0], layout, {src});
  const int64_t count = StoredElements(layout);
  if (!HasUnaryKernel(op.function)) {
    AddEltwise(steps, op.function, count, src_buffer, dst_buffer);
    return;
  }
  const UnaryFunction function = op.function;
  const float alpha = op.alpha, beta = op.beta;
  steps.AddKernel(
      [=](absl::Span<float* const> buffers) {
        UnaryKernel(function, alpha, beta, count, buffers[0], buffers[1]);
      },
      {src_buffer, dst_buffer});
}

void AddSteps(StepBuilder& steps, const BinaryOp& op, const Instruction& instruction) {
  const ValueId a = instruction.srcs[0], b = instruction.srcs[1], dst = instruction.dsts[0];
  if (steps.shape(a) == steps.shape(b)) {
    AddSameShape(steps, op.function, instruction);
    return;
  }
  const bool a_full = steps.shape(a) == steps.shape(dst);
  const bool b_full = steps.shape(b) == steps.shape(dst);
  if (a_full && AddBlockedRepetition(steps, op.function, {a, b, true}, dst)) return;
  if (b_full && AddBlockedRepetition(steps, op.function, {b, a, false}, dst)) return;
  AddPlainBroadcast(steps, op.function, instruction);
}

void AddSteps(StepBuilder& steps, const SelectOp&, const Instruction& instruction) {
  const ValueId dst = instruction.dsts[0];
  const Shape& shape = steps.shape(dst);
  StridedLoop<4> loop;
  std::vector<std::vector<int64_t>> strides = {BroadcastStrides(shape, shape)};
  std::vector<BufferId> buffers;
  for (const ValueId src : instruction.srcs) {
    strides.push_back(BroadcastStrides(steps.shape(src), shape));
    buffers.push_back(steps.PlainSource(src));
  }
  for (size_t i = 0; i < strides[0].size(); ++i) {
    loop.axes.push_back({shape.dim(static_cast<int>(i)),
                         {strides[0][i], strides[1][i], strides[2][i], strides[3][i]}});
  }
  loop.Simplify();
  buffers.push_back(steps.DefineInPlace(dst, PlainLayout(shape), instruction.srcs));
  steps.AddKernel(
      [loop](absl::Span<float* const> b) { SelectKernel(loop, b[0], b[1], b[2], b[3]); }, buffers);
}

void AddSteps(StepBuilder& steps, const GateOp& op, const Instruction& instruction) {
  const ValueId x = instruction.srcs[0], cotangent = instruction.srcs[1];
  const Layout layout = CommonLayout(steps, x, cotangent, true);
  const BufferId x_buffer = steps.Source(x, layout);
  const BufferId cotangent_buffer = steps.Source(cotangent, layout);
  const BufferId dst = steps.DefineInPlace(instruction.dsts[0], layout, {cotangent, x});
  const GateParameters gate{op.lower, op.upper, op.inside, op.outside};
  const int64_t count = StoredElements(layout);
  steps.AddKernel(
      [=](absl::Span<float* const> buffers) {
        GateKernel(gate, count, buffers[0], buffers[1], buffers[2]);
      },
      {x_buffer, cotangent_buffer, dst});
}

}  // namespace halftone
