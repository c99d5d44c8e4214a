#include "search/sensitivity/lanczos.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"

namespace halftone {
namespace {

double Dot(absl::Span<const double> a, absl::Span<const double> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

}  // namespace

SmallEigen TridiagonalEigen(const std::vector<double>& diagonal,
                            const std::vector<double>& off_diagonal) {
  const auto n = static_cast<Eigen::Index>(diagonal.size());
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver;
  solver.computeFromTridiagonal(Eigen::Map<const Eigen::VectorXd>(diagonal.data(), n),
                                Eigen::Map<const Eigen::VectorXd>(off_diagonal.data(), n - 1));
  SmallEigen eigen;
  for (Eigen::Index i = n; i-- > 0;) {
    eigen.values.push_back(solver.eigenvalues()[i]);
    eigen.last_components.push_back(solver.eigenvectors()(n - 1, i));
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
  const SmallEigen ritz = TridiagonalEigen(diagonal_, off_diagonal_);
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

std::vector<double> Lanczos::Eigenvalues() const {
  if (diagonal_.empty()) return {};
  // Once done, the last product has no off-diagonal element; before, it is that of the next row.
  std::vector<double> off_diagonal = off_diagonal_;
  off_diagonal.resize(diagonal_.size() - 1);
  std::vector<double> values = TridiagonalEigen(diagonal_, off_diagonal).values;
  values.resize(std::min(values.size(), wanted_));
  return values;
}

}  // namespace halftone
