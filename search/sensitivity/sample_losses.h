#ifndef HALFTONE_SEARCH_SENSITIVITY_SAMPLE_LOSSES_H_
#define HALFTONE_SEARCH_SENSITIVITY_SAMPLE_LOSSES_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/progress.h"

namespace halftone {

// The loss of every choice on every sample, [sample][column], in float: what a bootstrap draws from
// (Efron 1979). Memory grows with the samples, and is bounded by CheckSampleLosses.
class SampleLosses {
 public:
  SampleLosses(size_t samples, size_t columns)
      : samples_(samples), columns_(columns), values_(samples * columns, 0.0f) {}
  // `values` [sample][column].
  SampleLosses(std::vector<float> values, size_t columns)
      : samples_(columns == 0 ? 0 : values.size() / columns),
        columns_(columns),
        values_(std::move(values)) {}

  void Set(size_t sample, size_t column, double loss) {
    values_[sample * columns_ + column] = static_cast<float>(loss);
  }
  // The mean loss of every column over as many samples drawn with replacement, `resamples` times;
  // all columns of one resample from the same draw, which depends on the seed alone.
  absl::StatusOr<std::vector<std::vector<double>>> Resample(int resamples, uint64_t seed,
                                                            const Cancellation& cancellation) const;

 private:
  size_t samples_, columns_;
  std::vector<float> values_;
};

// RESOURCE_EXHAUSTED where the losses of so many samples and columns are not to be kept.
absl::Status CheckSampleLosses(int64_t samples, size_t columns);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_SAMPLE_LOSSES_H_
