#include <algorithm>
#include <utility>
#include <vector>

#include "nn/engine/onednn/steps.h"

namespace halftone {
namespace {

using dnnl::memory;

// The plain elements of a source seen as a matrix (or a batch of them) of `rank` axes.
struct Operand {
  memory::dims dims;
  Layout layout;
};

Operand MatrixOperand(const Shape& shape, bool transposed, size_t rank) {
  memory::dims dims(rank, 1);
  std::copy(shape.dims().rbegin(), shape.dims().rend(), dims.rbegin());
  const Layout plain = PlainLayout(dims);
  memory::dims strides = plain.get_strides();
  if (transposed) {
    std::swap(dims[rank - 1], dims[rank - 2]);
    std::swap(strides[rank - 1], strides[rank - 2]);
  }
  return {dims, StridedLayout(dims, strides)};
}

// The leading axes of `a` joined with its rows, where `b` is one matrix for all of them.
Shape JoinRows(const Shape& a) {
  const int64_t columns = a.dim(a.rank() - 1);
  return Shape{a.Elements() / columns, columns};
}

}  // namespace

void AddSteps(StepBuilder& steps, const MatMulOp& op, const Instruction& instruction) {
  const ValueId a = instruction.srcs[0], b = instruction.srcs[1], dst = instruction.dsts[0];
  Shape a_shape = steps.shape(a), dst_shape = steps.shape(dst);
  const Shape& b_shape = steps.shape(b);
  if (b_shape.rank() == 2 && a_shape.rank() > 2 && !op.transpose_a) {
    a_shape = JoinRows(a_shape);
    dst_shape = JoinRows(dst_shape);
  }
  const auto rank = static_cast<size_t>(std::max(a_shape.rank(), b_shape.rank()));
  const Operand src = MatrixOperand(a_shape, op.transpose_a, rank);
  const Operand weights = MatrixOperand(b_shape, op.transpose_b, rank);
  const Operand result = MatrixOperand(dst_shape, false, rank);
  const dnnl::matmul::primitive_desc descriptor(steps.engine(), src.layout, weights.layout,
                                                result.layout, PrimitiveAttributes());
  const BufferId a_buffer = steps.PlainSource(a), b_buffer = steps.PlainSource(b);
  const BufferId dst_buffer = steps.DefinePlain(dst);
  steps.AddPrimitive(dnnl::matmul(descriptor), descriptor.scratchpad_desc(),
                     {{DNNL_ARG_SRC, src.layout, a_buffer},
                      {DNNL_ARG_WEIGHTS, weights.layout, b_buffer},
                      {DNNL_ARG_DST, result.layout, dst_buffer}},
                     WorkOf(descriptor, static_cast<double>(steps.shape(dst).Elements()) *
                                            static_cast<double>(src.dims[rank - 1])));
}

}  // namespace halftone
