#include "search/solver/verify_quadratic.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/infinity.h"

namespace halftone {
namespace {

// Added to the diagonal, relative to its largest entry, so that rounding cannot hide a direction of
// negative curvature.
constexpr double kMargin = 1e-10;
// Taken off bounds for the rounding of sums, relative to what is summed.
constexpr double kRounding = 1e-13;
constexpr double kLimitRounding = 1e-12;
// Sweeps of coordinate descent for each step of the multipliers, and rounds of both, for the whole
// and for its parts.
constexpr int kSweeps = 4;
constexpr int kFirstRounds = 200;
constexpr int kRounds = 25;

}  // namespace

VerifyQuadratic::VerifyQuadratic(const VerifyModel& model,
                                 const std::vector<std::vector<double>>& blocks)
    : model_(model), program_(model), cost_sums_(model.limits.size()) {
  first_ = {0};
  bool fits = blocks.size() == model.variables.size();
  for (size_t v = 0; v < model.variables.size(); ++v) {
    const size_t n = model.variables[v].choices.size();
    first_.push_back(first_.back() + n);
    fits = fits && blocks[v].size() == n * n;
  }
  for (double limit : model.limits) scale_.push_back(limit > 0 ? limit : 1);
  if (!fits) return;
  MakeForm(blocks);
  is_convex_ = HasPositivePivots();
}

void VerifyQuadratic::MakeForm(const std::vector<std::vector<double>>& blocks) {
  const size_t n = first_.back();
  form_.assign(n * n, 0.0);
  std::vector<const std::vector<double>*> factors;
  for (const VerifyModel::Variable& variable : model_.variables) {
    for (const std::vector<double>& column : variable.factor) factors.push_back(&column);
  }
  for (size_t a = 0; a < factors.size(); ++a) {
    for (size_t b = a; b < n; ++b) {
      double product = 0;
      for (size_t r = 0; r < model_.rows; ++r) product += (*factors[a])[r] * (*factors[b])[r];
      form_[a * n + b] = form_[b * n + a] = product;
    }
  }
  for (const VerifyModel::Pair& pair : model_.pairs) {
    for (size_t o = 0; o < pair.values.size(); ++o) {
      for (size_t p = 0; p < pair.values[o].size(); ++p) {
        const size_t a = first_[pair.a] + o, b = first_[pair.b] + p;
        form_[a * n + b] += pair.values[o][p][0];
        form_[b * n + a] += pair.values[o][p][0];
      }
    }
  }
  double largest = 0;
  for (size_t v = 0; v < blocks.size(); ++v) {
    const size_t choices = first_[v + 1] - first_[v];
    for (size_t o = 0; o < choices; ++o) {
      for (size_t p = 0; p < choices; ++p) {
        const double mean = 0.5 * (blocks[v][o * choices + p] + blocks[v][p * choices + o]);
        form_[(first_[v] + o) * n + first_[v] + p] = mean;
        largest = std::max(largest, std::abs(mean));
      }
    }
  }
  for (size_t v = 0; v < blocks.size(); ++v) {
    for (size_t c = first_[v]; c < first_[v + 1]; ++c) {
      form_[c * n + c] += 2 * kMargin * largest;
      linear_.push_back(model_.variables[v].values[c - first_[v]][0] - 0.5 * form_[c * n + c]);
    }
  }
}

// Gaussian elimination without pivoting: positive pivots throughout, with room to spare, mean
// positive curvature in every direction.
bool VerifyQuadratic::HasPositivePivots() const {
  const size_t n = first_.back();
  std::vector<double> rest = form_;
  double largest = 0;
  for (double value : rest) {
    if (!std::isfinite(value)) return false;
    largest = std::max(largest, std::abs(value));
  }
  if (largest == 0) return true;
  for (size_t k = 0; k < n; ++k) {
    const double pivot = rest[k * n + k];
    if (!(pivot >= 0.5 * kMargin * largest)) return false;
    for (size_t i = k + 1; i < n; ++i) {
      const double factor = rest[k * n + i] / pivot;
      for (size_t j = i; j < n; ++j) rest[i * n + j] -= factor * rest[k * n + j];
    }
  }
  return true;
}

void VerifyQuadratic::ComputeGradient(const std::vector<double>& x) {
  const size_t n = first_.back();
  gradient_ = linear_;
  std::fill(cost_sums_.begin(), cost_sums_.end(), 0.0);
  for (size_t v = 0; v + 1 < first_.size(); ++v) {
    for (size_t a = first_[v]; a < first_[v + 1]; ++a) {
      if (x[a] == 0) continue;
      for (size_t b = 0; b < n; ++b) gradient_[b] += x[a] * form_[a * n + b];
      for (size_t k = 0; k < cost_sums_.size(); ++k) {
        cost_sums_[k] += x[a] * model_.variables[v].values[a - first_[v]][k + 1];
      }
    }
  }
}

// Takes fractions off what is forbidden.
void VerifyQuadratic::Spread(Part& part) const {
  for (size_t v = 0; v + 1 < first_.size(); ++v) {
    double sum = 0, count = 0;
    for (size_t c = first_[v]; c < first_[v + 1]; ++c) {
      if (!part.allowed[c]) part.x[c] = 0;
      sum += part.x[c];
      count += part.allowed[c];
    }
    for (size_t c = first_[v]; c < first_[v + 1]; ++c) {
      if (sum > 1e-6) {
        part.x[c] /= sum;
      } else {
        part.x[c] = part.allowed[c] ? 1 / count : 0;
      }
    }
  }
}

// One sweep: in each variable, from the worst choice in use to the best, as far as that helps.
void VerifyQuadratic::Descend(Part& part) {
  const size_t n = first_.back();
  for (size_t v = 0; v + 1 < first_.size(); ++v) {
    const auto& values = model_.variables[v].values;
    for (size_t step = first_[v]; step < first_[v + 1]; ++step) {
      size_t to = n, from = n;
      double least = kInfinity, most = -kInfinity;
      for (size_t c = first_[v]; c < first_[v + 1]; ++c) {
        if (!part.allowed[c]) continue;
        double slope = gradient_[c];
        for (size_t k = 0; k < part.lambda.size(); ++k) {
          slope += part.lambda[k] * values[c - first_[v]][k + 1];
        }
        if (slope < least) {
          least = slope;
          to = c;
        }
        if (part.x[c] > 0 && slope > most) {
          most = slope;
          from = c;
        }
      }
      if (to == n || from == n || !(most > least)) break;
      const double curvature =
          form_[to * n + to] + form_[from * n + from] - 2 * form_[to * n + from];
      double moved = part.x[from];
      if (curvature > 0) moved = std::min(moved, (most - least) / curvature);
      part.x[to] += moved;
      part.x[from] = moved >= part.x[from] ? 0 : part.x[from] - moved;
      for (size_t c = 0; c < n; ++c) {
        gradient_[c] += moved * (form_[to * n + c] - form_[from * n + c]);
      }
      for (size_t k = 0; k < cost_sums_.size(); ++k) {
        cost_sums_[k] += moved * (values[to - first_[v]][k + 1] - values[from - first_[v]][k + 1]);
      }
    }
  }
}

// The least of the tangent at the part's fractions, priced by its multipliers; and by how much it
// is more with each column, 0 where pairs make that uncertain.
double VerifyQuadratic::BoundOf(const Part& part, std::vector<double>& reduced) {
  std::vector<std::vector<double>> prices(model_.variables.size());
  double bound = 0, size = 0;
  for (size_t v = 0; v < prices.size(); ++v) {
    double least = kInfinity;
    for (size_t c = first_[v]; c < first_[v + 1]; ++c) {
      double price = gradient_[c];
      bound -= 0.5 * part.x[c] * (gradient_[c] - linear_[c]);
      size += part.x[c] * (std::abs(gradient_[c]) + form_[c * first_.back() + c]);
      for (size_t k = 0; k < part.lambda.size(); ++k) {
        price += part.lambda[k] * model_.variables[v].values[c - first_[v]][k + 1];
      }
      prices[v].push_back(part.allowed[c] ? price : kInfinity);
      least = std::min(least, prices[v].back());
    }
    for (size_t c = first_[v]; c < first_[v + 1]; ++c) {
      reduced[c] = model_.pairs.empty() ? prices[v][c - first_[v]] - least : 0;
    }
  }
  std::vector<double> weights = {0};  // the losses of pairs are in the form
  for (size_t k = 0; k < part.lambda.size(); ++k) {
    weights.push_back(part.lambda[k]);
    bound -= part.lambda[k] * model_.limits[k];
    size += part.lambda[k] * std::abs(model_.limits[k]);
  }
  return bound + program_.Minimize(prices, weights) - kRounding * size;
}

bool VerifyQuadratic::Close(Part& part, double cutoff, int rounds) {
  Spread(part);
  ComputeGradient(part.x);
  std::vector<double> reduced(first_.back());
  double best = -kInfinity;
  Part at_best = part;
  std::vector<char> allowed = part.allowed;
  for (int round = 0; round < rounds; ++round) {
    for (int sweep = 0; sweep < kSweeps; ++sweep) Descend(part);
    const double bound = BoundOf(part, reduced);
    if (bound > best) {
      best = bound;
      at_best = part;
    }
    if (best >= cutoff) return true;
    for (size_t c = 0; c < reduced.size(); ++c) {
      if (bound + reduced[c] >= cutoff) allowed[c] = 0;
    }
    // Towards the target, as far as the excess over the limits suggests (Polyak's step).
    std::vector<double> excess;
    double length = 0;
    for (size_t k = 0; k < cost_sums_.size(); ++k) {
      excess.push_back((cost_sums_[k] - model_.limits[k]) / scale_[k]);
      if (excess[k] > 0 || part.lambda[k] > 0) length += excess[k] * excess[k];
    }
    if (length == 0) break;
    for (size_t k = 0; k < cost_sums_.size(); ++k) {
      const double step = 0.5 * (cutoff - bound) / length * excess[k] / scale_[k];
      part.lambda[k] = std::max(0.0, part.lambda[k] + step);
    }
  }
  part = std::move(at_best);
  part.allowed = std::move(allowed);
  part.bound = std::max(part.bound, best);
  return false;
}

bool VerifyQuadratic::IsSingle(const Part& part, std::vector<size_t>& selection) const {
  selection.clear();
  for (size_t v = 0; v + 1 < first_.size(); ++v) {
    const auto begin = part.allowed.begin() + static_cast<std::ptrdiff_t>(first_[v]);
    const auto end = part.allowed.begin() + static_cast<std::ptrdiff_t>(first_[v + 1]);
    if (std::count(begin, end, 1) != 1) return false;
    selection.push_back(static_cast<size_t>(std::find(begin, end, 1) - begin));
  }
  return true;
}

bool VerifyQuadratic::Fits(const std::vector<double>& totals) const {
  for (size_t k = 0; k < model_.limits.size(); ++k) {
    const double limit = model_.limits[k];
    if (totals[k + 1] > limit + kLimitRounding * std::abs(limit)) return false;
  }
  return true;
}

// The variable whose fractions are the most mixed: with its largest, and without. Nothing when a
// variable has no choice left.
std::vector<VerifyQuadratic::Part> VerifyQuadratic::Split(const Part& part) const {
  double most = -1;
  size_t column = 0;
  for (size_t v = 0; v + 1 < first_.size(); ++v) {
    size_t largest = first_[v], count = 0;
    for (size_t c = first_[v]; c < first_[v + 1]; ++c) {
      if (!part.allowed[c]) continue;
      ++count;
      if (!part.allowed[largest] || part.x[c] > part.x[largest]) largest = c;
    }
    if (count == 0) return {};
    if (count == 1 || 1 - part.x[largest] <= most) continue;
    most = 1 - part.x[largest];
    column = largest;
  }
  std::vector<Part> parts(2, part);
  parts[0].allowed[column] = 0;
  const auto variable = static_cast<size_t>(std::upper_bound(first_.begin(), first_.end(), column) -
                                            first_.begin() - 1);
  for (size_t c = first_[variable]; c < first_[variable + 1]; ++c) {
    if (c != column) parts[1].allowed[c] = 0;
  }
  return parts;
}

bool VerifyQuadratic::Start(double cutoff) {
  whole_ = {std::vector<char>(first_.back(), 1), std::vector<double>(first_.back(), 1.0),
            std::vector<double>(model_.limits.size(), 0.0), -kInfinity};
  return Close(whole_, cutoff, kFirstRounds);
}

VerifyQuadratic::End VerifyQuadratic::Prove(double cutoff, int max_parts,
                                            const Cancellation& cancellation) {
  std::vector<Part> open = {whole_};
  bound_ = cutoff;
  for (int count = 0; !open.empty(); ++count) {
    if (count > max_parts || !cancellation.Check().ok()) {
      for (const Part& part : open) bound_ = std::min(bound_, part.bound);
      return End::kNoEffortLeft;
    }
    const Part part = std::move(open.back());
    open.pop_back();
    if (IsSingle(part, found_)) {
      const std::vector<double> totals = model_.Totals(found_);
      if (totals[0] < cutoff && Fits(totals)) return End::kFound;
      continue;
    }
    for (Part& piece : Split(part)) {
      if (!Close(piece, cutoff, kRounds)) open.push_back(std::move(piece));
    }
  }
  return End::kProven;
}

}  // namespace halftone
