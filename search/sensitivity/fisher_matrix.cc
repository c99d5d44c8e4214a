#include "search/sensitivity/fisher_matrix.h"

namespace halftone {

FisherMatrix::FisherMatrix(size_t columns, bool keep_matrix)
    : columns_(columns), diagonal_(columns), sum_(keep_matrix ? columns * columns : 0) {}

void FisherMatrix::AddSample(absl::Span<const double> rows, absl::Span<const double> weights) {
  for (size_t a = 0; a < columns_; ++a) {
    double squares = 0;
    for (size_t k = 0; k < weights.size(); ++k) {
      const double value = rows[k * columns_ + a];
      squares += weights[k] * value * value;
    }
    diagonal_[a].Add(squares);
  }
  if (sum_.empty()) return;
  for (size_t k = 0; k < weights.size(); ++k) {
    const double* row = rows.data() + k * columns_;
    for (size_t a = 0; a < columns_; ++a) {
      const double scaled = weights[k] * row[a];
      if (scaled == 0) continue;
      double* sum = sum_.data() + a * columns_;
      for (size_t b = a; b < columns_; ++b) sum[b] += scaled * row[b];
    }
  }
}

std::vector<double> FisherMatrix::Matrix() const {
  std::vector<double> matrix(sum_.size());
  if (matrix.empty()) return matrix;
  const auto samples = static_cast<double>(diagonal_[0].count());
  for (size_t a = 0; a < columns_; ++a) {
    for (size_t b = a; b < columns_; ++b) {
      matrix[a * columns_ + b] = matrix[b * columns_ + a] = sum_[a * columns_ + b] / samples;
    }
  }
  return matrix;
}

}  // namespace halftone
