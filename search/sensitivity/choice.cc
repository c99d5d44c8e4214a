#include "search/sensitivity/choice.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/ops.h"
#include "nn/quant/shift_biases.h"

namespace halftone {
namespace {

// The layer with its mean error taken off: off its bias, or off its result where the bias is added
// after it.
absl::StatusOr<ValueId> AppendShifted(const LayerSite& site, const LayerSources& sources,
                                      const std::vector<float>& shifts) {
  const auto channels = static_cast<int64_t>(shifts.size());
  if (site.bias == kNoValue) {
    HT_ASSIGN_OR_RETURN(const ValueId dst,
                        LowerLayer(site.builder, site.graph, site.node, sources, kNoValue));
    return ops::Sub(site.builder, dst,
                    site.builder.AddConstant(Tensor::Of(Shape{channels}, shifts)));
  }
  const Tensor* bias = site.builder.FindConstant(site.bias);
  if (bias == nullptr) {
    return absl::InternalError(absl::StrCat("layer '", site.node.name, "' has no constant bias"));
  }
  HT_ASSIGN_OR_RETURN(Tensor shifted, ShiftedBias(*bias, site.node, shifts));
  return LowerLayer(site.builder, site.graph, site.node, sources,
                    site.builder.AddConstant(std::move(shifted)));
}

}  // namespace

absl::StatusOr<ValueId> QuantizedChoice::AppendTo(const LayerSite& site) const {
  LayerSources sources = site.sources;
  // A MatMul may have its weights on the left.
  const bool swapped = site.builder.FindConstant(sources.src) != nullptr &&
                       site.builder.FindConstant(sources.weights) == nullptr;
  if (swapped) std::swap(sources.src, sources.weights);
  HT_ASSIGN_OR_RETURN(LayerSources quantized,
                      site.quantizer.Apply(site.builder, sources, quantizers_));
  if (swapped) std::swap(quantized.src, quantized.weights);
  if (quantizers_.shifts.empty()) {
    return LowerLayer(site.builder, site.graph, site.node, quantized, site.bias);
  }
  return AppendShifted(site, quantized, quantizers_.shifts);
}

absl::StatusOr<LayerChoices> QuantizedChoices(const PreparedNetwork& network,
                                              const Calibration& calibration,
                                              const std::vector<Precision>& precisions) {
  LayerChoices choices;
  for (const Layer& layer : network.layers.layers) {
    std::vector<ChoicePtr>& row = choices.emplace_back();
    for (const Precision& precision : precisions) {
      LayerQuantizers quantizers;
      if (!precision.IsFloat32()) {
        HT_ASSIGN_OR_RETURN(quantizers, calibration.Find(layer.name, precision));
      }
      row.push_back(std::make_shared<QuantizedChoice>(std::move(quantizers)));
    }
  }
  return choices;
}

absl::StatusOr<LayerSite> FindSite(LoweredGraph& lowered, const Graph& graph, const Layer& layer,
                                   SourceQuantizer& quantizer) {
  const Node* node = graph.FindNode(layer.name);
  if (node == nullptr) {
    return absl::InternalError(absl::StrCat("layer '", layer.name, "' has no node"));
  }
  LayerSite site{lowered.builder, graph, *node, {}, kNoValue, quantizer};
  HT_ASSIGN_OR_RETURN(site.sources.src, FindValue(lowered, node->Input(0)));
  HT_ASSIGN_OR_RETURN(site.sources.weights, FindValue(lowered, node->Input(1)));
  if (!node->Input(2).empty()) {
    HT_ASSIGN_OR_RETURN(site.bias, FindValue(lowered, node->Input(2)));
  }
  return site;
}

absl::StatusOr<LoweredGraph> LowerChosen(const Graph& graph, const ChosenLayers& chosen) {
  SourceQuantizer quantizer;
  LowerOptions options;
  options.lower_layer = [&](ProgramBuilder& builder, const Node& node, const LayerSources& sources,
                            ValueId bias) -> absl::StatusOr<ValueId> {
    const auto found = chosen.find(node.name);
    if (found == chosen.end()) return LowerLayer(builder, graph, node, sources, bias);
    return found->second->AppendTo({builder, graph, node, sources, bias, quantizer});
  };
  return LowerGraph(graph, options);
}

ChoiceColumns::ChoiceColumns(const LayerChoices& choices) : begins_(1, 0) {
  for (const std::vector<ChoicePtr>& row : choices) begins_.push_back(begins_.back() + row.size());
}

}  // namespace halftone
