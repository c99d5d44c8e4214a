#ifndef HALFTONE_SEARCH_SOLVER_COMPACT_H_
#define HALFTONE_SEARCH_SOLVER_COMPACT_H_

#include <cstddef>
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

// The solver's own form of a problem: variables instead of groups of tied layers, numbers instead
// of names. Component 0 of every value is the loss; component k > 0 is the cost that limit[k - 1]
// bounds, divided by a scale so that limits are near 1. A plain value.
struct CompactProblem {
  int components = 1;
  std::vector<int> choices;                 // per variable
  std::vector<std::vector<double>> values;  // per variable: [choice][component]
  std::vector<CompactPair> pairs;           // at most one for any two variables
  std::vector<double> constant;             // per component, of all selections
  std::vector<double> limit;                // upper limit of components 1 to components - 1

  int variables() const { return static_cast<int>(choices.size()); }
  const double* Value(int variable, ChoiceIndex choice) const {
    return values[static_cast<size_t>(variable)].data() +
           static_cast<size_t>(choice) * static_cast<size_t>(components);
  }
  const double* PairValue(const CompactPair& pair, ChoiceIndex a, ChoiceIndex b) const {
    const auto row = static_cast<size_t>(a) * static_cast<size_t>(choices[size_t(pair.b)]);
    return pair.values.data() + (row + static_cast<size_t>(b)) * static_cast<size_t>(components);
  }

  // Every component's total of a selection.
  std::vector<double> Evaluate(const Selection& selection) const;
  // No limit is exceeded.
  bool IsFeasible(absl::Span<const double> totals) const;
  // The sum over limits of what exceeds them, in units of the limits.
  double Excess(absl::Span<const double> totals) const;
};

// The least and the largest that each component's total can be, each variable and pair taken alone.
struct Extremes {
  std::vector<double> least, most;
};
Extremes ExtremesOf(const CompactProblem& problem);

// The problem without the components whose limit cannot be exceeded; the first `always` stay.
CompactProblem DropSlackLimits(const CompactProblem& problem, int always);

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
// making any component larger. Of equal choices one stays.
std::vector<std::vector<char>> UndominatedChoices(const CompactProblem& problem);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_COMPACT_H_
