#ifndef HALFTONE_SEARCH_SENSITIVITY_SOURCE_OBSERVER_H_
#define HALFTONE_SEARCH_SENSITIVITY_SOURCE_OBSERVER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/progress.h"
#include "nn/data/dataset.h"
#include "nn/quant/range_estimator.h"
#include "search/sensitivity/derivative_pass.h"
#include "search/sensitivity/network_program.h"
#include "search/sensitivity/sample_layout.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// The statistics of every value that a layer of the float network reads as activations. Not
// thread-safe.
class SourceObserver {
 public:
  explicit SourceObserver(const PreparedNetwork& network);
  // One pass over the data, in batches of `batch`. INVALID_ARGUMENT names a layer that reads a
  // value that is not finite.
  absl::Status Observe(const PreparedNetwork& network, const Dataset& data, int64_t batch,
                       const Progress& progress);
  // The same with a pass backward, in batches that fit: how much the output of a sample depends on
  // each of its values is observed too. Errors name what has no derivative.
  absl::Status ObserveWithDerivatives(const PreparedNetwork& network, const Dataset& data,
                                      const Progress& progress);
  // What the latter holds with batches of that size at most.
  absl::StatusOr<DerivativePass::Memory> Estimate(const PreparedNetwork& network,
                                                  const Dataset& data, int64_t batch) const;
  // Values.
  size_t size() const { return watched_.size(); }
  const RangeEstimator& Of(const std::string& value) const { return watched_.at(value).estimator; }

 private:
  struct Watched {
    std::string layer;  // the first that reads it, for errors
    RangeEstimator estimator;
    std::optional<SampleLayout> layout;  // found where samples have to be told apart
  };

  void Watch(const std::string& value, const std::string& layer);
  DerivativePass Pass(const PreparedNetwork& network, const Dataset& data) const;
  absl::Status FindLayouts(const PreparedNetwork& network, const Dataset& data, int64_t batch,
                           const Cancellation& cancellation);
  // The first `valid` samples of a batch; with them the repeated ones where they cannot be told
  // apart. `importance` may be empty.
  static absl::Status ObserveSamples(absl::Span<const float> values,
                                     absl::Span<const float> importance, int64_t valid,
                                     int64_t batch, Watched& watched);
  absl::Status ObserveBatch(const BatchRunner& runner, bool derivatives, int64_t valid,
                            int64_t batch, const Cancellation& cancellation);

  std::map<std::string, Watched> watched_;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_SOURCE_OBSERVER_H_
