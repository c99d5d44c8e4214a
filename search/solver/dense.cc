#include "search/solver/dense.h"

namespace halftone {
namespace {

// Copies the upper triangle to the lower one.
void Mirror(size_t n, std::vector<double>& matrix) {
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = i + 1; j < n; ++j) matrix[j * n + i] = matrix[i * n + j];
  }
}

}  // namespace

bool InvertPositiveDefinite(size_t n, std::vector<double>& matrix) {
  // The symmetric sweep operator (Goodnight, The American Statistician 33, 1979), on the upper
  // triangle: sweeping every pivot leaves the negative of the inverse.
  std::vector<double> column(n);
  for (size_t k = 0; k < n; ++k) {
    const double pivot = matrix[k * n + k];
    if (!(pivot > 0)) return false;
    for (size_t i = 0; i < k; ++i) column[i] = matrix[i * n + k];
    for (size_t i = k; i < n; ++i) column[i] = matrix[k * n + i];
    for (size_t i = 0; i < n; ++i) {
      if (i == k) continue;
      const double factor = column[i] / pivot;
      double* row = matrix.data() + i * n;
      for (size_t j = i; j < n; ++j) row[j] -= factor * column[j];
    }
    for (size_t i = 0; i < k; ++i) matrix[i * n + k] = column[i] / pivot;
    for (size_t i = k + 1; i < n; ++i) matrix[k * n + i] = column[i] / pivot;
    matrix[k * n + k] = -1 / pivot;
  }
  for (double& value : matrix) value = -value;
  Mirror(n, matrix);
  return true;
}

bool HasCholeskyFactor(size_t n, std::vector<double> matrix, double pivot) {
  for (size_t k = 0; k < n; ++k) {
    const double* from = matrix.data() + k * n;
    if (!(from[k] >= pivot)) return false;
    for (size_t i = k + 1; i < n; ++i) {
      const double factor = from[i] / from[k];
      if (factor == 0) continue;
      double* row = matrix.data() + i * n;
      for (size_t j = i; j < n; ++j) row[j] -= factor * from[j];
    }
  }
  return true;
}

std::vector<double> Multiply(size_t n, const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> c(n * n, 0.0);
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < n; ++k) {
      for (size_t j = 0; j < n; ++j) c[i * n + j] += a[i * n + k] * b[k * n + j];
    }
  }
  return c;
}

}  // namespace halftone
