#ifndef HALFTONE_SEARCH_SENSITIVITY_DIVERGENCE_H_
#define HALFTONE_SEARCH_SENSITIVITY_DIVERGENCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "nn/graph/graph.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// How the difference of one output is counted.
struct Head {
  std::string value;   // of the graph
  bool is_kl = false;  // KL divergence of the softmax of each row; else mean squared error
  int64_t rows = 1;    // of one sample: 1, or e.g. the tokens
  int64_t width = 1;   // elements of a row: the classes
  int64_t elements() const { return rows * width; }
};

// The heads of a bound network under `loss` (kKl, kMse, or kAuto: by the kind of each head).
// INVALID_ARGUMENT for kKl on an output that is no logits.
absl::StatusOr<std::vector<Head>> ResolveHeads(const PreparedNetwork& network, const Graph& bound,
                                               LossKind loss);
// "kl", or "mse" where no head counts by KL.
std::string OutputMetricOf(const std::vector<Head>& heads);

// exp(x) / sum(exp(x)) of one row, in double.
std::vector<double> SoftmaxRow(absl::Span<const float> logits);
// KL(softmax(reference) || softmax(changed)), of one row.
double KlOfRow(absl::Span<const float> reference, absl::Span<const float> changed);
// The divergence of one sample: the mean over its rows of KL, or the mean squared difference.
double DivergenceOfSample(const Head& head, absl::Span<const float> reference,
                          absl::Span<const float> changed);

// Mean of independent draws and its standard error; sums in double.
class MeanEstimate {
 public:
  void Add(double value);
  int64_t count() const { return count_; }
  double mean() const { return mean_; }
  // sqrt(sample variance / count); 0 for fewer than two draws.
  double standard_error() const;

 private:
  int64_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;  // of the distances from the mean (Welford 1962)
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_DIVERGENCE_H_
