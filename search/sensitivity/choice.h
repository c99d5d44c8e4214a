#ifndef HALFTONE_SEARCH_SENSITIVITY_CHOICE_H_
#define HALFTONE_SEARCH_SENSITIVITY_CHOICE_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "nn/engine/lower.h"
#include "nn/engine/program.h"
#include "nn/graph/graph.h"
#include "nn/graph/layer.h"
#include "nn/quant/executed_layers.h"
#include "nn/quant/layer_quantizers.h"
#include "search/sensitivity/network_program.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// A layer where it stands in a growing program: what it reads as a float layer, and what the
// choices of one program share.
struct LayerSite {
  ProgramBuilder& builder;
  const Graph& graph;
  const Node& node;
  LayerSources sources;
  ValueId bias = kNoValue;     // kNoValue: none
  SourceQuantizer& quantizer;  // of this program
};

// A way to compute a layer otherwise, yhat_{l,o}(x): quantized, pruned, from a codebook. All that
// measures and predicts the damage of a choice knows of it is this. Immutable; thread-safe.
class Choice {
 public:
  virtual ~Choice() = default;
  // What tables call it, e.g. "w4a8".
  virtual std::string name() const = 0;
  // Whether it is the float layer itself, whose damage is zero.
  virtual bool IsFloat() const { return false; }
  // Whether another choice of the same layer computes the very same. `has_weights`: of the layer.
  virtual bool ComputesAs(const Choice& other, bool has_weights) const { return this == &other; }
  // Appends the layer computed this way: its dst, of the float layer's shape.
  virtual absl::StatusOr<ValueId> AppendTo(const LayerSite& site) const = 0;
  // What it changes beside the layer: additions that read a value otherwise.
  virtual absl::Span<const RoundedOperand> shortcuts() const { return {}; }
  // Appends what the addition of one of these reads in place of `value`.
  virtual absl::StatusOr<ValueId> AppendShortcutTo(ProgramBuilder& builder,
                                                   SourceQuantizer& quantizer,
                                                   const RoundedOperand& shortcut,
                                                   ValueId value) const;
};
using ChoicePtr = std::shared_ptr<const Choice>;

// The choices of each layer, in the order of the network's layers; each layer has a list of its
// own.
using LayerChoices = std::vector<std::vector<ChoicePtr>>;
// layer name -> choice; a layer left out stays f32.
using ChosenLayers = std::map<std::string, ChoicePtr>;

// A layer with its sources rounded: weights, activations, or both.
class QuantizedChoice : public Choice {
 public:
  explicit QuantizedChoice(LayerQuantizers quantizers) : quantizers_(std::move(quantizers)) {}
  std::string name() const override { return quantizers_.precision.ToString(); }
  bool IsFloat() const override { return quantizers_.precision.IsFloat32(); }
  // False where either rounds more than its layer's sources.
  bool ComputesAs(const Choice& other, bool has_weights) const override;
  absl::StatusOr<ValueId> AppendTo(const LayerSite& site) const override;

 protected:
  const LayerQuantizers& quantizers() const { return quantizers_; }

 private:
  LayerQuantizers quantizers_;
};

// A layer in a precision, as `executed` says that it is executed: by the name of the precision that
// is asked for. FAILED_PRECONDITION where it was not calibrated; f32 needs no calibration.
absl::StatusOr<ChoicePtr> MakeQuantizedChoice(const Calibration& calibration,
                                              const std::string& layer, const Precision& precision,
                                              const ExecutedLayers& executed = {});
// Every precision for every layer.
absl::StatusOr<LayerChoices> QuantizedChoices(const PreparedNetwork& network,
                                              const Calibration& calibration,
                                              const std::vector<Precision>& precisions,
                                              const ExecutedLayers& executed = {});

// The nodes that any of the choices lets read a value otherwise, each once.
std::vector<std::string> ShortcutAdditions(const LayerChoices& choices);

// MeasureSensitivity for any choices: kFisher, kFisherCorrected, kOutput and kSqnr;
// INVALID_ARGUMENT for methods that speak of quantized weights only. `choices` has a row for each
// layer.
absl::StatusOr<SensitivityResult> MeasureChoices(const PreparedNetwork& network,
                                                 const Dataset& data, const LayerChoices& choices,
                                                 const SensitivityOptions& options,
                                                 const Progress& progress);

// The site of a layer of a lowered network; borrows all three.
absl::StatusOr<LayerSite> FindSite(LoweredGraph& lowered, const Graph& graph, const Layer& layer,
                                   SourceQuantizer& quantizer);

// Where a shortcut is read in a lowered network. INTERNAL where no node reads that value.
struct ShortcutSite {
  ValueId value = kNoValue;  // what the addition reads
  ValueId sum = kNoValue;    // its result
};
absl::StatusOr<ShortcutSite> FindShortcut(const LoweredGraph& lowered, const Graph& graph,
                                          const RoundedOperand& shortcut);

// The network with layers computed as chosen, errors passed on from layer to layer.
absl::StatusOr<LoweredGraph> LowerChosen(const Graph& graph, const ChosenLayers& chosen);

// Numbers all (layer, choice) pairs: the columns of S, layer by layer.
class ChoiceColumns {
 public:
  explicit ChoiceColumns(const LayerChoices& choices);
  size_t size() const { return begins_.back(); }
  size_t layers() const { return begins_.size() - 1; }
  size_t Begin(size_t layer) const { return begins_[layer]; }
  size_t End(size_t layer) const { return begins_[layer + 1]; }

 private:
  std::vector<size_t> begins_;  // and the end
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_CHOICE_H_
