#ifndef HALFTONE_NN_QUANT_RANGE_ESTIMATOR_H_
#define HALFTONE_NN_QUANT_RANGE_ESTIMATOR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "nn/quant/uniform.h"

namespace halftone {

enum class RangeMethod {
  kMinMax,
  kPercentile,  // cuts the given share of the values at both ends together
  kMse,         // least mean squared error of the quantized values at the given bits
};

struct RangeOptions {
  RangeMethod method = RangeMethod::kMse;
  double percentile = 99.99;
};

// Streamed statistics of one tensor's values: exact extremes and a histogram whose range doubles
// as needed (2,048 bins), so that memory does not grow with the data and the result does not
// depend on how the data was cut into batches beyond the width of a bin. Not thread-safe.
class RangeEstimator {
 public:
  RangeEstimator();
  // INVALID_ARGUMENT if a value is not finite.
  absl::Status Observe(absl::Span<const float> values);
  int64_t count() const { return count_; }
  Range MinMax() const { return extremes_; }
  // The range for a quantizer of these bits and symmetry. FAILED_PRECONDITION before any Observe.
  absl::StatusOr<Range> Estimate(const RangeOptions& options, int bits, Symmetry symmetry) const;

 private:
  static constexpr int kBins = 2048;
  void Grow(float magnitude);

  int64_t count_ = 0;
  Range extremes_;
  float limit_ = 0;  // the histogram covers [-limit_, limit_]
  std::vector<int64_t> bins_;
};

// The quantizer of a weight tensor, one scale per index of `axis` (or -1: one for all), with ranges
// by `options`, from the values themselves.
absl::StatusOr<UniformQuantizer> CalibrateWeights(const Tensor& weights, int bits,
                                                  Symmetry symmetry, int axis,
                                                  const RangeOptions& options);

}  // namespace halftone

#endif  // HALFTONE_NN_QUANT_RANGE_ESTIMATOR_H_
