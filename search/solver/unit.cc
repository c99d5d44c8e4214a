#include "search/solver/unit.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace halftone {
namespace {

// Rounding of one number, relative to the largest one.
constexpr double kNoise = 1e-13;
// Units below this share of what totals reach could be taken for the rounding of sums.
constexpr double kLeastShare = 1e-9;
// Of all differences from whole multiples together, in units.
constexpr double kMostOff = 1e-5;
// Likewise, relative to what totals reach.
constexpr double kMostOffShare = 2e-14;
// Room that limits keep above what can be reached, in units.
constexpr double kRoom = 1e-4;

// Of each variable and pair: how far the values lie above the first one.
template <typename Visit>
void ForEachStep(const CompactProblem& problem, size_t component, Visit visit) {
  const auto stride = static_cast<size_t>(problem.components);
  const auto steps_of = [&](const std::vector<double>& values) {
    for (size_t i = component + stride; i < values.size(); i += stride) {
      const double step = std::abs(values[i] - values[component]);
      visit(step, std::max(std::abs(values[i]), std::abs(values[component])));
    }
  };
  for (const std::vector<double>& values : problem.values) steps_of(values);
  for (const CompactPair& pair : problem.pairs) steps_of(pair.values);
}

// By Euclid's algorithm; `noise` counts as 0.
double CommonDivisor(double a, double b, double noise) {
  const double larger = a;
  while (b > noise) {
    const double rest = std::abs(std::remainder(a, b));
    a = b;
    b = rest;
  }
  return larger / std::round(larger / a);  // of what has rounded on the way
}

}  // namespace

double UnitOf(const CompactProblem& problem, size_t component) {
  if (component == 0 && problem.cross != nullptr) return 0;
  double largest = 0, most = 0;
  ForEachStep(problem, component, [&](double step, double size) {
    largest = std::max(largest, size);
    most = std::max(most, step);
  });
  const double reach = ReachOf(problem)[component];
  const double least = kLeastShare * reach;
  double unit = most;
  ForEachStep(problem, component, [&](double step, double) {
    if (unit > least && step > 0) {
      unit = CommonDivisor(std::max(step, unit), std::min(step, unit), kNoise * largest);
    }
  });
  if (!(unit > least)) return 0;
  unit = most / std::round(most / unit);
  double off = 0;
  ForEachStep(problem, component,
              [&](double step, double) { off += std::abs(step - unit * std::round(step / unit)); });
  return off <= std::min(kMostOff * unit, kMostOffShare * reach) ? unit : 0;
}

void TightenLimits(CompactProblem& problem) {
  const std::vector<double> first = problem.Evaluate(Selection(problem.choices.size(), 0));
  for (size_t k = 0; k < problem.limit.size(); ++k) {
    const double unit = UnitOf(problem, k + 1);
    if (unit == 0) continue;
    const double steps = std::floor((problem.limit[k] - first[k + 1]) / unit + kRoom) + kRoom;
    problem.limit[k] = std::min(problem.limit[k], first[k + 1] + steps * unit);
  }
}

}  // namespace halftone
