#include <array>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/operators/operator.h"

namespace halftone {
namespace {

absl::StatusOr<ValueInfos> InferClip(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  for (size_t bound = 1; bound <= 2; ++bound) {
    if (!context.HasInput(bound)) continue;
    HT_ASSIGN_OR_RETURN(ValueInfo info, context.Input(bound));
    if (info.shape.IsStatic() && info.shape.Elements() != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("bound of shape ", info.shape.ToString(), " is not a scalar"));
    }
    if (!IsFloat(info.type) && IsFloat(src.type)) {
      return absl::InvalidArgumentError("its bounds are not of the source's type");
    }
  }
  return ValueInfos{src};
}

// Slopes that broadcast to the source, which keeps its shape.
absl::StatusOr<ValueInfos> InferPRelu(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(ValueInfo slope, context.Input(1));
  HT_ASSIGN_OR_RETURN(Shape both, BroadcastShapes(src.shape, slope.shape));
  if (both != src.shape || slope.type != src.type) {
    return absl::InvalidArgumentError(
        absl::StrCat("slopes of ", DataTypeName(slope.type), " ", slope.shape.ToString(),
                     " for a source of ", DataTypeName(src.type), " ", src.shape.ToString()));
  }
  return ValueInfos{src};
}

absl::StatusOr<ValueInfos> InferGelu(const NodeContext& context) {
  const absl::StatusOr<std::string> form = context.node.String("approximate", "none");
  HT_RETURN_IF_ERROR(form.status());
  if (*form != "none" && *form != "tanh") {
    return absl::InvalidArgumentError(absl::StrCat("unknown approximation '", *form, "'"));
  }
  return InferLikeFirst(context);
}

constexpr std::array kActivationOperators = {
    Operator{"Relu", InferLikeFirst, nullptr, Runs::kNumbers},
    Operator{"LeakyRelu", InferLikeFirst},
    Operator{"PRelu", InferPRelu},
    Operator{"ThresholdedRelu", InferLikeFirst},
    Operator{"Elu", InferLikeFirst},
    Operator{"Selu", InferLikeFirst},
    Operator{"Celu", InferLikeFirst},
    Operator{"Shrink", InferLikeFirst},
    Operator{"Sigmoid", InferLikeFirst},
    Operator{"HardSigmoid", InferLikeFirst},
    Operator{"HardSwish", InferLikeFirst},
    Operator{"Tanh", InferLikeFirst},
    Operator{"Softplus", InferLikeFirst},
    Operator{"Softsign", InferLikeFirst},
    Operator{"Mish", InferLikeFirst},
    Operator{"Gelu", InferGelu},
    Operator{"Erf", InferLikeFirst},
    Operator{"Clip", InferClip, nullptr, Runs::kAnything},
};

}  // namespace

absl::Span<const Operator> ActivationOperators() { return kActivationOperators; }

}  // namespace halftone
