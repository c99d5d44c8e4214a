#include "search/refine/pair_rows.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "Eigen/Core"
#include "base/status_macros.h"

namespace halftone {
namespace {

// What the rounding of correlations to floats leaves of a diagonal of ones.
constexpr double kRounding = 1e-6;
// A correlation that the rows do not give back to this is no rounding: there is a negative
// eigenvalue.
constexpr double kIndefinite = 1e-3;
// Columns that are compared at a time.
constexpr Eigen::Index kBlock = 64;

// The Gram matrix, and what makes correlations of it; those of columns of zeros are zero.
class Correlations {
 public:
  Correlations(absl::Span<const float> gram, Eigen::Index columns)
      : gram_(gram.data(), columns, columns),
        scale_(gram_.diagonal().cast<double>().cwiseMax(0).cwiseSqrt()),
        inverse_((scale_.array() > 0).select(scale_.array().inverse(), 0)) {}

  const Eigen::VectorXd& scale() const { return scale_; }
  Eigen::VectorXd Diagonal() const { return (scale_.array() > 0).cast<double>(); }
  Eigen::MatrixXd Columns(Eigen::Index first, Eigen::Index count) const {
    return inverse_.matrix().asDiagonal() * gram_.middleCols(first, count).cast<double>() *
           inverse_.segment(first, count).matrix().asDiagonal();
  }

 private:
  const Eigen::Map<const Eigen::MatrixXf> gram_;  // symmetric
  const Eigen::VectorXd scale_;
  const Eigen::ArrayXd inverse_;
};

// F with F F' = the correlations up to rounding, if they are positive semi-definite: as many
// columns as their rank.
absl::StatusOr<Eigen::MatrixXd> FactorOf(const Correlations& correlations,
                                         const Cancellation& cancellation) {
  Eigen::VectorXd left = correlations.Diagonal();
  const Eigen::Index n = left.size();
  Eigen::MatrixXd factor(n, n);
  Eigen::Index rank = 0;
  for (; rank < n; ++rank) {
    HT_RETURN_IF_ERROR(cancellation.Check());
    Eigen::Index pivot = 0;
    const double largest = left.maxCoeff(&pivot);
    if (largest <= kRounding) break;
    Eigen::VectorXd column = correlations.Columns(pivot, 1);
    column.noalias() -= factor.leftCols(rank) * factor.row(pivot).head(rank).transpose();
    column /= std::sqrt(largest);
    left -= column.cwiseAbs2();
    left[pivot] = 0;
    factor.col(rank) = column;
  }
  factor.conservativeResize(n, rank);
  return factor;
}

absl::StatusOr<bool> GivesBack(const Eigen::MatrixXd& factor, const Correlations& correlations,
                               const Cancellation& cancellation) {
  const Eigen::Index n = factor.rows();
  for (Eigen::Index first = 0; first < n; first += kBlock) {
    HT_RETURN_IF_ERROR(cancellation.Check());
    const Eigen::Index count = std::min(kBlock, n - first);
    Eigen::MatrixXd rest = correlations.Columns(first, count);
    rest.noalias() -= factor * factor.middleRows(first, count).transpose();
    // Also where it is not a number.
    if (!(rest.cwiseAbs().maxCoeff() <= kIndefinite)) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<std::optional<Problem::InteractionRows>> FactorPairs(
    const Problem& problem, absl::Span<const float> gram, const Cancellation& cancellation) {
  Problem::InteractionRows pairs;
  for (const Problem::Layer& layer : problem.layers) {
    for (const Problem::Choice& choice : layer.choices) {
      pairs.choices.emplace_back(layer.name, choice.name);
    }
  }
  const size_t columns = pairs.choices.size();
  if (columns == 0 || gram.size() != columns * columns) return std::nullopt;
  const Correlations correlations(gram, static_cast<Eigen::Index>(columns));
  HT_ASSIGN_OR_RETURN(const Eigen::MatrixXd factor, FactorOf(correlations, cancellation));
  HT_ASSIGN_OR_RETURN(const bool is_gram, GivesBack(factor, correlations, cancellation));
  if (!is_gram) return std::nullopt;
  for (Eigen::Index r = 0; r < factor.cols(); ++r) {
    const Eigen::VectorXd row = correlations.scale().cwiseProduct(factor.col(r));
    pairs.rows.emplace_back(row.begin(), row.end());
  }
  return pairs;
}

}  // namespace halftone
