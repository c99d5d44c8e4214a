#ifndef HALFTONE_SEARCH_SOLVER_LAGRANGIAN_H_
#define HALFTONE_SEARCH_SOLVER_LAGRANGIAN_H_

#include <functional>
#include <vector>

#include "absl/types/span.h"
#include "search/solver/compact.h"
#include "search/solver/elimination.h"
#include "search/solver/stop.h"

namespace halftone {

// A selection, and its part of a mixture of them.
struct MixedSelection {
  double part = 0;  // more than 0
  Selection selection;
};

struct Multipliers {
  std::vector<double> weights;  // [components]: of the loss, then of each cost
  double bound = 0;             // of the objective, whatever the selection: their LagrangianBound
  // The relaxed optimum: selections whose mixture keeps the limits, at the bound. May be empty.
  std::vector<MixedSelection> mixture = {};
};

struct LagrangianOptions {
  double loss_weight = 1;  // 0: only what exceeds the limits counts
  double penalty = 0;      // largest multiplier: the price of exceeding a limit by one
  int max_iterations = 200;
};

// Maximizes the Lagrangian bound  min_z  loss(z) + sum_k lambda_k (cost_k(z) - limit_k)  over
// 0 <= lambda <= penalty by Dantzig-Wolfe column generation, a revised simplex method on one row
// per limit and one for convexity (Kelley's cutting planes seen from the dual side). Every visited
// lambda gives a valid bound; the best one is returned. Each selection that a subproblem finds, one
// at least, is handed to `visit`.
Multipliers MaximizeLagrangian(const CompactProblem& problem, const Elimination& elimination,
                               const LagrangianOptions& options, Stop& stop,
                               const std::function<void(const Selection&)>& visit);

// MaximizeLagrangian, or what stands for it.
using MultiplierSource =
    std::function<Multipliers(const CompactProblem&, const Elimination&, const LagrangianOptions&,
                              Stop&, const std::function<void(const Selection&)>&)>;

// The bound that a vector of weights gives: the least weighted sum less the weighted limits.
double LagrangianBound(const CompactProblem& problem, const Elimination::Tables& tables);

// Whether weights, one per component, give bounds: none is negative or no number, and no weighted
// sum of a selection comes near overflowing.
bool CanBound(const CompactProblem& problem, absl::Span<const double> weights);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_LAGRANGIAN_H_
