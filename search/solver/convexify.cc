#include "search/solver/convexify.h"

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

// The covariance of one choice drawn with (nearly) these probabilities.
std::vector<double> Covariance(const double* x, size_t n) {
  std::vector<double> share(n);
  const double even = 1.0 / static_cast<double>(n);
  for (size_t o = 0; o < n; ++o) share[o] = (1 - kSpread) * x[o] + kSpread * even;
  std::vector<double> covariance(n * n);
  for (size_t o = 0; o < n; ++o) {
    for (size_t p = 0; p < n; ++p) {
      covariance[o * n + p] =
          (o == p ? share[o] : 0.0) - share[o] * share[p] + kSumWeight * even * even;
    }
  }
  return covariance;
}

}  // namespace

Convexifier::Convexifier(const CompactProblem& problem)
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
  if (known) Invert();
  if (inverse_.empty()) {
    StartFromDominance();
    Invert();
  }
}

void Convexifier::Invert() {
  inverse_ = Matrix();
  if (!InvertPositiveDefinite(cross_.columns(), inverse_)) inverse_.clear();
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

std::vector<double> Convexifier::Matrix() const {
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
    const std::vector<double> covariance = Covariance(x.data() + cross_.first[v], Choices(v));
    for (size_t i = 0; i < covariance.size(); ++i) sum += covariance[i] * blocks_[v][i];
  }
  return std::max(sum, 0.0) / static_cast<double>(cross_.columns());
}

void Convexifier::Improve(const std::vector<double>& x, int sweeps, Stop& stop) {
  double barrier = 0.5 * MeanCurvature(x);
  for (int i = 0; i < sweeps && barrier > 0 && !inverse_.empty() && !stop(); ++i) {
    const std::vector<std::vector<double>> before = blocks_;
    if (!Sweep(x, barrier, stop)) {
      blocks_ = before;
      Invert();
      return;
    }
    barrier *= kBarrierFall;
  }
}

// False when rounding has spoilt the inverse.
bool Convexifier::Sweep(const std::vector<double>& x, double barrier, Stop& stop) {
  for (size_t v = 0; v < blocks_.size() && !stop(); ++v) {
    if (!UpdateBlock(v, x, barrier)) return false;
    for (double value : blocks_[v]) {
      if (!std::isfinite(value)) return false;
    }
  }
  return true;
}

bool Convexifier::UpdateBlock(size_t v, const std::vector<double>& x, double barrier) {
  const size_t n = Choices(v), columns = cross_.columns(), first = cross_.first[v];
  const std::vector<double> covariance = Covariance(x.data() + first, n);
  std::vector<double> optimum = covariance;  // to become barrier * covariance^-1
  std::vector<double> schur(n * n);          // to become block - what the others take up of it
  for (size_t o = 0; o < n; ++o) {
    std::copy_n(inverse_.data() + (first + o) * columns + first, n, schur.data() + o * n);
  }
  if (!InvertPositiveDefinite(n, optimum) || !InvertPositiveDefinite(n, schur)) return false;
  for (size_t i = 0; i < n * n; ++i) blocks_[v][i] += barrier * optimum[i] - schur[i];
  // inverse += R' P R with R the block's rows of it: the Woodbury identity, with the block's new
  // inverse known to be covariance / barrier.
  std::vector<double> change = Multiply(n, Multiply(n, schur, covariance), schur);
  for (size_t i = 0; i < n * n; ++i) change[i] = change[i] / barrier - schur[i];
  const std::vector<double> rows(
      inverse_.begin() + static_cast<std::ptrdiff_t>(first * columns),
      inverse_.begin() + static_cast<std::ptrdiff_t>((first + n) * columns));
  std::vector<double> factors(n);
  for (size_t c = 0; c < columns; ++c) {
    std::fill(factors.begin(), factors.end(), 0.0);
    for (size_t p = 0; p < n; ++p) {
      const double entry = rows[p * columns + c];
      for (size_t o = 0; o < n; ++o) factors[o] += entry * change[p * n + o];
    }
    double* out = inverse_.data() + c * columns;
    AddScaledRows(factors.data(), n, rows.data(), columns, c, columns, out);
    for (size_t d = c + 1; d < columns; ++d) inverse_[d * columns + c] = out[d];
  }
  return true;
}

ConvexForm Convexifier::Draft() const {
  ConvexForm form;
  form.columns = cross_.columns();
  form.quadratic = Matrix();
  SetLinear(form);
  return form;
}

ConvexForm Convexifier::Take() const {
  ConvexForm form = Draft();
  const size_t n = form.columns;
  double largest = 0;
  for (size_t c = 0; c < n; ++c) largest = std::max(largest, std::abs(form.quadratic[c * n + c]));
  for (double shift = kMargin * largest; shift > 0; shift *= 10) {
    for (size_t c = 0; c < n; ++c) form.quadratic[c * n + c] += 2 * shift;
    if (HasCholeskyFactor(n, form.quadratic, shift)) break;
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
