#include "search/solver/dense.h"

#include <Eigen/Cholesky>
#include <algorithm>

namespace halftone {
namespace {

// To Eigen, whose matrices are stored column after column, what is above the diagonal is below it.
using Matrix = Eigen::MatrixXd;
using MatrixMap = Eigen::Map<Matrix>;
using Eigen::Index;
using Eigen::Lower;

// Pivots that are eliminated at once.
constexpr Index kPivots = 128;
// Operations between two questions whether to stop: some hundredths of a second.
constexpr double kPiece = 3e8;

MatrixMap MapOf(size_t n, std::vector<double>& matrix) {
  return {matrix.data(), static_cast<Index>(n), static_cast<Index>(n)};
}

// matrix += left right',  a product that is known to be symmetric, on and below the diagonal. False
// when stopped.
template <typename Left, typename Right, typename Symmetric>
bool AddProduct(const Left& left, const Right& right, Symmetric&& matrix, Stop& stop) {
  const Index n = matrix.rows();
  const double column = 2 * double(n) * double(left.cols());
  const auto most = static_cast<Index>(std::clamp(kPiece / std::max(column, 1.0), 8.0, 256.0));
  for (Index begin = 0, width; begin < n; begin += width) {
    if (stop()) return false;
    width = std::min(most, n - begin);
    const Index below = n - begin - width;
    const auto factor = right.middleRows(begin, width).transpose();
    matrix.block(begin, begin, width, width).template triangularView<Lower>() +=
        left.middleRows(begin, width) * factor;
    matrix.block(begin + width, begin, below, width).noalias() += left.bottomRows(below) * factor;
  }
  return true;
}

// The columns from `begin` on of a symmetric matrix, in full.
Matrix FullColumns(const MatrixMap& matrix, Index begin, Index width) {
  const Index end = begin + width, below = matrix.rows() - end;
  Matrix columns(matrix.rows(), width);
  columns.topRows(begin) = matrix.block(begin, 0, width, begin).transpose();
  columns.middleRows(begin, width) =
      matrix.block(begin, begin, width, width).selfadjointView<Lower>();
  columns.bottomRows(below) = matrix.block(end, begin, below, width);
  return columns;
}

}  // namespace

// The symmetric sweep operator (Goodnight, The American Statistician 33, 1979) for a block of
// pivots at a time: sweeping all of them leaves the negative of the inverse.
bool InvertPositiveDefinite(size_t n, std::vector<double>& values, Stop& stop) {
  MatrixMap matrix = MapOf(n, values);
  for (Index begin = 0, width; begin < matrix.rows(); begin += width) {
    width = std::min(kPivots, matrix.rows() - begin);
    const Index end = begin + width, below = matrix.rows() - end;
    const Eigen::LLT<Matrix> pivots(matrix.block(begin, begin, width, width));
    if (pivots.info() != Eigen::Success) return false;
    const Matrix inverse = pivots.solve(Matrix::Identity(width, width));
    const Matrix columns = FullColumns(matrix, begin, width);
    const Matrix solved = columns * inverse;
    if (!AddProduct(-columns, solved, matrix, stop)) return false;
    matrix.block(begin, 0, width, begin) = solved.topRows(begin).transpose();
    matrix.block(begin, begin, width, width) = -inverse;
    matrix.block(end, begin, below, width) = solved.bottomRows(below);
  }
  matrix.triangularView<Lower>() = -matrix;
  return true;
}

bool HasCholeskyFactor(size_t n, std::vector<double>& values, double pivot, Stop& stop) {
  MatrixMap matrix = MapOf(n, values);
  for (Index begin = 0, width; begin < matrix.rows(); begin += width) {
    width = std::min(kPivots, matrix.rows() - begin);
    const Index below = matrix.rows() - begin - width;
    Eigen::Ref<Matrix> pivots = matrix.block(begin, begin, width, width);
    const Eigen::LLT<Eigen::Ref<Matrix>> factor(pivots);
    if (factor.info() != Eigen::Success) return false;
    if (!(pivots.diagonal().array().square().minCoeff() >= pivot)) return false;
    auto rest = matrix.block(begin + width, begin, below, width);
    pivots.triangularView<Lower>().transpose().solveInPlace<Eigen::OnTheRight>(rest);
    if (!AddProduct(-rest, rest, matrix.bottomRightCorner(below, below), stop)) return false;
  }
  return true;
}

bool AddSymmetricProduct(size_t n, const std::vector<double>& left,
                         const std::vector<double>& right, std::vector<double>& values,
                         Stop& stop) {
  if (n == 0) return true;
  const auto size = static_cast<Index>(n), rows = static_cast<Index>(left.size() / n);
  return AddProduct(Eigen::Map<const Matrix>(left.data(), size, rows),
                    Eigen::Map<const Matrix>(right.data(), size, rows), MapOf(n, values), stop);
}

bool Copy(const std::vector<double>& from, std::vector<double>& to, Stop& stop) {
  constexpr size_t kNumbers = 1 << 20;
  to.clear();
  to.reserve(from.size());
  for (auto begin = from.begin(); begin != from.end();) {
    if (stop()) return false;
    const auto left = static_cast<size_t>(from.end() - begin);
    const auto end = begin + static_cast<std::ptrdiff_t>(std::min(kNumbers, left));
    to.insert(to.end(), begin, end);
    begin = end;
  }
  return true;
}

// Tile by tile, so that what is read down a column stays in the cache.
void Mirror(size_t n, std::vector<double>& matrix) {
  constexpr size_t kTile = 32;
  for (size_t top = 0; top < n; top += kTile) {
    for (size_t left = top; left < n; left += kTile) {
      for (size_t i = top; i < std::min(n, top + kTile); ++i) {
        for (size_t j = std::max(i + 1, left); j < std::min(n, left + kTile); ++j) {
          matrix[j * n + i] = matrix[i * n + j];
        }
      }
    }
  }
}

}  // namespace halftone
