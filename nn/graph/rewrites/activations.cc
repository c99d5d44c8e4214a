#include <array>
#include <cmath>
#include <numbers>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/rewrites/parts_builder.h"
#include "nn/graph/rewrites/rewrite.h"

// Activations of ONNX Runtime's own, newer ones of ONNX, and Clip between computed bounds. GELU is
// written as RecognizeBlocks knows it.
namespace halftone {
namespace {

// x Phi(x) (Hendrycks and Gimpel, 2016).
std::string Gelu(PartsBuilder& builder, const std::string& x) {
  const std::string scaled = builder.Op("Div", {x, builder.Float(std::numbers::sqrt2_v<float>)});
  const std::string gate = builder.Add(builder.Op("Erf", {scaled}), builder.Float(1));
  return builder.Mul(builder.Mul(x, gate), builder.Float(0.5f));
}

// Its approximation with tanh.
std::string FastGelu(PartsBuilder& builder, const std::string& x) {
  const std::string cube = builder.Mul(builder.Mul(x, x), x);
  const std::string sum = builder.Add(x, builder.Mul(cube, builder.Float(0.044715f)));
  const float scale = std::sqrt(2 / std::numbers::pi_v<float>);
  const std::string tanh = builder.Op("Tanh", {builder.Mul(sum, builder.Float(scale))});
  const std::string gate = builder.Add(tanh, builder.Float(1));
  return builder.Mul(builder.Mul(x, gate), builder.Float(0.5f));
}

// The source, plus the bias where there is one.
std::string Biased(const NodeContext& context, PartsBuilder& builder) {
  const std::string& x = context.node.inputs[0];
  return context.HasInput(1) ? builder.Add(x, context.node.inputs[1]) : x;
}

absl::Status CheckSources(const NodeContext& context, size_t most) {
  HT_RETURN_IF_ERROR(context.Input(0).status());
  if (context.node.inputs.size() <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("more than ", most, " inputs"));
}

template <std::string (*activation)(PartsBuilder&, const std::string&), size_t most>
absl::StatusOr<Parts> RewriteGelu(const NodeContext& context, UniqueNames& names) {
  HT_RETURN_IF_ERROR(CheckSources(context, most));
  PartsBuilder builder(context, names);
  builder.Result(0, activation(builder, Biased(context, builder)));
  return builder.Take();
}

// x sigmoid(alpha x).
absl::StatusOr<Parts> RewriteSwish(const NodeContext& context, UniqueNames& names, float fallback) {
  HT_RETURN_IF_ERROR(CheckSources(context, 1));
  HT_ASSIGN_OR_RETURN(const float alpha, context.node.Float("alpha", fallback));
  PartsBuilder builder(context, names);
  const std::string& x = context.node.inputs[0];
  const std::string scaled = alpha == 1.0f ? x : builder.Mul(x, builder.Float(alpha));
  builder.Result(0, builder.Mul(x, builder.Op("Sigmoid", {scaled})));
  return builder.Take();
}

absl::StatusOr<Parts> RewriteQuickGelu(const NodeContext& context, UniqueNames& names) {
  return RewriteSwish(context, names, 1.702f);
}

absl::StatusOr<Parts> RewriteOnnxSwish(const NodeContext& context, UniqueNames& names) {
  return RewriteSwish(context, names, 1.0f);
}

// Bounds that the network computes.
bool HasComputedBounds(const NodeContext& context) {
  return (context.HasInput(1) && context.Constant(1) == nullptr) ||
         (context.HasInput(2) && context.Constant(2) == nullptr);
}

absl::StatusOr<Parts> RewriteClip(const NodeContext& context, UniqueNames& names) {
  HT_RETURN_IF_ERROR(CheckSources(context, 3));
  PartsBuilder builder(context, names);
  std::string value = context.node.inputs[0];
  for (const size_t bound : {size_t{1}, size_t{2}}) {
    if (!context.HasInput(bound)) continue;
    HT_ASSIGN_OR_RETURN(const ValueInfo info, context.Input(bound));
    if (info.shape.Elements() != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("bound of shape ", info.shape.ToString(), " is not a scalar"));
    }
    const std::string limit = builder.Reshape(context.node.inputs[bound], {});
    value = builder.Op(bound == 1 ? "Max" : "Min", {value, limit});
  }
  builder.Result(0, value);
  return builder.Take();
}

constexpr std::array kActivationRewrites = {
    Rewrite{.domain = "", .op = "Clip", .parts = RewriteClip, .concerns = HasComputedBounds},
    Rewrite{kMicrosoft, "Gelu", RewriteGelu<Gelu, 1>},
    Rewrite{kMicrosoft, "BiasGelu", RewriteGelu<Gelu, 2>},
    Rewrite{kMicrosoft, "FastGelu", RewriteGelu<FastGelu, 2>},
    Rewrite{kMicrosoft, "QuickGelu", RewriteQuickGelu},
    Rewrite{"", "Swish", RewriteOnnxSwish},
};

}  // namespace

absl::Span<const Rewrite> ActivationRewrites() { return kActivationRewrites; }

}  // namespace halftone
