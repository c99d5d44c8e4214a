#ifndef HALFTONE_SEARCH_SOLVER_COMPACT_H_
#define HALFTONE_SEARCH_SOLVER_COMPACT_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/types/span.h"

namespace halftone {

// A choice's number within its variable.
using ChoiceIndex = int;
// One choice for every variable.
using Selection = std::vector<ChoiceIndex>;

// The price of a pair of choices of two different variables. `values` holds, for every pair
// (choice of a, choice of b), one number per component of the problem.
struct CompactPair {
  int a = 0, b = 0;
  std::vector<double> values;  // [choices of a][choices of b][components]
};

// Losses of all pairs of choices of different variables at once. Columns are the choices of all
// variables, one variable's after another's. A plain value.
struct CrossLosses {
  std::vector<size_t> first;                // per variable: its first column; then the end
  std::vector<double> values;               // [column][column], symmetric; 0 within a variable
  std::vector<std::vector<double>> within;  // per variable, [choice][choice]: what to put there for
                                            // a positive semi-definite matrix; empty: not known

  size_t columns() const { return first.back(); }
  const double* Row(size_t column) const { return values.data() + column * columns(); }
  // The sum over all pairs that the selection contains.
  double Evaluate(const Selection& selection) const;
  // The least that all other variables together can add to a choice.
  double LeastBeside(size_t variable, size_t choice) const;
};

// The solver's own form of a problem: variables instead of groups of tied layers, numbers instead
// of names. Component 0 of every value is the loss; component k > 0 is the cost that limit[k - 1]
// bounds, divided by a scale so that limits are near 1. A plain value.
struct CompactProblem {
  int components = 1;
  std::vector<int> choices;                  // per variable
  std::vector<std::vector<double>> values;   // per variable: [choice][component]
  std::vector<CompactPair> pairs;            // at most one for any two variables
  std::vector<double> constant;              // per component, of all selections
  std::vector<double> limit;                 // upper limit of components 1 to components - 1
  std::shared_ptr<const CrossLosses> cross;  // in component 0, besides the above; null: none

  int variables() const { return static_cast<int>(choices.size()); }
  const double* Value(int variable, ChoiceIndex choice) const {
    return values[static_cast<size_t>(variable)].data() +
           static_cast<size_t>(choice) * static_cast<size_t>(components);
  }
  const double* PairValue(const CompactPair& pair, ChoiceIndex a, ChoiceIndex b) const {
    const auto row = static_cast<size_t>(a) * static_cast<size_t>(choices[size_t(pair.b)]);
    return pair.values.data() + (row + static_cast<size_t>(b)) * static_cast<size_t>(components);
  }

  // Measures a limited cost, and its limit, in other units.
  void ScaleLimit(size_t limit_index, double factor);
  // Every component's total of a selection.
  std::vector<double> Evaluate(const Selection& selection) const;
  // No limit is exceeded.
  bool IsFeasible(absl::Span<const double> totals) const;
  // The sum over limits of what exceeds them, in units of the limits.
  double Excess(absl::Span<const double> totals) const;
};

// The least and the largest that each component's total can be, each variable and pair taken alone;
// of the loss, without `cross`.
struct Extremes {
  std::vector<double> least, most;
};
Extremes ExtremesOf(const CompactProblem& problem);

// A bound of the loss of every selection that takes next to no time: each variable alone, with half
// of the least that the others add by `cross` to its choice, and each pair alone; less what
// rounding may make of the sum.
double SimpleLossBound(const CompactProblem& problem);

// The largest magnitude that each component's total, or its limit, can have; likewise.
std::vector<double> ReachOf(const CompactProblem& problem);
// Weighted sums of costs above their limits by less than this are rounding: limits are about 1.
constexpr double kFeasibilityNoise = 1e-12;
// Weights times what they reach: far above what any loss is, far below what overflows.
constexpr double kMostWeighted = 1e200;

// The problem of minimizing the first of these components within the limits of the others, which
// are what they were; a loss among those others has no limit. `cross` stays with a loss that is
// minimized, and is left out otherwise.
CompactProblem SelectComponents(const CompactProblem& problem,
                                const std::vector<size_t>& components);

// The problem without the components whose limit cannot be exceeded; the first `always` stay.
CompactProblem DropSlackLimits(const CompactProblem& problem, int always);

// Removes the pairs that cost nothing.
void DropZeroPairs(CompactProblem& problem);

// Which pairs each variable takes part in.
std::vector<std::vector<int>> PairsOfVariables(const CompactProblem& problem);

// A problem with some choices removed and, where one choice is left, variables folded away, with
// the way back.
struct ReducedProblem {
  CompactProblem problem;
  std::vector<int> variable_of;                      // reduced variable -> original variable
  std::vector<std::vector<ChoiceIndex>> choices_of;  // reduced variable, choice -> original choice
  Selection fixed;                                   // original variables' only choice, else -1

  Selection Expand(const Selection& reduced) const;
};

// Keeps the choices marked in keep[variable][choice]; at least one of each variable.
ReducedProblem Reduce(const CompactProblem& problem, const std::vector<std::vector<char>>& keep);

// Marks the choices that another choice of the same variable replaces in every selection without
// making any component larger. Of equal choices one stays. Not for problems with `cross`.
std::vector<std::vector<char>> UndominatedChoices(const CompactProblem& problem);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_COMPACT_H_
