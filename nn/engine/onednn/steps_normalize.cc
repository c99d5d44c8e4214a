#include "nn/engine/onednn/kernels/normalize_kernels.h"
#include "nn/engine/onednn/steps.h"

namespace halftone {
namespace {

struct Matrix {
  int64_t rows, columns;
};

Matrix RowsOf(const Shape& shape, int first_axis) {
  int64_t rows = 1;
  for (int axis = 0; axis < first_axis; ++axis) rows *= shape.dim(axis);
  return {rows, shape.Elements() / rows};
}

}  // namespace

void AddSteps(StepBuilder& steps, const NormalizeOp& op, const Instruction& instruction) {
  const ValueId src = instruction.srcs[0], dst = instruction.dsts[0];
  const Matrix matrix = RowsOf(steps.shape(src), op.first_axis);
  const float epsilon = op.epsilon;
  const BufferId src_buffer = steps.PlainSource(src);
  const BufferId dst_buffer = steps.DefineInPlace(dst, PlainLayout(steps.shape(dst)), {src});
  const BufferId inverse = steps.DefinePlain(instruction.dsts[1]);
  steps.AddKernel(
      [=](absl::Span<float* const> b) {
        NormalizeKernel(matrix.rows, matrix.columns, epsilon, b[0], b[1], b[2]);
      },
      {src_buffer, dst_buffer, inverse});
}

void AddSteps(StepBuilder& steps, const NormalizeBackwardOp& op, const Instruction& instruction) {
  const ValueId diff = instruction.srcs[0], y = instruction.srcs[1], dst = instruction.dsts[0];
  const Matrix matrix = RowsOf(steps.shape(y), op.first_axis);
  const BufferId diff_buffer = steps.PlainSource(diff), y_buffer = steps.PlainSource(y);
  const BufferId inverse = steps.PlainSource(instruction.srcs[2]);
  const BufferId dst_buffer = steps.DefineInPlace(dst, PlainLayout(steps.shape(dst)), {diff});
  steps.AddKernel(
      [=](absl::Span<float* const> b) {
        NormalizeBackwardKernel(matrix.rows, matrix.columns, b[0], b[1], b[2], b[3]);
      },
      {diff_buffer, y_buffer, inverse, dst_buffer});
}

}  // namespace halftone
