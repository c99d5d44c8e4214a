#include <algorithm>
#include <cmath>

#include "base/status_macros.h"
#include "nn/quant/range_estimator.h"
#include "search/sensitivity/hessian_program.h"

namespace halftone {

absl::StatusOr<double> SquaredQuantizationError(const WeightTensor& tensor, const Layer& layer,
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
  double error = 0;
  const absl::Span<const float> before = tensor.values.data<float>();
  const absl::Span<const float> after = rounded.data<float>();
  for (size_t i = 0; i < before.size(); ++i) {
    const double difference = static_cast<double>(after[i]) - static_cast<double>(before[i]);
    error += difference * difference;
  }
  return error;
}

absl::Status SetWeightLosses(const SensitivityRequest& request,
                             const std::vector<WeightTensor>& tensors,
                             const std::vector<ScaledError>& scales, SensitivityResult& result) {
  const std::vector<Layer>& layers = request.network.layers.layers;
  for (size_t t = 0; t < tensors.size(); ++t) {
    const auto elements = static_cast<double>(std::max<int64_t>(1, tensors[t].values.elements()));
    const double share = 1.0 / (elements * static_cast<double>(tensors[t].layers.size()));
    for (const size_t l : tensors[t].layers) {
      for (ChoiceLoss& choice : result.layers[l].choices) {
        absl::StatusOr<double> error = SquaredQuantizationError(
            tensors[t], layers[l], choice.precision, request.calibration.options);
        if (!error.ok()) return Annotate(error.status(), "layer '" + layers[l].name + "'");
        choice.loss = scales[t].value * share * *error;
        choice.loss_stderr = scales[t].standard_error * share * *error;
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace halftone
