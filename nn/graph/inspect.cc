#include "nn/graph/inspect.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "nn/graph/arrange_samples.h"
#include "nn/graph/bind.h"
#include "nn/graph/file_quantizer.h"
#include "nn/graph/layer.h"
#include "nn/graph/passes.h"
#include "nn/graph/stored_bytes.h"

namespace halftone {
namespace {

using nlohmann::json;

json QuantizerToJson(const FileQuantizer& quantizer) {
  json object = {{"type", std::string(DataTypeName(quantizer.type))},
                 {"dynamic", quantizer.is_dynamic}};
  if (quantizer.is_dynamic) return object;
  const auto [least, most] = std::minmax_element(quantizer.scales.begin(), quantizer.scales.end());
  object["scales"] = quantizer.scales.size();
  object["least_scale"] = *least;
  object["largest_scale"] = *most;
  object["symmetric"] = std::all_of(quantizer.zero_points.begin(), quantizer.zero_points.end(),
                                    [](int32_t zero) { return zero == 0; });
  if (quantizer.axis >= 0) object["axis"] = quantizer.axis;
  if (quantizer.zero_points.size() == 1) object["zero_point"] = quantizer.zero_points[0];
  return object;
}

json FileQuantizersToJson(const FileQuantizers& quantizers) {
  json object = json::object();
  if (quantizers.src.has_value()) object["src"] = QuantizerToJson(*quantizers.src);
  if (quantizers.weights.has_value()) object["weights"] = QuantizerToJson(*quantizers.weights);
  return object;
}

json LayerToJson(const Layer& layer) {
  json object = {{"name", layer.name},
                 {"op", layer.op},
                 {"weights", layer.weights},
                 {"bias", layer.bias},
                 {"macs", layer.macs},
                 {"parameters", layer.parameters},
                 {"groups", layer.groups},
                 {"src_shape", layer.src_shape.dims()},
                 {"weights_shape", layer.weights_shape.dims()},
                 {"dst_shape", layer.dst_shape.dims()},
                 {"fused_nodes", layer.fused_nodes},
                 {"tie_group", layer.tie_group}};
  if (!layer.second_src.empty()) object["second_src"] = layer.second_src;
  if (layer.file_quantizers != nullptr) {
    object["file_quantizer"] = FileQuantizersToJson(*layer.file_quantizers);
  }
  return object;
}

json PortsToJson(const std::vector<Port>& ports) {
  json result = json::array();
  for (const Port& port : ports) {
    json object = {{"name", port.name},
                   {"type", std::string(DataTypeName(port.info.type))},
                   {"shape", port.info.shape.dims()}};
    if (!port.axis_names.empty()) object["axes"] = port.axis_names;
    result.push_back(std::move(object));
  }
  return result;
}

// Those of the network as it is analyzed, which may read its outputs before a last Concat.
void AddTies(const LayerSet& set, json& document) {
  document["ties"] = json::array();
  for (const Tie& tie : set.ties) {
    document["ties"].push_back({{"layers", tie.layers}, {"reason", tie.reason}});
  }
  for (json& layer : document["layers"]) {
    const Layer* analyzed = set.Find(layer["name"].get<std::string>());
    if (analyzed != nullptr) layer["tie_group"] = analyzed->tie_group;
  }
}

// What is said of a network that can run. Nothing where it cannot, of which whoever runs it says
// why, unless heads are asked for.
absl::Status AddHeads(const Graph& graph, const InspectOptions& options, json& document) {
  const absl::StatusOr<ArrangedGraph> arranged = ArrangeSamples(graph);
  absl::StatusOr<HeadedGraph> headed =
      arranged.ok() ? BindWithHeads(arranged->graph, arranged->graph.fixed_batch().value_or(1),
                                    /*fold_batch_norm=*/true, options.heads)
                    : arranged.status();
  if (!headed.ok()) return options.heads.empty() ? absl::OkStatus() : headed.status();
  WeighLabels(headed->graph, options.labels, headed->heads);
  std::vector<OutputHead> heads = headed->heads;
  heads.insert(heads.end(), headed->ignored.begin(), headed->ignored.end());
  document["heads"] = OutputHeadsToJson(heads);
  for (json& head : document["heads"]) head.erase("scale");  // of calibration samples
  HT_ASSIGN_OR_RETURN(const LayerSet layers, FindLayers(headed->graph));
  AddTies(layers, document);
  document["other_bytes"] = FindOtherTensors(graph, headed->graph, layers).bytes;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<json> InspectToJson(const Graph& graph, const InspectOptions& options) {
  json open = json::array();
  for (const OpenAxis& axis : FindOpenAxes(graph)) {
    open.push_back({{"input", axis.input}, {"axis", axis.axis}, {"name", axis.name}});
  }
  PartialBinding binding;
  LayerSet set;
  if (open.empty()) {
    HT_ASSIGN_OR_RETURN(binding, BindWhereSupported(graph, graph.fixed_batch().value_or(1)));
    if (binding.unsupported.empty()) {
      HT_ASSIGN_OR_RETURN(binding.graph, SplitTransposedConvolutions(std::move(binding.graph)));
    }
    HT_ASSIGN_OR_RETURN(set, FindLayers(binding.graph));
  }
  json layers = json::array(), ties = json::array(), unsupported = json::array();
  for (const Layer& layer : set.layers) layers.push_back(LayerToJson(layer));
  for (const Tie& tie : set.ties) {
    ties.push_back({{"layers", tie.layers}, {"reason", tie.reason}});
  }
  for (const Unsupported& node : binding.unsupported) {
    unsupported.push_back({{"node", node.node}, {"op", node.op}, {"reason", node.reason}});
  }
  json document = {{"opset", graph.opset},
                   {"inputs", PortsToJson(graph.inputs)},
                   {"outputs", PortsToJson(graph.outputs)},
                   {"open_axes", std::move(open)},
                   {"layers", std::move(layers)},
                   {"ties", std::move(ties)},
                   {"unsupported", std::move(unsupported)}};
  const bool can_run = document["open_axes"].empty() && document["unsupported"].empty();
  if (can_run) HT_RETURN_IF_ERROR(AddHeads(graph, options, document));
  if (const std::string text = QuantizedFileText(graph); !text.empty()) {
    document["quantized_file"] = text;
  }
  return document;
}

}  // namespace halftone
