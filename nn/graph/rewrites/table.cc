#include <map>
#include <utility>

#include "nn/graph/rewrites/rewrite.h"

namespace halftone {
namespace {

using Table = std::map<std::pair<absl::string_view, absl::string_view>, Rewrite>;

Table MakeTable() {
  Table table;
  for (const absl::Span<const Rewrite> family :
       {BranchRewrites(), ScanRewrites(), ActivationRewrites(), NormalizationRewrites(),
        EmbeddingRewrites(), FusedLayerRewrites(), LossRewrites(), BertAttentionRewrites(),
        OnnxAttentionRewrites(), RotaryRewrites(), IntegerRewrites(), DeterminantRewrites()}) {
    for (const Rewrite& rewrite : family)
      table.emplace(std::pair(rewrite.domain, rewrite.op), rewrite);
  }
  return table;
}

}  // namespace

const Rewrite* FindRewrite(const NodeContext& context) {
  static const auto* const kTable = new Table(MakeTable());
  const auto found = kTable->find({context.node.domain, context.node.op});
  if (found == kTable->end()) return nullptr;
  const Rewrite& rewrite = found->second;
  if (context.opset >= rewrite.before_opset) return nullptr;
  if (rewrite.concerns != nullptr && !rewrite.concerns(context)) return nullptr;
  return &rewrite;
}

}  // namespace halftone
