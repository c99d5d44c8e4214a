#ifndef HALFTONE_SEARCH_SENSITIVITY_FLOAT_OUTPUTS_H_
#define HALFTONE_SEARCH_SENSITIVITY_FLOAT_OUTPUTS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/cancellation.h"
#include "base/progress.h"
#include "nn/data/dataset.h"
#include "nn/graph/graph.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/network_program.h"

namespace halftone {

// The outputs of the float network, sample by sample: kept from one run over the data, or computed
// again in each pass where that would take more than kMaxKeptBytes. Not thread-safe.
class FloatOutputs {
 public:
  static constexpr int64_t kMaxKeptBytes = int64_t{256} << 20;

  // `data` must outlive it.
  FloatOutputs(const Dataset& data, int64_t batch) : data_(data), batch_(batch) {}

  // To be called first. `graph` is bound to the batch.
  absl::Status Prepare(const Graph& graph, const std::vector<Head>& heads,
                       const Progress& progress);
  // To be called before At() for the samples from `begin`.
  absl::Status Run(int64_t begin, const Cancellation& cancellation);
  // Of all samples, or empty where they are computed again in each pass.
  absl::Span<const float> Kept(size_t head) const;
  // Valid until the next Run.
  absl::StatusOr<absl::Span<const float>> At(size_t head, int64_t sample) const;

 private:
  absl::Status Keep(int64_t valid);

  const Dataset& data_;
  int64_t batch_;
  int64_t begin_ = 0;  // the sample that the runner's outputs begin with
  std::vector<Head> heads_;
  std::vector<std::vector<float>> kept_;  // of each head, where the runner is gone
  std::unique_ptr<BatchRunner> runner_;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_FLOAT_OUTPUTS_H_
