#ifndef HALFTONE_SEARCH_SENSITIVITY_HEAD_SUMS_H_
#define HALFTONE_SEARCH_SENSITIVITY_HEAD_SUMS_H_

#include <cmath>
#include <cstdint>

namespace halftone {

// Sums over samples of one head, in double.
struct HeadSums {
  // JSON has no infinity: what identical outputs are given.
  static constexpr double kMaxSqnrDb = 300;

  double divergence = 0, squared_difference = 0, squared_signal = 0;
  int64_t elements = 0;

  void Add(const HeadSums& other) {
    divergence += other.divergence;
    squared_difference += other.squared_difference;
    squared_signal += other.squared_signal;
    elements += other.elements;
  }
  double Mse() const { return squared_difference / static_cast<double>(elements); }
  double SqnrDb() const {
    return squared_difference > 0 && squared_signal > 0
               ? 10 * std::log10(squared_signal / squared_difference)
               : kMaxSqnrDb;
  }
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_HEAD_SUMS_H_
