#include <vector>

#include "base/status_macros.h"
#include "nn/engine/onednn/kernels/indexing_kernels.h"
#include "nn/engine/onednn/kernels/movement_kernels.h"
#include "nn/engine/onednn/steps.h"

namespace halftone {
namespace {

// Indices [K] along one axis, as tuples of one.
TupleView ListOf(int64_t count, int64_t size) { return {1, {size}, count, 1}; }

// Tuples `indices` of rows of `inner` elements.
TupleView TuplesOf(const Shape& indices, std::vector<int64_t> sizes, int64_t inner) {
  return {indices.dim(0), std::move(sizes), indices.dim(1), inner};
}

// The axes between the first and the last.
std::vector<int64_t> SizesOf(const Shape& src) {
  return {src.dims().begin() + 1, src.dims().end() - 1};
}

}  // namespace

void AddSteps(StepBuilder& steps, const GatherOp& op, const Instruction& instruction) {
  const ValueId src = instruction.srcs[0], indices = instruction.srcs[1];
  const AxisView view = ViewOf(steps.shape(src), op.axis);
  const TupleView list = ListOf(steps.shape(indices).dim(0), view.size);
  const BufferId src_buffer = steps.PlainSource(src), index_buffer = steps.PlainSource(indices);
  steps.AddFallibleKernel(
      [=](absl::Span<float* const> b) -> absl::Status {
        HT_ASSIGN_OR_RETURN(const std::vector<int64_t> resolved, ResolveTuples(list, b[1]));
        IndexSelectKernel(view, resolved, b[0], b[2]);
        return absl::OkStatus();
      },
      {src_buffer, index_buffer, steps.DefinePlain(instruction.dsts[0])});
}

void AddSteps(StepBuilder& steps, const GatherAddOp& op, const Instruction& instruction) {
  const ValueId src = instruction.srcs[0], indices = instruction.srcs[1];
  const AxisView view = ViewOf(steps.shape(instruction.dsts[0]), op.axis);
  const TupleView list = ListOf(steps.shape(indices).dim(0), view.size);
  const BufferId src_buffer = steps.PlainSource(src), index_buffer = steps.PlainSource(indices);
  steps.AddFallibleKernel(
      [=](absl::Span<float* const> b) -> absl::Status {
        HT_ASSIGN_OR_RETURN(const std::vector<int64_t> resolved, ResolveTuples(list, b[1]));
        IndexAddKernel(view, resolved, b[0], b[2]);
        return absl::OkStatus();
      },
      {src_buffer, index_buffer, steps.DefinePlain(instruction.dsts[0])});
}

void AddSteps(StepBuilder& steps, const GatherNdOp&, const Instruction& instruction) {
  const ValueId src = instruction.srcs[0], indices = instruction.srcs[1];
  const Shape& shape = steps.shape(src);
  const TupleView view =
      TuplesOf(steps.shape(indices), SizesOf(shape), shape.dim(shape.rank() - 1));
  const BufferId src_buffer = steps.PlainSource(src), index_buffer = steps.PlainSource(indices);
  steps.AddFallibleKernel(
      [view](absl::Span<float* const> b) -> absl::Status {
        HT_ASSIGN_OR_RETURN(const std::vector<int64_t> rows, ResolveTuples(view, b[1]));
        GatherRowsKernel(view, rows, b[0], b[2]);
        return absl::OkStatus();
      },
      {src_buffer, index_buffer, steps.DefinePlain(instruction.dsts[0])});
}

void AddSteps(StepBuilder& steps, const ScatterNdAddOp& op, const Instruction& instruction) {
  const ValueId src = instruction.srcs[0], indices = instruction.srcs[1];
  const TupleView view = TuplesOf(steps.shape(indices), op.sizes, steps.shape(src).dim(2));
  const BufferId src_buffer = steps.PlainSource(src), index_buffer = steps.PlainSource(indices);
  steps.AddFallibleKernel(
      [view](absl::Span<float* const> b) -> absl::Status {
        HT_ASSIGN_OR_RETURN(const std::vector<int64_t> rows, ResolveTuples(view, b[1]));
        ScatterRowsAddKernel(view, rows, b[0], b[2]);
        return absl::OkStatus();
      },
      {src_buffer, index_buffer, steps.DefinePlain(instruction.dsts[0])});
}

void AddSteps(StepBuilder& steps, const LastWriterOp& op, const Instruction& instruction) {
  const ValueId indices = instruction.srcs[0];
  const TupleView view = TuplesOf(steps.shape(indices), op.sizes, 1);
  const BufferId index_buffer = steps.PlainSource(indices);
  steps.AddFallibleKernel(
      [view](absl::Span<float* const> b) -> absl::Status {
        HT_ASSIGN_OR_RETURN(const std::vector<int64_t> rows, ResolveTuples(view, b[0]));
        LastWriterKernel(view, rows, b[1]);
        return absl::OkStatus();
      },
      {index_buffer, steps.DefinePlain(instruction.dsts[0])});
}

void AddSteps(StepBuilder& steps, const SortPositionsOp& op, const Instruction& instruction) {
  const ValueId src = instruction.srcs[0];
  const int64_t rows = steps.shape(src).dim(0), size = steps.shape(src).dim(1);
  const int64_t count = op.count;
  const bool descending = op.descending;
  const BufferId src_buffer = steps.PlainSource(src);
  steps.AddKernel(
      [=](absl::Span<float* const> b) {
        SortPositionsKernel(rows, size, count, descending, b[0], b[1]);
      },
      {src_buffer, steps.DefinePlain(instruction.dsts[0])});
}

}  // namespace halftone
