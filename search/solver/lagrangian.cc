#include "search/solver/lagrangian.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

namespace halftone {
namespace {

// Far above what any loss is, far below what overflows.
constexpr double kMostWeighted = 1e200;

// A column of the master problem: minimize price * x, subject to one equation per limit (with a
// slack and an artificial column each) and convexity.
struct Column {
  double price = 0;
  std::vector<double> rows;
};

// Solves M x = b by Gaussian elimination with row pivoting; nothing when M is singular.
std::optional<std::vector<double>> SolveLinear(std::vector<std::vector<double>> m,
                                               std::vector<double> b) {
  const size_t n = b.size();
  for (size_t i = 0; i < n; ++i) {
    size_t pivot = i;
    for (size_t r = i + 1; r < n; ++r) {
      if (std::abs(m[r][i]) > std::abs(m[pivot][i])) pivot = r;
    }
    if (std::abs(m[pivot][i]) < 1e-14) return std::nullopt;
    std::swap(m[i], m[pivot]);
    std::swap(b[i], b[pivot]);
    for (size_t r = 0; r < n; ++r) {
      if (r == i || m[r][i] == 0) continue;
      const double factor = m[r][i] / m[i][i];
      for (size_t c = i; c < n; ++c) m[r][c] -= factor * m[i][c];
      b[r] -= factor * b[i];
    }
  }
  for (size_t i = 0; i < n; ++i) b[i] /= m[i][i];
  return b;
}

// The restricted master problem in its current basis.
class Master {
 public:
  Master(const CompactProblem& problem, double penalty, Column first)
      : limits_(problem.limit.size()), penalty_(penalty), right_(problem.limit) {
    right_.push_back(1);
    for (size_t k = 0; k < limits_; ++k) {
      Column column{0, std::vector<double>(limits_ + 1, 0.0)};
      const bool exceeded = first.rows[k] > right_[k];
      column.rows[k] = exceeded ? -1 : 1;
      column.price = exceeded ? penalty_ : 0;
      basis_.push_back(std::move(column));
    }
    basis_.push_back(std::move(first));
  }

  // Multipliers of the limits and of convexity: the equations' prices. False, and they are of no
  // use, if the basis has become singular.
  bool Price() {
    std::vector<std::vector<double>> transposed;
    std::vector<double> prices;
    for (const Column& column : basis_) {
      transposed.push_back(column.rows);
      prices.push_back(column.price);
    }
    const auto dual = SolveLinear(std::move(transposed), std::move(prices));
    if (!dual.has_value()) return false;
    dual_ = *dual;
    return std::all_of(dual_.begin(), dual_.end(),
                       [](double value) { return std::isfinite(value); });
  }

  double lambda(size_t limit) const { return -dual_[limit]; }
  double ReducedPrice(const Column& column) const {
    double price = column.price;
    for (size_t r = 0; r < dual_.size(); ++r) price -= dual_[r] * column.rows[r];
    return price;
  }

  // The slack or artificial column that improves the master the most, if one does.
  std::optional<Column> PriceSlacks() const {
    std::optional<Column> best;
    double least = -1e-12 * std::max(1.0, penalty_);
    for (size_t k = 0; k < limits_; ++k) {
      for (const double sign : {1.0, -1.0}) {
        Column column{sign > 0 ? 0 : penalty_, std::vector<double>(limits_ + 1, 0.0)};
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
    const size_t n = basis_.size();
    std::vector<std::vector<double>> matrix(n, std::vector<double>(n));
    for (size_t r = 0; r < n; ++r) {
      for (size_t c = 0; c < n; ++c) matrix[r][c] = basis_[c].rows[r];
    }
    const auto values = SolveLinear(matrix, right_);
    const auto direction = SolveLinear(std::move(matrix), column.rows);
    if (!values.has_value() || !direction.has_value()) return false;
    size_t leaves = n;
    double least = std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < n; ++i) {
      if ((*direction)[i] <= 1e-12) continue;
      const double ratio = std::max(0.0, (*values)[i]) / (*direction)[i];
      if (ratio < least) {
        least = ratio;
        leaves = i;
      }
    }
    if (leaves == n) return false;
    basis_[leaves] = std::move(column);
    return true;
  }

 private:
  size_t limits_;
  double penalty_;
  std::vector<double> right_;
  std::vector<Column> basis_;
  std::vector<double> dual_;
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
  const Extremes extremes = ExtremesOf(problem);
  if (weights.size() != extremes.most.size()) return false;
  for (size_t c = 0; c < weights.size(); ++c) {
    double reach = std::max(std::abs(extremes.least[c]), std::abs(extremes.most[c]));
    if (c > 0) reach = std::max(reach, std::abs(problem.limit[c - 1]));
    if (!(weights[c] >= 0 && weights[c] <= kMostWeighted && weights[c] * reach <= kMostWeighted)) {
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
  best.bound = -std::numeric_limits<double>::infinity();
  std::vector<uint16_t> choices(problem.choices.size());

  // Solves the subproblem for these weights; gives its selection as a column.
  const auto generate = [&](const std::vector<double>& weights) {
    const Elimination::Tables tables = elimination.Minimize(weights);
    const double bound = LagrangianBound(problem, tables);
    if (bound > best.bound) best = {weights, bound};
    elimination.Complete(tables, 0, absl::MakeSpan(choices));
    const Selection selection(choices.begin(), choices.end());
    visit(selection);
    const std::vector<double> totals = problem.Evaluate(selection);
    Column column{options.loss_weight * totals[0], {totals.begin() + 1, totals.end()}};
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
  return best;
}

}  // namespace halftone
