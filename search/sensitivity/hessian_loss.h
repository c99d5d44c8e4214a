#ifndef HALFTONE_SEARCH_SENSITIVITY_HESSIAN_LOSS_H_
#define HALFTONE_SEARCH_SENSITIVITY_HESSIAN_LOSS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/cancellation.h"
#include "nn/engine/lower.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/methods.h"
#include "search/sensitivity/network_program.h"

namespace halftone {

// The loss that a Hessian is taken of: the cross-entropy with the data's labels; the KL divergence
// from the network's own output (whose Hessian is that of the cross-entropy with the output's
// probabilities as targets); or another difference
// from it (HeadKind).
struct HessianLoss {
  std::vector<Head> heads;
  bool uses_labels = false;
  std::string output_metric;  // "cross-entropy", or as OutputMetricOf

  // A divergence has no gradient at the network's own weights: its Hessian is its Gauss-Newton
  // matrix, however the network is curved.
  bool IsDivergence() const { return !uses_labels; }
};
// As the request's options say, checked against the data. INVALID_ARGUMENT where labels are needed
// and missing.
absl::StatusOr<HessianLoss> ResolveHessianLoss(const SensitivityRequest& request,
                                               const Graph& bound);

// Appends the sum over a batch of the loss, with inputs for the targets and for a mask that leaves
// out the padding of the last batch.
absl::StatusOr<ValueId> AppendHessianLoss(LoweredGraph& lowered, const HessianLoss& loss,
                                          int64_t batch);

// Sets those inputs, batch by batch. One thread at a time.
class HessianTargets {
 public:
  // Borrows `data`.
  static absl::StatusOr<HessianTargets> Create(const HessianLoss& loss, const Graph& bound,
                                               const Dataset& data, int64_t batch);
  // For `valid` samples from `begin`.
  absl::Status SetInputs(int64_t begin, int64_t valid, const Cancellation& cancellation,
                         BatchRunner& runner);

 private:
  HessianTargets(const HessianLoss& loss, const Dataset& data, int64_t batch)
      : loss_(loss), data_(&data), batch_(batch) {}
  absl::Status SetLabels(int64_t begin, int64_t valid, BatchRunner& runner) const;

  HessianLoss loss_;
  const Dataset* data_;
  int64_t batch_;
  std::unique_ptr<BatchRunner> forward_;  // absent with labels
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_HESSIAN_LOSS_H_
