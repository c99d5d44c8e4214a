#include <array>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/operators/operator.h"
#include "nn/graph/window.h"

namespace halftone {
namespace {

absl::Status CheckSpatialAxes(const Shape& src) {
  if (src.rank() < 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("source of shape ", src.ToString(), " has no spatial axes"));
  }
  if (src.rank() > 5) {
    return absl::UnimplementedError(
        absl::StrCat(src.rank() - 2, "-D windows (only 1-D to 3-D are known)"));
  }
  return absl::OkStatus();
}

// [N, channels, windows...]
Shape DstShape(const Shape& src, int64_t channels, const Window& window) {
  std::vector<int64_t> dims = {src.dim(0), channels};
  dims.insert(dims.end(), window.dst.begin(), window.dst.end());
  return Shape(dims);
}

absl::Status CheckConvChannels(const NodeContext& context, const Shape& src, const Shape& weights) {
  HT_ASSIGN_OR_RETURN(int64_t groups, context.node.Int("group", 1));
  const int64_t channels = src.dim(1);
  if (groups < 1 || channels % groups != 0 || weights.dim(0) % groups != 0 ||
      weights.dim(1) != channels / groups) {
    return absl::InvalidArgumentError(absl::StrCat("weights ", weights.ToString(), " in ", groups,
                                                   " groups do not fit the source ",
                                                   src.ToString()));
  }
  if (!context.HasInput(2)) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(ValueInfo bias, context.Input(2));
  if (bias.type != context.infos[0]->type || bias.shape != Shape{weights.dim(0)}) {
    return absl::InvalidArgumentError(absl::StrCat(
        "bias ", bias.shape.ToString(), " does not fit the weights ", weights.ToString()));
  }
  return absl::OkStatus();
}

absl::StatusOr<ValueInfos> InferConv(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(ValueInfo weights, context.Input(1));
  HT_RETURN_IF_ERROR(CheckSpatialAxes(src.shape));
  if (weights.type != src.type) {
    return absl::InvalidArgumentError(absl::StrCat("source of ", DataTypeName(src.type),
                                                   " but weights of ", DataTypeName(weights.type)));
  }
  if (weights.shape.rank() != src.shape.rank()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "weights ", weights.shape.ToString(), " do not fit the source ", src.shape.ToString()));
  }
  HT_RETURN_IF_ERROR(CheckConvChannels(context, src.shape, weights.shape));
  HT_ASSIGN_OR_RETURN(
      Window window,
      ResolveWindow(context.node, src.shape, absl::MakeConstSpan(weights.shape.dims()).subspan(2)));
  return ValueInfos{{src.type, DstShape(src.shape, weights.shape.dim(0), window)}};
}

absl::StatusOr<ValueInfos> InferPool(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_RETURN_IF_ERROR(CheckSpatialAxes(src.shape));
  HT_ASSIGN_OR_RETURN(Window window, ResolveWindow(context.node, src.shape, {}));
  HT_RETURN_IF_ERROR(context.node.Int("storage_order", 0).status());
  const Shape dst = DstShape(src.shape, src.shape.dim(1), window);
  return ValueInfos{{src.type, dst}, {DataType::kInt64, dst}};
}

absl::StatusOr<ValueInfos> InferGlobalPool(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  if (src.shape.rank() < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("source of shape ", src.shape.ToString(), " has no channel axis"));
  }
  for (int axis = 2; axis < src.shape.rank(); ++axis) src.shape.set_dim(axis, 1);
  return ValueInfos{src};
}

// The result of a transposed convolution, which a convolution from there to the source would read.
absl::StatusOr<ValueInfos> InferConvTranspose(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(ValueInfo weights, context.Input(1));
  HT_RETURN_IF_ERROR(CheckSpatialAxes(src.shape));
  HT_ASSIGN_OR_RETURN(int64_t groups, context.node.Int("group", 1));
  if (weights.type != src.type || weights.shape.rank() != src.shape.rank() || groups < 1 ||
      weights.shape.dim(0) != src.shape.dim(1) || src.shape.dim(1) % groups != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "weights of ", DataTypeName(weights.type), " ", weights.shape.ToString(), " in ", groups,
        " groups do not fit the source ", DataTypeName(src.type), " ", src.shape.ToString()));
  }
  if (weights.shape.dim(1) > Shape::kMaxElements / groups) {
    return absl::InvalidArgumentError(absl::StrCat(groups, " groups"));
  }
  const int64_t channels = weights.shape.dim(1) * groups;
  if (context.HasInput(2)) {
    HT_ASSIGN_OR_RETURN(ValueInfo bias, context.Input(2));
    if (bias.type != src.type || bias.shape != Shape{channels}) {
      return absl::InvalidArgumentError(
          absl::StrCat("bias ", bias.shape.ToString(), " for ", channels, " channels"));
    }
  }
  HT_ASSIGN_OR_RETURN(
      Window window, ResolveTransposedWindow(context.node, src.shape,
                                             absl::MakeConstSpan(weights.shape.dims()).subspan(2)));
  return ValueInfos{{src.type, DstShape(src.shape, channels, window)}};
}

constexpr std::array kWindowOperators = {
    Operator{"Conv", InferConv},
    Operator{"MaxPool", InferPool, nullptr, Runs::kAnything},
    Operator{"AveragePool", InferPool},
    Operator{"LpPool", InferPool},
    Operator{"GlobalAveragePool", InferGlobalPool},
    Operator{"GlobalMaxPool", InferGlobalPool},
    Operator{"ConvTranspose", InferConvTranspose},
};

}  // namespace

absl::Span<const Operator> WindowOperators() { return kWindowOperators; }

}  // namespace halftone
