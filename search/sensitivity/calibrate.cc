#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/ops.h"
#include "nn/quant/range_estimator.h"
#include "search/sensitivity/evaluation_memory.h"
#include "search/sensitivity/network_program.h"
#include "search/sensitivity/sample_layout.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {
namespace {

constexpr int64_t kBatch = 32;

using QuantizerPtr = std::shared_ptr<const UniformQuantizer>;

// The statistics of every value that a layer reads as activations.
class ActivationObserver {
 public:
  explicit ActivationObserver(const PreparedNetwork& network) {
    for (const Layer& layer : network.layers.layers) {
      Watch(layer.src, layer.name);
      if (!layer.second_src.empty()) Watch(layer.second_src, layer.name);
    }
  }

  absl::Status Observe(const PreparedNetwork& network, const Graph& graph, const Dataset& data,
                       int64_t batch, const Progress& progress) {
    if (data.samples() % batch != 0) {
      HT_RETURN_IF_ERROR(FindLayouts(network, data, batch, progress.cancellation));
    }
    HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerGraph(graph));
    std::vector<std::pair<std::string, ValueId>> outputs;
    for (const auto& [name, watched] : watched_) {
      HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered, name));
      outputs.emplace_back(name, value);
    }
    HT_ASSIGN_OR_RETURN(auto runner,
                        BatchRunner::Create(lowered.builder.Build(outputs), data, batch));
    return ForEachBatch(data.samples(), batch, progress, [&](int64_t begin, int64_t valid) {
      return ObserveBatch(*runner, begin, valid, batch, progress.cancellation);
    });
  }

  const RangeEstimator& Of(const std::string& value) const { return watched_.at(value).estimator; }

 private:
  struct Watched {
    std::string layer;  // the first that reads it, for errors
    RangeEstimator estimator;
    std::optional<SampleLayout> layout;  // found where the last batch is not full
  };

  void Watch(const std::string& value, const std::string& layer) {
    watched_.try_emplace(value, Watched{layer, RangeEstimator(), std::nullopt});
  }

  absl::Status FindLayouts(const PreparedNetwork& network, const Dataset& data, int64_t batch,
                           const Cancellation& cancellation) {
    std::vector<std::string> names;
    for (const auto& [name, watched] : watched_) names.push_back(name);
    HT_ASSIGN_OR_RETURN(const SampleLayouts layouts,
                        FindSampleLayouts(network, data, batch, PreparedNetwork::BatchNorm::kFolded,
                                          names, cancellation));
    for (size_t i = 0; i < names.size(); ++i) watched_.at(names[i]).layout = layouts[i];
    return absl::OkStatus();
  }

  // The first `valid` samples of a batch; with them the repeated ones where they cannot be told
  // apart.
  static absl::Status ObserveSamples(absl::Span<const float> values, int64_t valid, int64_t batch,
                                     Watched& watched) {
    if (valid == batch || !watched.layout.has_value()) return watched.estimator.Observe(values);
    const auto inner = static_cast<size_t>(watched.layout->inner);
    const size_t step = inner * static_cast<size_t>(batch);
    for (size_t begin = 0; begin + step <= values.size(); begin += step) {
      HT_RETURN_IF_ERROR(
          watched.estimator.Observe(values.subspan(begin, inner * static_cast<size_t>(valid))));
    }
    return absl::OkStatus();
  }

  absl::Status ObserveBatch(BatchRunner& runner, int64_t begin, int64_t valid, int64_t batch,
                            const Cancellation& cancellation) {
    HT_RETURN_IF_ERROR(runner.Run(begin, cancellation));
    for (auto& [name, watched] : watched_) {
      HT_RETURN_IF_ERROR(cancellation.Check());
      HT_ASSIGN_OR_RETURN(const absl::Span<const float> values, runner.Output(name));
      const absl::Status status = ObserveSamples(values, valid, batch, watched);
      if (!status.ok()) {
        return Annotate(status, absl::StrCat("layer '", watched.layer, "', its input"));
      }
    }
    return absl::OkStatus();
  }

  std::map<std::string, Watched> watched_;
};

// Makes quantizers on demand; layers that read the same value or weights share them.
class QuantizerFactory {
 public:
  QuantizerFactory(const Graph& graph, const ActivationObserver& observer,
                   const QuantizationOptions& options, const Cancellation& cancellation)
      : graph_(graph), observer_(observer), options_(options), cancellation_(cancellation) {}

  absl::StatusOr<LayerQuantizers> Make(const Layer& layer, const Precision& precision) {
    LayerQuantizers quantizers;
    quantizers.precision = precision;
    if (precision.activations.IsInteger()) {
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
    HT_ASSIGN_OR_RETURN(UniformQuantizer quantizer,
                        CalibrateWeights(weights, bits, options_.weight_symmetry, axis,
                                         options_.weight_range, cancellation_));
    return made = std::make_shared<const UniformQuantizer>(std::move(quantizer));
  }

  const Graph& graph_;
  const ActivationObserver& observer_;
  const QuantizationOptions& options_;
  const Cancellation& cancellation_;
  std::map<std::pair<std::string, int>, QuantizerPtr> activations_;
  std::map<std::tuple<std::string, int, int>, QuantizerPtr> weights_;
};

}  // namespace

absl::StatusOr<Calibration> Calibrate(const PreparedNetwork& network, const Dataset& data,
                                      const std::vector<Precision>& precisions,
                                      const QuantizationOptions& options,
                                      const Progress& progress) {
  const int64_t batch = network.BatchFor(kBatch, data.samples());
  HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(batch));
  HT_RETURN_IF_ERROR(CheckData(network, graph, data, /*needs_labels=*/false));
  HT_RETURN_IF_ERROR(CheckCalibrationMemory(network, graph, data));
  ActivationObserver observer(network);
  HT_RETURN_IF_ERROR(observer.Observe(network, graph, data, batch, progress.Part(0, 0.8)));

  Calibration calibration;
  calibration.options = options;
  QuantizerFactory factory(graph, observer, options, progress.cancellation);
  const Progress rest = progress.Part(0.8, 1);
  const auto count = static_cast<double>(network.layers.layers.size());
  double done = 0;
  for (const Layer& layer : network.layers.layers) {
    for (const Precision& precision : precisions) {
      HT_RETURN_IF_ERROR(rest.Step(done / count, absl::StrCat("layer '", layer.name, "'")));
      absl::StatusOr<LayerQuantizers> quantizers = factory.Make(layer, precision);
      if (!quantizers.ok()) {
        return Annotate(quantizers.status(),
                        absl::StrCat("layer '", layer.name, "' in ", precision.ToString()));
      }
      calibration.quantizers[layer.name][precision] = *std::move(quantizers);
    }
    done += 1;
  }
  HT_RETURN_IF_ERROR(progress.Step(1));
  return calibration;
}

}  // namespace halftone
