#include <algorithm>
#include <array>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/operators/operator.h"

// Operators that bring elements to a common scale: by mean and variance, by norms, by exponentials.
namespace halftone {
namespace {

// OK if input `index`, where given, is of floats of that shape.
absl::Status CheckParameter(const NodeContext& context, size_t index, const Shape& shape) {
  HT_ASSIGN_OR_RETURN(ValueInfo parameter, context.Input(index));
  if (IsFloat(parameter.type) && parameter.shape == shape) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "input '", context.node.inputs[index], "' of ", DataTypeName(parameter.type), " ",
      parameter.shape.ToString(), " where floats ", shape.ToString(), " are needed"));
}

// The source of a normalization of channels: axis 1 of rank 2 or more.
absl::StatusOr<ValueInfo> ChannelSource(const NodeContext& context, int least_rank) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  if (src.shape.rank() >= least_rank) return src;
  return absl::InvalidArgumentError(
      absl::StrCat("source of shape ", src.shape.ToString(), " has too few axes"));
}

absl::StatusOr<ValueInfos> InferBatchNormalization(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, ChannelSource(context, 1));
  HT_ASSIGN_OR_RETURN(int64_t training, context.node.Int("training_mode", 0));
  if (training != 0) return absl::UnimplementedError("training mode");
  HT_ASSIGN_OR_RETURN(int64_t spatial, context.node.Int("spatial", 1));
  if (spatial != 1) return absl::UnimplementedError("statistics that are not per channel");
  const int64_t channels = src.shape.rank() > 1 ? src.shape.dim(1) : 1;
  for (size_t i = 1; i <= 4; ++i) {
    HT_RETURN_IF_ERROR(CheckParameter(context, i, Shape{channels}));
  }
  return ValueInfos{src};
}

absl::StatusOr<ValueInfos> InferInstanceNormalization(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, ChannelSource(context, 3));
  for (size_t i = 1; i <= 2; ++i) {
    HT_RETURN_IF_ERROR(CheckParameter(context, i, Shape{src.shape.dim(1)}));
  }
  return ValueInfos{src};
}

// Scale and bias are per group up to opset 20, then per channel.
absl::StatusOr<ValueInfos> InferGroupNormalization(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, ChannelSource(context, 2));
  HT_ASSIGN_OR_RETURN(int64_t groups, context.node.Int("num_groups", 0));
  const int64_t channels = src.shape.dim(1);
  if (groups < 1 || channels % groups != 0) {
    return absl::InvalidArgumentError(absl::StrCat(channels, " channels in ", groups, " groups"));
  }
  for (size_t i = 1; i <= 2; ++i) {
    HT_RETURN_IF_ERROR(CheckParameter(context, i, Shape{context.opset < 21 ? groups : channels}));
  }
  return ValueInfos{src};
}

// Results: the normalized source; mean and inverse deviation, with size 1 on the normalized axes.
absl::StatusOr<ValueInfos> InferLayerNormalization(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(int64_t asked, context.node.Int("axis", -1));
  HT_ASSIGN_OR_RETURN(int axis, NormalizeAxis(asked, src.shape.rank()));
  ValueInfo statistics = src;
  for (int i = axis; i < src.shape.rank(); ++i) statistics.shape.set_dim(i, 1);
  for (size_t i = 1; i <= 2; ++i) {
    if (i == 2 && !context.HasInput(i)) continue;
    HT_ASSIGN_OR_RETURN(ValueInfo parameter, context.Input(i));
    HT_ASSIGN_OR_RETURN(Shape both, BroadcastShapes(parameter.shape, src.shape));
    if (both != src.shape || !IsFloat(parameter.type)) {
      return absl::InvalidArgumentError(
          absl::StrCat("input '", context.node.inputs[i], "' of ", DataTypeName(parameter.type),
                       " ", parameter.shape.ToString(), " does not fit ", src.shape.ToString()));
    }
  }
  return ValueInfos{src, statistics, statistics};
}

absl::StatusOr<ValueInfos> InferMeanVarianceNormalization(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> axes, context.node.Ints("axes", {0, 2, 3}));
  for (const int64_t axis : axes) {
    HT_RETURN_IF_ERROR(NormalizeAxis(axis, src.shape.rank()).status());
  }
  return ValueInfos{src};
}

absl::StatusOr<ValueInfos> InferLrn(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, ChannelSource(context, 2));
  HT_ASSIGN_OR_RETURN(int64_t size, context.node.Int("size", 0));
  if (size < 1 || size > Shape::kMaxElements) {
    return absl::InvalidArgumentError(absl::StrCat("a size of ", size));
  }
  return ValueInfos{src};
}

absl::StatusOr<ValueInfos> InferLpNormalization(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(int64_t axis, context.node.Int("axis", -1));
  HT_RETURN_IF_ERROR(NormalizeAxis(axis, src.shape.rank()).status());
  HT_ASSIGN_OR_RETURN(int64_t p, context.node.Int("p", 2));
  if (p != 1 && p != 2) return absl::InvalidArgumentError(absl::StrCat("a norm of order ", p));
  return ValueInfos{src};
}

absl::StatusOr<ValueInfos> InferSoftmax(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(int64_t axis, context.node.Int("axis", context.opset < 13 ? 1 : -1));
  // Up to opset 12 the axes from `axis` on are flattened, and `axis` may be the rank.
  if (context.opset < 13 && axis == src.shape.rank()) return ValueInfos{src};
  HT_RETURN_IF_ERROR(NormalizeAxis(axis, src.shape.rank()).status());
  return ValueInfos{src};
}

constexpr std::array kNormalizationOperators = {
    Operator{"BatchNormalization", InferBatchNormalization},
    Operator{"InstanceNormalization", InferInstanceNormalization},
    Operator{"GroupNormalization", InferGroupNormalization},
    Operator{"LayerNormalization", InferLayerNormalization},
    Operator{"MeanVarianceNormalization", InferMeanVarianceNormalization},
    Operator{"LRN", InferLrn},
    Operator{"LpNormalization", InferLpNormalization},
    Operator{"Softmax", InferSoftmax},
    Operator{"LogSoftmax", InferSoftmax},
    Operator{"Hardmax", InferSoftmax},
};

}  // namespace

absl::Span<const Operator> NormalizationOperators() { return kNormalizationOperators; }

}  // namespace halftone
