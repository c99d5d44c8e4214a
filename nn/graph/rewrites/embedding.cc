#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/rewrites/normalize.h"
#include "nn/graph/rewrites/parts_builder.h"
#include "nn/graph/rewrites/rewrite.h"

namespace halftone {
namespace {

// BERT's embedding: words + positions + segments, normalized. The inputs of ONNX Runtime's
// EmbedLayerNormalization.
constexpr size_t kIds = 0;
constexpr size_t kSegments = 1;
constexpr size_t kWords = 2;
constexpr size_t kPositions = 3;
constexpr size_t kSegmentTable = 4;
constexpr size_t kScale = 5;
constexpr size_t kBias = 6;
constexpr size_t kMask = 7;
constexpr size_t kPositionIds = 8;

// The rows of the first positions, or of those that are given.
absl::StatusOr<std::string> WritePositions(const NodeContext& context, int64_t length,
                                           PartsBuilder& builder) {
  const Node& node = context.node;
  if (context.HasInput(kPositionIds)) {
    return builder.Op("Gather", {node.inputs[kPositions], node.inputs[kPositionIds]},
                      {{"axis", int64_t{0}}}, "positions");
  }
  HT_ASSIGN_OR_RETURN(const ValueInfo table, context.Input(kPositions));
  if (table.shape.rank() != 2 || table.shape.dim(0) < length) {
    return absl::InvalidArgumentError(absl::StrCat(
        "its table of positions is ", table.shape.ToString(), " for ", length, " tokens"));
  }
  if (table.shape.dim(0) == length) return node.inputs[kPositions];
  return builder.Slice(node.inputs[kPositions], 0, 0, length);
}

// How many tokens of each sample are no padding, as int32; none where there is no mask.
void WriteMaskIndex(const NodeContext& context, PartsBuilder& builder) {
  if (!builder.IsWanted(1)) return;
  const bool has_mask = context.HasInput(kMask);
  const std::string& counted = context.node.inputs[has_mask ? kMask : kIds];
  std::string numbers = builder.Cast(counted, DataType::kFloat32);
  if (!has_mask) numbers = builder.Mul(numbers, builder.Float(0));
  builder.Result(1, builder.Cast(builder.ReduceSum(numbers, {1}, false), DataType::kInt32));
}

absl::StatusOr<Parts> RewriteEmbedding(const NodeContext& context, UniqueNames& names) {
  const Node& node = context.node;
  HT_ASSIGN_OR_RETURN(const ValueInfo ids, context.Input(kIds));
  for (const size_t i : {kWords, kPositions, kScale, kBias}) {
    HT_RETURN_IF_ERROR(context.Input(i).status());
  }
  if (ids.shape.rank() != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("its tokens are ", ids.shape.ToString(), ", not of two axes"));
  }
  Normalization normalization{3, 2, 0, true, node.inputs[kScale], node.inputs[kBias]};
  HT_ASSIGN_OR_RETURN(normalization.epsilon, node.Float("epsilon", 1e-12f));
  PartsBuilder builder(context, names);
  const PartsBuilder::Attributes rows = {{"axis", int64_t{0}}};
  std::string sum = builder.Op("Gather", {node.inputs[kWords], node.inputs[kIds]}, rows, "words");
  HT_ASSIGN_OR_RETURN(const std::string positions,
                      WritePositions(context, ids.shape.dim(1), builder));
  sum = builder.Add(sum, positions);
  if (context.HasInput(kSegments)) {
    HT_RETURN_IF_ERROR(context.Input(kSegmentTable).status());
    sum =
        builder.Add(sum, builder.Op("Gather", {node.inputs[kSegmentTable], node.inputs[kSegments]},
                                    rows, "segments"));
  }
  builder.Result(0, WriteNormalization(sum, normalization, false, builder).dst);
  WriteMaskIndex(context, builder);
  builder.Result(2, sum);
  return builder.Take();
}

constexpr std::array kEmbeddingRewrites = {
    Rewrite{kMicrosoft, "EmbedLayerNormalization", RewriteEmbedding}};

}  // namespace

absl::Span<const Rewrite> EmbeddingRewrites() { return kEmbeddingRewrites; }

}  // namespace halftone
