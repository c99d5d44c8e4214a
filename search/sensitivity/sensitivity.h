#ifndef HALFTONE_SEARCH_SENSITIVITY_SENSITIVITY_H_
#define HALFTONE_SEARCH_SENSITIVITY_SENSITIVITY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/progress.h"
#include "nlohmann/json_fwd.hpp"
#include "nn/data/dataset.h"
#include "nn/graph/graph.h"
#include "nn/graph/layer.h"
#include "nn/graph/passes.h"
#include "nn/quant/layer_quantizers.h"
#include "nn/quant/precision.h"
#include "nn/quant/range_estimator.h"

namespace halftone {

// A network made ready for analysis: as imported, without its final softmax, batch normalization
// kept or folded, and its layers (of the graph bound to batch 1 or the fixed batch). Immutable.
struct PreparedNetwork {
  Graph graph;  // unbound; bind it to the batch that you run
  std::vector<OutputHead> heads;
  LayerSet layers;
};
absl::StatusOr<PreparedNetwork> PrepareNetwork(const Graph& imported);

// How the numbers of a choice are quantized.
struct QuantizationOptions {
  Symmetry weight_symmetry = Symmetry::kSymmetricRestricted;
  bool weights_per_channel = true;
  RangeOptions weight_range;
  Symmetry activation_symmetry = Symmetry::kAsymmetric;
  RangeOptions activation_range;
};

// The quantizers of every (layer, precision), calibrated on the float network's activations.
struct Calibration {
  // layer -> precision -> quantizers
  std::map<std::string, std::map<Precision, LayerQuantizers>> quantizers;
};
absl::StatusOr<Calibration> Calibrate(const PreparedNetwork& network, const Dataset& data,
                                      const std::vector<Precision>& precisions,
                                      const QuantizationOptions& options, const Progress& progress);

enum class SensitivityMethod { kFisher, kHessianTrace, kHessianEigenvalue, kOutput };
enum class LossKind { kAuto, kCrossEntropy, kKl, kMse };

struct SensitivityOptions {
  SensitivityMethod method = SensitivityMethod::kFisher;
  LossKind loss = LossKind::kAuto;
  int64_t samples = 0;      // 0: all
  int draws = 4;            // label draws per sample, where the expectation is not taken exactly
  int probes = 128;         // at most, for Hutchinson
  double tolerance = 0.05;  // relative standard error at which Hutchinson stops
  int batch = 32;
  uint64_t seed = 0;
  bool interactions = false;  // keep the whole matrix
};

struct ChoiceLoss {
  Precision precision;
  double loss = 0;  // predicted increase of the output divergence, mean over samples
  double loss_stderr = 0;
};
struct LayerSensitivity {
  std::string name;
  std::string weights;
  std::optional<double> trace, trace_stderr;
  std::vector<double> eigenvalues;
  std::vector<ChoiceLoss> choices;
};
struct SensitivityResult {
  SensitivityMethod method = SensitivityMethod::kFisher;
  int64_t samples = 0;
  uint64_t seed = 0;
  std::string output_metric;  // "kl", "mse" or "cross-entropy"
  std::vector<LayerSensitivity> layers;
  // The Fisher interaction matrix G [C x C], C = all (layer, choice) in the order of `layers`;
  // empty unless asked for.
  std::vector<double> interactions;
};

// Measures how much each precision of each layer hurts. Memory is bounded by the batch. Errors
// name the layer; INVALID_ARGUMENT when the data does not fit or labels are needed and missing;
// INTERNAL when a value is not finite.
absl::StatusOr<SensitivityResult> MeasureSensitivity(const PreparedNetwork& network,
                                                     const Dataset& data,
                                                     const Calibration& calibration,
                                                     const std::vector<Precision>& precisions,
                                                     const SensitivityOptions& options,
                                                     const Progress& progress);

// The JSON of `halftone sensitivity` (interfaces.md), and back.
nlohmann::json SensitivityToJson(const SensitivityResult& result);
absl::StatusOr<SensitivityResult> SensitivityFromJson(const nlohmann::json& json);
absl::StatusOr<SensitivityMethod> ParseSensitivityMethod(absl::string_view text);
absl::StatusOr<LossKind> ParseLossKind(absl::string_view text);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_SENSITIVITY_H_
