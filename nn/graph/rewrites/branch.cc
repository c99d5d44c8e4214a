#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/rewrites/rewrite.h"
#include "nn/graph/rewrites/subgraphs.h"

namespace halftone {
namespace {

absl::StatusOr<Parts> RewriteIf(const NodeContext& context, UniqueNames& names) {
  const Node& node = context.node;
  if (!context.HasInput(0)) return absl::InvalidArgumentError("it has no condition");
  if (context.Constant(0) == nullptr) {
    return absl::UnimplementedError(
        absl::StrCat("its condition '", node.Input(0), "' depends on the input's values"));
  }
  HT_ASSIGN_OR_RETURN(const bool condition, ReadCondition(*context.Constant(0)));
  const std::string branch = condition ? "then_branch" : "else_branch";
  HT_ASSIGN_OR_RETURN(const Subgraph subgraph, FindSubgraph(node, branch));
  if (subgraph.own_inputs > 0 || subgraph.graph->outputs.size() < node.outputs.size()) {
    return absl::InvalidArgumentError(absl::StrCat("its ", branch, " has ", subgraph.own_inputs,
                                                   " inputs and ", subgraph.graph->outputs.size(),
                                                   " outputs for ", node.outputs.size()));
  }
  const std::string prefix = absl::StrCat(node.name, "/", branch, "/");
  Copier copier(*subgraph.graph, prefix, names);
  Parts parts{{}, copier.TakeConstants()};
  copier.Copy(prefix, WithCaptured({}, node, subgraph), node.outputs, parts.nodes);
  return parts;
}

constexpr std::array kBranchRewrites = {Rewrite{"", "If", RewriteIf}};

}  // namespace

absl::Span<const Rewrite> BranchRewrites() { return kBranchRewrites; }

}  // namespace halftone
