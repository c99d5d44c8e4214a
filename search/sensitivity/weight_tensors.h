#ifndef HALFTONE_SEARCH_SENSITIVITY_WEIGHT_TENSORS_H_
#define HALFTONE_SEARCH_SENSITIVITY_WEIGHT_TENSORS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/cancellation.h"
#include "nn/graph/graph.h"
#include "nn/graph/layer.h"
#include "search/sensitivity/methods.h"

namespace halftone {

// A weight tensor of a bound graph and the layers that read it.
struct WeightTensor {
  std::string name;
  Tensor values;               // float32
  std::vector<size_t> layers;  // indices into the network's layers
};

// The weights of all layers, each tensor once, in the order of their first layers.
// INVALID_ARGUMENT for a network without any.
absl::StatusOr<std::vector<WeightTensor>> FindWeightTensors(const std::vector<Layer>& layers,
                                                            const Graph& graph);

// Q(W) - W of a tensor for a layer that reads it, quantized as the options say. To search ranges of
// a large tensor takes seconds.
absl::StatusOr<std::vector<float>> QuantizationError(const WeightTensor& tensor, const Layer& layer,
                                                     const Precision& precision,
                                                     const QuantizationOptions& options,
                                                     const Cancellation& cancellation);

// Sets each choice's loss to scale(tensor) / |W| * ||Q(W) - W||^2. Layers that share a tensor share
// the loss in equal parts, so that it counts once in their sum. Ranges are searched once for each
// tensor, axis and format of the weights.
struct ScaledError {
  double value = 0;
  double standard_error = 0;
};
absl::Status SetWeightLosses(const SensitivityRequest& request,
                             const QuantizationOptions& quantization,
                             const std::vector<WeightTensor>& tensors,
                             const std::vector<ScaledError>& scales,
                             const Cancellation& cancellation, SensitivityResult& result);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_WEIGHT_TENSORS_H_
