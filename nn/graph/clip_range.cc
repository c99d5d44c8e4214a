#include "nn/graph/clip_range.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

absl::StatusOr<float> ReadBound(const Graph& graph, const Node& node, absl::string_view attribute,
                                size_t input, float fallback) {
  if (node.Has(attribute)) return node.Float(attribute, fallback);
  if (node.Input(input).empty()) return fallback;
  const std::optional<float> constant = ScalarConstant(graph, node.Input(input));
  if (constant.has_value()) return *constant;
  return absl::UnimplementedError(
      absl::StrCat("node '", node.name, "' (Clip): its bounds are not constant numbers"));
}

}  // namespace

std::optional<float> ScalarConstant(const Graph& graph, absl::string_view value) {
  const auto found = graph.initializers.find(std::string(value));
  if (found == graph.initializers.end() || found->second.elements() != 1) return std::nullopt;
  const absl::StatusOr<std::vector<float>> floats = found->second.ToFloats();
  if (!floats.ok()) return std::nullopt;
  return (*floats)[0];
}

absl::StatusOr<ClipRange> ReadClipRange(const Graph& graph, const Node& node) {
  ClipRange range;
  HT_ASSIGN_OR_RETURN(range.low, ReadBound(graph, node, "min", 1, range.low));
  HT_ASSIGN_OR_RETURN(range.high, ReadBound(graph, node, "max", 2, range.high));
  range.low = std::min(range.low, range.high);
  return range;
}

}  // namespace halftone
