#include "search/sensitivity/lanczos.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"

namespace halftone {
namespace {

double Dot(absl::Span<const double> a, absl::Span<const double> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// Zeroes matrix[p][q] by a rotation, which is applied to `vectors` as well.
void Rotate(std::vector<double>& matrix, std::vector<double>& vectors, size_t n, size_t p,
            size_t q) {
  const double off = matrix[p * n + q];
  if (off == 0) return;
  const double theta = (matrix[q * n + q] - matrix[p * n + p]) / (2 * off);
  const double t = (theta >= 0 ? 1.0 : -1.0) / (std::fabs(theta) + std::sqrt(theta * theta + 1));
  const double c = 1 / std::sqrt(t * t + 1), s = t * c;
  for (size_t k = 0; k < n; ++k) {
    const double a = matrix[k * n + p], b = matrix[k * n + q];
    matrix[k * n + p] = c * a - s * b;
    matrix[k * n + q] = s * a + c * b;
  }
  for (size_t k = 0; k < n; ++k) {
    const double a = matrix[p * n + k], b = matrix[q * n + k];
    matrix[p * n + k] = c * a - s * b;
    matrix[q * n + k] = s * a + c * b;
  }
  for (size_t k = 0; k < n; ++k) {
    const double a = vectors[k * n + p], b = vectors[k * n + q];
    vectors[k * n + p] = c * a - s * b;
    vectors[k * n + q] = s * a + c * b;
  }
}

double OffDiagonal(const std::vector<double>& matrix, size_t n) {
  double sum = 0;
  for (size_t p = 0; p < n; ++p) {
    for (size_t q = p + 1; q < n; ++q) sum += matrix[p * n + q] * matrix[p * n + q];
  }
  return sum;
}

}  // namespace

SmallEigen SymmetricEigen(std::vector<double> matrix, size_t n) {
  constexpr int kMaxSweeps = 60;
  std::vector<double> vectors(n * n, 0.0);
  for (size_t i = 0; i < n; ++i) vectors[i * n + i] = 1;
  const double scale = Dot(matrix, matrix);
  for (int sweep = 0; sweep < kMaxSweeps && OffDiagonal(matrix, n) > 1e-30 * scale; ++sweep) {
    for (size_t p = 0; p < n; ++p) {
      for (size_t q = p + 1; q < n; ++q) Rotate(matrix, vectors, n, p, q);
    }
  }
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return matrix[a * n + a] > matrix[b * n + b]; });
  SmallEigen eigen;
  for (const size_t i : order) {
    eigen.values.push_back(matrix[i * n + i]);
    eigen.last_components.push_back(vectors[(n - 1) * n + i]);
  }
  return eigen;
}

Lanczos::Lanczos(size_t size, size_t wanted, size_t max_steps, double tolerance, uint64_t seed)
    : wanted_(std::min(wanted, size)),
      max_steps_(std::min(max_steps, size)),
      tolerance_(tolerance) {
  SplitMix64 random(seed);
  std::vector<double>& start = basis_.emplace_back(size);
  for (double& value : start) value = random.Uniform() - 0.5;
  const double norm = std::sqrt(Dot(start, start));
  for (double& value : start) value /= norm;
}

void Lanczos::Advance(absl::Span<const double> product) {
  if (done_) return;
  std::vector<double> next(product.begin(), product.end());
  diagonal_.push_back(Dot(next, basis_.back()));
  // Twice is enough (Parlett 1980, section 6.9).
  for (int pass = 0; pass < 2; ++pass) {
    for (const std::vector<double>& v : basis_) {
      const double along = Dot(next, v);
      for (size_t i = 0; i < next.size(); ++i) next[i] -= along * v[i];
    }
  }
  const double norm = std::sqrt(Dot(next, next));
  const SmallEigen ritz = Ritz();
  const double largest = std::max(std::fabs(ritz.values.front()), std::fabs(ritz.values.back()));
  const size_t steps = diagonal_.size();
  bool converged = steps >= wanted_;
  for (size_t i = 0; i < wanted_ && converged; ++i) {
    converged = norm * std::fabs(ritz.last_components[i]) <= tolerance_ * largest;
  }
  done_ = converged || steps >= max_steps_ || norm <= 1e-12 * largest || norm == 0;
  if (done_) return;
  off_diagonal_.push_back(norm);
  for (double& value : next) value /= norm;
  basis_.push_back(std::move(next));
}

SmallEigen Lanczos::Ritz() const {
  const size_t n = diagonal_.size();
  std::vector<double> tridiagonal(n * n, 0.0);
  for (size_t i = 0; i < n; ++i) tridiagonal[i * n + i] = diagonal_[i];
  for (size_t i = 0; i + 1 < n; ++i) {
    tridiagonal[i * n + i + 1] = tridiagonal[(i + 1) * n + i] = off_diagonal_[i];
  }
  return SymmetricEigen(std::move(tridiagonal), n);
}

std::vector<double> Lanczos::Eigenvalues() const {
  if (diagonal_.empty()) return {};
  std::vector<double> values = Ritz().values;
  values.resize(std::min(values.size(), wanted_));
  return values;
}

}  // namespace halftone
