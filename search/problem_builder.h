#ifndef HALFTONE_SEARCH_PROBLEM_BUILDER_H_
#define HALFTONE_SEARCH_PROBLEM_BUILDER_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/progress.h"
#include "profilers/cost_table.h"
#include "search/network_summary.h"
#include "search/resolved_budget.h"
#include "search/search_spec.h"
#include "search/sensitivity/sensitivity.h"
#include "search/solver/problem.h"
#include "search/solver/solution.h"

namespace halftone {

// Of a frontier, at most. Every point carries its assignment; more than a plot can show are not
// worth storing.
inline constexpr size_t kMaxFrontierPoints = 512;

// What a problem is made of.
struct ProblemInputs {
  const NetworkSummary& network;
  const SensitivityResult& sensitivity;
  const CostTable& costs;
  const std::vector<Precision>& precisions;  // offered
  Precision reference;                       // of "0.4x" budgets; has rows in the cost table
  const SearchSpec& spec;                    // budgets, pins, ties, frontier, batch, robust
};

// The problem of a search, and what its relative budgets refer to.
//
// Losses: those of the sensitivities plus spec.robust of their standard errors, which layers share
// the samples of, so that their sum bounds the error of the sum. Costs of a choice: latency_ns,
// size_bytes, energy_pj (where the target knows it) from the cost table; bops = MACs x weight bits
// x activation bits (32 for float32), the activations' squared for a product of two activations.
// The latency that no choice changes, and the bytes of tensors that belong to no layer, are part of
// every choice of the first layer, so that sums over layers, budgets and bounds speak of the whole
// network. Budgets: a factor of the reference
// network's cost; a share of the way from the cheapest to the dearest assignment that the ties
// allow (HAWQ), the dearest without conversions, pins left aside. Two budgets on one metric: the
// lower counts.
struct BuiltProblem {
  Problem problem;
  Costs reference_cost;
  std::vector<ResolvedBudget> budgets;  // of the spec, in its order
  // Bytes of activations that may be alive together; peak activation memory is a maximum of sums,
  // so that it becomes one metric per live set (SolveWithLiveSets).
  std::vector<LiveSet> live_sets;
  std::optional<double> activation_budget;
  // When spec.time_limit ends, by the clock of the cancellation: it begins when the problem is
  // built, which may have to solve one, and bounds all solves of it together.
  SteadyTime deadline = SteadyTime::InfiniteFuture();
};

// INVALID_ARGUMENT names a budget that the target has no costs for, a pin that is no offered
// choice, a frontier over activation-memory; FAILED_PRECONDITION a (layer, precision) without cost.
absl::StatusOr<BuiltProblem> BuildProblem(const ProblemInputs& inputs, const Progress& progress);

// All f32 where the table has it, else the widest precision offered: most weight bits, then most
// activation bits.
Precision ChooseReference(bool supports_float32, const std::vector<Precision>& offered);

// Solves by the problem's deadline, with the live sets that the answer or its frontier would exceed
// added as metrics (LiveSetMetric) until none is. Costs of all answers then include
// "activation_bytes", the peak. RESOURCE_EXHAUSTED when more live sets bind at once than the solver
// takes budgets, DEADLINE_EXCEEDED when the time ends before; errors of Solve.
absl::StatusOr<Solution> SolveWithLiveSets(BuiltProblem& built, const Progress& progress);

// The peak of an assignment of precision names.
double PeakActivationBytes(const std::vector<LiveSet>& sets, const Assignment& assignment);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_PROBLEM_BUILDER_H_
