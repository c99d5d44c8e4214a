#include "search/solver/convexify.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

#include "search/solver/dense.h"

namespace halftone {
namespace {

// Share of an even spread over all choices in the fractions whose covariance is weighed: the
// minimum moves when the blocks change.
constexpr double kSpread = 0.05;
// Weight of the direction in which a variable's fractions add up to other than one: it never
// counts, so that it need only be kept from being free.
constexpr double kSumWeight = 1e-3;
// Added to the diagonal at first, relative to it.
constexpr double kFirstMargin = 0.1;
// The first barrier, relative to the mean curvature: from blocks that are known, which are good
// already, and from diagonal dominance, which is far from good. What a sweep multiplies it by.
constexpr double kBarrierAtKnown = 0.02;
constexpr double kBarrierAtDominance = 0.1;
constexpr double kBarrierFall = 0.8;
// Weight of the latest covariances in their mean.
constexpr double kLatest = 0.35;
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

double LargestDiagonal(const ConvexForm& form) {
  double largest = 0;
  for (size_t c = 0; c < form.columns; ++c) largest = std::max(largest, std::abs(form.Row(c)[c]));
  return largest;
}

}  // namespace

Convexifier::Convexifier(const CompactProblem& problem)
    : problem_(&problem),
      cross_(problem.cross.get()),
      blocks_(cross_->within),
      relative_barrier_(kBarrierAtKnown) {
  for (size_t v = 0; v < blocks_.size(); ++v) {
    if (blocks_[v].empty()) {
      StartFromDominance();
      return;
    }
    MatrixMap block = BlockMap(blocks_[v]);
    block.diagonal().array() += kFirstMargin * block.diagonal().mean();
  }
}

bool Convexifier::Invert(Stop& stop) {
  if (WithBlocks(blocks_, inverse_, stop) &&
      InvertPositiveDefinite(cross_->columns(), inverse_, stop)) {
    return true;
  }
  inverse_.clear();
  return false;
}

// Whether the inverse is known. Blocks that were no good to start from are replaced.
bool Convexifier::IsReady(Stop& stop) {
  if (is_lost_) return false;
  if (!inverse_.empty() || Invert(stop)) return true;
  if (stop.stopped()) return false;
  if (covariances_.empty()) {
    StartFromDominance();
    if (Invert(stop)) return true;
  }
  is_lost_ = !stop.stopped();
  return false;
}

// Diagonal entries above the sum of their rows.
void Convexifier::StartFromDominance() {
  relative_barrier_ = kBarrierAtDominance;
  double largest = 0;
  for (double value : cross_->values) largest = std::max(largest, std::abs(value));
  for (size_t v = 0; v < blocks_.size(); ++v) {
    const size_t n = Choices(v);
    blocks_[v].assign(n * n, 0.0);
    for (size_t o = 0; o < n; ++o) {
      const double* row = cross_->Row(cross_->first[v] + o);
      double sum = 0;
      for (size_t c = 0; c < cross_->columns(); ++c) sum += std::abs(row[c]);
      blocks_[v][o * n + o] = 1.01 * sum + 1e-6 * largest;
    }
  }
}

// The objective of the semidefinite program, per column.
double Convexifier::MeanCurvature() const {
  double sum = 0;
  for (size_t v = 0; v < blocks_.size(); ++v) {
    for (size_t i = 0; i < blocks_[v].size(); ++i) sum += covariances_[v][i] * blocks_[v][i];
  }
  return std::max(sum, 0.0) / static_cast<double>(cross_->columns());
}

void Convexifier::Remember(const std::vector<double>& x) {
  const bool is_first = covariances_.empty();
  if (is_first) covariances_ = blocks_;
  for (size_t v = 0; v < blocks_.size(); ++v) {
    const Matrix latest = Covariance(x.data() + cross_->first[v], Choices(v));
    MatrixMap mean = BlockMap(covariances_[v]);
    mean = is_first ? latest : (1 - kLatest) * mean + kLatest * latest;
  }
  if (is_first) barrier_ = relative_barrier_ * MeanCurvature();
}

bool Convexifier::Improve(const std::vector<double>& x, Stop& stop) {
  if (!IsReady(stop)) return false;
  Remember(x);
  if (!(barrier_ > 0)) return false;
  const std::vector<std::vector<double>> before = blocks_;
  if (!Sweep(stop)) {
    blocks_ = before;
    is_lost_ = true;
    return false;
  }
  barrier_ *= kBarrierFall;
  return true;
}

void Convexifier::Keep(const CompactProblem& problem, const std::vector<std::vector<char>>& keep) {
  const auto kept = [&](std::vector<std::vector<double>>& blocks) {
    std::vector<std::vector<double>> all;
    for (size_t v = 0; v < blocks.size(); ++v) {
      const size_t n = keep[v].size();
      std::vector<double> block;
      for (size_t i = 0; i < n * n; ++i) {
        if (keep[v][i / n] && keep[v][i % n]) block.push_back(blocks[v][i]);
      }
      if (block.size() > 1) all.push_back(std::move(block));
    }
    blocks = std::move(all);
  };
  kept(blocks_);
  kept(covariances_);
  problem_ = &problem;
  cross_ = problem.cross.get();
  inverse_.clear();
  is_lost_ = false;
}

// False when rounding has spoilt the inverse, or when stopped.
bool Convexifier::Sweep(Stop& stop) {
  for (size_t v = 0; v < blocks_.size(); ++v) {
    if (stop() || !UpdateBlock(v, stop)) return false;
    for (double value : blocks_[v]) {
      if (!std::isfinite(value)) return false;
    }
  }
  return true;
}

bool Convexifier::UpdateBlock(size_t v, Stop& stop) {
  const size_t n = Choices(v), columns = cross_->columns(), first = cross_->first[v];
  const MatrixMap covariance = BlockMap(covariances_[v]);
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
  BlockMap(blocks_[v]) += barrier_ * spread.solve(unit) - schur;
  // inverse += R' P R with R the block's rows of it: the Woodbury identity, with the block's new
  // inverse known to be covariance / barrier.
  const Matrix change = schur * covariance * schur / barrier_ - schur;
  std::vector<double> changed(rows.size());
  Eigen::Map<Matrix>(changed.data(), Eigen::Index(columns), Eigen::Index(n)).noalias() =
      block_rows * change;
  return AddSymmetricProduct(columns, rows, changed, inverse_, stop);
}

bool Convexifier::WithBlocks(const std::vector<std::vector<double>>& blocks,
                             std::vector<double>& matrix, Stop& stop) const {
  if (!Copy(cross_->values, matrix, stop)) return false;
  for (size_t v = 0; v < blocks.size(); ++v) {
    const size_t n = Choices(v), first = cross_->first[v];
    for (size_t o = 0; o < n; ++o) {
      std::copy_n(blocks[v].data() + o * n, n,
                  matrix.data() + (first + o) * cross_->columns() + first);
    }
  }
  return true;
}

// Adds twice the shift to the diagonal; whether half of that can be missed.
bool Convexifier::HasRoomFor(double shift, ConvexForm& form, Stop& stop) {
  const size_t n = form.columns;
  for (size_t c = 0; c < n; ++c) form.quadratic[c * n + c] += 2 * shift;
  return Copy(form.quadratic, scratch_, stop) && HasCholeskyFactor(n, scratch_, shift, stop);
}

bool Convexifier::Take(ConvexForm& form, Stop& stop) {
  if (covariances_.empty()) IsReady(stop);  // the blocks may have to be replaced
  form.columns = cross_->columns();
  if (!WithBlocks(blocks_, form.quadratic, stop)) return false;
  for (double shift = kMargin * LargestDiagonal(form); shift > 0; shift *= 10) {
    if (HasRoomFor(shift, form, stop)) break;
    if (stop.stopped()) return false;
  }
  SetLinear(form);
  return true;
}

bool Convexifier::TakeKnown(ConvexForm& form, Stop& stop) {
  for (const std::vector<double>& block : cross_->within) {
    if (block.empty()) return false;
  }
  form.columns = cross_->columns();
  if (!WithBlocks(cross_->within, form.quadratic, stop)) return false;
  const double shift = kMargin * LargestDiagonal(form);
  if (shift > 0 && !HasRoomFor(shift, form, stop)) return false;
  SetLinear(form);
  return true;
}

// Takes half the diagonal off the losses of the choices.
void Convexifier::SetLinear(ConvexForm& form) const {
  form.linear.clear();
  const auto components = static_cast<size_t>(problem_->components);
  for (size_t v = 0; v < blocks_.size(); ++v) {
    for (size_t o = 0; o < Choices(v); ++o) {
      const size_t c = cross_->first[v] + o;
      form.linear.push_back(problem_->values[v][o * components] -
                            0.5 * form.quadratic[c * form.columns + c]);
    }
  }
}

}  // namespace halftone
