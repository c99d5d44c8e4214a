#include "search/solver/relaxation.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/infinity.h"

namespace halftone {
namespace {

// Sweeps over all variables between updates of the multipliers.
constexpr int kSweeps = 2;
// Steps within one variable before the others are told.
constexpr int kStepsPerChoice = 2;
// Multipliers move by their own size when a limit is exceeded by the inverse of this share.
constexpr double kStiffness = 20;
// Taken off bounds for the rounding of sums, relative to what is summed.
constexpr double kRounding = 1e-13;

}  // namespace

Relaxation::Relaxation(const CompactProblem& problem, const ConvexForm& form)
    : problem_(problem),
      form_(form),
      variables_(problem.choices.size()),
      components_(static_cast<size_t>(problem.components)),
      limits_(problem.limit.size()),
      first_(problem.cross->first),
      pairs_of_(variables_),
      cost_(limits_, std::vector<double>(form.columns)),
      reach_(ReachOf(problem)),
      gradient_(form.columns),
      pair_price_(components_, std::vector<double>(form.columns)),
      total_(limits_),
      prices_(limits_),
      stiffness_(limits_) {
  for (size_t v = 0; v < variables_; ++v) {
    for (size_t c = first_[v]; c < first_[v + 1]; ++c) {
      for (size_t k = 0; k < limits_; ++k) {
        cost_[k][c] = problem.values[v][(c - first_[v]) * components_ + k + 1];
      }
    }
  }
  for (const CompactPair& pair : problem.pairs) {
    pairs_of_[size_t(pair.a)].push_back({&pair, true, size_t(pair.b)});
    pairs_of_[size_t(pair.b)].push_back({&pair, false, size_t(pair.a)});
  }
  if (problem.pairs.empty()) return;
  linear_ = problem;
  linear_.cross = nullptr;
  linear_.constant.assign(components_, 0.0);  // bounds count it themselves
  elimination_.emplace(Elimination::Plan(linear_));
}

Relaxation::Point Relaxation::Start(const std::vector<char>& allowed) const {
  Point point{std::vector<double>(form_.columns, 0.0), std::vector<double>(limits_, 0.0)};
  for (size_t v = 0; v < variables_; ++v) {
    const auto begin = allowed.begin() + static_cast<std::ptrdiff_t>(first_[v]);
    const auto end = allowed.begin() + static_cast<std::ptrdiff_t>(first_[v + 1]);
    const double share = 1.0 / static_cast<double>(std::count(begin, end, 1));
    for (size_t c = first_[v]; c < first_[v + 1]; ++c) point.x[c] = allowed[c] ? share : 0;
  }
  return point;
}

double Relaxation::Looseness(size_t variable, const std::vector<double>& x) const {
  double loose = 0;
  for (size_t a = first_[variable]; a < first_[variable + 1]; ++a) {
    if (x[a] == 0) continue;
    const double* row = form_.Row(a);
    loose += x[a] * row[a];
    for (size_t b = first_[variable]; b < first_[variable + 1]; ++b) loose -= x[a] * x[b] * row[b];
  }
  return loose;
}

double Relaxation::Distance(size_t a, size_t b) const {
  return form_.Row(a)[a] + form_.Row(b)[b] - 2 * form_.Row(a)[b];
}

// Takes fractions off forbidden columns, and makes each variable's add up to one.
void Relaxation::MoveToAllowed(Point& point) const {
  for (size_t v = 0; v < variables_; ++v) {
    double sum = 0, count = 0;
    for (size_t c = first_[v]; c < first_[v + 1]; ++c) {
      if (!allowed_[c]) point.x[c] = 0;
      sum += point.x[c];
      count += allowed_[c];
    }
    for (size_t c = first_[v]; c < first_[v + 1]; ++c) {
      if (sum > 0) {
        point.x[c] /= sum;
      } else if (allowed_[c]) {
        point.x[c] = 1 / count;
      }
    }
  }
}

void Relaxation::ComputeGradient(const std::vector<double>& x) {
  gradient_ = form_.linear;
  for (size_t a = 0; a < form_.columns; ++a) {
    if (x[a] == 0) continue;
    const double* row = form_.Row(a);
    for (size_t b = 0; b < form_.columns; ++b) gradient_[b] += x[a] * row[b];
  }
}

void Relaxation::ComputeCosts(const std::vector<double>& x) {
  for (std::vector<double>& prices : pair_price_) std::fill(prices.begin(), prices.end(), 0.0);
  for (size_t v = 0; v < variables_ && !problem_.pairs.empty(); ++v) {
    AddPairPrices(v, {x.begin() + static_cast<std::ptrdiff_t>(first_[v]),
                      x.begin() + static_cast<std::ptrdiff_t>(first_[v + 1])});
  }
  for (size_t k = 0; k < limits_; ++k) {
    total_[k] = problem_.constant[k + 1];
    for (size_t c = 0; c < form_.columns; ++c) {
      // Each pair is met at both of its ends.
      total_[k] += x[c] * (cost_[k][c] + 0.5 * pair_price_[k + 1][c]);
    }
  }
}

// Tells the neighbours by pairs that a variable's fractions have changed.
void Relaxation::AddPairPrices(size_t v, const std::vector<double>& change) {
  for (const PairAt& at : pairs_of_[v]) {
    const size_t others = first_[at.other + 1] - first_[at.other];
    for (size_t o = 0; o < change.size(); ++o) {
      if (change[o] == 0) continue;
      for (size_t p = 0; p < others; ++p) {
        const double* value = at.is_a ? problem_.PairValue(*at.pair, int(o), int(p))
                                      : problem_.PairValue(*at.pair, int(p), int(o));
        for (size_t c = 0; c < components_; ++c) {
          pair_price_[c][first_[at.other] + p] += change[o] * value[c];
        }
      }
    }
  }
}

// The derivative of the augmented Lagrangian by a limit's cost.
double Relaxation::Price(size_t limit, const Point& point) const {
  return std::max(
      0.0, point.lambda[limit] + stiffness_[limit] * (total_[limit] - problem_.limit[limit]));
}

void Relaxation::ChooseStiffness(const Point& point) {
  double range = 0;
  for (size_t v = 0; v < variables_; ++v) {
    const auto begin = gradient_.begin() + static_cast<std::ptrdiff_t>(first_[v]);
    const auto end = gradient_.begin() + static_cast<std::ptrdiff_t>(first_[v + 1]);
    range += *std::max_element(begin, end) - *std::min_element(begin, end);
  }
  for (size_t k = 0; k < limits_; ++k) {
    stiffness_[k] = kStiffness * std::max(point.lambda[k], 0.05 * range + 1e-300);
  }
}

// Moves fractions from the worst choice in use to the best one, as far as that helps.
bool Relaxation::Step(size_t v, Point& point, std::vector<double>& change) {
  for (size_t k = 0; k < limits_; ++k) prices_[k] = Price(k, point);
  const auto slope = [&](size_t c) {
    double sum = gradient_[c] + pair_price_[0][c];
    for (size_t k = 0; k < limits_; ++k) {
      sum += prices_[k] * (cost_[k][c] + pair_price_[k + 1][c]);
    }
    return sum;
  };
  size_t to = first_[v], from = first_[v];
  double least = kInfinity, most = -kInfinity;
  for (size_t c = first_[v]; c < first_[v + 1]; ++c) {
    if (!allowed_[c]) continue;
    const double here = slope(c);
    if (here < least) {
      least = here;
      to = c;
    }
    if (point.x[c] > 0 && here > most) {
      most = here;
      from = c;
    }
  }
  if (!(most > least) || from == to) return false;
  double curvature = Distance(to, from);
  for (size_t k = 0; k < limits_; ++k) {
    const double extra =
        cost_[k][to] + pair_price_[k + 1][to] - cost_[k][from] - pair_price_[k + 1][from];
    if (prices_[k] > 0 || extra > 0) curvature += stiffness_[k] * extra * extra;
  }
  double step = point.x[from];
  if (curvature > 0) step = std::min(step, (most - least) / curvature);
  if (!(step > 0)) return false;
  point.x[to] += step;
  point.x[from] = step >= point.x[from] ? 0 : point.x[from] - step;
  change[to - first_[v]] += step;
  change[from - first_[v]] -= step;
  for (size_t k = 0; k < limits_; ++k) {
    total_[k] +=
        step * (cost_[k][to] + pair_price_[k + 1][to] - cost_[k][from] - pair_price_[k + 1][from]);
  }
  const double* added = form_.Row(to);
  const double* removed = form_.Row(from);
  for (size_t c = first_[v]; c < first_[v + 1]; ++c) {
    gradient_[c] += step * (added[c] - removed[c]);
  }
  return true;
}

void Relaxation::DescendBlock(size_t v, Point& point) {
  const size_t choices = first_[v + 1] - first_[v];
  std::vector<double> change(choices, 0.0);
  bool moved = false;
  for (size_t i = 0; i < kStepsPerChoice * choices && Step(v, point, change); ++i) moved = true;
  if (!moved) return;
  AddPairPrices(v, change);
  for (size_t o = 0; o < choices; ++o) {
    if (change[o] == 0) continue;
    const double* row = form_.Row(first_[v] + o);
    for (size_t c = 0; c < first_[v]; ++c) gradient_[c] += change[o] * row[c];
    for (size_t c = first_[v + 1]; c < form_.columns; ++c) gradient_[c] += change[o] * row[c];
  }
}

// The pairs priced by the multipliers, the rest as priced.
Elimination::Tables Relaxation::MinimizePairs(const Bound& bound,
                                              const std::vector<double>& lambda) {
  std::vector<double> weights = {1};
  weights.insert(weights.end(), lambda.begin(), lambda.end());
  for (size_t v = 0; v < variables_; ++v) {
    for (size_t c = first_[v]; c < first_[v + 1]; ++c) {
      double* value = linear_.values[v].data() + (c - first_[v]) * components_;
      std::fill(value, value + components_, 0.0);
      value[0] = allowed_[c] ? bound.priced[c] : kInfinity;
    }
  }
  return elimination_->Minimize(weights);
}

// What cannot bound becomes 0, which can.
std::vector<double> Relaxation::Usable(std::vector<double> lambda) const {
  for (size_t k = 0; k < limits_; ++k) {
    if (!(lambda[k] >= 0 && lambda[k] * reach_[k + 1] <= kMostWeighted)) lambda[k] = 0;
  }
  return lambda;
}

Relaxation::Bound Relaxation::Certify(const std::vector<double>& x,
                                      const std::vector<double>& multipliers, bool each_column) {
  Bound bound;
  bound.lambda = Usable(multipliers);
  const std::vector<double>& lambda = bound.lambda;
  bound.priced = gradient_;
  double curved = 0;  // x' quadratic x
  double magnitude = std::abs(problem_.constant[0]);
  for (size_t c = 0; c < form_.columns; ++c) {
    curved += x[c] * (gradient_[c] - form_.linear[c]);
    magnitude += x[c] * (std::abs(gradient_[c]) + form_.Row(c)[c]);
    for (size_t k = 0; k < limits_; ++k) bound.priced[c] += lambda[k] * cost_[k][c];
  }
  bound.linear_constant = problem_.constant[0] - 0.5 * curved;
  for (size_t k = 0; k < limits_; ++k) {
    bound.linear_constant += lambda[k] * (problem_.constant[k + 1] - problem_.limit[k]);
    magnitude += lambda[k] * std::abs(problem_.limit[k]);
  }
  bound.linear_constant -= kRounding * magnitude;
  bound.reduced.assign(form_.columns, 0.0);
  if (elimination_.has_value()) {
    const Elimination::Tables tables = MinimizePairs(bound, lambda);
    bound.loss = bound.linear_constant + tables.minimum;
    if (!each_column) return bound;
    const std::vector<std::vector<double>> minima = elimination_->MinimaGiven(tables);
    for (size_t v = 0; v < variables_; ++v) {
      for (size_t c = first_[v]; c < first_[v + 1]; ++c) {
        if (allowed_[c]) bound.reduced[c] = minima[v][c - first_[v]] - tables.minimum;
      }
    }
    return bound;
  }
  bound.loss = bound.linear_constant;
  for (size_t v = 0; v < variables_; ++v) {
    double least = kInfinity;
    for (size_t c = first_[v]; c < first_[v + 1]; ++c) {
      if (allowed_[c]) least = std::min(least, bound.priced[c]);
    }
    bound.loss += least;
    for (size_t c = first_[v]; c < first_[v + 1]; ++c) bound.reduced[c] = bound.priced[c] - least;
  }
  return bound;
}

Relaxation::Bound Relaxation::Minimize(const std::vector<char>& allowed, double cutoff,
                                       double tolerance, int rounds, Stop& stop, Point& point) {
  allowed_ = allowed;
  point.lambda = Usable(std::move(point.lambda));
  MoveToAllowed(point);
  ComputeGradient(point.x);
  ComputeCosts(point.x);
  ChooseStiffness(point);
  Bound best = Certify(point.x, point.lambda, false);
  for (int round = 0; round < rounds && best.loss < cutoff && !stop(); ++round) {
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      for (size_t v = 0; v < variables_; ++v) DescendBlock(v, point);
    }
    for (size_t k = 0; k < limits_; ++k) point.lambda[k] = Price(k, point);
    Bound bound = Certify(point.x, point.lambda, false);
    double value = bound.linear_constant;  // of the Lagrangian at the point
    for (size_t c = 0; c < form_.columns; ++c) {
      value += point.x[c] * (bound.priced[c] + 0.5 * pair_price_[0][c]);
      for (size_t k = 0; k < limits_; ++k) {
        value += 0.5 * point.lambda[k] * point.x[c] * pair_price_[k + 1][c];
      }
    }
    double violated = 0;
    for (size_t k = 0; k < limits_; ++k) {
      violated = std::max(violated, stiffness_[k] * std::max(0.0, total_[k] - problem_.limit[k]));
    }
    const bool done = value - bound.loss <= tolerance && violated <= tolerance;
    if (bound.loss > best.loss) best = std::move(bound);
    if (done) break;
  }
  return best;
}

Relaxation::Bound Relaxation::BoundAt(const std::vector<char>& allowed, const Point& point) {
  allowed_ = allowed;
  ComputeGradient(point.x);
  return Certify(point.x, point.lambda, true);
}

CompactProblem Relaxation::Linearize(const Point& point, const std::vector<char>& allowed,
                                     double forbidden) {
  ComputeGradient(point.x);
  CompactProblem linear = problem_;
  linear.cross = nullptr;
  double curved = 0;
  for (size_t v = 0; v < variables_; ++v) {
    for (size_t c = first_[v]; c < first_[v + 1]; ++c) {
      curved += point.x[c] * (gradient_[c] - form_.linear[c]);
      linear.values[v][(c - first_[v]) * components_] = allowed[c] ? gradient_[c] : forbidden;
    }
  }
  linear.constant[0] -= 0.5 * curved;
  return linear;
}

}  // namespace halftone
