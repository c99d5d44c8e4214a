#include "search/sensitivity/evaluation_memory.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/memory_budget.h"
#include "base/status_macros.h"
#include "nn/engine/ops.h"
#include "nn/engine/program_memory.h"
#include "nn/graph/graph_memory.h"
#include "search/sensitivity/batch_fit.h"
#include "search/sensitivity/float_outputs.h"
#include "search/sensitivity/moment_meter.h"
#include "search/sensitivity/network_memory.h"
#include "search/sensitivity/sample_meter.h"
#include "search/sensitivity/source_observer.h"

namespace halftone {
namespace {

constexpr double kFloatBytes = sizeof(float);
// Of the weights whose range is sought: as floats, and by channels, whose lists grow.
constexpr double kCopiesWhileSought = 3;
// Of a RangeEstimator.
constexpr double kHistogramBytes = 32 << 10;

absl::Status CheckFits(const char* what, const MemoryEstimate& estimate) {
  const bool without = estimate.Total() - estimate.data <= MemoryBudget::LimitBytes();
  return CheckMemory(
      absl::StrCat(what, " (", estimate.ToString(), ")"), estimate.Total(),
      without ? "it would fit with fewer samples" : "the network itself needs a higher limit");
}

// The network with all that layers read rounded, by an op that holds what all others do: but for
// constants, which are rounded before.
absl::StatusOr<Program> RoundedProgram(const Graph& graph) {
  LowerOptions options;
  options.lower_layer = [&](ProgramBuilder& builder, const Node& node, const LayerSources& sources,
                            ValueId bias) -> absl::StatusOr<ValueId> {
    LayerSources rounded = sources;
    for (ValueId* source : {&rounded.src, &rounded.weights}) {
      if (builder.FindConstant(*source) != nullptr) continue;
      HT_ASSIGN_OR_RETURN(*source, ops::RoundToBFloat16(builder, *source));
    }
    return LowerLayer(builder, graph, node, rounded, bias);
  };
  return ProgramOf(graph, options);
}

}  // namespace

absl::StatusOr<MemoryEstimate> EstimateCalibration(const PreparedNetwork& network,
                                                   const Graph& graph, const Dataset& data) {
  const SourceObserver observer(network);
  const int64_t batch = network.BatchFor(kEvaluationBatch, data.samples());
  HT_ASSIGN_OR_RETURN(const DerivativePass::Memory observing,
                      observer.Estimate(network, data, batch));
  MomentMeter meter(network, data);
  for (const Layer& layer : network.layers.layers) {
    if (!layer.weights.empty()) meter.Watch(graph, layer, {});
  }
  HT_ASSIGN_OR_RETURN(const MomentMeter::Memory moments, meter.Estimate(batch));
  MemoryEstimate estimate;
  estimate.data = DataBytes(data);
  // One pass comes after the other.
  const double constants = std::max(observing.constants, moments.pass.constants);
  estimate.weights = HeldWeightBytes(network, graph) + constants;
  estimate.activations = std::max(observing.activations, moments.pass.activations) +
                         BatchBytes(graph, data) +
                         kHistogramBytes * static_cast<double>(observer.size());
  // Ranges of weights are sought when nothing runs any more.
  const double sought = kCopiesWhileSought * kFloatBytes * LargestWeightElements(network);
  estimate.choices = moments.moments + std::max(0.0, sought - constants - estimate.activations);
  return estimate;
}

absl::Status CheckCalibrationMemory(const PreparedNetwork& network, const Graph& graph,
                                    const Dataset& data) {
  HT_ASSIGN_OR_RETURN(const MemoryEstimate estimate, EstimateCalibration(network, graph, data));
  return CheckFits("calibration", estimate);
}

absl::StatusOr<int64_t> EvaluationBatch(const PreparedNetwork& network, int64_t samples) {
  const int64_t wanted = network.BatchFor(kEvaluationBatch, samples);
  if (network.graph.fixed_batch().has_value() || wanted == 1) return wanted;
  HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(1));
  HT_ASSIGN_OR_RETURN(const Program rounded, RoundedProgram(graph));
  const double of_sample = std::max(1.0, EstimateMemory(rounded).arena);
  const auto fitting = static_cast<int64_t>(static_cast<double>(kMaxArenaBytes) / of_sample);
  return std::clamp<int64_t>(fitting, 1, wanted);
}

absl::StatusOr<MemoryEstimate> EstimateEvaluation(const PreparedNetwork& network,
                                                  const Graph& graph, int64_t batch,
                                                  const Dataset& data, SampleValues values) {
  HT_ASSIGN_OR_RETURN(const Program rounded, RoundedProgram(graph));
  const ProgramMemory quantized = EstimateMemory(rounded);
  MemoryEstimate estimate;
  estimate.data = DataBytes(data);
  // They are there once more, rounded.
  estimate.weights =
      HeldWeightBytes(network, graph) + kFloatBytes * WeightElements(network) + quantized.constants;
  estimate.activations = quantized.arena + BatchBytes(graph, data);
  const double of_sample = OutputBytes(graph) / static_cast<double>(batch);
  estimate.outputs = of_sample * static_cast<double>(data.samples());
  if (estimate.outputs > FloatOutputs::kMaxKeptBytes) {
    // They are computed in each pass.
    HT_ASSIGN_OR_RETURN(const Program program, ProgramOf(graph));
    const ProgramMemory plain = EstimateMemory(program);
    estimate.weights += plain.constants;
    estimate.activations += plain.arena;
    estimate.outputs = 0;
  } else if (values == SampleValues::kPseudovalues) {
    estimate.outputs += SampleMeter::PooledBytes(data.samples(), of_sample / kFloatBytes);
  }
  return estimate;
}

absl::Status CheckEvaluationMemory(const PreparedNetwork& network, const Dataset& data) {
  HT_ASSIGN_OR_RETURN(const int64_t batch, EvaluationBatch(network, data.samples()));
  HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(batch));
  HT_ASSIGN_OR_RETURN(const MemoryEstimate estimate,
                      EstimateEvaluation(network, graph, batch, data));
  return CheckEvaluationMemory(estimate);
}

absl::Status CheckEvaluationMemory(const MemoryEstimate& estimate) {
  return CheckFits("evaluation", estimate);
}

}  // namespace halftone
