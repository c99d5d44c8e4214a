#include "nn/graph/rewrites/subgraphs.h"

#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {

absl::StatusOr<Subgraph> FindSubgraph(const Node& node, absl::string_view attribute) {
  const auto found = node.subgraphs.find(std::string(attribute));
  if (found != node.subgraphs.end()) return found->second;
  return absl::InvalidArgumentError(absl::StrCat("it has no ", attribute));
}

std::vector<std::string> OwnInputs(const Node& node, const Subgraph& subgraph) {
  const auto first = static_cast<std::ptrdiff_t>(subgraph.first_captured);
  return {node.inputs.begin(), node.inputs.begin() + first};
}

std::vector<std::string> WithCaptured(std::vector<std::string> own, const Node& node,
                                      const Subgraph& subgraph) {
  const size_t captured = subgraph.graph->inputs.size() - subgraph.own_inputs;
  for (size_t i = 0; i < captured; ++i) own.push_back(node.inputs[subgraph.first_captured + i]);
  return own;
}

absl::StatusOr<bool> ReadCondition(const Tensor& constant) {
  HT_ASSIGN_OR_RETURN(const std::vector<int64_t> values, constant.ToInts());
  if (constant.type() == DataType::kBool && values.size() == 1) return values[0] != 0;
  return absl::InvalidArgumentError(absl::StrCat("its condition is ", DataTypeName(constant.type()),
                                                 " ", constant.shape().ToString(),
                                                 ", not one bool"));
}

}  // namespace halftone
