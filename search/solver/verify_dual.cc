#include "search/solver/verify_dual.h"

#include <algorithm>
#include <cmath>

#include "base/infinity.h"

namespace halftone {
namespace {

constexpr int kDoublings = 60;
constexpr int kBisections = 40;
constexpr int kSubgradientSteps = 120;
// Steps without progress after which they are halved.
constexpr int kPatience = 10;
// Times that multipliers and tangent are moved in turn, and steps of the tangent each time.
constexpr int kTurns = 6;
constexpr int kTangentSteps = 25;

double Dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

VerifyDual::VerifyDual(const VerifyModel& model)
    : model_(model), program_(model), lambda_(model.limits.size(), 0.0), tangent_(model.rows, 0.0) {
  for (size_t k = 0; k < model.limits.size(); ++k) {
    double largest = 0;
    for (const VerifyModel::Variable& variable : model.variables) {
      for (const auto& values : variable.values) {
        largest = std::max(largest, std::abs(values[k + 1]));
      }
    }
    scale_.push_back(model.limits[k] > 0 ? model.limits[k] : std::max(largest, 1e-300));
  }
}

VerifyDual::Mean VerifyDual::MeanOf(const std::vector<size_t>& selection) const {
  Mean mean;
  mean.column.assign(model_.rows, 0.0);
  std::vector<double> totals(model_.columns(), 0.0);
  for (size_t v = 0; v < selection.size(); ++v) {
    const VerifyModel::Variable& variable = model_.variables[v];
    const std::vector<double>& values = variable.values[selection[v]];
    for (size_t c = 0; c < totals.size(); ++c) totals[c] += values[c];
    if (model_.rows == 0) continue;
    const std::vector<double>& column = variable.factor[selection[v]];
    totals[0] -= 0.5 * Dot(column, column);
    for (size_t r = 0; r < model_.rows; ++r) mean.column[r] += column[r];
  }
  for (const VerifyModel::Pair& pair : model_.pairs) {
    const std::vector<double>& values = pair.values[selection[pair.a]][selection[pair.b]];
    for (size_t c = 0; c < totals.size(); ++c) totals[c] += values[c];
  }
  mean.linear = totals[0];
  mean.costs.assign(totals.begin() + 1, totals.end());
  return mean;
}

// The bound for the present multipliers and tangent.
double VerifyDual::Evaluate() {
  prices_.resize(model_.variables.size());
  for (size_t v = 0; v < prices_.size(); ++v) {
    const VerifyModel::Variable& variable = model_.variables[v];
    prices_[v].assign(variable.choices.size(), 0.0);
    for (size_t o = 0; o < prices_[v].size(); ++o) {
      double loss = variable.values[o][0];
      if (model_.rows > 0 && loss_weight_ > 0) {
        loss +=
            Dot(variable.factor[o], tangent_) - 0.5 * Dot(variable.factor[o], variable.factor[o]);
      }
      prices_[v][o] = loss_weight_ * loss;
      for (size_t k = 0; k < lambda_.size(); ++k) {
        prices_[v][o] += lambda_[k] * variable.values[o][k + 1];
      }
    }
  }
  std::vector<double> weights = {loss_weight_};
  weights.insert(weights.end(), lambda_.begin(), lambda_.end());
  double bound = program_.Minimize(prices_, weights) - 0.5 * loss_weight_ * Dot(tangent_, tangent_);
  for (size_t k = 0; k < lambda_.size(); ++k) bound -= lambda_[k] * model_.limits[k];
  if (bound > best_) {
    best_ = bound;
    best_lambda_ = lambda_;
    best_tangent_ = tangent_;
  }
  return bound;
}

// By how much of its scale the program's selection exceeds each limit.
std::vector<double> VerifyDual::ExcessOf(const std::vector<size_t>& selection) const {
  std::vector<double> excess = MeanOf(selection).costs;
  for (size_t k = 0; k < excess.size(); ++k) {
    excess[k] = (excess[k] - model_.limits[k]) / scale_[k];
  }
  return excess;
}

// The bound is concave in one multiplier, and rises while its limit is exceeded.
void VerifyDual::Bisect(size_t limit) {
  const auto is_exceeded = [&](double lambda) {
    lambda_[limit] = lambda;
    Evaluate();
    return ExcessOf(program_.Least())[limit] > 0;
  };
  double low = 0, high = 1e-6 / scale_[limit];
  if (!is_exceeded(0)) return;
  for (int i = 0; i < kDoublings && is_exceeded(high); ++i) {
    low = high;
    high *= 4;
  }
  for (int i = 0; i < kBisections; ++i) {
    const double middle = low > 0 ? std::sqrt(low * high) : high / 2;
    (is_exceeded(middle) ? low : high) = middle;
  }
  lambda_ = best_lambda_;
}

// Steps along what is exceeded, as long as the distance to the target suggests (Polyak).
void VerifyDual::FollowSubgradients(double target, int steps, const Cancellation& cancellation) {
  lambda_ = best_lambda_;
  double share = 1;
  int idle = 0;
  for (int i = 0; i < steps && best_ < target && cancellation.Check().ok(); ++i) {
    const double before = best_;
    const double bound = Evaluate();
    const std::vector<double> excess = ExcessOf(program_.Least());
    const double length = Dot(excess, excess);
    if (length == 0) return;
    for (size_t k = 0; k < lambda_.size(); ++k) {
      const double step = share * (target - bound) / length * excess[k] / scale_[k];
      lambda_[k] = std::max(0.0, lambda_[k] + step);
    }
    idle = best_ > before ? 0 : idle + 1;
    if (idle < kPatience) continue;
    idle = 0;
    share /= 2;
    lambda_ = best_lambda_;
  }
  lambda_ = best_lambda_;
}

// Frank and Wolfe's steps of the mean, whose columns the tangent is taken at.
void VerifyDual::MoveTangent(int steps) {
  for (int i = 0; i < steps; ++i) {
    tangent_ = mean_.column;
    Evaluate();
    const Mean vertex = MeanOf(program_.Least());
    double slope = vertex.linear - mean_.linear, curvature = 0;
    for (size_t k = 0; k < lambda_.size(); ++k) {
      slope += lambda_[k] * (vertex.costs[k] - mean_.costs[k]);
    }
    for (size_t r = 0; r < model_.rows; ++r) {
      const double change = vertex.column[r] - mean_.column[r];
      slope += change * mean_.column[r];
      curvature += change * change;
    }
    if (slope >= 0 || curvature <= 0) break;
    const double step = std::min(1.0, -slope / curvature);
    mean_.linear += step * (vertex.linear - mean_.linear);
    for (size_t k = 0; k < lambda_.size(); ++k) {
      mean_.costs[k] += step * (vertex.costs[k] - mean_.costs[k]);
    }
    for (size_t r = 0; r < model_.rows; ++r) {
      mean_.column[r] += step * (vertex.column[r] - mean_.column[r]);
    }
  }
  tangent_ = best_tangent_;
  lambda_ = best_lambda_;
}

void VerifyDual::Maximize(double target, const Cancellation& cancellation) {
  Evaluate();
  mean_ = MeanOf(program_.Least());
  const int turns = model_.rows > 0 ? kTurns : 1;
  for (int turn = 0; turn < turns && cancellation.Check().ok(); ++turn) {
    if (model_.rows > 0) MoveTangent(kTangentSteps);
    const int rounds = lambda_.size() > 1 ? 2 : 1;
    for (int round = 0; round < rounds; ++round) {
      for (size_t k = 0; k < lambda_.size() && best_ < target; ++k) Bisect(k);
    }
    if (lambda_.size() > 1) FollowSubgradients(target, kSubgradientSteps, cancellation);
    if (best_ >= target) return;
  }
}

void VerifyDual::MaximizeExcess(const Cancellation& cancellation) {
  loss_weight_ = 0;
  tangent_.assign(model_.rows, 0.0);
  best_ = -kInfinity;
  for (size_t k = 0; k < lambda_.size(); ++k) {
    std::fill(lambda_.begin(), lambda_.end(), 0.0);
    lambda_[k] = 1 / scale_[k];
    Evaluate();
    if (best_ > 0) return;
  }
  for (size_t k = 0; k < lambda_.size(); ++k) lambda_[k] = 1 / scale_[k];
  Evaluate();
  FollowSubgradients(0.01, kSubgradientSteps, cancellation);
}

VerifyProgram& VerifyDual::AtBest() {
  lambda_ = best_lambda_;
  tangent_ = best_tangent_;
  Evaluate();
  return program_;
}

}  // namespace halftone
