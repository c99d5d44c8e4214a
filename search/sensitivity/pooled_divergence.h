#ifndef HALFTONE_SEARCH_SENSITIVITY_POOLED_DIVERGENCE_H_
#define HALFTONE_SEARCH_SENSITIVITY_POOLED_DIVERGENCE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace halftone {

// The KL divergence of changed logits from reference logits with less sampling error than its mean
// over samples, which the few samples that lie near a decision and are hit by chance make up. What
// quantization adds to a sample's logits, it might as well have added to those of a sample that the
// network sees alike, so that every disturbance is tried on the neighbours as well:
//   mean over i, mean over j in N(i) of KL(softmax(z_i) || softmax(z_i + (y_j - z_j))),
// z the reference, y the changed logits, N(i) the k = ceil(sqrt(n)) samples whose reference logits,
// less their mean, are nearest to those of i, itself among them (Loftsgaarden & Quesenberry 1965).
// Samples are neighbours only within groups of kGroup, in their order, so that the work grows
// linearly. Immutable, thread-safe.
class PooledDivergence {
 public:
  static constexpr size_t kGroup = 1024;

  // `reference`: [samples][classes], finite; copied.
  PooledDivergence(absl::Span<const float> reference, int64_t classes);

  // Of each sample a pseudovalue: their mean is the divergence, and their variance over n its
  // sampling variance, as though they were n independent draws. A sample's counts what is drawn
  // with it: the mean of the disturbances that are tried on it, and how much worse than that mean
  // its own disturbance is on each of the others that try it (the projections of Hoeffding 1948,
  // for both places of the kernel). `changed`: as the reference.
  std::vector<double> Pseudovalues(absl::Span<const float> changed) const;

 private:
  void FindNeighbours(size_t begin, size_t end);
  // [classes][end - begin]: the reference less the mean of each sample's logits.
  std::vector<float> CenteredColumns(size_t begin, size_t end) const;
  // The divergence of one sample under each disturbance that is tried on it; of all samples the
  // disturbances less their largest element, and their exponentials.
  std::vector<double> DivergencesOf(size_t sample, const std::vector<double>& disturbances,
                                    const std::vector<double>& exponentials) const;
  // The divergence of one sample under a disturbance of its logits.
  double KlOfMoved(size_t sample, const double* disturbance) const;

  const size_t classes_, samples_;
  const std::vector<float> reference_;
  std::vector<double> probabilities_;  // [samples][classes]
  // Of sample i: neighbours_[begins_[i]] to neighbours_[begins_[i + 1]].
  std::vector<size_t> neighbours_, begins_ = {0};
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_POOLED_DIVERGENCE_H_
