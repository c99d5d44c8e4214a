#include "nn/graph/operators/resize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/operators/operator.h"

namespace halftone {
namespace {

absl::Status CheckModes(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(std::string mode, context.node.String("mode", "nearest"));
  if (mode != "nearest" && mode != "linear" && mode != "cubic") {
    return absl::UnimplementedError(absl::StrCat("mode '", mode, "'"));
  }
  return absl::OkStatus();
}

absl::Status WrongLength(size_t found, size_t needed) {
  return absl::InvalidArgumentError(absl::StrCat(found, " scales or sizes for ", needed, " axes"));
}

absl::Status ApplyScales(const Tensor& scales, const std::vector<int>& axes, Shape& shape) {
  if (scales.elements() != static_cast<int64_t>(axes.size())) {
    return WrongLength(static_cast<size_t>(scales.elements()), axes.size());
  }
  HT_ASSIGN_OR_RETURN(std::vector<float> factors, scales.ToFloats());
  for (size_t i = 0; i < axes.size(); ++i) {
    // Single precision, as ONNX computes it: 10 * 0.6f must be 6.
    const float size = std::floor(static_cast<float>(shape.dim(axes[i])) * factors[i]);
    if (!(factors[i] > 0) || !(size <= static_cast<float>(Shape::kMaxElements))) {
      return absl::InvalidArgumentError(absl::StrCat("a scale of ", factors[i]));
    }
    shape.set_dim(axes[i], static_cast<int64_t>(size));
  }
  return absl::OkStatus();
}

absl::Status CheckSizes(const std::vector<int64_t>& sizes, const std::vector<int>& axes) {
  if (sizes.size() != axes.size()) return WrongLength(sizes.size(), axes.size());
  for (const int64_t size : sizes) {
    if (size < 1) return absl::InvalidArgumentError(absl::StrCat("a size of ", size));
  }
  return absl::OkStatus();
}

absl::Status ApplySizes(const NodeContext& context, const std::vector<int64_t>& sizes,
                        const std::vector<int>& axes, Shape& shape) {
  HT_RETURN_IF_ERROR(CheckSizes(sizes, axes));
  HT_ASSIGN_OR_RETURN(const std::optional<double> scale, KeptAspectScale(context, shape));
  for (size_t i = 0; i < axes.size(); ++i) {
    if (!scale.has_value()) {
      shape.set_dim(axes[i], sizes[i]);
      continue;
    }
    const double size = std::floor(*scale * static_cast<double>(shape.dim(axes[i])) + 0.5);
    if (!(size <= static_cast<double>(Shape::kMaxElements))) {
      return absl::InvalidArgumentError(absl::StrCat("a scale of ", *scale));
    }
    shape.set_dim(axes[i], static_cast<int64_t>(size));
  }
  return absl::OkStatus();
}

absl::StatusOr<ValueInfos> InferResize(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo info, context.Input(0));
  HT_RETURN_IF_ERROR(CheckModes(context));
  HT_ASSIGN_OR_RETURN(std::vector<int> axes, ResizedAxes(context, info.shape.rank()));
  // Opset 10 has (src, scales); later ones (src, roi, scales, sizes), with empty tensors for none.
  const size_t scales_input = context.opset < 11 ? 1 : 2;
  HT_ASSIGN_OR_RETURN(auto sizes, context.ConstantInts(3, "sizes"));
  if (sizes.has_value() && !sizes->empty()) {
    HT_RETURN_IF_ERROR(ApplySizes(context, *sizes, axes, info.shape));
    return ValueInfos{info};
  }
  HT_RETURN_IF_ERROR(context.Input(scales_input).status());
  const Tensor* scales = context.Constant(scales_input);
  if (scales == nullptr) return absl::UnimplementedError("its scales are not constant");
  HT_RETURN_IF_ERROR(ApplyScales(*scales, axes, info.shape));
  return ValueInfos{info};
}

constexpr std::array kResizeOperators = {Operator{"Resize", InferResize}};

}  // namespace

absl::StatusOr<std::vector<int>> ResizedAxes(const NodeContext& context, int rank) {
  std::vector<int64_t> all(static_cast<size_t>(rank));
  std::iota(all.begin(), all.end(), 0);
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> asked, context.node.Ints("axes", all));
  std::vector<int> axes;
  for (const int64_t axis : asked) {
    HT_ASSIGN_OR_RETURN(axes.emplace_back(), NormalizeAxis(axis, rank));
  }
  return axes;
}

absl::StatusOr<std::optional<double>> KeptAspectScale(const NodeContext& context,
                                                      const Shape& src) {
  HT_ASSIGN_OR_RETURN(const std::string policy,
                      context.node.String("keep_aspect_ratio_policy", "stretch"));
  if (policy == "stretch") return std::optional<double>();
  if (policy != "not_larger" && policy != "not_smaller") {
    return absl::UnimplementedError(absl::StrCat("keep_aspect_ratio_policy '", policy, "'"));
  }
  HT_ASSIGN_OR_RETURN(const auto sizes, context.ConstantInts(3, "sizes"));
  if (!sizes.has_value() || sizes->empty()) return std::optional<double>();
  HT_ASSIGN_OR_RETURN(const std::vector<int> axes, ResizedAxes(context, src.rank()));
  HT_RETURN_IF_ERROR(CheckSizes(*sizes, axes));
  std::optional<double> kept;
  for (size_t i = 0; i < axes.size(); ++i) {
    const double scale = static_cast<double>((*sizes)[i]) / static_cast<double>(src.dim(axes[i]));
    if (!kept.has_value()) kept = scale;
    kept = policy == "not_larger" ? std::min(*kept, scale) : std::max(*kept, scale);
  }
  return kept;
}

absl::Span<const Operator> ResizeOperators() { return kResizeOperators; }

}  // namespace halftone
