#ifndef HALFTONE_SEARCH_SENSITIVITY_HESSIAN_PROGRAM_H_
#define HALFTONE_SEARCH_SENSITIVITY_HESSIAN_PROGRAM_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/progress.h"
#include "search/sensitivity/hessian_loss.h"
#include "search/sensitivity/methods.h"
#include "search/sensitivity/network_program.h"
#include "search/sensitivity/weight_tensors.h"

namespace halftone {

// Exact Hessian-vector products of the mean loss over the data (hessian_loss.h) with respect to the
// layers' weights, as the file has them (batch normalization kept). One thread at a time.
class HessianProduct {
 public:
  enum class Mode {
    kQuadraticForms,  // v_l' (H v)_l of every tensor l, v over all tensors at once
    kBlockProducts,   // H_ll v_l of every tensor l, by itself
    kProducts,        // (H v)_l of every tensor l, v over all tensors at once
  };
  // `vectors`: how many v are handled in one run; they share a forward pass and a gradient. Takes a
  // smaller batch than asked for where memory would run out.
  static absl::StatusOr<std::unique_ptr<HessianProduct>> Create(const SensitivityRequest& request,
                                                                Mode mode, int vectors);

  const std::vector<WeightTensor>& tensors() const { return tensors_; }
  const std::string& output_metric() const { return loss_.output_metric; }
  int64_t batch() const { return batch_; }

  // Sets vector `index` of tensor `tensor`.
  absl::Status SetVector(int index, size_t tensor, absl::Span<const float> values);
  // Results summed over `valid` samples from `begin`. INVALID_ARGUMENT names a layer whose result
  // is not finite.
  absl::Status RunBatch(int64_t begin, int64_t valid, const Cancellation& cancellation);
  // Results averaged over all samples.
  absl::Status Run(const Progress& progress);
  // Of the last run. kQuadraticForms: one element; else as many as the tensor has.
  const std::vector<double>& Result(int index, size_t tensor) const {
    return results_[static_cast<size_t>(index) * tensors_.size() + tensor];
  }

 private:
  explicit HessianProduct(const SensitivityRequest& request) : request_(request) {}
  absl::Status Build(Mode mode, int vectors);
  absl::StatusOr<Program> BuildProgram(const Graph& graph, Mode mode, int vectors);
  absl::Status AddOutputs();

  const SensitivityRequest& request_;
  Mode mode_ = Mode::kQuadraticForms;
  std::vector<WeightTensor> tensors_;
  HessianLoss loss_;
  int64_t batch_ = 1;
  std::unique_ptr<BatchRunner> runner_;
  std::optional<HessianTargets> targets_;
  std::vector<std::pair<size_t, std::string>> outputs_;  // result that it adds to, and its name
  std::vector<std::vector<double>> results_;             // [vector][tensor]
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_HESSIAN_PROGRAM_H_
