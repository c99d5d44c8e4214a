#include "search/sensitivity/memory_estimate.h"

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/memory_budget.h"
#include "base/status_macros.h"
#include "base/units.h"
#include "nn/graph/graph_memory.h"
#include "search/sensitivity/batch_fit.h"
#include "search/sensitivity/float_outputs.h"

namespace halftone {
namespace {

constexpr double kFloatBytes = sizeof(float), kDoubleBytes = sizeof(double);
// Tensors of a graph are shared; a program holds weights of its own.
constexpr double kCopiesOfWeights = 2;
// G and its squares as they are summed, and both as they are handed out.
constexpr double kMatrices = 4;

double DataBytes(const Dataset& data) {
  double bytes = 0;
  for (const auto& [name, tensor] : data.inputs()) {
    bytes += static_cast<double>(tensor.size_bytes());
  }
  return bytes;
}

double ElementsOf(const Graph& graph, const std::string& value) {
  const auto found = graph.values.find(value);
  return found == graph.values.end() ? 0 : static_cast<double>(found->second.shape.Elements());
}

double DstBytes(const PreparedNetwork& network, const Graph& graph) {
  double elements = 0;
  for (const Layer& layer : network.layers.layers) elements += ElementsOf(graph, layer.dst);
  return kFloatBytes * elements;
}

bool KnowsWeightsOnly(SensitivityMethod method) {
  switch (method) {
    case SensitivityMethod::kFisher:
    case SensitivityMethod::kFisherCorrected:
    case SensitivityMethod::kFisherElementwise:
    case SensitivityMethod::kOutput:
    case SensitivityMethod::kSqnr:
      return false;
    default:
      return true;
  }
}

bool IsOneLayerAtATime(SensitivityMethod method) {
  return method == SensitivityMethod::kOutput || method == SensitivityMethod::kSqnr;
}

// The weights of every format that is not f32, of all layers or of the largest.
double ChoiceBytes(const PreparedNetwork& network, const std::vector<Precision>& precisions,
                   SensitivityMethod method) {
  std::set<NumberFormat> formats;
  for (const Precision& precision : precisions) {
    if (precision.weights.kind != NumberFormat::Kind::kFloat32) formats.insert(precision.weights);
  }
  double all = 0, largest = 0;
  for (const Layer& layer : network.layers.layers) {
    if (layer.weights.empty()) continue;
    const auto elements = static_cast<double>(layer.weights_shape.Elements());
    all += elements;
    largest = std::max(largest, elements);
  }
  const bool one = KnowsWeightsOnly(method) || IsOneLayerAtATime(method);
  return kFloatBytes * (one ? largest : all) * static_cast<double>(formats.size());
}

// Of one sample: values, gradients of layers' results, and these as the choices make them.
double SampleBytes(const PreparedNetwork& network, const Graph& graph, size_t precisions,
                   const SensitivityOptions& options) {
  const double forward = ActivationBytes(graph), dst = DstBytes(network, graph);
  if (KnowsWeightsOnly(options.method)) return 4 * forward;
  if (IsOneLayerAtATime(options.method)) return 2 * forward;
  const auto gradients = static_cast<double>(std::max(options.draws, options.exact_classes));
  return forward + (gradients + static_cast<double>(precisions)) * dst;
}

double BasisBytes(const PreparedNetwork& network, const SensitivityOptions& options) {
  if (options.method != SensitivityMethod::kHessianEigenvalue &&
      options.method != SensitivityMethod::kHawqV1) {
    return 0;
  }
  std::set<std::string> seen;
  double elements = 0;
  for (const Layer& layer : network.layers.layers) {
    if (layer.weights.empty() || !seen.insert(layer.weights).second) continue;
    elements += static_cast<double>(layer.weights_shape.Elements());
  }
  // As many steps as its own bound allows, two at least; and the product, and the next vector.
  const double steps = std::clamp(static_cast<double>(int64_t{1} << 27) / std::max(elements, 1.0),
                                  2.0, static_cast<double>(std::max(2, options.probes)));
  return kDoubleBytes * elements * (std::min(steps, 100.0) + 2);
}

std::string Describe(const MemoryEstimate& estimate) {
  std::vector<std::string> parts;
  const auto add = [&](const char* name, double bytes) {
    if (bytes < 0.05 * estimate.Total()) return;
    parts.push_back(absl::StrCat(name, " ", FormatQuantity(Quantity::kSize, bytes)));
  };
  add("samples", estimate.data);
  add("weights", estimate.weights);
  add("activations", estimate.activations);
  add("choices", estimate.choices);
  add("interactions", estimate.matrix);
  add("resamples", estimate.resamples);
  add("eigenvectors", estimate.basis);
  add("outputs", estimate.outputs);
  return absl::StrJoin(parts, ", ");
}

using Fits = std::function<bool(int64_t samples, size_t precisions, bool interactions)>;

// Each alone, or all together.
std::string RemedyOf(const Fits& fits, int64_t samples, size_t precisions, bool interactions) {
  std::vector<std::string> remedies;
  if (interactions && fits(samples, precisions, false)) remedies.push_back("without interactions");
  for (size_t fewer = precisions; fewer-- > 1;) {
    if (!fits(samples, fewer, interactions)) continue;
    remedies.push_back(absl::StrCat("with ", fewer, fewer == 1 ? " precision" : " precisions"));
    break;
  }
  for (int64_t fewer = samples / 2; fewer > 0; fewer /= 2) {
    if (!fits(fewer, precisions, interactions)) continue;
    remedies.push_back(absl::StrCat("with ", fewer, fewer == 1 ? " sample" : " samples",
                                    " (`--samples ", fewer, "`)"));
    break;
  }
  if (!remedies.empty()) return absl::StrCat("it would fit ", absl::StrJoin(remedies, ", or "));
  if (fits(1, 1, false)) return "fewer samples, fewer precisions and no interactions would fit";
  return "the network itself needs a higher limit";
}

}  // namespace

absl::StatusOr<MemoryEstimate> EstimateSensitivity(const PreparedNetwork& network,
                                                   const Dataset& data, int64_t samples,
                                                   const std::vector<Precision>& precisions,
                                                   const SensitivityOptions& options) {
  const int64_t least = network.BatchFor(1, 1);
  HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(least));
  const double share =
      data.samples() == 0 ? 0 : static_cast<double>(samples) / static_cast<double>(data.samples());
  const auto columns = static_cast<double>(network.layers.layers.size() * precisions.size());
  MemoryEstimate estimate;
  estimate.data = DataBytes(data) * share;
  estimate.weights = kCopiesOfWeights * WeightBytes(graph);
  const double smallest = SampleBytes(network, graph, precisions.size(), options);
  const int64_t batch = network.BatchFor(options.batch, std::max<int64_t>(1, samples));
  const double wanted = smallest * static_cast<double>(batch) / static_cast<double>(least);
  estimate.activations = std::min(wanted, std::max(smallest, double{kMaxArenaBytes}));
  estimate.choices = ChoiceBytes(network, precisions, options.method);
  if (options.interactions && HasInteractions(options.method)) {
    estimate.matrix = kMatrices * kDoubleBytes * columns * columns;
  }
  if (options.resamples > 0) {
    estimate.resamples = kFloatBytes * columns * static_cast<double>(samples) +
                         kDoubleBytes * columns * static_cast<double>(options.resamples);
  }
  estimate.basis = BasisBytes(network, options);
  return estimate;
}

absl::Status CheckSensitivityMemory(const PreparedNetwork& network, const Dataset& data,
                                    const std::vector<Precision>& precisions,
                                    const SensitivityOptions& options) {
  HT_ASSIGN_OR_RETURN(const MemoryEstimate estimate,
                      EstimateSensitivity(network, data, data.samples(), precisions, options));
  if (estimate.Total() <= MemoryBudget::LimitBytes()) return absl::OkStatus();
  const Fits fits = [&](int64_t samples, size_t count, bool interactions) {
    SensitivityOptions fewer = options;
    fewer.interactions = interactions;
    const std::vector<Precision> some(precisions.begin(),
                                      precisions.begin() + static_cast<std::ptrdiff_t>(count));
    const auto other = EstimateSensitivity(network, data, samples, some, fewer);
    return other.ok() && other->Total() <= MemoryBudget::LimitBytes();
  };
  const bool interactions = options.interactions && HasInteractions(options.method);
  return CheckMemory(absl::StrCat("the method ", SensitivityMethodName(options.method), " (",
                                  Describe(estimate), ")"),
                     estimate.Total(),
                     RemedyOf(fits, data.samples(), precisions.size(), interactions));
}

absl::Status CheckCalibrationMemory(const PreparedNetwork& network, const Graph& graph,
                                    const Dataset& data) {
  std::set<std::string> watched;
  double largest = 0;
  for (const Layer& layer : network.layers.layers) {
    watched.insert(layer.src);
    if (!layer.second_src.empty()) watched.insert(layer.second_src);
    largest = std::max(largest, ElementsOf(graph, layer.dst));
  }
  MemoryEstimate estimate;
  estimate.data = DataBytes(data);
  estimate.weights = kCopiesOfWeights * WeightBytes(graph);
  estimate.activations = kFloatBytes * 2 * largest;
  for (const std::string& value : watched) {
    estimate.activations += kFloatBytes * ElementsOf(graph, value);
  }
  const bool without = estimate.Total() - estimate.data <= MemoryBudget::LimitBytes();
  return CheckMemory(
      absl::StrCat("calibration (", Describe(estimate), ")"), estimate.Total(),
      without ? "it would fit with fewer samples" : "the network itself needs a higher limit");
}

MemoryEstimate EstimateEvaluation(const Graph& graph, int64_t batch, const Dataset& data) {
  MemoryEstimate estimate;
  estimate.data = DataBytes(data);
  // Of the graph, of the float program and of the quantized one.
  estimate.weights = (kCopiesOfWeights + 1) * WeightBytes(graph);
  estimate.activations = 2 * PeakActivationBytes(graph);
  const double batches = static_cast<double>(data.samples()) / static_cast<double>(batch);
  estimate.outputs = std::min<double>(OutputBytes(graph) * batches, FloatOutputs::kMaxKeptBytes);
  return estimate;
}

absl::Status CheckEvaluationMemory(const PreparedNetwork& network, const Dataset& data) {
  const int64_t batch = network.BatchFor(kEvaluationBatch, data.samples());
  HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(batch));
  return CheckEvaluationMemory(EstimateEvaluation(graph, batch, data));
}

absl::Status CheckEvaluationMemory(const MemoryEstimate& estimate) {
  const bool without = estimate.Total() - estimate.data <= MemoryBudget::LimitBytes();
  return CheckMemory(
      absl::StrCat("evaluation (", Describe(estimate), ")"), estimate.Total(),
      without ? "it would fit with fewer samples" : "the network itself needs a higher limit");
}

}  // namespace halftone
