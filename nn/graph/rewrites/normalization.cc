#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/rewrites/normalize.h"
#include "nn/graph/rewrites/parts_builder.h"
#include "nn/graph/rewrites/rewrite.h"

namespace halftone {

Normalized WriteNormalization(const std::string& src, const Normalization& normalization,
                              bool with_statistics, PartsBuilder& builder) {
  std::vector<int64_t> axes;
  for (int axis = normalization.axis; axis < normalization.rank; ++axis) axes.push_back(axis);
  Normalized result;
  std::string centered = src;
  if (normalization.is_centered) {
    result.mean = builder.ReduceMean(src, axes);
    centered = builder.Op("Sub", {src, result.mean});
  }
  const std::string variance = builder.ReduceMean(builder.Mul(centered, centered), axes);
  const std::string deviation =
      builder.Op("Sqrt", {builder.Add(variance, builder.Float(normalization.epsilon))});
  result.dst = builder.Op("Div", {centered, deviation});
  if (!normalization.scale.empty()) result.dst = builder.Mul(result.dst, normalization.scale);
  if (!normalization.bias.empty()) result.dst = builder.Add(result.dst, normalization.bias);
  if (with_statistics) result.inverse_deviation = builder.Op("Reciprocal", {deviation});
  return result;
}

namespace {

// Of LayerNormalization and its like: source, scale, and the bias where it has one.
absl::StatusOr<Parts> RewriteNormalization(const NodeContext& context, UniqueNames& names,
                                           bool is_centered) {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(0));
  HT_RETURN_IF_ERROR(context.Input(1).status());
  Normalization normalization;
  normalization.rank = src.shape.rank();
  HT_ASSIGN_OR_RETURN(const int64_t axis, context.node.Int("axis", -1));
  HT_ASSIGN_OR_RETURN(normalization.axis, NormalizeAxis(axis, src.shape.rank()));
  HT_ASSIGN_OR_RETURN(normalization.epsilon, context.node.Float("epsilon", 1e-5f));
  normalization.is_centered = is_centered;
  normalization.scale = context.node.inputs[1];
  if (is_centered) normalization.bias = std::string(context.node.Input(2));
  PartsBuilder builder(context, names);
  const size_t deviation = is_centered ? 2 : 1;
  const bool with_statistics = builder.IsWanted(1) || builder.IsWanted(deviation);
  const Normalized normalized =
      WriteNormalization(context.node.inputs[0], normalization, with_statistics, builder);
  builder.Result(0, normalized.dst);
  if (with_statistics && is_centered) builder.Result(1, normalized.mean);
  if (with_statistics) builder.Result(deviation, normalized.inverse_deviation);
  return builder.Take();
}

absl::StatusOr<Parts> RewriteLayerNormalization(const NodeContext& context, UniqueNames& names) {
  return RewriteNormalization(context, names, true);
}

absl::StatusOr<Parts> RewriteRmsNormalization(const NodeContext& context, UniqueNames& names) {
  return RewriteNormalization(context, names, false);
}

// Of the sum of two sources, and a bias of that: (input, skip, scale[, shift], bias). Results: the
// normalized sum, its mean and inverse deviation, the sum.
absl::StatusOr<Parts> RewriteSkip(const NodeContext& context, UniqueNames& names,
                                  bool is_centered) {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(0));
  for (const size_t i : {size_t{1}, size_t{2}}) HT_RETURN_IF_ERROR(context.Input(i).status());
  if (src.shape.rank() == 0) return absl::InvalidArgumentError("its source has no axes");
  Normalization normalization;
  normalization.rank = src.shape.rank();
  normalization.axis = normalization.rank - 1;
  HT_ASSIGN_OR_RETURN(normalization.epsilon, context.node.Float("epsilon", 1e-12f));
  normalization.is_centered = is_centered;
  normalization.scale = context.node.inputs[2];
  if (is_centered) normalization.bias = std::string(context.node.Input(3));
  PartsBuilder builder(context, names);
  std::string sum = builder.Add(context.node.inputs[0], context.node.inputs[1]);
  const std::string bias(context.node.Input(is_centered ? 4 : 3));
  if (!bias.empty()) sum = builder.Add(sum, bias);
  const bool with_statistics = builder.IsWanted(1) || builder.IsWanted(2);
  if (with_statistics && !is_centered) return absl::UnimplementedError("its statistics");
  const Normalized normalized = WriteNormalization(sum, normalization, with_statistics, builder);
  builder.Result(0, normalized.dst);
  if (with_statistics) {
    builder.Result(1, normalized.mean);
    builder.Result(2, normalized.inverse_deviation);
  }
  builder.Result(3, sum);
  return builder.Take();
}

absl::StatusOr<Parts> RewriteSkipLayer(const NodeContext& context, UniqueNames& names) {
  return RewriteSkip(context, names, true);
}

absl::StatusOr<Parts> RewriteSkipSimplified(const NodeContext& context, UniqueNames& names) {
  return RewriteSkip(context, names, false);
}

constexpr int64_t kOpsetOfLayerNormalization = 17;

// ONNX Runtime has LayerNormalization, and the simplified one, in ONNX's own domain too, in opsets
// that do not have them.
constexpr std::array kNormalizationRewrites = {
    Rewrite{"", "LayerNormalization", RewriteLayerNormalization, kOpsetOfLayerNormalization},
    Rewrite{kMicrosoft, "LayerNormalization", RewriteLayerNormalization},
    Rewrite{"", "SimplifiedLayerNormalization", RewriteRmsNormalization},
    Rewrite{kMicrosoft, "SimplifiedLayerNormalization", RewriteRmsNormalization},
    Rewrite{"", "RMSNormalization", RewriteRmsNormalization},
    Rewrite{kMicrosoft, "SkipLayerNormalization", RewriteSkipLayer},
    Rewrite{kMicrosoft, "SkipSimplifiedLayerNormalization", RewriteSkipSimplified},
};

}  // namespace

absl::Span<const Rewrite> NormalizationRewrites() { return kNormalizationRewrites; }

}  // namespace halftone
