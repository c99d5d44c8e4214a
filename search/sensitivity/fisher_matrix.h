#ifndef HALFTONE_SEARCH_SENSITIVITY_FISHER_MATRIX_H_
#define HALFTONE_SEARCH_SENSITIVITY_FISHER_MATRIX_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "search/sensitivity/divergence.h"

namespace halftone {

// Accumulates G_ab = mean_n sum_k w_nk S[n,k,a] S[n,k,b] in double, from the rows of one sample at
// a time. Not thread-safe.
class FisherMatrix {
 public:
  // `columns`: of S, one per (layer, choice). Without `keep_matrix` only the diagonal is kept.
  FisherMatrix(size_t columns, bool keep_matrix);

  // The rows of one sample, row after row, and the weight of each.
  void AddSample(absl::Span<const double> rows, absl::Span<const double> weights);

  // Half the diagonal: the loss of a choice, and its standard error over samples.
  double Loss(size_t column) const { return diagonal_[column].mean() / 2; }
  double LossError(size_t column) const { return diagonal_[column].standard_error() / 2; }
  // G, columns x columns; empty without keep_matrix.
  std::vector<double> Matrix() const;

 private:
  size_t columns_;
  std::vector<MeanEstimate> diagonal_;
  std::vector<double> sum_;  // of the upper triangle, in a full array
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_FISHER_MATRIX_H_
