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

// ONNX's own Attention, of opset 23 and newer.
namespace halftone {
namespace {

constexpr int64_t kMostHeads = 1 << 16;

// Stands for minus infinity where a row of a softmax may have nothing else.
constexpr float kHidden = -1e30f;
constexpr float kNearlyHidden = -1e29f;

// Inputs.
constexpr size_t kQuery = 0;
constexpr size_t kKey = 1;
constexpr size_t kValue = 2;
constexpr size_t kMask = 3;
constexpr size_t kPastKey = 4;
constexpr size_t kPastValue = 5;
constexpr size_t kLengths = 6;
// Results.
constexpr size_t kOutput = 0;
constexpr size_t kPresentKey = 1;
constexpr size_t kPresentValue = 2;
constexpr size_t kScores = 3;

class AttentionWriter {
 public:
  AttentionWriter(const NodeContext& context, UniqueNames& names)
      : context_(context), node_(context.node), builder_(context, names) {}

  absl::StatusOr<Parts> Write();

 private:
  absl::Status ReadSizes();
  absl::Status CheckHeads(const std::array<Shape, 3>& shapes) const;
  absl::Status ReadWindow();
  std::string Heads(size_t input, int64_t heads, int64_t size);
  std::string WithPast(const std::string& heads, size_t past, size_t present);
  std::string ForEachQuery(const std::string& heads);
  std::string Bounded(const std::string& distance, int64_t most);
  std::string WindowBias();
  std::string LengthBias();
  std::string WriteBias();
  std::string HideRows(const std::string& probabilities, const std::string& bias);
  absl::StatusOr<std::string> WriteProbabilities(const std::string& queries,
                                                 const std::string& keys);

  const NodeContext& context_;
  const Node& node_;
  PartsBuilder builder_;
  bool is_joined_ = false;  // sources of three axes
  int64_t heads_ = 0, key_heads_ = 0, head_ = 0, value_head_ = 0;
  SeenKeys window_;
};

absl::Status AttentionWriter::ReadSizes() {
  std::array<Shape, 3> shapes;
  for (size_t i = 0; i < 3; ++i) {
    HT_ASSIGN_OR_RETURN(const ValueInfo info, context_.Input(i));
    shapes[i] = info.shape;
  }
  const int rank = shapes[0].rank();
  if ((rank != 3 && rank != 4) || shapes[1].rank() != rank || shapes[2].rank() != rank) {
    return absl::InvalidArgumentError(absl::StrCat("sources ", shapes[0].ToString(), ", ",
                                                   shapes[1].ToString(), " and ",
                                                   shapes[2].ToString()));
  }
  is_joined_ = rank == 3;
  HT_ASSIGN_OR_RETURN(heads_, node_.Int("q_num_heads", is_joined_ ? 0 : shapes[0].dim(1)));
  HT_ASSIGN_OR_RETURN(key_heads_, node_.Int("kv_num_heads", is_joined_ ? 0 : shapes[1].dim(1)));
  HT_RETURN_IF_ERROR(CheckHeads(shapes));
  head_ = shapes[0].dim(rank - 1) / (is_joined_ ? heads_ : 1);
  value_head_ = shapes[2].dim(rank - 1) / (is_joined_ ? key_heads_ : 1);
  window_.queries = shapes[0].dim(rank - 2);
  window_.keys = shapes[1].dim(rank - 2);
  if (context_.HasInput(kPastKey) != context_.HasInput(kPastValue)) {
    return absl::InvalidArgumentError("a past of keys or values alone");
  }
  if (!context_.HasInput(kPastKey)) return absl::OkStatus();
  const Shape& past = context_.infos[kPastKey]->shape;
  if (past.rank() != 4) {
    return absl::InvalidArgumentError(absl::StrCat("a past ", past.ToString()));
  }
  window_.offset = past.dim(2);
  window_.keys += window_.offset;
  return absl::OkStatus();
}

absl::Status AttentionWriter::CheckHeads(const std::array<Shape, 3>& shapes) const {
  const auto fits = [&](const Shape& shape, int64_t heads) {
    return is_joined_ ? shape.dim(2) % heads == 0 : shape.dim(1) == heads;
  };
  if (heads_ >= 1 && heads_ <= kMostHeads && key_heads_ >= 1 && heads_ % key_heads_ == 0 &&
      fits(shapes[0], heads_) && fits(shapes[1], key_heads_) && fits(shapes[2], key_heads_)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(heads_, " heads of queries ", shapes[0].ToString(), " and ", key_heads_,
                   " of keys ", shapes[1].ToString(), " and values ", shapes[2].ToString()));
}

absl::Status AttentionWriter::ReadWindow() {
  HT_RETURN_IF_ERROR(window_.Check());
  HT_ASSIGN_OR_RETURN(window_.left, node_.Int("left_window_size", -1));
  HT_ASSIGN_OR_RETURN(window_.right, node_.Int("right_window_size", -1));
  HT_ASSIGN_OR_RETURN(const int64_t is_causal, node_.Int("is_causal", 0));
  if (is_causal != 0) window_.right = 0;
  return absl::OkStatus();
}

std::string AttentionWriter::Heads(size_t input, int64_t heads, int64_t size) {
  const std::string& src = node_.inputs[input];
  return is_joined_ ? SplitHeads(src, heads, size, builder_) : src;
}

std::string AttentionWriter::WithPast(const std::string& heads, size_t past, size_t present) {
  const std::string all =
      context_.HasInput(past) ? builder_.Concat({node_.inputs[past], heads}, 2) : heads;
  builder_.Result(present, all);
  return builder_.IsWanted(present) ? node_.outputs[present] : all;
}

// Groups of queries share the heads of their keys.
std::string AttentionWriter::ForEachQuery(const std::string& heads) {
  if (heads_ == key_heads_) return heads;
  std::vector<int64_t> shared;
  for (int64_t head = 0; head < heads_; ++head) shared.push_back(head * key_heads_ / heads_);
  return builder_.Op("Gather", {heads, builder_.Ints(std::move(shared))}, {{"axis", int64_t{1}}});
}

std::string AttentionWriter::Bounded(const std::string& distance, int64_t most) {
  const std::string seen =
      builder_.Op("Less", {distance, builder_.Float(static_cast<float>(most) + 0.5f)});
  return builder_.Op(
      "Where", {seen, builder_.Float(0), builder_.Float(-std::numeric_limits<float>::infinity())});
}

// By positions; "" where all are seen. With lengths, a sample's queries are its last tokens.
std::string AttentionWriter::WindowBias() {
  if (window_.IsUnlimited()) return "";
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (!context_.HasInput(kLengths)) return builder_.Constant("window", window_.Bias(-kInfinity));
  std::vector<float> ahead;
  for (int64_t query = 0; query < window_.queries; ++query) {
    for (int64_t key = 0; key < window_.keys; ++key) {
      ahead.push_back(static_cast<float>(key - query + window_.queries));
    }
  }
  const std::string fixed = builder_.Constant(
      "ahead", Tensor::Of<float>(Shape{window_.queries, window_.keys}, std::move(ahead)));
  const std::string lengths =
      builder_.Reshape(builder_.Cast(node_.inputs[kLengths], DataType::kFloat32), {-1, 1, 1, 1});
  const std::string distance = builder_.Op("Sub", {fixed, lengths});
  std::string bias;
  if (window_.right >= 0) bias = Bounded(distance, window_.right);
  if (window_.left >= 0) {
    const std::string left = Bounded(builder_.Op("Neg", {distance}), window_.left);
    bias = bias.empty() ? left : builder_.Add(bias, left);
  }
  return bias;
}

// Keys beyond each sample's length are padding.
std::string AttentionWriter::LengthBias() {
  if (!context_.HasInput(kLengths)) return "";
  std::vector<float> range(static_cast<size_t>(window_.keys));
  std::iota(range.begin(), range.end(), 1.0f);
  const std::string keys =
      builder_.Constant("keys", Tensor::Of<float>(Shape{window_.keys}, std::move(range)));
  const std::string lengths =
      builder_.Reshape(builder_.Cast(node_.inputs[kLengths], DataType::kFloat32), {-1, 1, 1, 1});
  return Bounded(builder_.Op("Sub", {keys, lengths}), 0);
}

// All that is added to the scores; "" for nothing. Keys beyond a shorter mask are hidden.
std::string AttentionWriter::WriteBias() {
  std::string bias;
  const auto add = [&](const std::string& part) {
    if (!part.empty()) bias = bias.empty() ? part : builder_.Add(bias, part);
  };
  if (context_.HasInput(kMask)) {
    const ValueInfo& mask = *context_.infos[kMask];
    const float infinity = std::numeric_limits<float>::infinity();
    std::string part = node_.inputs[kMask];
    if (mask.type == DataType::kBool) {
      part = builder_.Op("Where", {part, builder_.Float(0), builder_.Float(-infinity)});
    }
    const int rank = mask.shape.rank();
    const int64_t missing = rank == 0 ? 0 : window_.keys - mask.shape.dim(rank - 1);
    if (missing > 0) {
      std::vector<int64_t> dims(mask.shape.dims().begin(), mask.shape.dims().end());
      dims.back() = missing;
      const std::string padding =
          builder_.Op("Expand", {builder_.Float(-infinity), builder_.Ints(dims)});
      part = builder_.Concat({part, padding}, rank - 1);
    }
    add(part);
  }
  add(WindowBias());
  add(LengthBias());
  return bias;
}

// Queries that see no key have a probability of 0 for each.
std::string AttentionWriter::HideRows(const std::string& probabilities, const std::string& bias) {
  const std::string most =
      builder_.Op("ReduceMax", {bias, builder_.Ints({-1})}, {{"keepdims", int64_t{1}}});
  const std::string seen = builder_.Op("Greater", {most, builder_.Float(kNearlyHidden)});
  return builder_.Op("Where", {seen, probabilities, builder_.Float(0)});
}

absl::StatusOr<std::string> AttentionWriter::WriteProbabilities(const std::string& queries,
                                                                const std::string& keys) {
  HT_ASSIGN_OR_RETURN(float scale, node_.Float("scale", 0));
  if (scale == 0) scale = 1 / std::sqrt(static_cast<float>(head_));
  HT_ASSIGN_OR_RETURN(const float cap, node_.Float("softcap", 0));
  HT_ASSIGN_OR_RETURN(const int64_t mode, node_.Int("qk_matmul_output_mode", 0));
  std::string scores = WriteScores(queries, keys, scale, builder_);
  if (mode == 0) builder_.Result(kScores, builder_.Op("Identity", {scores}));
  if (cap > 0) {
    scores = builder_.Op("Tanh", {builder_.Op("Div", {scores, builder_.Float(cap)})});
    scores = builder_.Mul(scores, builder_.Float(cap));
  }
  if (mode == 1) builder_.Result(kScores, builder_.Op("Identity", {scores}));
  std::string bias = WriteBias();
  const bool may_hide_rows = context_.HasInput(kMask) || context_.HasInput(kLengths);
  if (mode == 2 && builder_.IsWanted(kScores)) {
    builder_.Result(kScores,
                    bias.empty() ? builder_.Op("Identity", {scores}) : builder_.Add(scores, bias));
  }
  if (!bias.empty()) {
    if (may_hide_rows) bias = builder_.Op("Max", {bias, builder_.Float(kHidden)});
    scores = builder_.Add(scores, bias);
  }
  std::string probabilities = builder_.Softmax(scores, 4);
  if (may_hide_rows) probabilities = HideRows(probabilities, bias);
  if (mode == 3) builder_.Result(kScores, builder_.Op("Identity", {probabilities}));
  return probabilities;
}

absl::StatusOr<Parts> AttentionWriter::Write() {
  HT_RETURN_IF_ERROR(ReadSizes());
  HT_RETURN_IF_ERROR(ReadWindow());
  const std::string queries = Heads(kQuery, heads_, head_);
  const std::string keys = WithPast(Heads(kKey, key_heads_, head_), kPastKey, kPresentKey);
  const std::string values =
      WithPast(Heads(kValue, key_heads_, value_head_), kPastValue, kPresentValue);
  HT_ASSIGN_OR_RETURN(const std::string probabilities,
                      WriteProbabilities(queries, ForEachQuery(keys)));
  const std::string mixture = WriteMixture(probabilities, ForEachQuery(values), builder_);
  builder_.Result(kOutput,
                  is_joined_ ? JoinHeads(mixture, heads_ * value_head_, builder_) : mixture);
  return builder_.Take();
}

absl::StatusOr<Parts> RewriteAttention(const NodeContext& context, UniqueNames& names) {
  return AttentionWriter(context, names).Write();
}

constexpr std::array kOnnxAttentionRewrites = {Rewrite{"", "Attention", RewriteAttention}};

}  // namespace

absl::Span<const Rewrite> OnnxAttentionRewrites() { return kOnnxAttentionRewrites; }

}  // namespace halftone
