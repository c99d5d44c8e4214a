#include "nn/graph/window.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

// Bounds attributes so that the products below cannot overflow.
constexpr int64_t kMaxAttribute = int64_t{1} << 28;

absl::StatusOr<std::vector<int64_t>> BoundedInts(const Node& node, absl::string_view attribute,
                                                 size_t count, int64_t fallback, int64_t least) {
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> values,
                      node.Ints(attribute, std::vector<int64_t>(count, fallback)));
  if (values.size() != count) {
    return absl::InvalidArgumentError(absl::StrCat("attribute '", attribute, "' has ",
                                                   values.size(), " entries instead of ", count));
  }
  for (const int64_t value : values) {
    if (value < least || value > kMaxAttribute) {
      return absl::InvalidArgumentError(
          absl::StrCat("attribute '", attribute, "' has the entry ", value));
    }
  }
  return values;
}

absl::StatusOr<std::vector<int64_t>> ResolveKernel(const Node& node, size_t spatial,
                                                   absl::Span<const int64_t> kernel) {
  if (kernel.empty() && !node.Has("kernel_shape")) {
    return absl::InvalidArgumentError("attribute 'kernel_shape' is missing");
  }
  if (node.Has("kernel_shape")) {
    HT_ASSIGN_OR_RETURN(std::vector<int64_t> shape,
                        BoundedInts(node, "kernel_shape", spatial, 1, 1));
    if (!kernel.empty() && !std::equal(shape.begin(), shape.end(), kernel.begin(), kernel.end())) {
      return absl::InvalidArgumentError(absl::StrCat("kernel_shape is ", absl::StrJoin(shape, "x"),
                                                     " but the weights' is ",
                                                     absl::StrJoin(kernel, "x")));
    }
    return shape;
  }
  for (const int64_t size : kernel) {
    if (size < 1 || size > kMaxAttribute) {
      return absl::InvalidArgumentError(
          absl::StrCat("a kernel of size ", absl::StrJoin(kernel, "x")));
    }
  }
  return std::vector<int64_t>(kernel.begin(), kernel.end());
}

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Splits what is missing for ceil(src / stride) windows before and after (ONNX's SAME_*).
void PadToSame(const Shape& src, bool upper, Window& window) {
  for (size_t i = 0; i < window.kernel.size(); ++i) {
    const int64_t size = src.dim(static_cast<int>(i) + 2);
    const int64_t extent = (window.kernel[i] - 1) * window.dilations[i] + 1;
    const int64_t windows = CeilDiv(size, window.strides[i]);
    const int64_t total = std::max<int64_t>((windows - 1) * window.strides[i] + extent - size, 0);
    window.pads_begin[i] = upper ? total / 2 : total - total / 2;
    window.pads_end[i] = total - window.pads_begin[i];
  }
}

absl::Status ResolvePads(const Node& node, const Shape& src, Window& window) {
  const size_t spatial = window.kernel.size();
  window.pads_begin.assign(spatial, 0);
  window.pads_end.assign(spatial, 0);
  HT_ASSIGN_OR_RETURN(std::string mode, node.String("auto_pad", "NOTSET"));
  if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    PadToSame(src, mode == "SAME_UPPER", window);
    return absl::OkStatus();
  }
  if (mode == "VALID") return absl::OkStatus();
  if (mode != "NOTSET" && !mode.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("unknown auto_pad '", mode, "'"));
  }
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> pads, BoundedInts(node, "pads", 2 * spatial, 0, 0));
  std::copy_n(pads.begin(), spatial, window.pads_begin.begin());
  std::copy_n(pads.begin() + static_cast<std::ptrdiff_t>(spatial), spatial,
              window.pads_end.begin());
  return absl::OkStatus();
}

absl::Status CountWindows(const Shape& src, bool ceil_mode, Window& window) {
  for (size_t i = 0; i < window.kernel.size(); ++i) {
    const int64_t padded =
        src.dim(static_cast<int>(i) + 2) + window.pads_begin[i] + window.pads_end[i];
    const int64_t extent = (window.kernel[i] - 1) * window.dilations[i] + 1;
    if (extent > padded) {
      return absl::InvalidArgumentError(absl::StrCat("kernel ", absl::StrJoin(window.kernel, "x"),
                                                     " larger than padded input (", extent, " > ",
                                                     padded, " on spatial axis ", i, ")"));
    }
    const int64_t steps = padded - extent;
    const int64_t stride = window.strides[i];
    int64_t last = steps / stride;
    // ceil_mode has one window more, unless it would begin behind the source.
    if (ceil_mode && steps % stride != 0 && (last + 1) * stride < padded - window.pads_end[i]) {
      ++last;
    }
    window.dst.push_back(last + 1);
    window.overhang.push_back(std::max<int64_t>(last * stride + extent - padded, 0));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Window> ResolveWindow(const Node& node, const Shape& src,
                                     absl::Span<const int64_t> kernel) {
  if (src.rank() < 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("source of shape ", src.ToString(), " has no spatial axes"));
  }
  const auto spatial = static_cast<size_t>(src.rank() - 2);
  Window window;
  HT_ASSIGN_OR_RETURN(window.kernel, ResolveKernel(node, spatial, kernel));
  HT_ASSIGN_OR_RETURN(window.strides, BoundedInts(node, "strides", spatial, 1, 1));
  HT_ASSIGN_OR_RETURN(window.dilations, BoundedInts(node, "dilations", spatial, 1, 1));
  HT_RETURN_IF_ERROR(ResolvePads(node, src, window));
  HT_ASSIGN_OR_RETURN(int64_t ceil_mode, node.Int("ceil_mode", 0));
  HT_RETURN_IF_ERROR(CountWindows(src, ceil_mode != 0, window));
  return window;
}

absl::StatusOr<Window> ResolveTransposedWindow(const Node& node, const Shape& src,
                                               absl::Span<const int64_t> kernel) {
  const auto spatial = static_cast<size_t>(std::max(src.rank() - 2, 0));
  Window window;
  HT_ASSIGN_OR_RETURN(window.kernel, ResolveKernel(node, spatial, kernel));
  HT_ASSIGN_OR_RETURN(window.strides, BoundedInts(node, "strides", spatial, 1, 1));
  HT_ASSIGN_OR_RETURN(window.dilations, BoundedInts(node, "dilations", spatial, 1, 1));
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> extra,
                      BoundedInts(node, "output_padding", spatial, 0, 0));
  HT_ASSIGN_OR_RETURN(std::string mode, node.String("auto_pad", "NOTSET"));
  window.overhang.assign(spatial, 0);
  // What the windows cover, without padding.
  std::vector<int64_t> covered(spatial);
  for (size_t i = 0; i < spatial; ++i) {
    const int64_t size = src.dim(static_cast<int>(i) + 2);
    if (size < 1) return absl::InvalidArgumentError("its source has no elements");
    covered[i] = window.strides[i] * (size - 1) + (window.kernel[i] - 1) * window.dilations[i] + 1;
    window.dst.push_back(window.strides[i] * size);
  }
  const bool same = mode == "SAME_UPPER" || mode == "SAME_LOWER";
  if (node.Has("output_shape") || same) {
    HT_ASSIGN_OR_RETURN(std::vector<int64_t> asked, node.Ints("output_shape", window.dst));
    // It may be given with the batch and the channels.
    if (asked.size() == spatial + 2) asked.erase(asked.begin(), asked.begin() + 2);
    if (asked.size() != spatial) {
      return absl::InvalidArgumentError(
          absl::StrCat("output_shape has ", asked.size(), " entries instead of ", spatial));
    }
    window.dst = asked;
    for (size_t i = 0; i < spatial; ++i) {
      if (asked[i] < 1 || asked[i] > Shape::kMaxElements) {
        return absl::InvalidArgumentError(
            absl::StrCat("output_shape ", asked[i], " on spatial axis ", i));
      }
      // What no window covers comes last, as by output_padding.
      extra[i] += std::max<int64_t>(asked[i] - covered[i] - extra[i], 0);
      const int64_t total = covered[i] + extra[i] - asked[i];
      window.pads_begin.push_back(mode == "SAME_UPPER" ? total / 2 : total - total / 2);
      window.pads_end.push_back(total - window.pads_begin[i]);
    }
  } else {
    HT_RETURN_IF_ERROR(ResolvePads(node, src, window));
    for (size_t i = 0; i < spatial; ++i) {
      window.dst[i] = covered[i] + extra[i] - window.pads_begin[i] - window.pads_end[i];
    }
  }
  for (size_t i = 0; i < spatial; ++i) {
    if (window.dst[i] >= 1 && extra[i] < window.strides[i]) continue;
    return absl::UnimplementedError(absl::StrCat("padding that leaves ", window.dst[i],
                                                 " elements on spatial axis ", i,
                                                 ", with output_padding ", extra[i]));
  }
  return window;
}

}  // namespace halftone
