#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/operators/operator.h"

// Operators that read images between their elements, where other values say.
namespace halftone {
namespace {

// (src [N, C, spatial...], grid [N, positions..., spatial axes])
absl::StatusOr<ValueInfos> InferGridSample(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(const ValueInfo grid, context.Input(1));
  const int rank = src.shape.rank();
  if (rank < 3 || grid.shape.rank() != rank || grid.shape.dim(0) != src.shape.dim(0) ||
      grid.shape.dim(rank - 1) != rank - 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("grid ", grid.shape.ToString(), " for ", src.shape.ToString()));
  }
  if (rank > 5) return absl::UnimplementedError(absl::StrCat(rank - 2, " spatial axes"));
  Shape dst = src.shape;
  for (int axis = 2; axis < rank; ++axis) dst.set_dim(axis, grid.shape.dim(axis - 1));
  return ValueInfos{{src.type, dst}};
}

// (src [N, C, H, W], boxes [R, 4], the sample of each [R])
absl::StatusOr<ValueInfos> InferRoiAlign(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(const ValueInfo boxes, context.Input(1));
  HT_ASSIGN_OR_RETURN(const ValueInfo samples, context.Input(2));
  HT_ASSIGN_OR_RETURN(const int64_t height, context.node.Int("output_height", 1));
  HT_ASSIGN_OR_RETURN(const int64_t width, context.node.Int("output_width", 1));
  HT_ASSIGN_OR_RETURN(const int64_t ratio, context.node.Int("sampling_ratio", 0));
  if (src.shape.rank() != 4 || boxes.shape.rank() != 2 || boxes.shape.dim(1) != 4 ||
      samples.shape != Shape{boxes.shape.dim(0)}) {
    return absl::InvalidArgumentError(absl::StrCat("boxes ", boxes.shape.ToString(), " of samples ",
                                                   samples.shape.ToString(), " for ",
                                                   src.shape.ToString()));
  }
  constexpr int64_t kMost = int64_t{1} << 15;
  const int64_t samples_a_side = std::max<int64_t>(ratio, 1);
  if (height < 1 || width < 1 || ratio < 0 || ratio > kMost || height > kMost / samples_a_side ||
      width > kMost / samples_a_side) {
    return absl::InvalidArgumentError(
        absl::StrCat("bins of ", height, " x ", width, " with ", ratio, " samples a side"));
  }
  if (ratio == 0) {
    return absl::UnimplementedError(
        "sampling_ratio 0, with which the number of samples depends on the boxes' sizes: export "
        "with a fixed sampling_ratio (2 is usual)");
  }
  return ValueInfos{{src.type, {boxes.shape.dim(0), src.shape.dim(1), height, width}}};
}

// (theta [N, axes, axes + 1], sizes [N, C, spatial...]) -> grid [N, spatial..., axes]
absl::StatusOr<ValueInfos> InferAffineGrid(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const ValueInfo theta, context.Input(0));
  HT_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, context.RequiredInts(1, "size"));
  const auto axes = static_cast<int64_t>(sizes.size()) - 2;
  if (axes < 1 || theta.shape != Shape{sizes[0], axes, axes + 1}) {
    return absl::InvalidArgumentError(
        absl::StrCat("theta ", theta.shape.ToString(), " for ", sizes.size(), " sizes"));
  }
  std::vector<int64_t> dims = {sizes[0]};
  dims.insert(dims.end(), sizes.begin() + 2, sizes.end());
  dims.push_back(axes);
  return ValueInfos{{theta.type, Shape(dims)}};
}

constexpr std::array kSamplingOperators = {
    Operator{"GridSample", InferGridSample},
    Operator{"RoiAlign", InferRoiAlign, nullptr, Runs::kNumbers},
    Operator{"AffineGrid", InferAffineGrid},
};

}  // namespace

absl::Span<const Operator> SamplingOperators() { return kSamplingOperators; }

}  // namespace halftone
