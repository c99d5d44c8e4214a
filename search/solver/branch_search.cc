#include "search/solver/branch_search.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace halftone {
namespace {

// Deeper trees take more memory than they are worth.
constexpr int kMostVariables = 1'000;
// Multipliers move in boxes of this factor around where they are, since cutting planes far away
// mislead; squared where that ends at a side.
constexpr double kBoxFactor = 1.25;
constexpr double kLeastMultiplier = 1e-9;  // of a box's upper side
constexpr int kMostSteps = 12;
// A bound is great enough when what is above it is this share of what it is short of the cutoff.
constexpr double kShareLeft = 0.05;
// The best two choices of a variable are priced alike within this share of the same.
constexpr double kShareAlike = 0.02;
constexpr size_t kMostCandidates = 3;
constexpr size_t kNodesBetweenStops = 64;

}  // namespace

bool BranchSearch::CanSearch(const CompactProblem& problem) {
  return problem.pairs.empty() && problem.cross == nullptr &&
         problem.limit.size() <= PlaneMaximum::kMostDimensions &&
         problem.variables() <= kMostVariables;
}

double BranchSearch::Run(absl::Span<const double> multipliers, size_t most_nodes,
                         Incumbent& incumbent) {
  components_ = static_cast<size_t>(problem_.components);
  limits_ = problem_.limit.size();
  most_nodes_ = most_nodes;
  incumbent_ = &incumbent;
  cutoff_ = incumbent.Cutoff();
  chosen_.assign(static_cast<size_t>(problem_.variables()), 0);
  Visit(Root(), {-kInfinity, {multipliers.begin(), multipliers.end()}});
  return open_;
}

BranchSearch::Core BranchSearch::Root() const {
  Core core;
  core.first.push_back(0);
  for (int v = 0; v < problem_.variables(); ++v) {
    core.variables.push_back(v);
    for (ChoiceIndex o = 0; o < problem_.choices[size_t(v)]; ++o) {
      core.choices.push_back(o);
      const double* value = problem_.Value(v, o);
      core.values.insert(core.values.end(), value, value + components_);
    }
    core.first.push_back(static_cast<uint32_t>(core.choices.size()));
  }
  core.constant = problem_.constant;
  for (size_t k = 0; k < limits_; ++k) core.constant[k + 1] -= problem_.limit[k];
  return core;
}

double BranchSearch::Price(const double* value, const std::vector<double>& multipliers) const {
  double price = value[0];
  for (size_t k = 0; k < limits_; ++k) price += multipliers[k] * value[k + 1];
  return price;
}

double BranchSearch::Evaluate(const Core& core, const std::vector<double>& multipliers) {
  totals_ = core.constant;
  picked_.resize(core.size());
  double bound = Price(core.constant.data(), multipliers);
  for (size_t v = 0; v < core.size(); ++v) {
    double least = kInfinity;
    for (uint32_t c = core.first[v]; c < core.first[v + 1]; ++c) {
      const double price = Price(core.Value(c, components_), multipliers);
      if (price < least) {
        least = price;
        picked_[v] = c;
      }
    }
    bound += least;
    const double* value = core.Value(picked_[v], components_);
    for (size_t k = 0; k < components_; ++k) totals_[k] += value[k];
  }
  return bound;
}

void BranchSearch::Offer(const Core& core) {
  const auto exceeds = [](double excess) { return excess > kFeasibilityNoise; };
  if (totals_[0] >= incumbent_->objective) return;
  if (std::any_of(totals_.begin() + 1, totals_.end(), exceeds)) return;
  Selection selection = chosen_;
  for (size_t v = 0; v < core.size(); ++v) {
    selection[size_t(core.variables[v])] = core.choices[picked_[v]];
  }
  const double objective = Objective(problem_, Goal::kLoss, problem_.Evaluate(selection));
  if (objective >= incumbent_->objective) return;
  incumbent_->objective = objective;
  incumbent_->selection = std::move(selection);
  cutoff_ = incumbent_->Cutoff();
}

BranchSearch::Bound BranchSearch::Maximize(const Core& core, const std::vector<double>& start) {
  std::vector<double> low(limits_), high(limits_), at = start;
  double factor = kBoxFactor;
  const auto box = [&] {
    for (size_t k = 0; k < limits_; ++k) {
      low[k] = at[k] / factor;
      high[k] = std::max(at[k], kLeastMultiplier) * factor;
    }
    planes_.SetBox(low, high);
    factor *= factor;
  };
  planes_.Reset(limits_);
  box();
  Bound best;
  for (int step = 0; step < kMostSteps; ++step) {
    const double loss = Evaluate(core, at);
    if (loss > best.loss) best = {loss, at};
    Offer(core);
    if (best.loss >= cutoff_) return best;
    planes_.AddPlane(totals_[0], absl::MakeConstSpan(totals_).subspan(1));
    const double most = planes_.Maximize();
    at = planes_.point();
    if (most - best.loss > kShareLeft * (cutoff_ - best.loss)) continue;
    if (!planes_.IsAtASide()) return best;
    box();
  }
  return best;
}

bool BranchSearch::IsHopeless(const Core& core) const {
  for (size_t k = 1; k < components_; ++k) {
    double least = core.constant[k];
    for (size_t v = 0; v < core.size(); ++v) {
      double cheapest = kInfinity;
      for (uint32_t c = core.first[v]; c < core.first[v + 1]; ++c) {
        cheapest = std::min(cheapest, core.Value(c, components_)[k]);
      }
      least += cheapest;
    }
    if (least > kFeasibilityNoise) return true;
  }
  return false;
}

bool BranchSearch::Reduce(const Core& core, const Bound& bound, Core& left) {
  left.constant = core.constant;
  left.first.push_back(0);
  for (size_t v = 0; v < core.size(); ++v) {
    double least = kInfinity;
    for (uint32_t c = core.first[v]; c < core.first[v + 1]; ++c) {
      least = std::min(least, Price(core.Value(c, components_), bound.multipliers));
    }
    for (uint32_t c = core.first[v]; c < core.first[v + 1]; ++c) {
      const double* value = core.Value(c, components_);
      if (bound.loss + Price(value, bound.multipliers) - least >= cutoff_) continue;
      left.choices.push_back(core.choices[c]);
      left.values.insert(left.values.end(), value, value + components_);
    }
    const size_t kept = left.choices.size() - left.first.back();
    if (kept == 0) return false;
    if (kept > 1) {
      left.variables.push_back(core.variables[v]);
      left.first.push_back(static_cast<uint32_t>(left.choices.size()));
      continue;
    }
    chosen_[size_t(core.variables[v])] = left.choices.back();
    const double* value = left.Value(left.choices.size() - 1, components_);
    for (size_t k = 0; k < components_; ++k) left.constant[k] += value[k];
    left.choices.pop_back();
    left.values.resize(left.values.size() - components_);
  }
  return true;
}

size_t BranchSearch::VariableToBranchOn(const Core& core, const Bound& bound) const {
  struct Candidate {
    double gap = 0, swing = 0;
    size_t variable = 0;
  };
  std::vector<Candidate> candidates;
  for (size_t v = 0; v < core.size(); ++v) {
    double least = kInfinity, second = kInfinity;
    const double *best = nullptr, *next = nullptr;
    for (uint32_t c = core.first[v]; c < core.first[v + 1]; ++c) {
      const double* value = core.Value(c, components_);
      const double price = Price(value, bound.multipliers);
      if (price < least) {
        second = std::exchange(least, price);
        next = std::exchange(best, value);
      } else if (price < second) {
        second = price;
        next = value;
      }
    }
    Candidate& candidate = candidates.emplace_back();
    candidate.gap = second - least;
    candidate.variable = v;
    for (size_t k = 0; k < limits_; ++k) {
      candidate.swing += bound.multipliers[k] * std::abs(best[k + 1] - next[k + 1]);
    }
  }
  const size_t few = std::min(kMostCandidates, candidates.size());
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(few),
                    candidates.end(),
                    [](const Candidate& a, const Candidate& b) { return a.gap < b.gap; });
  size_t chosen = 0;
  for (size_t i = 1; i < few; ++i) {
    if (candidates[i].gap < kShareAlike * (cutoff_ - bound.loss) &&
        candidates[i].swing > candidates[chosen].swing) {
      chosen = i;
    }
  }
  return candidates[chosen].variable;
}

BranchSearch::Core BranchSearch::Choose(const Core& core, size_t variable, size_t column) {
  chosen_[size_t(core.variables[variable])] = core.choices[column];
  const auto begin = static_cast<std::ptrdiff_t>(core.first[variable]);
  const auto end = static_cast<std::ptrdiff_t>(core.first[variable + 1]);
  const auto components = static_cast<std::ptrdiff_t>(components_);
  Core child = core;
  const double* value = core.Value(column, components_);
  for (size_t k = 0; k < components_; ++k) child.constant[k] += value[k];
  child.variables.erase(child.variables.begin() + static_cast<std::ptrdiff_t>(variable));
  child.choices.erase(child.choices.begin() + begin, child.choices.begin() + end);
  child.values.erase(child.values.begin() + components * begin,
                     child.values.begin() + components * end);
  child.first.erase(child.first.begin() + static_cast<std::ptrdiff_t>(variable));
  for (size_t v = variable; v < child.first.size(); ++v) {
    child.first[v] -= static_cast<uint32_t>(end - begin);
  }
  return child;
}

void BranchSearch::Branch(const Core& core, const Bound& bound) {
  if (core.size() == 0) {
    totals_ = core.constant;
    Offer(core);
    return;
  }
  const size_t variable = VariableToBranchOn(core, bound);
  std::vector<std::pair<double, size_t>> columns;
  for (uint32_t c = core.first[variable]; c < core.first[variable + 1]; ++c) {
    columns.emplace_back(Price(core.Value(c, components_), bound.multipliers), c);
  }
  std::sort(columns.begin(), columns.end());
  for (const auto& [price, column] : columns) Visit(Choose(core, variable, column), bound);
}

void BranchSearch::Visit(const Core& core, const Bound& parent) {
  if (++nodes_ > most_nodes_ || (nodes_ % kNodesBetweenStops == 0 && stop_())) {
    most_nodes_ = 0;  // nor any other node
    open_ = std::min(open_, parent.loss);
    return;
  }
  if (IsHopeless(core)) return;
  const Bound bound = Maximize(core, parent.multipliers);
  if (bound.loss >= cutoff_) return;
  const Selection before = chosen_;
  Core left;
  if (Reduce(core, bound, left)) Branch(left, bound);
  chosen_ = before;
}

}  // namespace halftone
