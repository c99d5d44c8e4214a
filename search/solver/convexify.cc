#include "search/solver/convexify.h"

#define EIGEN_DONT_PARALLELIZE
#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

#include "search/solver/dense.h"

namespace halftone {
namespace {

// Share of an even spread over all choices in the fractions whose covariance is weighed: the
// minimum moves when the blocks change.
constexpr double kSpread = 0.1;
// Weight of the direction in which a variable's fractions add up to other than one: it never
// counts.
constexpr double kSumWeight = 0.1;
// Added to the diagonal at first, relative to it.
constexpr double kFirstMargin = 0.1;
// What a sweep multiplies the barrier by.
constexpr double kBarrierFall = 0.35;
// Margin of positive definiteness, relative to the largest diagonal entry: far above the rounding
// of a factorization.
constexpr double kMargin = 1e-11;

// Row after row, which is column after column: all are symmetric but for [choice][column].
using Matrix = Eigen::MatrixXd;
using MatrixMap = Eigen::Map<Matrix>;

MatrixMap BlockMap(std::vector<double>& block) {
  const auto n = static_cast<Eigen::Index>(std::lround(std::sqrt(double(block.size()))));
  return {block.data(), n, n};
}

// The covariance of one choice drawn with (nearly) these probabilities.
Matrix Covariance(const double* x, size_t n) {
  const Eigen::Map<const Eigen::VectorXd> fractions(x, static_cast<Eigen::Index>(n));
  const double even = 1.0 / static_cast<double>(n);
  const Eigen::VectorXd share = ((1 - kSpread) * fractions).array() + kSpread * even;
  Matrix covariance = share.asDiagonal();
  covariance -= share * share.transpose();
  covariance.array() += kSumWeight * even * even;
  return covariance;
}

}  // namespace

Convexifier::Convexifier(const CompactProblem& problem, Stop& stop)
    : problem_(problem), cross_(*problem.cross), blocks_(cross_.within) {
  bool known = true;
  for (size_t v = 0; v < blocks_.size(); ++v) {
    known &= !blocks_[v].empty();
    if (!known) break;
    const size_t n = Choices(v);
    double mean = 0;
    for (size_t o = 0; o < n; ++o) mean += blocks_[v][o * n + o] / static_cast<double>(n);
    for (size_t o = 0; o < n; ++o) blocks_[v][o * n + o] += kFirstMargin * mean;
  }
  if (known) Invert(stop);
  if (inverse_.empty() && !stop()) {
    StartFromDominance();
    Invert(stop);
  }
}

void Convexifier::Invert(Stop& stop) {
  inverse_ = WithBlocks();
  if (!InvertPositiveDefinite(cross_.columns(), inverse_, stop)) inverse_.clear();
}

// Diagonal entries above the sum of their rows.
void Convexifier::StartFromDominance() {
  double largest = 0;
  for (double value : cross_.values) largest = std::max(largest, std::abs(value));
  for (size_t v = 0; v < blocks_.size(); ++v) {
    const size_t n = Choices(v);
    blocks_[v].assign(n * n, 0.0);
    for (size_t o = 0; o < n; ++o) {
      const double* row = cross_.Row(cross_.first[v] + o);
      double sum = 0;
      for (size_t c = 0; c < cross_.columns(); ++c) sum += std::abs(row[c]);
      blocks_[v][o * n + o] = 1.01 * sum + 1e-6 * largest;
    }
  }
}

std::vector<double> Convexifier::WithBlocks() const {
  std::vector<double> matrix = cross_.values;
  for (size_t v = 0; v < blocks_.size(); ++v) {
    const size_t n = Choices(v);
    for (size_t o = 0; o < n; ++o) {
      std::copy_n(blocks_[v].data() + o * n, n,
                  matrix.data() + (cross_.first[v] + o) * cross_.columns() + cross_.first[v]);
    }
  }
  return matrix;
}

// The objective of the semidefinite program, per column.
double Convexifier::MeanCurvature(const std::vector<double>& x) const {
  double sum = 0;
  for (size_t v = 0; v < blocks_.size(); ++v) {
    const Matrix covariance = Covariance(x.data() + cross_.first[v], Choices(v));
    for (Eigen::Index i = 0; i < covariance.size(); ++i) {
      sum += covariance.data()[i] * blocks_[v][size_t(i)];
    }
  }
  return std::max(sum, 0.0) / static_cast<double>(cross_.columns());
}

void Convexifier::Improve(const std::vector<double>& x, int sweeps, Stop& stop) {
  double barrier = 0.5 * MeanCurvature(x);
  for (int i = 0; i < sweeps && barrier > 0 && !inverse_.empty() && !stop(); ++i) {
    const std::vector<std::vector<double>> before = blocks_;
    if (!Sweep(x, barrier, stop)) {
      blocks_ = before;
      Invert(stop);
      return;
    }
    barrier *= kBarrierFall;
  }
}

// False when rounding has spoilt the inverse.
bool Convexifier::Sweep(const std::vector<double>& x, double barrier, Stop& stop) {
  for (size_t v = 0; v < blocks_.size() && !stop(); ++v) {
    if (!UpdateBlock(v, x, barrier, stop)) return false;
    for (double value : blocks_[v]) {
      if (!std::isfinite(value)) return false;
    }
  }
  return true;
}

bool Convexifier::UpdateBlock(size_t v, const std::vector<double>& x, double barrier, Stop& stop) {
  const size_t n = Choices(v), columns = cross_.columns(), first = cross_.first[v];
  const Matrix covariance = Covariance(x.data() + first, n);
  std::vector<double> rows(n * columns);  // of the inverse, in full
  for (size_t o = 0; o < n; ++o) {
    const size_t row = first + o;
    for (size_t c = 0; c < row; ++c) rows[o * columns + c] = inverse_[c * columns + row];
    std::copy_n(inverse_.data() + row * columns + row, columns - row,
                rows.data() + o * columns + row);
  }
  // A row of the inverse is a column to Eigen.
  const Eigen::Map<const Matrix> block_rows(rows.data(), Eigen::Index(columns), Eigen::Index(n));
  const Eigen::LLT<Matrix> spread(covariance);
  const Eigen::LLT<Matrix> own(block_rows.middleRows(Eigen::Index(first), Eigen::Index(n)));
  if (spread.info() != Eigen::Success || own.info() != Eigen::Success) return false;
  const Matrix unit = Matrix::Identity(Eigen::Index(n), Eigen::Index(n));
  const Matrix schur = own.solve(unit);  // the block less what the others take up of it
  BlockMap(blocks_[v]) += barrier * spread.solve(unit) - schur;
  // inverse += R' P R with R the block's rows of it: the Woodbury identity, with the block's new
  // inverse known to be covariance / barrier.
  const Matrix change = schur * covariance * schur / barrier - schur;
  std::vector<double> changed(rows.size());
  Eigen::Map<Matrix>(changed.data(), Eigen::Index(columns), Eigen::Index(n)).noalias() =
      block_rows * change;
  return AddSymmetricProduct(columns, rows, changed, inverse_, stop);
}

ConvexForm Convexifier::Draft() const {
  ConvexForm form;
  form.columns = cross_.columns();
  form.quadratic = WithBlocks();
  SetLinear(form);
  return form;
}

std::optional<ConvexForm> Convexifier::Take(Stop& stop) const {
  ConvexForm form = Draft();
  const size_t n = form.columns;
  double largest = 0;
  for (size_t c = 0; c < n; ++c) largest = std::max(largest, std::abs(form.quadratic[c * n + c]));
  for (double shift = kMargin * largest; shift > 0; shift *= 10) {
    for (size_t c = 0; c < n; ++c) form.quadratic[c * n + c] += 2 * shift;
    if (HasCholeskyFactor(n, form.quadratic, shift, stop)) break;
    if (stop()) return std::nullopt;
  }
  SetLinear(form);
  return form;
}

// Takes half the diagonal off the losses of the choices.
void Convexifier::SetLinear(ConvexForm& form) const {
  form.linear.clear();
  const auto components = static_cast<size_t>(problem_.components);
  for (size_t v = 0; v < blocks_.size(); ++v) {
    for (size_t o = 0; o < Choices(v); ++o) {
      const size_t c = cross_.first[v] + o;
      form.linear.push_back(problem_.values[v][o * components] -
                            0.5 * form.quadratic[c * form.columns + c]);
    }
  }
}

}  // namespace halftone
