#include "search/solver/lagrangian.h"

#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "base/infinity.h"

namespace halftone {
namespace {

// A column of the master problem: minimize price * x, subject to one equation per limit (with a
// slack and an artificial column each) and convexity.
struct Column {
  double price = 0;
  std::vector<double> rows;
  Selection selection = {};  // empty: a slack or artificial one
};

// Of the largest element of a basis: a smaller pivot is rounding.
constexpr double kSmallestPivot = 1e-14;

// The restricted master problem in its current basis.
class Master {
 public:
  Master(const CompactProblem& problem, double penalty, Column first)
      : limits_(problem.limit.size()), penalty_(penalty), right_(problem.limit) {
    right_.push_back(1);
    for (size_t k = 0; k < limits_; ++k) {
      Column column{0, std::vector<double>(limits_ + 1, 0.0), {}};
      const bool exceeded = first.rows[k] > right_[k];
      column.rows[k] = exceeded ? -1 : 1;
      column.price = exceeded ? penalty_ : 0;
      basis_.push_back(std::move(column));
    }
    basis_.push_back(std::move(first));
    Factor();
  }

  // Multipliers of the limits and of convexity: the equations' prices. False, and they are of no
  // use, if the basis has become singular.
  bool Price() {
    if (is_singular_) return false;
    Eigen::VectorXd prices(Size());
    for (Eigen::Index c = 0; c < Size(); ++c) prices[c] = basis_[static_cast<size_t>(c)].price;
    dual_ = factors_.transpose().solve(prices);
    return dual_.allFinite();
  }

  // The basis' selections by their parts.
  std::vector<MixedSelection> Mixture() const {
    std::vector<MixedSelection> mixture;
    if (is_singular_) return mixture;
    const Eigen::VectorXd parts = factors_.solve(AsVector(right_));
    for (size_t i = 0; i < basis_.size(); ++i) {
      const double part = parts[static_cast<Eigen::Index>(i)];
      if (part > 0 && !basis_[i].selection.empty()) mixture.push_back({part, basis_[i].selection});
    }
    return mixture;
  }

  double lambda(size_t limit) const { return -dual_[static_cast<Eigen::Index>(limit)]; }
  double ReducedPrice(const Column& column) const {
    return column.price - dual_.dot(AsVector(column.rows));
  }

  // The slack or artificial column that improves the master the most, if one does.
  std::optional<Column> PriceSlacks() const {
    std::optional<Column> best;
    double least = -1e-12 * std::max(1.0, penalty_);
    for (size_t k = 0; k < limits_; ++k) {
      for (const double sign : {1.0, -1.0}) {
        Column column{sign > 0 ? 0 : penalty_, std::vector<double>(limits_ + 1, 0.0), {}};
        column.rows[k] = sign;
        const double price = ReducedPrice(column);
        if (price < least) {
          least = price;
          best = std::move(column);
        }
      }
    }
    return best;
  }

  // Brings a column into the basis. False when numbers do not allow it.
  bool Enter(Column column) {
    if (is_singular_) return false;
    const Eigen::VectorXd values = factors_.solve(AsVector(right_));
    const Eigen::VectorXd direction = factors_.solve(AsVector(column.rows));
    Eigen::Index leaves = Size();
    double least = kInfinity;
    for (Eigen::Index i = 0; i < Size(); ++i) {
      if (direction[i] <= 1e-12) continue;
      const double ratio = std::max(0.0, values[i]) / direction[i];
      if (ratio < least) {
        least = ratio;
        leaves = i;
      }
    }
    if (leaves == Size()) return false;
    basis_[static_cast<size_t>(leaves)] = std::move(column);
    Factor();
    return true;
  }

 private:
  static Eigen::Map<const Eigen::VectorXd> AsVector(const std::vector<double>& values) {
    return {values.data(), static_cast<Eigen::Index>(values.size())};
  }
  Eigen::Index Size() const { return static_cast<Eigen::Index>(basis_.size()); }

  void Factor() {
    Eigen::MatrixXd matrix(Size(), Size());
    for (Eigen::Index c = 0; c < Size(); ++c) {
      matrix.col(c) = AsVector(basis_[static_cast<size_t>(c)].rows);
    }
    factors_.compute(matrix);
    const double least = factors_.matrixLU().diagonal().cwiseAbs().minCoeff();
    is_singular_ = !(least > kSmallestPivot * matrix.cwiseAbs().maxCoeff());
  }

  size_t limits_;
  double penalty_;
  std::vector<double> right_;
  std::vector<Column> basis_;
  Eigen::PartialPivLU<Eigen::MatrixXd> factors_;  // of the basis, unless it is singular
  bool is_singular_ = false;
  Eigen::VectorXd dual_;
};

}  // namespace

double LagrangianBound(const CompactProblem& problem, const Elimination::Tables& tables) {
  double bound = tables.minimum;
  for (size_t k = 0; k < problem.limit.size(); ++k) {
    bound -= tables.weights[k + 1] * problem.limit[k];
  }
  return bound;
}

bool CanBound(const CompactProblem& problem, absl::Span<const double> weights) {
  const std::vector<double> reach = ReachOf(problem);
  if (weights.size() != reach.size()) return false;
  for (size_t c = 0; c < weights.size(); ++c) {
    if (!(weights[c] >= 0 && weights[c] <= kMostWeighted &&
          weights[c] * reach[c] <= kMostWeighted)) {
      return false;
    }
  }
  return true;
}

Multipliers MaximizeLagrangian(const CompactProblem& problem, const Elimination& elimination,
                               const LagrangianOptions& options, Stop& stop,
                               const std::function<void(const Selection&)>& visit) {
  const size_t limits = problem.limit.size();
  Multipliers best;
  best.bound = -kInfinity;
  std::vector<uint16_t> choices(problem.choices.size());

  // Solves the subproblem for these weights; gives its selection as a column.
  const auto generate = [&](const std::vector<double>& weights) {
    const Elimination::Tables tables = elimination.Minimize(weights);
    const double bound = LagrangianBound(problem, tables);
    if (bound > best.bound) best = {weights, bound, {}};
    elimination.Complete(tables, 0, absl::MakeSpan(choices));
    const Selection selection(choices.begin(), choices.end());
    visit(selection);
    const std::vector<double> totals = problem.Evaluate(selection);
    Column column{options.loss_weight * totals[0], {totals.begin() + 1, totals.end()}, selection};
    column.rows.push_back(1);
    return column;
  };

  std::vector<double> weights(limits + 1, 0.0);
  weights[0] = options.loss_weight;
  Master master(problem, options.penalty, generate(weights));
  for (int i = 0; limits > 0 && i < options.max_iterations && !stop(); ++i) {
    if (!master.Price()) break;
    if (std::optional<Column> slack = master.PriceSlacks(); slack.has_value()) {
      if (!master.Enter(std::move(*slack))) break;
      continue;
    }
    for (size_t k = 0; k < limits; ++k) {
      weights[k + 1] = std::clamp(master.lambda(k), 0.0, options.penalty);
    }
    Column column = generate(weights);
    const double price = master.ReducedPrice(column);
    if (price >= -1e-12 * std::max(std::abs(column.price), std::abs(best.bound))) break;
    if (!master.Enter(std::move(column))) break;
  }
  best.mixture = master.Mixture();
  return best;
}

}  // namespace halftone
