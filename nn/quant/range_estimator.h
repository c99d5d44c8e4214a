#ifndef HALFTONE_NN_QUANT_RANGE_ESTIMATOR_H_
#define HALFTONE_NN_QUANT_RANGE_ESTIMATOR_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/cancellation.h"
#include "nn/graph/tensor.h"
#include "nn/quant/uniform.h"

namespace halftone {

enum class RangeMethod {
  kMinMax,
  kPercentile,  // cuts the given share of the values at both ends together
  kMse,         // least mean squared error of the quantized values at the given bits
  kResult,      // weights: least error of the layer's result (CalibrateWeightsByResult), where what
                // the layer reads is known; activations: least squared error of each value alike,
                // and of each by its importance, where that was observed; else as kMse
};

struct RangeOptions {
  RangeMethod method = RangeMethod::kMse;
  double percentile = 99.99;
};

// Streamed statistics of one tensor's values: exact extremes, the number of zeros, and a histogram
// of 2,048 bins whose range doubles as needed, so that memory does not grow with the data. Bins are
// merged along their borders: the result is the same however the data was cut into batches. Not
// thread-safe.
class RangeEstimator {
 public:
  RangeEstimator();
  // `importance`: how much an error of each value matters (>= 0), as many, or none where that is
  // not known. INVALID_ARGUMENT if a value is not finite; nothing is recorded then.
  absl::Status Observe(absl::Span<const float> values, absl::Span<const float> importance = {});
  int64_t count() const { return count_; }
  // The extremes, widened to contain 0.
  Range MinMax() const { return extremes_; }
  // The range for a quantizer of these bits and symmetry. Within MinMax(); data without negative
  // values keeps lower = 0 when asymmetric, so that its zero point is 0. The mean squared error is
  // that of the histogram, values spread evenly within a bin. FAILED_PRECONDITION before any
  // value was observed; INVALID_ARGUMENT for bits that no quantizer has, a percentile outside of
  // (0, 100], or kSymmetricSigned, which is for weights.
  absl::StatusOr<Range> Estimate(const RangeOptions& options, int bits, Symmetry symmetry) const;

 private:
  static constexpr int kBins = 2048;
  void Grow(float magnitude);
  // Per bin: its share of the values, and its share of their importance where that is asked for and
  // known.
  std::vector<double> Density(bool by_importance) const;
  Range Percentile(double percentile, Symmetry symmetry) const;
  double SquaredError(const UniformQuantizer& quantizer, const std::vector<double>& density) const;
  double MeanMagnitude() const;

  int64_t count_ = 0;
  int64_t zeros_ = 0;  // not in the bins: zero is quantized exactly
  Range extremes_;
  double limit_ = 0;  // the histogram covers [-limit_, limit_); a power of two
  std::vector<int64_t> bins_;
  std::vector<double> importance_;  // summed, by bins; empty where none was observed
};

// The quantizer of a weight tensor (float32), one scale per index of `axis` (or -1: one for all),
// with ranges by `options`, from the values themselves. INVALID_ARGUMENT for values that are not
// finite, an axis that the tensor has not, or bits that no quantizer has; CANCELLED within one look
// at the values of one scale.
absl::StatusOr<UniformQuantizer> CalibrateWeights(const Tensor& weights, int bits,
                                                  Symmetry symmetry, int axis,
                                                  const RangeOptions& options,
                                                  const Cancellation& cancellation = {});

}  // namespace halftone

#endif  // HALFTONE_NN_QUANT_RANGE_ESTIMATOR_H_
