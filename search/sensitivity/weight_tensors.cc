#include "search/sensitivity/weight_tensors.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/quant/range_estimator.h"
#include "search/sensitivity/network_program.h"

namespace halftone {
namespace {

absl::StatusOr<double> SquaredError(const WeightTensor& tensor, const Layer& layer,
                                    const Precision& precision,
                                    const QuantizationOptions& options) {
  HT_ASSIGN_OR_RETURN(const std::vector<float> difference,
                      QuantizationError(tensor, layer, precision, options));
  double error = 0;
  for (const float value : difference) {
    error += static_cast<double>(value) * static_cast<double>(value);
  }
  return error;
}

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
                                                     const QuantizationOptions& options) {
  Tensor rounded = tensor.values;
  if (precision.weights.IsInteger()) {
    const int axis = options.weights_per_channel ? layer.channel_axis : -1;
    HT_ASSIGN_OR_RETURN(const UniformQuantizer quantizer,
                        CalibrateWeights(tensor.values, precision.weights.bits,
                                         options.weight_symmetry, axis, options.weight_range));
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
                             const std::vector<ScaledError>& scales, SensitivityResult& result) {
  const std::vector<Layer>& layers = request.network.layers.layers;
  for (size_t t = 0; t < tensors.size(); ++t) {
    const auto elements = static_cast<double>(std::max<int64_t>(1, tensors[t].values.elements()));
    const double share = 1.0 / (elements * static_cast<double>(tensors[t].layers.size()));
    for (const size_t l : tensors[t].layers) {
      for (ChoiceLoss& choice : result.layers[l].choices) {
        const absl::StatusOr<double> error =
            SquaredError(tensors[t], layers[l], choice.precision, quantization);
        if (!error.ok()) return Annotate(error.status(), "layer '" + layers[l].name + "'");
        choice.loss = scales[t].value * share * *error;
        choice.loss_stderr = scales[t].standard_error * share * *error;
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace halftone
