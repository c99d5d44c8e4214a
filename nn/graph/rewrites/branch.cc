#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/rewrites/parts_builder.h"
#include "nn/graph/rewrites/rewrite.h"
#include "nn/graph/rewrites/subgraphs.h"

namespace halftone {
namespace {

// Appends a copy of the branch that writes `results`.
absl::Status CopyBranch(const Node& node, const std::string& branch,
                        const std::vector<std::string>& results, UniqueNames& names, Parts& parts) {
  HT_ASSIGN_OR_RETURN(const Subgraph subgraph, FindSubgraph(node, branch));
  if (subgraph.own_inputs > 0 || subgraph.graph->outputs.size() < node.outputs.size()) {
    return absl::InvalidArgumentError(absl::StrCat("its ", branch, " has ", subgraph.own_inputs,
                                                   " inputs and ", subgraph.graph->outputs.size(),
                                                   " outputs for ", node.outputs.size()));
  }
  const std::string prefix = absl::StrCat(node.name, "/", branch, "/");
  Copier copier(*subgraph.graph, prefix, names);
  parts.constants.merge(copier.TakeConstants());
  copier.Copy(prefix, WithCaptured({}, node, subgraph), results, parts.nodes);
  return absl::OkStatus();
}

// Names for what a branch gives; "" where nobody reads it.
std::vector<std::string> ResultsOf(const Node& node, absl::string_view branch, UniqueNames& names) {
  std::vector<std::string> results;
  for (const std::string& output : node.outputs) {
    results.push_back(
        output.empty() ? "" : names.Make(absl::StrCat(node.name, "/", branch, "/", output)));
  }
  return results;
}

// One of two values. ONNX Runtime has no Where for truth values and the rarer integers.
std::string Choose(PartsBuilder& builder, const std::string& condition, const std::string& yes,
                   const std::string& no, DataType type) {
  if (IsFloat(type) || type == DataType::kInt64 || type == DataType::kInt32) {
    return builder.Op("Where", {condition, yes, no});
  }
  const std::string one = builder.Cast(yes, DataType::kInt32);
  const std::string other = builder.Cast(no, DataType::kInt32);
  return builder.Cast(builder.Op("Where", {condition, one, other}), type);
}

// Both branches, and which one's results are taken.
absl::StatusOr<Parts> WriteBoth(const NodeContext& context, UniqueNames& names) {
  const Node& node = context.node;
  HT_ASSIGN_OR_RETURN(const ValueInfo condition, context.Input(0));
  if (condition.type != DataType::kBool || condition.shape.Elements() != 1) {
    return absl::UnimplementedError(absl::StrCat(
        "its condition '", node.Input(0), "' is ", DataTypeName(condition.type), " ",
        condition.shape.ToString(), ", not one bool: export the model with a fixed batch of 1"));
  }
  const std::vector<std::string> taken = ResultsOf(node, "then", names);
  const std::vector<std::string> otherwise = ResultsOf(node, "else", names);
  Parts branches;
  HT_RETURN_IF_ERROR(CopyBranch(node, "then_branch", taken, names, branches));
  HT_RETURN_IF_ERROR(CopyBranch(node, "else_branch", otherwise, names, branches));
  PartsBuilder builder(context, names);
  builder.parts() = std::move(branches);
  const std::string chosen = builder.Reshape(node.inputs[0], {});
  HT_ASSIGN_OR_RETURN(const Subgraph subgraph, FindSubgraph(node, "then_branch"));
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (!builder.IsWanted(i)) continue;
    const DataType type = subgraph.graph->outputs[i].info.type;
    builder.Result(i, Choose(builder, chosen, taken[i], otherwise[i], type));
    builder.parts().alike.emplace_back(taken[i], otherwise[i]);
  }
  return builder.Take();
}

absl::StatusOr<Parts> RewriteIf(const NodeContext& context, UniqueNames& names) {
  const Node& node = context.node;
  if (!context.HasInput(0)) return absl::InvalidArgumentError("it has no condition");
  if (context.Constant(0) == nullptr) return WriteBoth(context, names);
  HT_ASSIGN_OR_RETURN(const bool condition, ReadCondition(*context.Constant(0)));
  Parts parts;
  HT_RETURN_IF_ERROR(
      CopyBranch(node, condition ? "then_branch" : "else_branch", node.outputs, names, parts));
  return parts;
}

constexpr std::array kBranchRewrites = {Rewrite{"", "If", RewriteIf}};

}  // namespace

absl::Span<const Rewrite> BranchRewrites() { return kBranchRewrites; }

}  // namespace halftone
