#include "nn/engine/ops/checks.h"

#include "absl/strings/str_cat.h"

namespace halftone {
namespace {

// Far above any real kernel, and small enough that products of two do not overflow.
constexpr int64_t kMaxWindowSize = int64_t{1} << 24;

absl::Status CheckWindow(const PoolWindow& window, size_t axes) {
  for (const std::vector<int64_t>* sizes :
       {&window.kernel, &window.strides, &window.dilations, &window.pads_begin, &window.pads_end}) {
    if (sizes->size() != axes) {
      return absl::InvalidArgumentError(
          absl::StrCat("window has ", sizes->size(), " axes, src has ", axes, " spatial axes"));
    }
    const bool is_pad = sizes == &window.pads_begin || sizes == &window.pads_end;
    for (int64_t size : *sizes) {
      if (size < (is_pad ? 0 : 1) || size > kMaxWindowSize) {
        return absl::InvalidArgumentError(
            absl::StrCat("kernel, stride, dilation or pad of ", size, " is out of range"));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckSourceCount(absl::Span<const Shape> srcs, size_t count) {
  if (srcs.size() == count) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("takes ", count, " sources, ", srcs.size(), " given"));
}

absl::Status CheckAxis(int axis, int rank) {
  if (axis >= 0 && axis < rank) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("axis ", axis, " does not exist in a tensor of rank ", rank));
}

absl::Status CheckSameShape(const Shape& actual, const Shape& expected, const char* what) {
  if (actual == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " has shape ", actual.ToString(), ", not ", expected.ToString()));
}

absl::StatusOr<std::vector<int64_t>> WindowedSizes(const Shape& src, const PoolWindow& window) {
  if (src.rank() < 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("src ", src.ToString(), " has no spatial axes after batch and channels"));
  }
  const size_t axes = static_cast<size_t>(src.rank()) - 2;
  if (absl::Status status = CheckWindow(window, axes); !status.ok()) return status;
  std::vector<int64_t> sizes(axes);
  for (size_t i = 0; i < axes; ++i) {
    const int64_t padded =
        src.dim(static_cast<int>(i) + 2) + window.pads_begin[i] + window.pads_end[i];
    const int64_t reach = (window.kernel[i] - 1) * window.dilations[i] + 1;
    if (reach > padded) {
      return absl::InvalidArgumentError(absl::StrCat("kernel that reaches over ", reach,
                                                     " is larger than the padded input's ", padded,
                                                     " on spatial axis ", i));
    }
    sizes[i] = (padded - reach) / window.strides[i] + 1;
  }
  return sizes;
}

}  // namespace halftone
