#include "search/solver/dense.h"

#include <algorithm>
#include <array>

#include "base/target_clones.h"

namespace halftone {

// Four rows at a time: each number of `out` is read and written once for them.
HT_TARGET_CLONES
void AddScaledRows(const double* factors, size_t count, const double* rows, size_t stride,
                   size_t begin, size_t end, double* out) {
  size_t k = 0;
  for (; k + 4 <= count; k += 4) {
    const double *a = rows + k * stride, *b = a + stride, *c = b + stride, *d = c + stride;
    const double fa = factors[k], fb = factors[k + 1], fc = factors[k + 2], fd = factors[k + 3];
    for (size_t i = begin; i < end; ++i) out[i] += fa * a[i] + fb * b[i] + fc * c[i] + fd * d[i];
  }
  for (; k < count; ++k) {
    const double* a = rows + k * stride;
    for (size_t i = begin; i < end; ++i) out[i] += factors[k] * a[i];
  }
}

namespace {

// Pivots that are eliminated together.
constexpr size_t kPanel = 8;

// Copies the upper triangle to the lower one.
void Mirror(size_t n, std::vector<double>& matrix) {
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = i + 1; j < n; ++j) matrix[j * n + i] = matrix[i * n + j];
  }
}

// The symmetric sweep operator (Goodnight, The American Statistician 33, 1979), on the upper
// triangle: sweeping every pivot leaves the negative of the inverse. False when a pivot is not
// positive.
bool SweepPivots(size_t n, std::vector<double>& matrix) {
  std::vector<double> column(n);
  for (size_t k = 0; k < n; ++k) {
    const double pivot = matrix[k * n + k];
    if (!(pivot > 0)) return false;
    for (size_t i = 0; i < k; ++i) column[i] = matrix[i * n + k];
    for (size_t i = k; i < n; ++i) column[i] = matrix[k * n + i];
    for (size_t i = 0; i < n; ++i) {
      if (i == k) continue;
      const double factor = column[i] / pivot;
      for (size_t j = i; j < n; ++j) matrix[i * n + j] -= factor * column[j];
    }
    for (size_t i = 0; i < n; ++i) matrix[std::min(i, k) * n + std::max(i, k)] = column[i] / pivot;
    matrix[k * n + k] = -1 / pivot;
  }
  return true;
}

// The same for the pivots from `begin` to `end` at once.
bool SweepPanel(size_t n, size_t begin, size_t end, std::vector<double>& matrix) {
  const size_t m = end - begin;
  std::vector<double> pivots(m * m);
  std::vector<double> rows(m * n);  // of the panel, in full
  for (size_t k = 0; k < m; ++k) {
    for (size_t i = 0; i < n; ++i) {
      const size_t low = std::min(i, begin + k), high = std::max(i, begin + k);
      rows[k * n + i] = matrix[low * n + high];
    }
    for (size_t i = 0; i < m; ++i) pivots[k * m + i] = rows[k * n + begin + i];
  }
  if (!SweepPivots(m, pivots)) return false;
  Mirror(m, pivots);
  std::vector<double> solved(m * n, 0.0);  // less the inverse of the pivots' block times the rows
  for (size_t k = 0; k < m; ++k) {
    AddScaledRows(pivots.data() + k * m, m, rows.data(), n, 0, n, solved.data() + k * n);
  }
  std::vector<double> factors(m);
  for (size_t i = 0; i < n; ++i) {
    if (i >= begin && i < end) continue;
    for (size_t k = 0; k < m; ++k) factors[k] = rows[k * n + i];
    AddScaledRows(factors.data(), m, solved.data(), n, i, n, matrix.data() + i * n);
  }
  for (size_t k = 0; k < m; ++k) {
    for (size_t i = 0; i < n; ++i) {
      const size_t low = std::min(i, begin + k), high = std::max(i, begin + k);
      const bool within = i >= begin && i < end;
      matrix[low * n + high] = within ? pivots[k * m + i - begin] : -solved[k * n + i];
    }
  }
  return true;
}

}  // namespace

bool InvertPositiveDefinite(size_t n, std::vector<double>& matrix) {
  for (size_t begin = 0; begin < n; begin += kPanel) {
    if (!SweepPanel(n, begin, std::min(n, begin + kPanel), matrix)) return false;
  }
  for (double& value : matrix) value = -value;
  Mirror(n, matrix);
  return true;
}

bool HasCholeskyFactor(size_t n, std::vector<double> matrix, double pivot) {
  for (size_t begin = 0; begin < n; begin += kPanel) {
    const size_t end = std::min(n, begin + kPanel);
    const double* panel = matrix.data() + begin * n;
    // Row i less the rows before it in the panel; `done` of them.
    const auto eliminate = [&](size_t i, size_t done) {
      std::array<double, kPanel> factors;
      for (size_t k = 0; k < done; ++k) {
        factors[k] = -panel[k * n + i] / panel[k * n + begin + k];
      }
      AddScaledRows(factors.data(), done, panel, n, i, n, matrix.data() + i * n);
    };
    for (size_t i = begin; i < end; ++i) {
      eliminate(i, i - begin);
      if (!(matrix[i * n + i] >= pivot)) return false;
    }
    for (size_t i = end; i < n; ++i) eliminate(i, kPanel);
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
