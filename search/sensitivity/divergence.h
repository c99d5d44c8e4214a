#ifndef HALFTONE_SEARCH_SENSITIVITY_DIVERGENCE_H_
#define HALFTONE_SEARCH_SENSITIVITY_DIVERGENCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "nn/graph/graph.h"
#include "nn/graph/output_heads.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// How the difference of one output is counted. Of a sample, element c of row r is at
// (r / stride) * width * stride + r % stride + c * stride: the axis of classes need not be the
// last.
struct Head {
  std::string value;  // of the graph
  HeadKind kind = HeadKind::kMse;
  int64_t rows = 1;    // of one sample: 1, or e.g. the tokens, or the pixels
  int64_t width = 1;   // elements of a row: the classes
  int64_t stride = 1;  // from one element of a row to the next
  // Of its divergence in that of the network.
  double factor = 1;
  double least_power = 0;  // kRelative: what |y|^2 of a sample is taken for at least
  int64_t elements() const { return rows * width; }
  bool is_kl() const { return kind == HeadKind::kKl; }
  int64_t Offset(int64_t row) const { return row / stride * width * stride + row % stride; }
};

// The heads of a bound network under `loss` (kKl, kMse, or kAuto: by the kind of each head), each
// with the factor that its weight is, divided by its scale where several count.
// INVALID_ARGUMENT for kKl on an output that is no logits.
absl::StatusOr<std::vector<Head>> ResolveHeads(const PreparedNetwork& network, const Graph& bound,
                                               LossKind loss);
// What the sum of the heads' divergences is: the name of their kind, or "mixed" where they are of
// several, or squared errors of several outputs, each in the scale of its own.
std::string OutputMetricOf(const std::vector<Head>& heads);
// The number of classes that labels are of: the first head's of one row of logits; nullptr where
// there is none.
const Head* FindClassHead(const std::vector<Head>& heads);

// The elements of one row of a sample, in `buffer` where they do not lie together.
absl::Span<const float> RowOf(const Head& head, absl::Span<const float> sample, int64_t row,
                              std::vector<float>& buffer);
// exp(x) / sum(exp(x)) of one row, in double.
std::vector<double> SoftmaxRow(absl::Span<const float> logits);
// KL(softmax(reference) || softmax(changed)), of one row.
double KlOfRow(absl::Span<const float> reference, absl::Span<const float> changed);
// The divergence of one sample (HeadKind), without the factor.
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
