#include "nn/engine/ops/pooling.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

// Whether a window that begins at `start` has a tap on [0, size).
bool MeetsSource(int64_t start, int64_t kernel, int64_t dilation, int64_t size) {
  if (start >= size) return false;
  if (start >= 0) return true;
  const int64_t taps_before = (-start + dilation - 1) / dilation;
  return taps_before < kernel && start + taps_before * dilation < size;
}

// No window may lie in the padding alone: it would have no maximum, or the mean of nothing.
absl::Status CheckWindowsMeetSource(const Shape& src, const PoolWindow& window,
                                    const std::vector<int64_t>& sizes) {
  for (size_t i = 0; i < sizes.size(); ++i) {
    const int64_t size = src.dim(static_cast<int>(i) + 2);
    const int64_t first = -window.pads_begin[i];
    const int64_t last = first + (sizes[i] - 1) * window.strides[i];
    bool all_meet = MeetsSource(last, window.kernel[i], window.dilations[i], size);
    for (int64_t start = first; start < 0 && start <= last && all_meet;
         start += window.strides[i]) {
      all_meet = MeetsSource(start, window.kernel[i], window.dilations[i], size);
    }
    if (!all_meet) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a window on spatial axis ", i, " lies in the padding alone (kernel ", window.kernel[i],
          ", pads ", window.pads_begin[i], " and ", window.pads_end[i], ", size ", size, ")"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Shape> PooledShape(const Shape& src, const PoolWindow& window) {
  if (src.rank() > 5) {
    return absl::InvalidArgumentError(
        absl::StrCat("src ", src.ToString(), " has more than three spatial axes"));
  }
  HT_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, WindowedSizes(src, window));
  HT_RETURN_IF_ERROR(CheckWindowsMeetSource(src, window, sizes));
  std::vector<int64_t> dims = {src.dim(0), src.dim(1)};
  dims.insert(dims.end(), sizes.begin(), sizes.end());
  return Shape(dims);
}

absl::Status CheckDense(const PoolWindow& window) {
  if (std::all_of(window.dilations.begin(), window.dilations.end(),
                  [](int64_t dilation) { return dilation == 1; })) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("average pooling does not take dilations");
}

}  // namespace

absl::StatusOr<std::vector<Shape>> MaxPoolOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 1));
  HT_ASSIGN_OR_RETURN(Shape dst, PooledShape(srcs[0], window));
  return std::vector<Shape>{dst};
}

absl::StatusOr<std::vector<ValueId>> MaxPoolOp::Vjp(ProgramBuilder& builder,
                                                    const VjpRequest& request) const {
  HT_ASSIGN_OR_RETURN(ValueId diff_src, builder.Apply1(std::make_shared<MaxPoolScatterOp>(window),
                                                       {request.diff_dsts[0], request.srcs[0]}));
  return std::vector<ValueId>{diff_src};
}

absl::StatusOr<std::vector<Shape>> MaxPoolScatterOp::InferShapes(
    absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 2));
  HT_ASSIGN_OR_RETURN(Shape dst, PooledShape(srcs[1], window));
  HT_RETURN_IF_ERROR(CheckSameShape(srcs[0], dst, "diff_dst"));
  return std::vector<Shape>{srcs[1]};
}

absl::StatusOr<std::vector<ValueId>> MaxPoolScatterOp::Vjp(ProgramBuilder& builder,
                                                           const VjpRequest& request) const {
  std::vector<ValueId> diffs(2, kNoValue);
  if (request.needed[0]) {
    HT_ASSIGN_OR_RETURN(diffs[0], builder.Apply1(std::make_shared<MaxPoolGatherOp>(window),
                                                 {request.diff_dsts[0], request.srcs[1]}));
  }
  return diffs;
}

absl::StatusOr<std::vector<Shape>> MaxPoolGatherOp::InferShapes(
    absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 2));
  HT_RETURN_IF_ERROR(CheckSameShape(srcs[0], srcs[1], "gathered tensor"));
  HT_ASSIGN_OR_RETURN(Shape dst, PooledShape(srcs[1], window));
  return std::vector<Shape>{dst};
}

absl::StatusOr<std::vector<ValueId>> MaxPoolGatherOp::Vjp(ProgramBuilder& builder,
                                                          const VjpRequest& request) const {
  std::vector<ValueId> diffs(2, kNoValue);
  if (request.needed[0]) {
    HT_ASSIGN_OR_RETURN(diffs[0], builder.Apply1(std::make_shared<MaxPoolScatterOp>(window),
                                                 {request.diff_dsts[0], request.srcs[1]}));
  }
  return diffs;
}

absl::StatusOr<std::vector<Shape>> AveragePoolOp::InferShapes(absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 1));
  HT_RETURN_IF_ERROR(CheckDense(window));
  HT_ASSIGN_OR_RETURN(Shape dst, PooledShape(srcs[0], window));
  return std::vector<Shape>{dst};
}

absl::StatusOr<std::vector<ValueId>> AveragePoolOp::Vjp(ProgramBuilder& builder,
                                                        const VjpRequest& request) const {
  HT_ASSIGN_OR_RETURN(ValueId diff_src, builder.Apply1(std::make_shared<AveragePoolBackwardOp>(
                                                           window, count_padding,
                                                           Shape(builder.shape(request.srcs[0]))),
                                                       {request.diff_dsts[0]}));
  return std::vector<ValueId>{diff_src};
}

absl::StatusOr<std::vector<Shape>> AveragePoolBackwardOp::InferShapes(
    absl::Span<const Shape> srcs) const {
  HT_RETURN_IF_ERROR(CheckSourceCount(srcs, 1));
  HT_RETURN_IF_ERROR(CheckDense(window));
  HT_ASSIGN_OR_RETURN(Shape dst, PooledShape(src_shape, window));
  HT_RETURN_IF_ERROR(CheckSameShape(srcs[0], dst, "diff_dst"));
  return std::vector<Shape>{src_shape};
}

absl::StatusOr<std::vector<ValueId>> AveragePoolBackwardOp::Vjp(ProgramBuilder& builder,
                                                                const VjpRequest& request) const {
  HT_ASSIGN_OR_RETURN(ValueId diff,
                      builder.Apply1(std::make_shared<AveragePoolOp>(window, count_padding),
                                     {request.diff_dsts[0]}));
  return std::vector<ValueId>{diff};
}

}  // namespace halftone
