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

const Rewrite* FindRewrite(const Node& node, int64_t opset) {
  static const auto* const kTable = new Table(MakeTable());
  const auto found = kTable->find({node.domain, node.op});
  if (found == kTable->end() || opset >= found->second.before_opset) return nullptr;
  return &found->second;
}

}  // namespace halftone
