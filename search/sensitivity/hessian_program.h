#ifndef HALFTONE_SEARCH_SENSITIVITY_HESSIAN_PROGRAM_H_
#define HALFTONE_SEARCH_SENSITIVITY_HESSIAN_PROGRAM_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/progress.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/methods.h"
#include "search/sensitivity/network_program.h"

namespace halftone {

// A weight tensor of the file (batch normalization kept) and the layers that read it.
struct WeightTensor {
  std::string name;
  Tensor values;
  std::vector<size_t> layers;  // indices into the network's layers
};

// Exact Hessian-vector products of the mean loss over the data with respect to the layers' weights,
// by differentiating the gradient program (Pearlmutter 1994). The loss is the cross-entropy with
// the data's labels; the KL divergence from the network's own output (whose Hessian is that of the
// cross-entropy with the output's probabilities as targets); or the mean squared difference from
// it. One thread at a time.
class HessianProduct {
 public:
  enum class Mode {
    kQuadraticForms,  // v_l' (H v)_l of every tensor l, v over all tensors at once
    kBlockProducts,   // H_ll v_l of every tensor l, by itself
  };
  // `vectors`: how many v are handled in one run (kBlockProducts: 1).
  static absl::StatusOr<std::unique_ptr<HessianProduct>> Create(const SensitivityRequest& request,
                                                                Mode mode, int vectors);

  const std::vector<WeightTensor>& tensors() const { return tensors_; }
  // "cross-entropy", "kl" or "mse".
  const std::string& output_metric() const { return output_metric_; }

  // Sets vector `index` of tensor `tensor`.
  absl::Status SetVector(int index, size_t tensor, absl::Span<const float> values);
  // A pass over all samples; results are means over them. INTERNAL names a layer whose result is
  // not finite.
  absl::Status Run(const Progress& progress);
  // kQuadraticForms: one element; kBlockProducts: as many as the tensor has.
  const std::vector<double>& Result(int index, size_t tensor) const {
    return results_[static_cast<size_t>(index) * tensors_.size() + tensor];
  }

 private:
  explicit HessianProduct(const SensitivityRequest& request) : request_(request) {}
  absl::Status Build(Mode mode, int vectors);
  absl::Status ResolveLoss(const Graph& graph);
  absl::Status FindTensors(const Graph& graph);
  absl::Status SetTargets(int64_t begin, int64_t valid, const Cancellation& cancellation);
  absl::Status Accumulate();

  const SensitivityRequest& request_;
  std::vector<WeightTensor> tensors_;
  std::vector<Head> heads_;
  bool uses_labels_ = false;
  std::string output_metric_;
  int64_t batch_ = 1;
  std::unique_ptr<BatchRunner> runner_, forward_;  // forward_: absent with labels
  std::vector<std::vector<double>> results_;       // [vector][tensor]
};

// ||Q(W) - W||^2 of a tensor for a layer that reads it, quantized as the calibration's options say.
absl::StatusOr<double> SquaredQuantizationError(const WeightTensor& tensor, const Layer& layer,
                                                const Precision& precision,
                                                const QuantizationOptions& options);

// Sets each choice's loss to scale(tensor) / |W| * ||Q(W) - W||^2. Layers that share a tensor share
// the loss in equal parts, so that it counts once in their sum.
struct ScaledError {
  double value = 0;
  double standard_error = 0;
};
absl::Status SetWeightLosses(const SensitivityRequest& request,
                             const std::vector<WeightTensor>& tensors,
                             const std::vector<ScaledError>& scales, SensitivityResult& result);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_HESSIAN_PROGRAM_H_
