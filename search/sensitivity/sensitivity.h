#ifndef HALFTONE_SEARCH_SENSITIVITY_SENSITIVITY_H_
#define HALFTONE_SEARCH_SENSITIVITY_SENSITIVITY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/progress.h"
#include "nlohmann/json_fwd.hpp"
#include "nn/data/dataset.h"
#include "nn/graph/graph.h"
#include "nn/graph/layer.h"
#include "nn/graph/output_heads.h"
#include "nn/quant/executed_layers.h"
#include "nn/quant/layer_quantizers.h"
#include "nn/quant/precision.h"
#include "nn/quant/range_estimator.h"

namespace halftone {

// A network made ready for analysis. Immutable; thread-safe.
struct PreparedNetwork {
  Graph file;   // as imported
  Graph graph;  // with samples first, not bound to a batch: see Bind
  // Along which axis outputs of the file have their samples: those that were moved first.
  std::map<std::string, int> moved_outputs;
  AskedHeads asked_heads;
  std::vector<OutputHead> heads;    // of the graphs that Bind makes: the outputs that count
  std::vector<OutputHead> ignored;  // the other outputs
  std::vector<std::string> uncounted_layers;  // that feed no output which counts
  LayerSet layers;                            // of Bind(1), or of the fixed batch

  enum class BatchNorm {
    kFolded,  // into the weights before it: what inference runs, and what is quantized
    kKept,    // weights are those of the file: derivatives with respect to them
  };
  // The graph to run with `batch` samples: constants folded, activations recognized, heads split
  // (SplitOutputHeads). A graph with a fixed batch can only be bound to that.
  absl::StatusOr<Graph> Bind(int64_t batch, BatchNorm batch_norm = BatchNorm::kFolded) const;
  // The batch to stream `samples` samples with: the fixed one, or `wanted` and at most `samples`.
  int64_t BatchFor(int64_t wanted, int64_t samples) const;
};

// `imported` may have its batch open, and nothing else (see ResolveInputs).
// UNIMPLEMENTED names the nodes that Halftone cannot compute and what is missing;
// INVALID_ARGUMENT for a network without layers to quantize, and errors of SplitOutputHeads.
absl::StatusOr<PreparedNetwork> PrepareNetwork(const Graph& imported,
                                               const AskedHeads& asked_heads = {});

// Whether divergences of the network depend on the heads' scales: where several outputs count, or
// one is kRelative.
bool NeedsScales(const PreparedNetwork& network);
// Finds the scales, by running the float network on up to 64 calibration samples. What is measured
// of the network, on whatever data, is to use those of one calibration. INVALID_ARGUMENT where the
// data does not fit.
absl::Status MeasureScales(const Dataset& data, const Cancellation& cancellation,
                           PreparedNetwork& network);

// How the numbers of a choice are quantized.
struct QuantizationOptions {
  Symmetry weight_symmetry = Symmetry::kSymmetricSigned;
  bool weights_per_channel = true;
  RangeOptions weight_range = {.method = RangeMethod::kResult};
  // Takes the mean error of a layer's result off its bias, where it has one.
  bool bias_correction = true;
  Symmetry activation_symmetry = Symmetry::kAsymmetric;
  RangeOptions activation_range = {.method = RangeMethod::kResult};
};

// The quantizers of every (layer, precision), calibrated on the float network's activations.
// Layers that read one value share its quantizer at equal bits.
struct Calibration {
  QuantizationOptions options;
  // layer -> precision -> quantizers
  std::map<std::string, std::map<Precision, LayerQuantizers>> quantizers;
  // As what each output counts, those that are ignored included, as far as the data tells.
  std::vector<OutputHead> heads;
  std::vector<std::string> warnings;  // what of the data and of the outputs a reader should know

  // FAILED_PRECONDITION names a (layer, precision) that was not calibrated.
  absl::StatusOr<LayerQuantizers> Find(const std::string& layer, const Precision& precision) const;
};

// One pass of the float network over the data, with memory bounded by the batch. Weights are
// quantized as folded (PreparedNetwork::BatchNorm::kFolded). INVALID_ARGUMENT names a layer that
// reads or holds a value that is not finite; RESOURCE_EXHAUSTED says why it would not fit the
// memory (base/memory_budget.h).
absl::StatusOr<Calibration> Calibrate(const PreparedNetwork& network, const Dataset& data,
                                      const std::vector<Precision>& precisions,
                                      const QuantizationOptions& options, const Progress& progress);

enum class SensitivityMethod {
  kFisher,             // the diagonal of the Fisher interaction matrix: half of it is the loss
  kFisherCorrected,    // the same, really measured where second order ends; its correlations
  kHessianTrace,       // Hutchinson; loss = trace / |W| * ||Q(W) - W||^2, weights only
  kHessianTraceExact,  // the same from gradient norms, without probes; see TraceKind
  kHessianEigenvalue,  // Lanczos; loss = top eigenvalue / |W| * ||Q(W) - W||^2 (after HAWQ-V1)
  kHessianForm,        // 1/2 d'Hd with the error d of the weights of that one layer, exactly
  kHawqV1,             // top eigenvalue / |W| * ||Q(W) - W||^2 (Dong et al. 2019: see methods.md)
  kHawqV2,             // trace / |W| * ||Q(W) - W||^2 (Dong et al. 2020)
  kHawqV3,             // the same, with weights per channel and symmetric (Yao et al. 2021)
  kOutput,             // the divergence when that one layer alone is really quantized
  kSqnr,               // likewise, its noise-to-signal power ratio at the output; any output
  // 1/2 E sum_i (du.f/dy_i)^2 (yhat_i - y_i)^2: the Fisher loss without the products of different
  // elements of the layer's result (the score of NVIDIA's ModelOpt)
  kFisherElementwise,
};

// What a trace is.
enum class TraceKind {
  kExact,        // of the Hessian, without sampling
  kGaussNewton,  // of the Gauss-Newton matrix, without probes: the layer is not piecewise linear
  kHutchinson,   // of the Hessian, by random probes
};

// The divergence of the output that is meant.
enum class LossKind {
  kAuto,          // kKl for logits, kMse for other outputs; hessian-*: kCrossEntropy with labels
  kCrossEntropy,  // with the labels of the data; hessian-* only
  kKl,
  kMse,
};

// Whether a method has an interaction matrix to keep: kFisher and kFisherCorrected.
bool HasInteractions(SensitivityMethod method);

// Whether the losses of a method are of the weights alone: hessian-* and hawq-*.
bool KnowsWeightsOnly(SensitivityMethod method);

// Which pairs of layers the interaction matrix speaks of; entries of others are 0.
enum class InteractionPairs {
  kAll,
  kNeighbours,  // one feeds the other through nodes that are no layers, or both feed one sum
};

struct SensitivityOptions {
  SensitivityMethod method = SensitivityMethod::kFisher;
  LossKind loss = LossKind::kAuto;
  int64_t samples = 0;  // 0: all
  int draws = 4;        // label draws per sample, where the expectation is not taken exactly
  // The expectation over labels is exact up to this many classes (kFisher, kHessianTraceExact).
  int exact_classes = 16;
  int probes = 128;             // at most, for Hutchinson
  double tolerance = 0.05;      // relative standard error of every layer at which Hutchinson stops
  int eigenvalues = 1;          // how many per layer, from the top
  int network_eigenvalues = 0;  // how many of the Hessian in all weights; kHessianEigenvalue
  int batch = 32;
  uint64_t seed = 0;
  bool interactions = false;  // keep the matrix, not only its diagonal
  InteractionPairs pairs = InteractionPairs::kAll;
  int resamples = 0;  // kFisher, kFisherCorrected, kOutput: bootstrap samples of the losses
  int joint_assignments = 32;  // kFisherCorrected: evaluated to find joint_scale; 0: none
};

struct ChoiceLoss {
  Precision precision;
  double loss = 0;  // predicted increase of the output divergence, mean over samples
  std::optional<double> loss_stderr;  // absent where it is not known
  // False: the method says nothing of that choice, and `loss` is 0 for want of anything.
  bool is_known = true;
  bool measured = false;  // by really computing the layer that way, the others staying float
  // kFisherCorrected: what the Fisher matrix said where `loss` was measured in its place.
  std::optional<double> second_order;
  // Of a choice that was not to be measured (DominatedChoices): the one that is no worse in
  // anything. Its loss is that to second order, and at least the other's.
  std::optional<Precision> dominated_by;
  std::string name;               // of the choice; the precision's text where it is one
  std::optional<double> sqnr_db;  // kSqnr: signal to quantization noise at the output
};
struct LayerSensitivity {
  std::string name;
  std::string weights;
  std::optional<double> trace, trace_stderr;  // sum over the weights, loss averaged over samples
  std::optional<TraceKind> trace_kind;
  std::vector<double> eigenvalues;  // from the top
  std::vector<ChoiceLoss> choices;
  // Where the method says nothing of the layer: why its losses are 0, or were found in another way.
  std::string note;
};
struct SensitivityResult {
  SensitivityMethod method = SensitivityMethod::kFisher;
  int64_t samples = 0;
  uint64_t seed = 0;
  std::string output_metric;  // "cross-entropy", or as OutputMetricOf (divergence.h) has it
  int probes = 0;             // that Hutchinson took; 0 for other methods
  bool labels_drawn = false;  // hessian-*: there were too many classes for the exact expectation
  std::vector<double> network_eigenvalues;  // of the Hessian in all weights, from the top
  std::vector<LayerSensitivity> layers;
  std::vector<std::string> warnings;  // for the reader: what the losses do not see
  // G [C x C], C = all (layer, choice) in the order of `layers`; empty unless asked for. kFisher:
  // the Fisher interaction matrix. kFisherCorrected: the same correlations with the corrected
  // losses, G_aa = 2 loss_a. Half the sum of G over all pairs of chosen ones is the predicted loss
  // of an assignment.
  std::vector<double> interactions;
  std::vector<double> interaction_errors;  // standard errors of its entries over samples
  // kFisherCorrected: measured over predicted loss of assignments that change all layers, in the
  // median; PredictLoss multiplies by it.
  double joint_scale = 1;
  // kFisherCorrected: the factor (> 0) that `interactions` off the diagonal already have, so that
  // predictions follow those assignments best.
  double pair_scale = 1;
  // [resample][C]: the losses on samples drawn again from the data, with replacement (Efron 1979);
  // all choices of one resample are from the same draw.
  std::vector<std::vector<double>> resampled_losses;
};

// The predicted loss of a whole assignment, by layer name (a layer left out stays f32): the sum of
// the chosen losses and, where interactions were kept, of G_ab over the chosen pairs, times
// joint_scale. Takes time quadratic in the number of layers. INVALID_ARGUMENT names a layer or
// precision that the result does not have.
absl::StatusOr<double> PredictLoss(const SensitivityResult& result,
                                   const std::map<std::string, Precision>& assignment);
// The same by the index of each layer's choice, in the order of `layers`; negative: f32.
absl::StatusOr<double> PredictLoss(const SensitivityResult& result, absl::Span<const int> chosen);

// Choices that no answer needs, by layer, each with one that is not among them: costs no more and
// has no fewer bits. kFisherCorrected does not really measure them.
using DominatedChoices = std::map<std::string, std::map<Precision, Precision>>;

// Is handed the losses to second order, without interactions, before any of them is really
// measured; an error of its own ends the measurement.
using FirstLosses = std::function<absl::Status(const SensitivityResult& result)>;

// Measures how much each precision of each layer hurts. Memory is bounded by the batch. Errors
// name the layer; INVALID_ARGUMENT when the data does not fit, labels are needed and missing, or a
// value is not finite; RESOURCE_EXHAUSTED, before any work, where it would not fit
// the memory (base/memory_budget.h), with the figure and what would make it fit. `executed`: what a
// target makes of the layers, of which the losses then are; those of weights alone (hessian-*,
// hawq-*) are of the precisions as they are asked for. `first_losses`, where it is not empty, is
// called once by kFisherCorrected, and by no other method: their losses are there at the end.
absl::StatusOr<SensitivityResult> MeasureSensitivity(
    const PreparedNetwork& network, const Dataset& data, const Calibration& calibration,
    const std::vector<Precision>& precisions, const SensitivityOptions& options,
    const Progress& progress, const ExecutedLayers& executed = {},
    const FirstLosses& first_losses = nullptr, const DominatedChoices& dominated = {});

// "" or that there were fewer samples than were asked for (0: all).
std::string FewerSamples(int64_t asked, int64_t samples);

// The names that users write: "fisher", "hessian-trace", ..., "output"; "auto", "cross-entropy",
// "kl", "mse". INVALID_ARGUMENT names the text and what there is.
absl::StatusOr<SensitivityMethod> ParseSensitivityMethod(absl::string_view text);
absl::string_view SensitivityMethodName(SensitivityMethod method);
absl::StatusOr<LossKind> ParseLossKind(absl::string_view text);
absl::string_view LossKindName(LossKind kind);
// What a divergence of that metric is, and its unit, for readers.
std::string DivergenceText(absl::string_view output_metric);
// What the losses of a method measure, for readers. A plain value.
struct LossMeasure {
  std::string name;  // of a column: "loss", or "score" where it is no divergence of the output
  std::string text;  // what it is, and its unit
};
// `output_metric` as SensitivityResult has it.
LossMeasure MeasureOf(SensitivityMethod method, absl::string_view output_metric);
nlohmann::json LossMeasureToJson(const LossMeasure& measure);
// Whether the losses are the divergence that an evaluation of the network measures.
bool PredictsDivergence(const SensitivityResult& sensitivity);
// "" or that losses are negative, and of which layers. A trace, and a quadratic form of a Hessian,
// may be: that is the estimator's limit and no gain, so that a search takes them as 0.
std::string NegativeWarning(const SensitivityResult& sensitivity);
// "exact", "gauss-newton", "hutchinson".
absl::StatusOr<TraceKind> ParseTraceKind(absl::string_view text);
absl::string_view TraceKindName(TraceKind kind);
absl::StatusOr<InteractionPairs> ParseInteractionPairs(absl::string_view text);
absl::string_view InteractionPairsName(InteractionPairs pairs);
// "symmetric", "symmetric-full", "symmetric-signed", "asymmetric"; "min-max", "percentile", "mse",
// "result".
absl::StatusOr<Symmetry> ParseSymmetry(absl::string_view text);
absl::string_view SymmetryName(Symmetry symmetry);
absl::StatusOr<RangeMethod> ParseRangeMethod(absl::string_view text);
absl::string_view RangeMethodName(RangeMethod method);

// The JSON of `halftone sensitivity`, and back; `interactions` is written only where it was kept.
nlohmann::json SensitivityToJson(const SensitivityResult& result);
absl::StatusOr<SensitivityResult> SensitivityFromJson(const nlohmann::json& json);
nlohmann::json SensitivityOptionsToJson(const SensitivityOptions& options);
absl::StatusOr<SensitivityOptions> SensitivityOptionsFromJson(const nlohmann::json& json);
nlohmann::json QuantizationOptionsToJson(const QuantizationOptions& options);
absl::StatusOr<QuantizationOptions> QuantizationOptionsFromJson(const nlohmann::json& json);
nlohmann::json CalibrationToJson(const Calibration& calibration);
absl::StatusOr<Calibration> CalibrationFromJson(const nlohmann::json& json);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_SENSITIVITY_H_
