#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/rewrites/attend.h"
#include "nn/graph/rewrites/parts_builder.h"
#include "nn/graph/rewrites/rewrite.h"

// ONNX Runtime's Attention, of one source and the weights of all three projections, and its
// MultiHeadAttention, of three projected sources.
namespace halftone {
namespace {

constexpr float kLowest = std::numeric_limits<float>::lowest();

struct Sizes {
  int64_t batch = 0, queries = 0, keys = 0;     // samples and tokens
  int64_t heads = 0, head = 0, value_head = 0;  // heads, and elements of one
};

// Adds to the scores what masks and biases say.
class Masking {
 public:
  Masking(const NodeContext& context, const Sizes& sizes, PartsBuilder& builder)
      : context_(context), sizes_(sizes), builder_(builder) {}

  absl::StatusOr<std::string> Apply(std::string scores, size_t mask, size_t bias);

 private:
  absl::StatusOr<std::string> Additive(size_t input, float hidden);
  std::string Visible(const std::string& mask) const;
  std::string OfLengths(const std::string& mask, bool has_starts) const;

  const NodeContext& context_;
  const Sizes& sizes_;
  PartsBuilder& builder_;
};

// Whether the mask's elements are above 0.
std::string Masking::Visible(const std::string& mask) const {
  return builder_.Op("Greater", {builder_.Cast(mask, DataType::kFloat32), builder_.Float(0)});
}

// Keys before each sample's end, and from its start on: [batch] ends, and then as many starts.
std::string Masking::OfLengths(const std::string& mask, bool has_starts) const {
  std::vector<float> range(static_cast<size_t>(sizes_.keys));
  std::iota(range.begin(), range.end(), 0.0f);
  const std::string keys =
      builder_.Constant("keys", Tensor::Of<float>(Shape{sizes_.keys}, std::move(range)));
  const std::string numbers = builder_.Cast(mask, DataType::kFloat32);
  if (!has_starts) {
    return builder_.Op("Less", {keys, builder_.Reshape(numbers, {-1, 1, 1, 1})});
  }
  const std::vector<std::string> parts = builder_.Split(numbers, 0, {sizes_.batch, sizes_.batch});
  const std::string before = builder_.Op("Less", {keys, builder_.Reshape(parts[0], {-1, 1, 1, 1})});
  const std::string hidden = builder_.Op("Less", {keys, builder_.Reshape(parts[1], {-1, 1, 1, 1})});
  return builder_.Op("And", {before, builder_.Op("Not", {hidden})});
}

absl::StatusOr<std::string> Masking::Additive(size_t input, float hidden) {
  const Shape& shape = context_.infos[input]->shape;
  const std::string& mask = context_.node.inputs[input];
  const int64_t batch = sizes_.batch;
  std::string visible;
  if (shape == Shape{batch} || shape == Shape{2 * batch}) {
    visible = OfLengths(mask, shape != Shape{batch});
  } else if (shape == Shape{batch, sizes_.keys}) {
    visible = builder_.Reshape(Visible(mask), {0, 1, 1, sizes_.keys});
  } else if (shape == Shape{batch, sizes_.queries, sizes_.keys}) {
    visible = builder_.Reshape(Visible(mask), {0, 1, sizes_.queries, sizes_.keys});
  } else if (shape == Shape{batch, 1, sizes_.queries, sizes_.keys}) {
    visible = Visible(mask);
  } else {
    return absl::UnimplementedError(absl::StrCat("a mask ", shape.ToString(), " for ",
                                                 sizes_.queries, " queries and ", sizes_.keys,
                                                 " keys"));
  }
  return builder_.Op("Where", {visible, builder_.Float(0), builder_.Float(hidden)});
}

absl::StatusOr<std::string> Masking::Apply(std::string scores, size_t mask, size_t bias) {
  HT_ASSIGN_OR_RETURN(const float hidden, context_.node.Float("mask_filter_value", -10000.0f));
  HT_ASSIGN_OR_RETURN(const int64_t is_causal, context_.node.Int("unidirectional", 0));
  if (context_.HasInput(bias)) scores = builder_.Add(scores, context_.node.inputs[bias]);
  if (context_.HasInput(mask)) {
    HT_ASSIGN_OR_RETURN(const std::string additive, Additive(mask, hidden));
    scores = builder_.Add(scores, additive);
  }
  if (is_causal == 0) return scores;
  const SeenKeys window{sizes_.queries, sizes_.keys, sizes_.keys - sizes_.queries, -1, 0};
  return builder_.Add(scores, builder_.Constant("causal", window.Bias(kLowest)));
}

// The result, of sources that are split in heads.
absl::Status WriteAttention(const NodeContext& context, const Sizes& sizes,
                            const std::array<std::string, 3>& sources, size_t mask, size_t bias,
                            PartsBuilder& builder) {
  for (size_t i = 1; i < context.node.outputs.size(); ++i) {
    if (builder.IsWanted(i)) {
      return absl::UnimplementedError("it keeps keys and values of the past");
    }
  }
  const SeenKeys all{sizes.queries, sizes.keys};
  HT_RETURN_IF_ERROR(all.Check());
  HT_ASSIGN_OR_RETURN(float scale, context.node.Float("scale", 0));
  if (scale == 0) scale = 1 / std::sqrt(static_cast<float>(sizes.head));
  std::string scores = WriteScores(sources[0], sources[1], scale, builder);
  HT_ASSIGN_OR_RETURN(scores, Masking(context, sizes, builder).Apply(scores, mask, bias));
  const std::string mixture = WriteMixture(builder.Softmax(scores, 4), sources[2], builder);
  builder.Result(0, JoinHeads(mixture, sizes.heads * sizes.value_head, builder));
  return absl::OkStatus();
}

absl::Status RefuseInputs(const NodeContext& context, size_t first, size_t last) {
  for (size_t i = first; i <= last; ++i) {
    if (!context.HasInput(i)) continue;
    return absl::UnimplementedError(
        absl::StrCat("its input '", context.node.inputs[i], "', of a past"));
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> ReadHeads(const NodeContext& context, const std::vector<int64_t>& widths) {
  HT_ASSIGN_OR_RETURN(const int64_t heads, context.node.Int("num_heads", 0));
  for (const int64_t width : widths) {
    if (heads >= 1 && width >= 1 && width % heads == 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(heads, " heads of a width of ", width));
  }
  return heads;
}

// Input, weights [width, all three], bias, mask, past, bias of the scores, length of the past.
absl::StatusOr<Parts> RewriteAttention(const NodeContext& context, UniqueNames& names) {
  const Node& node = context.node;
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(const ValueInfo weights, context.Input(1));
  HT_RETURN_IF_ERROR(RefuseInputs(context, 4, 4));
  HT_RETURN_IF_ERROR(RefuseInputs(context, 6, 6));
  HT_ASSIGN_OR_RETURN(const int64_t rotary, node.Int("do_rotary", 0));
  if (rotary != 0) return absl::UnimplementedError("do_rotary");
  if (src.shape.rank() != 3 || weights.shape.rank() != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("a source ", src.shape.ToString(), " and weights ", weights.shape.ToString()));
  }
  const int64_t third = weights.shape.dim(1) / 3;
  HT_ASSIGN_OR_RETURN(const std::vector<int64_t> widths,
                      node.Ints("qkv_hidden_sizes", {third, third, third}));
  if (widths.size() != 3 || widths[0] != widths[1] ||
      widths[0] + widths[1] + widths[2] != weights.shape.dim(1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("qkv_hidden_sizes do not fit weights ", weights.shape.ToString()));
  }
  HT_ASSIGN_OR_RETURN(const int64_t heads, ReadHeads(context, widths));
  const int64_t tokens = src.shape.dim(1);
  const Sizes sizes{src.shape.dim(0), tokens, tokens, heads, widths[0] / heads, widths[2] / heads};
  PartsBuilder builder(context, names);
  std::string projected = builder.MatMul(node.inputs[0], node.inputs[1], "projections");
  if (context.HasInput(2)) projected = builder.Add(projected, node.inputs[2]);
  const std::vector<std::string> parts = builder.Split(projected, 2, widths);
  HT_RETURN_IF_ERROR(WriteAttention(context, sizes,
                                    {SplitHeads(parts[0], heads, sizes.head, builder),
                                     SplitHeads(parts[1], heads, sizes.head, builder),
                                     SplitHeads(parts[2], heads, sizes.value_head, builder)},
                                    3, 5, builder));
  return builder.Take();
}

// Query [batch, tokens, width], key and value alike or in heads already, bias of all three, mask of
// keys, bias of the scores, past.
absl::StatusOr<Parts> RewriteMultiHeadAttention(const NodeContext& context, UniqueNames& names) {
  const Node& node = context.node;
  std::array<ValueInfo, 3> infos;
  HT_ASSIGN_OR_RETURN(infos[0], context.Input(0));
  if (!context.HasInput(1) || !context.HasInput(2) || infos[0].shape.rank() != 3) {
    return absl::UnimplementedError("queries, keys or values packed into one source");
  }
  for (const size_t i : {size_t{1}, size_t{2}}) infos[i] = *context.infos[i];
  HT_RETURN_IF_ERROR(RefuseInputs(context, 6, 9));
  const bool is_split = infos[1].shape.rank() == 4 && infos[2].shape.rank() == 4;
  if (!is_split && (infos[1].shape.rank() != 3 || infos[2].shape.rank() != 3)) {
    return absl::UnimplementedError(absl::StrCat("keys ", infos[1].shape.ToString(), " and values ",
                                                 infos[2].shape.ToString()));
  }
  const int64_t width = infos[0].shape.dim(2);
  HT_ASSIGN_OR_RETURN(const int64_t heads, ReadHeads(context, {width}));
  const int64_t value_width = is_split ? heads * infos[2].shape.dim(3) : infos[2].shape.dim(2);
  HT_RETURN_IF_ERROR(ReadHeads(context, {value_width}).status());
  const Sizes sizes{
      infos[0].shape.dim(0), infos[0].shape.dim(1), infos[1].shape.dim(is_split ? 2 : 1), heads,
      width / heads,         value_width / heads};
  PartsBuilder builder(context, names);
  std::array<std::string, 3> sources = {node.inputs[0], node.inputs[1], node.inputs[2]};
  std::vector<std::string> biases;
  if (context.HasInput(3)) biases = builder.Split(node.inputs[3], 0, {width, width, value_width});
  for (size_t i = 0; i < sources.size(); ++i) {
    if (i > 0 && is_split) continue;
    if (!biases.empty()) sources[i] = builder.Add(sources[i], biases[i]);
    sources[i] = SplitHeads(sources[i], heads, i < 2 ? sizes.head : sizes.value_head, builder);
  }
  HT_RETURN_IF_ERROR(WriteAttention(context, sizes, sources, 4, 5, builder));
  return builder.Take();
}

constexpr std::array kBertAttentionRewrites = {
    Rewrite{kMicrosoft, "Attention", RewriteAttention},
    Rewrite{kMicrosoft, "MultiHeadAttention", RewriteMultiHeadAttention},
};

}  // namespace

absl::Span<const Rewrite> BertAttentionRewrites() { return kBertAttentionRewrites; }

}  // namespace halftone
