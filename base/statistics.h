#ifndef HALFTONE_BASE_STATISTICS_H_
#define HALFTONE_BASE_STATISTICS_H_

#include <algorithm>
#include <cstddef>
#include <vector>

namespace halftone {

// The median; of an even number of values the mean of the two in the middle. `values` must not be
// empty.
inline double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return 0.5 * (*middle + *std::max_element(values.begin(), middle));
}

}  // namespace halftone

#endif  // HALFTONE_BASE_STATISTICS_H_
