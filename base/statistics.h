#ifndef HALFTONE_BASE_STATISTICS_H_
#define HALFTONE_BASE_STATISTICS_H_

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include "absl/types/span.h"

namespace halftone {

// The median; of an even number of values the mean of the two in the middle. `values` must not be
// empty.
inline double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return 0.5 * (*middle + *std::max_element(values.begin(), middle));
}

// sqrt(sum of squared distances from the mean / (count - 1)); 0 for fewer than two values.
double StandardDeviation(absl::Span<const double> values);

// The rank of each value, from 1; equal values share the mean of their ranks.
std::vector<double> Ranks(absl::Span<const double> values);

// Rank correlations of two lists of the same length, from -1 to 1, with their treatment of ties;
// nothing where a list has fewer than two different values. No value may be NaN. O(n log n).

// Spearman's rho: Pearson's correlation of the ranks.
std::optional<double> SpearmanCorrelation(absl::Span<const double> a, absl::Span<const double> b);

// Kendall's tau-b: (concordant - discordant pairs) / sqrt(pairs untied in a * pairs untied in b),
// by counting the exchanges of a merge sort (Knight 1966).
std::optional<double> KendallCorrelation(absl::Span<const double> a, absl::Span<const double> b);

}  // namespace halftone

#endif  // HALFTONE_BASE_STATISTICS_H_
