#include "search/sensitivity/choice.h"

#include <map>
#include <set>
#include <utility>

#include "absl/algorithm/container.h"
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

// Indices are read as they are.
LayerQuantizers WithoutSource(LayerQuantizers quantizers) {
  quantizers.precision.activations = NumberFormat();
  quantizers.src = nullptr;
  return quantizers;
}

}  // namespace

absl::StatusOr<ValueId> QuantizedChoice::AppendTo(const LayerSite& site) const {
  LayerSources sources = site.sources;
  // A MatMul may have its weights on the left, and a Gather has its table there.
  const bool swapped = site.builder.FindConstant(sources.src) != nullptr &&
                       site.builder.FindConstant(sources.weights) == nullptr;
  if (swapped) std::swap(sources.src, sources.weights);
  HT_ASSIGN_OR_RETURN(
      LayerSources quantized,
      site.quantizer.Apply(
          site.builder, sources,
          IsEmbedding(site.graph, site.node) ? WithoutSource(quantizers_) : quantizers_));
  if (swapped) std::swap(quantized.src, quantized.weights);
  if (quantizers_.shifts.empty()) {
    return LowerLayer(site.builder, site.graph, site.node, quantized, site.bias);
  }
  return AppendShifted(site, quantized, quantizers_.shifts);
}

namespace {

bool SameQuantizer(const std::shared_ptr<const UniformQuantizer>& a,
                   const std::shared_ptr<const UniformQuantizer>& b) {
  return a == b || (a != nullptr && b != nullptr && *a == *b);
}

}  // namespace

bool QuantizedChoice::ComputesAs(const Choice& other, bool has_weights) const {
  const auto* const quantized = dynamic_cast<const QuantizedChoice*>(&other);
  if (quantized == nullptr) return false;
  if (!shortcuts().empty() || !quantized->shortcuts().empty()) return this == quantized;
  const LayerQuantizers &a = quantizers_, &b = quantized->quantizers_;
  const bool same_precision = has_weights
                                  ? a.precision == b.precision
                                  : a.precision.WithoutWeights() == b.precision.WithoutWeights();
  return same_precision && SameQuantizer(a.src, b.src) && SameQuantizer(a.weights, b.weights) &&
         a.shifts == b.shifts;
}

namespace {

// A quantized layer that is executed in numbers of its own, or rounds more than it reads.
class ExecutedQuantizedChoice final : public QuantizedChoice {
 public:
  ExecutedQuantizedChoice(LayerQuantizers asked, LayerQuantizers run,
                          std::vector<RoundedOperand> shortcuts)
      : QuantizedChoice(std::move(run)),
        name_(asked.precision.ToString()),
        src_(std::move(asked.src)),
        shortcuts_(std::move(shortcuts)) {}

  std::string name() const override { return name_; }
  bool IsFloat() const override {
    return QuantizedChoice::IsFloat() && quantizers().shifts.empty() && shortcuts_.empty();
  }
  absl::Span<const RoundedOperand> shortcuts() const override { return shortcuts_; }
  absl::StatusOr<ValueId> AppendShortcutTo(ProgramBuilder& builder, SourceQuantizer& quantizer,
                                           const RoundedOperand& shortcut,
                                           ValueId value) const override {
    return quantizer.Round(builder, value, shortcut.format, src_.get());
  }

 private:
  const std::string name_;
  const std::shared_ptr<const UniformQuantizer> src_;
  const std::vector<RoundedOperand> shortcuts_;
};

const ExecutedChoice* FindExecuted(const ExecutedLayers& executed, const std::string& layer,
                                   const Precision& precision) {
  const auto of_layer = executed.find(layer);
  if (of_layer == executed.end()) return nullptr;
  const auto found = of_layer->second.find(precision);
  return found == of_layer->second.end() ? nullptr : &found->second;
}

bool IsSameOrFloat(const NumberFormat& ran, const NumberFormat& asked) {
  return ran == asked || ran == NumberFormat();
}

// The quantizers of a layer that computes with the numbers of another precision than `asked` has.
absl::StatusOr<LayerQuantizers> QuantizersRun(const Calibration& calibration,
                                              const std::string& layer,
                                              const LayerQuantizers& asked,
                                              const Precision& ran_as) {
  const Precision& precision = asked.precision;
  if (IsSameOrFloat(ran_as.weights, precision.weights) &&
      IsSameOrFloat(ran_as.activations, precision.activations)) {
    LayerQuantizers run = asked;
    run.precision = ran_as;
    return run;
  }
  return calibration.Find(layer, ran_as);
}

}  // namespace

absl::StatusOr<ValueId> Choice::AppendShortcutTo(ProgramBuilder&, SourceQuantizer&,
                                                 const RoundedOperand&, ValueId value) const {
  return value;
}

absl::StatusOr<ChoicePtr> MakeQuantizedChoice(const Calibration& calibration,
                                              const std::string& layer, const Precision& precision,
                                              const ExecutedLayers& executed) {
  LayerQuantizers quantizers;
  if (!precision.IsFloat32()) {
    HT_ASSIGN_OR_RETURN(quantizers, calibration.Find(layer, precision));
  }
  const ExecutedChoice* const choice = FindExecuted(executed, layer, precision);
  if (choice == nullptr) return std::make_shared<QuantizedChoice>(std::move(quantizers));
  HT_ASSIGN_OR_RETURN(LayerQuantizers run,
                      QuantizersRun(calibration, layer, quantizers, choice->ran_as));
  return std::make_shared<ExecutedQuantizedChoice>(std::move(quantizers), std::move(run),
                                                   choice->shortcuts);
}

absl::StatusOr<LayerChoices> QuantizedChoices(const PreparedNetwork& network,
                                              const Calibration& calibration,
                                              const std::vector<Precision>& precisions,
                                              const ExecutedLayers& executed) {
  LayerChoices choices;
  for (const Layer& layer : network.layers.layers) {
    std::vector<ChoicePtr>& row = choices.emplace_back();
    for (const Precision& precision : precisions) {
      HT_ASSIGN_OR_RETURN(row.emplace_back(),
                          MakeQuantizedChoice(calibration, layer.name, precision, executed));
    }
  }
  return choices;
}

std::vector<std::string> ShortcutAdditions(const LayerChoices& choices) {
  std::set<std::string> additions;
  for (const std::vector<ChoicePtr>& row : choices) {
    for (const ChoicePtr& choice : row) {
      for (const RoundedOperand& shortcut : choice->shortcuts()) additions.insert(shortcut.node);
    }
  }
  return {additions.begin(), additions.end()};
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

absl::StatusOr<ShortcutSite> FindShortcut(const LoweredGraph& lowered, const Graph& graph,
                                          const RoundedOperand& shortcut) {
  const Node* node = graph.FindNode(shortcut.node);
  if (node == nullptr || !absl::c_linear_search(node->inputs, shortcut.value)) {
    return absl::InternalError(
        absl::StrCat("no node '", shortcut.node, "' reads '", shortcut.value, "'"));
  }
  ShortcutSite site;
  HT_ASSIGN_OR_RETURN(site.value, FindValue(lowered, shortcut.value));
  HT_ASSIGN_OR_RETURN(site.sum, FindValue(lowered, node->outputs[0]));
  return site;
}

absl::StatusOr<LoweredGraph> LowerChosen(const Graph& graph, const ChosenLayers& chosen) {
  // The choices that let a node read a value otherwise.
  std::map<std::pair<std::string, std::string>, std::pair<const Choice*, const RoundedOperand*>>
      readers;
  for (const auto& [name, choice] : chosen) {
    for (const RoundedOperand& shortcut : choice->shortcuts()) {
      readers[{shortcut.node, shortcut.value}] = {choice.get(), &shortcut};
    }
  }
  SourceQuantizer quantizer;
  LowerOptions options;
  if (!readers.empty()) {
    options.read_input = [&](ProgramBuilder& builder, const Node& node, const std::string& name,
                             ValueId value) -> absl::StatusOr<ValueId> {
      const auto found = readers.find({node.name, name});
      if (found == readers.end()) return value;
      const auto& [choice, shortcut] = found->second;
      return choice->AppendShortcutTo(builder, quantizer, *shortcut, value);
    };
  }
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
