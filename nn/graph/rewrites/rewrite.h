#ifndef HALFTONE_NN_GRAPH_REWRITES_REWRITE_H_
#define HALFTONE_NN_GRAPH_REWRITES_REWRITE_H_

#include <cstdint>
#include <limits>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "nn/graph/operators/operator.h"
#include "nn/graph/rewrites/parts.h"

// Operators that Halftone knows by the simpler ones that they stand for, which BindBatch puts in
// their place. One table (table.cc), filled from one file per family.
namespace halftone {

// Errors, which do not name the node: INVALID_ARGUMENT where its sources do not fit, UNIMPLEMENTED
// for a form of the operator that is not known.
using RewriteFunction = absl::StatusOr<Parts> (*)(const NodeContext& context, UniqueNames& names);

// The domain of ONNX Runtime's own operators.
inline constexpr absl::string_view kMicrosoft = "com.microsoft";

struct Rewrite {
  absl::string_view domain;
  absl::string_view op;
  RewriteFunction parts = nullptr;
  // From that opset on it is an operator of its own.
  int64_t before_opset = std::numeric_limits<int64_t>::max();
  // Whether this node is rewritten; nullptr: each is. What is not is an operator of its own.
  bool (*concerns)(const NodeContext& context) = nullptr;
};

// nullptr for a node that stands for itself.
const Rewrite* FindRewrite(const NodeContext& context);

// The families.
absl::Span<const Rewrite> BranchRewrites();
absl::Span<const Rewrite> ScanRewrites();
absl::Span<const Rewrite> ActivationRewrites();
absl::Span<const Rewrite> NormalizationRewrites();
absl::Span<const Rewrite> EmbeddingRewrites();
absl::Span<const Rewrite> FusedLayerRewrites();
absl::Span<const Rewrite> LossRewrites();
absl::Span<const Rewrite> IntegerRewrites();
absl::Span<const Rewrite> DeterminantRewrites();
absl::Span<const Rewrite> BertAttentionRewrites();
absl::Span<const Rewrite> OnnxAttentionRewrites();
absl::Span<const Rewrite> RotaryRewrites();

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_REWRITES_REWRITE_H_
