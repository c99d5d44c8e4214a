#include "search/sensitivity/weight_tensors.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/quant/range_estimator.h"
#include "search/sensitivity/network_program.h"

namespace halftone {
namespace {

int AxisOf(const Layer& layer, const QuantizationOptions& options) {
  return options.weights_per_channel ? layer.channel_axis : -1;
}

// Squared errors of one tensor, each computed once.
class TensorErrors {
 public:
  TensorErrors(const WeightTensor& tensor, const QuantizationOptions& options,
               const Cancellation& cancellation)
      : tensor_(tensor), options_(options), cancellation_(cancellation) {}

  absl::StatusOr<double> Of(const Layer& layer, const Precision& precision) {
    const std::pair key(precision.weights, AxisOf(layer, options_));
    if (const auto known = known_.find(key); known != known_.end()) return known->second;
    HT_ASSIGN_OR_RETURN(const std::vector<float> difference,
                        QuantizationError(tensor_, layer, precision, options_, cancellation_));
    double error = 0;
    for (const float value : difference) {
      error += static_cast<double>(value) * static_cast<double>(value);
    }
    return known_[key] = error;
  }

 private:
  const WeightTensor& tensor_;
  const QuantizationOptions& options_;
  const Cancellation& cancellation_;
  std::map<std::pair<NumberFormat, int>, double> known_;
};

}  // namespace

absl::StatusOr<std::vector<WeightTensor>> FindWeightTensors(const std::vector<Layer>& layers,
                                                            const Graph& graph) {
  std::vector<WeightTensor> tensors;
  for (size_t l = 0; l < layers.size(); ++l) {
    if (layers[l].weights.empty()) continue;
    const auto known =
        std::find_if(tensors.begin(), tensors.end(),
                     [&](const WeightTensor& tensor) { return tensor.name == layers[l].weights; });
    if (known != tensors.end()) {
      known->layers.push_back(l);
      continue;
    }
    const auto found = graph.initializers.find(layers[l].weights);
    if (found == graph.initializers.end()) {
      return absl::InternalError(absl::StrCat("weights '", layers[l].weights, "' are missing"));
    }
    HT_ASSIGN_OR_RETURN(std::vector<float> values, found->second.ToFloats());
    tensors.push_back(
        {layers[l].weights, Tensor::Of(found->second.shape(), std::move(values)), {l}});
  }
  if (!tensors.empty()) return tensors;
  return absl::InvalidArgumentError("the network has no weights to take a Hessian in");
}

absl::StatusOr<std::vector<float>> QuantizationError(const WeightTensor& tensor, const Layer& layer,
                                                     const Precision& precision,
                                                     const QuantizationOptions& options,
                                                     const Cancellation& cancellation) {
  Tensor rounded = tensor.values;
  if (precision.weights.IsInteger()) {
    HT_ASSIGN_OR_RETURN(
        const UniformQuantizer quantizer,
        CalibrateWeights(tensor.values, precision.weights.bits, options.weight_symmetry,
                         AxisOf(layer, options), options.weight_range, cancellation));
    HT_ASSIGN_OR_RETURN(rounded, quantizer.FakeQuantize(tensor.values));
  } else {
    HT_ASSIGN_OR_RETURN(rounded, RoundTensor(tensor.values, precision.weights, nullptr));
  }
  const absl::Span<const float> before = tensor.values.data<float>();
  const absl::Span<const float> after = rounded.data<float>();
  std::vector<float> error(before.size());
  for (size_t i = 0; i < error.size(); ++i) error[i] = after[i] - before[i];
  return error;
}

absl::Status SetWeightLosses(const SensitivityRequest& request,
                             const QuantizationOptions& quantization,
                             const std::vector<WeightTensor>& tensors,
                             const std::vector<ScaledError>& scales,
                             const Cancellation& cancellation, SensitivityResult& result) {
  const std::vector<Layer>& layers = request.network.layers.layers;
  for (size_t t = 0; t < tensors.size(); ++t) {
    const auto elements = static_cast<double>(std::max<int64_t>(1, tensors[t].values.elements()));
    const double share = 1.0 / (elements * static_cast<double>(tensors[t].layers.size()));
    TensorErrors errors(tensors[t], quantization, cancellation);
    for (const size_t l : tensors[t].layers) {
      for (ChoiceLoss& choice : result.layers[l].choices) {
        const absl::StatusOr<double> error = errors.Of(layers[l], choice.precision);
        if (!error.ok()) return Annotate(error.status(), "layer '" + layers[l].name + "'");
        choice.loss = scales[t].value * share * *error;
        choice.loss_stderr = scales[t].standard_error * share * *error;
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace halftone
