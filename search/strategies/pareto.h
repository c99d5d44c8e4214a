#ifndef HALFTONE_SEARCH_STRATEGIES_PARETO_H_
#define HALFTONE_SEARCH_STRATEGIES_PARETO_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"

namespace halftone {

// What an assignment was found to be worth: objectives that are all to be small, and the total
// share by which it exceeds the budgets, 0 where it keeps them.
struct Merit {
  std::vector<double> objectives;
  double violation = 0;

  bool IsFeasible() const { return violation <= 0; }
};

// Constrained domination (Deb et al., NSGA-II, IEEE TEC 6(2), 2002, definition 1): a feasible one
// dominates any other, of two infeasible ones the less violating, of two feasible ones the one that
// is nowhere larger and somewhere smaller.
bool Dominates(const Merit& a, const Merit& b);

// The fronts of fast non-dominated sorting (the same, section III-A): the indices of those that
// nothing dominates, of those that nothing else dominates, and so on; indices rise in each.
std::vector<std::vector<size_t>> SortIntoFronts(absl::Span<const Merit> merits);

// The crowding distance of each member of a front (the same, section III-B): infinite at the ends
// of an objective.
std::vector<double> CrowdingDistances(absl::Span<const Merit> merits,
                                      absl::Span<const size_t> front);

// The volume between the points and a reference: of all that at least one point is at most as large
// as, and that is at most the reference. Points beyond the reference count nothing. By slices along
// the last objective (While et al., HSO, IEEE TEC 10(1), 2006): meant for up to 4 objectives.
double Hypervolume(std::vector<std::vector<double>> points, absl::Span<const double> reference);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_STRATEGIES_PARETO_H_
