#include "nn/graph/operators/slice.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

struct Bounds {
  std::vector<int64_t> starts, ends, axes, steps;
};

absl::StatusOr<Bounds> ReadBounds(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(auto starts, context.IntsFromEither("starts", 1));
  HT_ASSIGN_OR_RETURN(auto ends, context.IntsFromEither("ends", 2));
  HT_ASSIGN_OR_RETURN(auto axes, context.IntsFromEither("axes", 3));
  HT_ASSIGN_OR_RETURN(auto steps, context.ConstantInts(4, "steps"));
  if (!starts.has_value() || !ends.has_value()) {
    return absl::InvalidArgumentError("'starts' or 'ends' are missing");
  }
  const size_t count = starts->size();
  if (!axes.has_value()) {
    axes.emplace(count);
    std::iota(axes->begin(), axes->end(), 0);
  }
  if (!steps.has_value()) steps.emplace(count, 1);
  if (ends->size() != count || axes->size() != count || steps->size() != count) {
    return absl::InvalidArgumentError("'starts', 'ends', 'axes' and 'steps' differ in length");
  }
  return Bounds{*std::move(starts), *std::move(ends), *std::move(axes), *std::move(steps)};
}

// A position that counts from the end when negative, clamped to [low, high].
int64_t ClampPosition(int64_t position, int64_t size, int64_t low, int64_t high) {
  if (position < 0) position = position < -size ? -1 : position + size;
  return std::clamp(position, low, high);
}

int64_t CountSteps(int64_t begin, int64_t end, int64_t step) {
  const int64_t length = step > 0 ? end - begin : begin - end;
  // Unsigned, because -INT64_MIN does not exist.
  const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : -static_cast<uint64_t>(step);
  if (length <= 0) return 0;
  return static_cast<int64_t>((static_cast<uint64_t>(length) - 1) / stride) + 1;
}

}  // namespace

absl::StatusOr<ResolvedSlice> ResolveSlice(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(Bounds bounds, ReadBounds(context));
  const auto rank = static_cast<size_t>(src.shape.rank());
  ResolvedSlice slice{std::vector<int64_t>(rank, 0), std::vector<int64_t>(rank, 1), src.shape};
  std::vector<bool> seen(rank, false);
  for (size_t i = 0; i < bounds.axes.size(); ++i) {
    HT_ASSIGN_OR_RETURN(int axis, NormalizeAxis(bounds.axes[i], src.shape.rank()));
    const auto at = static_cast<size_t>(axis);
    const int64_t size = src.shape.dim(axis), step = bounds.steps[i];
    if (step == 0) return absl::InvalidArgumentError("a step of 0");
    if (seen[at]) return absl::InvalidArgumentError(absl::StrCat("axis ", axis, " is named twice"));
    seen[at] = true;
    const bool forward = step > 0;
    const int64_t begin =
        ClampPosition(bounds.starts[i], size, 0, forward ? size : std::max<int64_t>(size - 1, 0));
    const int64_t end = ClampPosition(bounds.ends[i], size, forward ? 0 : -1, size);
    const int64_t count = size == 0 ? 0 : CountSteps(begin, end, step);
    slice.begins[at] = begin;
    slice.steps[at] = count > 1 ? step : 1;
    slice.dst.set_dim(axis, count);
  }
  return slice;
}

}  // namespace halftone
