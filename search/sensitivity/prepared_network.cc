#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "nn/graph/arrange_samples.h"
#include "nn/graph/simplify.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {
absl::StatusOr<Graph> PreparedNetwork::Bind(int64_t batch, BatchNorm batch_norm) const {
  HT_ASSIGN_OR_RETURN(HeadedGraph headed,
                      BindWithHeads(graph, batch, batch_norm == BatchNorm::kFolded, asked_heads));
  return std::move(headed.graph);
}

int64_t PreparedNetwork::BatchFor(int64_t wanted, int64_t samples) const {
  if (const std::optional<int64_t> fixed = graph.fixed_batch(); fixed.has_value()) return *fixed;
  return std::max<int64_t>(1, std::min(wanted, samples));
}

namespace {

// Of a network without any layer.
absl::Status HasNoLayer(const Graph& imported) {
  const std::string model = absl::StrCat("model ", Quoted(imported.name));
  Graph used = imported;
  RemoveUnused(used);
  const auto is_layer = [&](const Node& node) { return IsLayer(imported, node); };
  const auto unused = std::find_if(imported.nodes.begin(), imported.nodes.end(), is_layer);
  if (unused != imported.nodes.end() &&
      std::none_of(used.nodes.begin(), used.nodes.end(), is_layer)) {
    return absl::InvalidArgumentError(
        absl::StrCat(model, ": no output depends on its layer ", Quoted(unused->name),
                     "; such layers are left out, and there is no other"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(model, " has no Conv, Gemm or MatMul layer that could be quantized"));
}

// Names all nodes that cannot be computed, or as many as one reads.
absl::Status CheckSupported(const Graph& imported) {
  constexpr size_t kMostNamed = 12;
  const std::vector<Unsupported> unsupported = FindUnsupported(imported);
  if (unsupported.empty()) return absl::OkStatus();
  std::vector<std::string> nodes;
  for (const Unsupported& node : unsupported) {
    if (nodes.size() == kMostNamed) break;
    nodes.push_back(absl::StrCat("node '", node.node, "' (", node.op, "): ", node.reason));
  }
  const size_t others = unsupported.size() - nodes.size();
  return absl::UnimplementedError(absl::StrCat(
      absl::StrJoin(nodes, "; "), others > 0 ? absl::StrCat("; and ", others, " more") : ""));
}

}  // namespace

absl::StatusOr<PreparedNetwork> PrepareNetwork(const Graph& imported,
                                               const AskedHeads& asked_heads) {
  HT_RETURN_IF_ERROR(CheckSupported(imported));
  PreparedNetwork network;
  network.file = imported;
  HT_ASSIGN_OR_RETURN(ArrangedGraph arranged, ArrangeSamples(imported));
  network.graph = std::move(arranged.graph);
  network.moved_outputs = std::move(arranged.moved_outputs);
  network.asked_heads = asked_heads;
  const int64_t batch = network.graph.fixed_batch().value_or(1);
  HT_ASSIGN_OR_RETURN(
      HeadedGraph headed,
      BindWithHeads(network.graph, batch, /*fold_batch_norm=*/true, network.asked_heads));
  network.heads = std::move(headed.heads);
  network.ignored = std::move(headed.ignored);
  network.uncounted_layers = std::move(headed.uncounted);
  HT_ASSIGN_OR_RETURN(network.layers, FindLayers(headed.graph));
  if (network.layers.layers.empty()) {
    return HasNoLayer(imported);
  }
  return network;
}

absl::StatusOr<LayerQuantizers> Calibration::Find(const std::string& layer,
                                                  const Precision& precision) const {
  const auto precisions = quantizers.find(layer);
  if (precisions != quantizers.end()) {
    const auto found = precisions->second.find(precision);
    if (found != precisions->second.end()) return found->second;
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "layer '", layer, "' was not calibrated for precision '", precision.ToString(), "'"));
}

}  // namespace halftone
