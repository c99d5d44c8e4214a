#include <algorithm>

#include "nn/graph/rewrites/rewrite.h"

namespace halftone {

const Rewrite* FindRewrite(const Node& node, int64_t opset) {
  for (const absl::Span<const Rewrite> family : {BranchRewrites(), ScanRewrites()}) {
    const auto found = std::find_if(family.begin(), family.end(), [&](const Rewrite& rewrite) {
      return rewrite.op == node.op && rewrite.domain == node.domain && opset < rewrite.before_opset;
    });
    if (found != family.end()) return &*found;
  }
  return nullptr;
}

}  // namespace halftone
