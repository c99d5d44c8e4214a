#include "search/sensitivity/derivative_ends.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "nn/engine/derivative.h"
#include "nn/engine/lower.h"
#include "search/sensitivity/choice.h"
#include "search/sensitivity/network_program.h"
#include "search/sensitivity/single_layer.h"

namespace halftone {
namespace {

std::string Describe(const Node& node) { return absl::StrCat("'", node.name, "' (", node.op, ")"); }

class EndFinder {
 public:
  // Borrows all of them.
  EndFinder(const Graph& graph, const LoweredGraph& lowered, const DerivativeFlow& flow)
      : graph_(graph), index_(graph), lowered_(lowered), flow_(flow) {}

  bool Arrives(const std::string& value) const { return Is(flow_.arrives, value); }

  // Whether derivatives end at the node: it has a source of real numbers that depends on layers and
  // gets none from it, although one arrives here, or what it makes of the numbers has none.
  bool Ends(const Node& node) const {
    bool arrives = false, is_counted = false, is_real = false;
    for (const std::string& output : node.outputs) {
      const auto info = graph_.values.find(output);
      if (info == graph_.values.end() || !IsRead(output)) continue;
      arrives = arrives || Arrives(output);
      is_real = is_real || IsFloat(info->second.type);
      is_counted =
          is_counted || (!IsFloat(info->second.type) && info->second.type != DataType::kBool);
    }
    if (!arrives && (is_real || !is_counted)) return false;
    return std::any_of(node.inputs.begin(), node.inputs.end(), [&](const std::string& input) {
      const auto info = graph_.values.find(input);
      if (info == graph_.values.end() || !IsFloat(info->second.type)) return false;
      return Is(flow_.depends, input) && !Passes(node, lowered_.values.at(input));
    });
  }

  // The nodes at which the derivatives end that would come to `value`, in the graph's order.
  std::string EndsAfter(const std::string& value) const {
    absl::flat_hash_set<std::string> reached = {value};
    std::vector<std::string> ends;
    for (const Node& node : graph_.nodes) {
      const bool reads =
          std::any_of(node.inputs.begin(), node.inputs.end(),
                      [&](const std::string& name) { return reached.contains(name); });
      if (!reads) continue;
      if (Ends(node)) ends.push_back(Describe(node));
      for (const std::string& output : node.outputs) reached.insert(output);
    }
    return absl::StrJoin(ends, ", ");
  }

 private:
  // Whether the node hands a derivative on to that source, or only gives it another name.
  bool Passes(const Node& node, ValueId source) const {
    const bool is_renamed =
        std::any_of(node.outputs.begin(), node.outputs.end(), [&](const std::string& output) {
          const auto found = lowered_.values.find(output);
          return found != lowered_.values.end() && found->second == source;
        });
    return is_renamed || flow_.passed.contains({node.name, source});
  }
  bool Is(const std::vector<bool>& flags, const std::string& value) const {
    const auto found = lowered_.values.find(value);
    return found != lowered_.values.end() && flags[static_cast<size_t>(found->second)];
  }
  bool IsRead(const std::string& value) const {
    return !index_.Consumers(value).empty() || index_.IsGraphOutput(value);
  }

  const Graph& graph_;
  const GraphIndex index_;
  const LoweredGraph& lowered_;
  const DerivativeFlow& flow_;
};

}  // namespace

absl::StatusOr<DerivativeEnds> FindDerivativeEnds(const PreparedNetwork& network,
                                                  const std::vector<Head>& heads) {
  HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(network.BatchFor(1, 1)));
  HT_ASSIGN_OR_RETURN(const LoweredGraph lowered, LowerGraph(graph));
  std::vector<ValueId> dsts, wrt;
  for (const Head& head : heads) {
    HT_ASSIGN_OR_RETURN(dsts.emplace_back(), FindValue(lowered, head.value));
  }
  for (const Layer& layer : network.layers.layers) {
    HT_ASSIGN_OR_RETURN(wrt.emplace_back(), FindValue(lowered, layer.dst));
  }
  HT_ASSIGN_OR_RETURN(const DerivativeFlow flow, TraceDerivative(lowered.builder, dsts, wrt));
  const EndFinder finder(graph, lowered, flow);
  DerivativeEnds ends;
  for (const Node& node : graph.nodes) {
    if (finder.Ends(node)) ends.nodes.push_back(Describe(node));
  }
  for (const Layer& layer : network.layers.layers) {
    std::string& of_layer = ends.of_layers.emplace_back();
    if (finder.Arrives(layer.dst)) continue;
    of_layer = finder.EndsAfter(layer.dst);
    if (of_layer.empty()) of_layer = "conditions";
  }
  return ends;
}

absl::Status MeasureEndedLayers(const ChoiceRequest& request, const DerivativeEnds& ends,
                                SampleLosses* samples, const Progress& progress,
                                SensitivityResult& result) {
  const bool any = std::any_of(ends.of_layers.begin(), ends.of_layers.end(),
                               [](const std::string& nodes) { return !nodes.empty(); });
  if (!any) return progress.Step(1);
  HT_ASSIGN_OR_RETURN(SingleLayerMeter meter, SingleLayerMeter::Create(request));
  const ChoiceColumns columns(request.choices);
  const auto layers = static_cast<double>(result.layers.size());
  for (size_t l = 0; l < result.layers.size(); ++l) {
    if (!ends.IsEnded(l)) continue;
    LayerSensitivity& layer = result.layers[l];
    layer.note = absl::StrCat(
        "its derivatives end at ", ends.of_layers[l],
        ": its losses were measured by computing this layer alone, each way that is offered");
    const std::vector<size_t> changed = ChangedChoices(request.choices[l]);
    if (changed.empty()) continue;
    const auto position = static_cast<double>(l);
    HT_ASSIGN_OR_RETURN(const std::vector<MeanEstimate> measured,
                        meter.Measure(l, changed, columns.Begin(l), samples,
                                      progress.Part(position / layers, (position + 1) / layers)));
    for (size_t i = 0; i < changed.size(); ++i) {
      ChoiceLoss& choice = layer.choices[changed[i]];
      choice.loss = measured[i].mean();
      choice.loss_stderr = measured[i].standard_error();
      choice.measured = true;
    }
  }
  return progress.Step(1);
}

void ForgetEndedLayers(const DerivativeEnds& ends, SensitivityResult& result) {
  for (size_t l = 0; l < result.layers.size(); ++l) {
    if (!ends.IsEnded(l)) continue;
    LayerSensitivity& layer = result.layers[l];
    layer.note = absl::StrCat("its derivatives end at ", ends.of_layers[l],
                              ": this method says nothing of it (fisher-corrected, fisher and "
                              "output measure such layers)");
    for (ChoiceLoss& choice : layer.choices) {
      if (choice.precision.IsFloat32()) continue;
      choice.is_known = false;
      choice.loss_stderr.reset();
    }
  }
}

}  // namespace halftone
