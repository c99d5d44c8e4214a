#include "nn/engine/join_slices.h"

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>

#include "base/status_macros.h"
#include "nn/engine/op.h"
#include "nn/engine/ops/shape_ops.h"

namespace halftone {
namespace {

// Slices of one axis, each of which begins where the one before ends.
struct Run {
  int axis = 0;
  int64_t start = 0, end = 0;
  std::vector<ValueId> diffs;

  bool Follows(const SliceDiff& slice) const { return slice.axis == axis && slice.start == end; }
};

// In order; a slice that overlaps with one before begins a run of its own.
std::vector<Run> FindRuns(std::vector<SliceDiff> slices) {
  std::stable_sort(slices.begin(), slices.end(), [](const SliceDiff& a, const SliceDiff& b) {
    return std::tie(a.axis, a.start) < std::tie(b.axis, b.start);
  });
  std::vector<Run> runs;
  for (const SliceDiff& slice : slices) {
    const auto before = std::find_if(runs.rbegin(), runs.rend(),
                                     [&](const Run& run) { return run.Follows(slice); });
    Run& run = before != runs.rend()
                   ? *before
                   : runs.emplace_back(Run{slice.axis, slice.start, slice.start, {}});
    run.end += slice.size;
    run.diffs.push_back(slice.diff);
  }
  return runs;
}

absl::StatusOr<ValueId> Join(ProgramBuilder& builder, const Shape& shape, const Run& run) {
  ValueId diff = run.diffs[0];
  if (run.diffs.size() > 1) {
    HT_ASSIGN_OR_RETURN(diff, builder.Apply1(std::make_shared<ConcatOp>(run.axis), run.diffs));
  }
  if (run.end - run.start == shape.dim(run.axis)) return diff;
  std::vector<int64_t> starts(static_cast<size_t>(shape.rank()), 0);
  const std::vector<int64_t> steps(starts.size(), 1);
  starts[static_cast<size_t>(run.axis)] = run.start;
  return builder.Apply1(std::make_shared<SliceScatterOp>(starts, steps, shape), {diff});
}

}  // namespace

std::optional<SliceDiff> AsSliceDiff(const ProgramBuilder& builder, const Instruction& instruction,
                                     ValueId diff_dst) {
  if (instruction.op->kind() != OpKind::kSlice) return std::nullopt;
  const auto& slice = static_cast<const SliceOp&>(*instruction.op);
  const Shape& src = builder.shape(instruction.srcs[0]);
  std::optional<SliceDiff> diff;
  for (int axis = 0; axis < src.rank(); ++axis) {
    const int64_t start = slice.starts[static_cast<size_t>(axis)], size = slice.sizes.dim(axis);
    if (size == src.dim(axis)) continue;
    if (diff.has_value() || slice.steps[static_cast<size_t>(axis)] != 1) return std::nullopt;
    diff = SliceDiff{axis, start, size, diff_dst};
  }
  return diff;
}

absl::StatusOr<std::vector<ValueId>> JoinSlices(ProgramBuilder& builder, ValueId value,
                                                std::vector<SliceDiff> slices) {
  const Shape shape = builder.shape(value);
  std::vector<ValueId> diffs;
  for (const Run& run : FindRuns(std::move(slices))) {
    HT_ASSIGN_OR_RETURN(diffs.emplace_back(), Join(builder, shape, run));
  }
  return diffs;
}

}  // namespace halftone
