#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "nn/quant/calibrate_by_result.h"
#include "nn/quant/range_estimator.h"
#include "nn/quant/shift_biases.h"
#include "nn/quant/source_moments.h"
#include "search/sensitivity/bias_correction.h"
#include "search/sensitivity/data_checks.h"
#include "search/sensitivity/evaluation_memory.h"
#include "search/sensitivity/moment_meter.h"
#include "search/sensitivity/network_program.h"
#include "search/sensitivity/sample_independence.h"
#include "search/sensitivity/sensitivity.h"
#include "search/sensitivity/source_observer.h"

namespace halftone {
namespace {

constexpr int64_t kBatch = 32;

using QuantizerPtr = std::shared_ptr<const UniformQuantizer>;

// Where the parts of Calibrate end in its progress: both passes over the data.
constexpr double kObserved = 0.2, kMeasured = 0.6;

// Makes quantizers on demand; layers that read the same value or weights share them.
class QuantizerFactory {
 public:
  // Borrows all. `meter` may measure later, but before weights are asked for.
  QuantizerFactory(const Graph& graph, const SourceObserver& observer, const MomentMeter& meter,
                   const QuantizationOptions& options, const Cancellation& cancellation)
      : graph_(graph),
        observer_(observer),
        meter_(meter),
        options_(options),
        cancellation_(cancellation) {}

  // Those of a layer's source.
  absl::StatusOr<MomentMeter::Quantizers> Sources(const Layer& layer,
                                                  const std::vector<Precision>& precisions) {
    MomentMeter::Quantizers quantizers;
    for (const Precision& precision : precisions) {
      if (!precision.activations.IsInteger() || layer.IsEmbedding()) continue;
      const int bits = precision.activations.bits;
      HT_ASSIGN_OR_RETURN(quantizers[bits], Activations(layer.src, bits));
    }
    return quantizers;
  }

  absl::StatusOr<LayerQuantizers> Make(const Layer& layer, const Precision& precision) {
    LayerQuantizers quantizers;
    quantizers.precision = precision;
    if (precision.activations.IsInteger() && !layer.IsEmbedding()) {
      HT_ASSIGN_OR_RETURN(quantizers.src, Activations(layer.src, precision.activations.bits));
    }
    if (layer.weights.empty()) {
      if (precision.activations.IsInteger()) {
        HT_ASSIGN_OR_RETURN(quantizers.weights,
                            Activations(layer.second_src, precision.activations.bits));
      }
    } else if (precision.weights.IsInteger()) {
      HT_ASSIGN_OR_RETURN(quantizers.weights, Weights(layer, precision.weights.bits));
    }
    return quantizers;
  }

 private:
  absl::StatusOr<QuantizerPtr> Activations(const std::string& value, int bits) {
    QuantizerPtr& made = activations_[{value, bits}];
    if (made != nullptr) return made;
    HT_ASSIGN_OR_RETURN(const Range range,
                        observer_.Of(value).Estimate(options_.activation_range, bits,
                                                     options_.activation_symmetry));
    HT_ASSIGN_OR_RETURN(
        UniformQuantizer quantizer,
        UniformQuantizer::Create(bits, options_.activation_symmetry, /*axis=*/-1, {range}));
    return made = std::make_shared<const UniformQuantizer>(std::move(quantizer));
  }

  absl::StatusOr<QuantizerPtr> Weights(const Layer& layer, int bits) {
    const int axis = options_.weights_per_channel ? layer.channel_axis : -1;
    QuantizerPtr& made = weights_[{layer.weights, bits, axis}];
    if (made != nullptr) return made;
    const auto tensor = graph_.initializers.find(layer.weights);
    if (tensor == graph_.initializers.end()) {
      return absl::InternalError(absl::StrCat("weights '", layer.weights, "' are missing"));
    }
    HT_ASSIGN_OR_RETURN(std::vector<float> values, tensor->second.ToFloats());
    const Tensor weights = Tensor::Of(tensor->second.shape(), std::move(values));
    HT_ASSIGN_OR_RETURN(UniformQuantizer quantizer, Calibrated(layer, weights, bits, axis));
    return made = std::make_shared<const UniformQuantizer>(std::move(quantizer));
  }

  absl::StatusOr<UniformQuantizer> Calibrated(const Layer& layer, const Tensor& weights, int bits,
                                              int axis) {
    if (const SourceMoments* moments = MomentsOf(layer);
        moments != nullptr &&
        FitsMoments(weights, bits, options_.weight_symmetry, axis, *moments)) {
      const bool keeps_mean =
          !options_.bias_correction || !FindLayerBias(graph_, layer).has_value();
      return CalibrateWeightsByResult(weights, bits, options_.weight_symmetry, axis, *moments,
                                      keeps_mean, cancellation_);
    }
    return CalibrateWeights(weights, bits, options_.weight_symmetry, axis, options_.weight_range,
                            cancellation_);
  }

  // Of the weights that were asked for last: one layer comes after another.
  const SourceMoments* MomentsOf(const Layer& layer) {
    if (options_.weight_range.method != RangeMethod::kResult) return nullptr;
    const MomentAccumulator* accumulator = meter_.MomentsOf(layer.weights);
    if (accumulator == nullptr) return nullptr;
    if (moments_of_ != layer.weights) moments_ = accumulator->Moments();
    moments_of_ = layer.weights;
    return &moments_;
  }

  const Graph& graph_;
  const SourceObserver& observer_;
  const MomentMeter& meter_;
  const QuantizationOptions& options_;
  const Cancellation& cancellation_;
  std::map<std::pair<std::string, int>, QuantizerPtr> activations_;
  std::map<std::tuple<std::string, int, int>, QuantizerPtr> weights_;
  std::string moments_of_;
  SourceMoments moments_;
};

// Whether anything is made of the moments.
bool AsksForMoments(const QuantizationOptions& options, const std::vector<Precision>& precisions) {
  if (options.weight_range.method != RangeMethod::kResult && !options.bias_correction) return false;
  return std::any_of(precisions.begin(), precisions.end(), [](const Precision& precision) {
    return precision.weights.IsInteger() || precision.activations.IsInteger();
  });
}

// Whether ranges of activations are made of the derivatives.
bool AsksForDerivatives(const QuantizationOptions& options,
                        const std::vector<Precision>& precisions) {
  return options.activation_range.method == RangeMethod::kResult &&
         std::any_of(precisions.begin(), precisions.end(),
                     [](const Precision& precision) { return precision.activations.IsInteger(); });
}

absl::Status NamePair(const absl::Status& status, const Layer& layer, const Precision& precision) {
  return Annotate(status, absl::StrCat("layer '", layer.name, "' in ", precision.ToString()));
}

std::vector<OutputHead> DescribeHeads(const PreparedNetwork& network, const Graph& graph,
                                      const Dataset& data) {
  std::vector<OutputHead> heads = network.heads;
  if (data.has_labels()) WeighLabels(graph, data.labels(), heads);
  heads.insert(heads.end(), network.ignored.begin(), network.ignored.end());
  return heads;
}

void AddHeadWarnings(const PreparedNetwork& network, Calibration& calibration) {
  if (!network.uncounted_layers.empty()) {
    calibration.warnings.push_back(absl::StrCat(
        "only outputs that are ignored depend on ", absl::StrJoin(network.uncounted_layers, ", "),
        ": no loss speaks against the cheapest precision there"));
  }
}

absl::Status MeasureMoments(const PreparedNetwork& network, const Graph& graph,
                            const std::vector<Precision>& precisions, QuantizerFactory& factory,
                            MomentMeter& meter, const Progress& progress) {
  for (const Layer& layer : network.layers.layers) {
    if (layer.weights.empty()) continue;
    absl::StatusOr<MomentMeter::Quantizers> sources = factory.Sources(layer, precisions);
    if (!sources.ok()) {
      return Annotate(sources.status(), absl::StrCat("layer '", layer.name, "', its input"));
    }
    meter.Watch(graph, layer, *std::move(sources));
  }
  return meter.Run(progress);
}

}  // namespace

absl::StatusOr<Calibration> Calibrate(const PreparedNetwork& network, const Dataset& data,
                                      const std::vector<Precision>& precisions,
                                      const QuantizationOptions& options,
                                      const Progress& progress) {
  const int64_t batch = network.BatchFor(kBatch, data.samples());
  HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(batch));
  HT_RETURN_IF_ERROR(CheckData(network, graph, data, /*needs_labels=*/false));
  HT_RETURN_IF_ERROR(CheckCalibrationMemory(network, graph, data));
  SourceObserver observer(network);
  const Progress observing = progress.Part(0, kObserved);
  HT_RETURN_IF_ERROR(AsksForDerivatives(options, precisions)
                         ? observer.ObserveWithDerivatives(network, data, observing)
                         : observer.Observe(network, data, batch, observing));
  MomentMeter meter(network, data);
  QuantizerFactory factory(graph, observer, meter, options, progress.cancellation);
  if (AsksForMoments(options, precisions)) {
    HT_RETURN_IF_ERROR(MeasureMoments(network, graph, precisions, factory, meter,
                                      progress.Part(kObserved, kMeasured)));
  }

  Calibration calibration;
  calibration.options = options;
  calibration.heads = DescribeHeads(network, graph, data);
  HT_ASSIGN_OR_RETURN(calibration.warnings, DataWarnings(network, graph, data));
  HT_ASSIGN_OR_RETURN(const std::optional<std::string> mixed,
                      WarnOfMixedSamples(network, data, progress.cancellation));
  if (mixed.has_value()) calibration.warnings.push_back(*mixed);
  AddHeadWarnings(network, calibration);
  const Progress rest = progress.Part(kMeasured, 1);
  const auto count = static_cast<double>(network.layers.layers.size());
  double done = 0;
  for (const Layer& layer : network.layers.layers) {
    for (const Precision& precision : precisions) {
      HT_RETURN_IF_ERROR(rest.Step(done / count, absl::StrCat("layer '", layer.name, "'")));
      absl::StatusOr<LayerQuantizers> quantizers = factory.Make(layer, precision);
      if (!quantizers.ok()) return NamePair(quantizers.status(), layer, precision);
      calibration.quantizers[layer.name][precision] = *std::move(quantizers);
    }
    done += 1;
  }
  if (options.bias_correction) {
    HT_RETURN_IF_ERROR(CorrectBiases(network, graph, meter, calibration, progress.cancellation));
  }
  HT_RETURN_IF_ERROR(progress.Step(1));
  return calibration;
}

}  // namespace halftone
