#ifndef HALFTONE_SEARCH_SOLVER_COMPILE_H_
#define HALFTONE_SEARCH_SOLVER_COMPILE_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "search/solver/compact.h"
#include "search/solver/problem.h"
#include "search/solver/solution.h"
#include "search/solver/stop.h"

namespace halftone {

// An assignment keeps a budget when its cost is at most limit + kBudgetTolerance * limit, which
// leaves room for the rounding of sums.
inline constexpr double kBudgetTolerance = 1e-9;

// A checked problem with tied layers merged, pins and allowed sets applied. Borrows the problem,
// which must outlive it. Thread-safe to read.
class CompiledProblem {
 public:
  // INVALID_ARGUMENT as CheckProblem.
  static absl::StatusOr<CompiledProblem> Create(const Problem& problem);

  // The compact form with these metrics as components 1, 2, ... and these limits (infinite: none);
  // the weighted costs of the objective count as losses.
  // Interactions are pairs where they join few variables, else the matrix `cross`.
  // RESOURCE_EXHAUSTED when the tables of all pairs, or the matrix, would be too large.
  absl::StatusOr<CompactProblem> Compact(
      const std::vector<std::pair<std::string, double>>& metrics) const;
  // The same, or DEADLINE_EXCEEDED when stopped: a large matrix takes seconds.
  absl::StatusOr<CompactProblem> Compact(const std::vector<std::pair<std::string, double>>& metrics,
                                         Stop& stop) const;

  // The budgets, and max_changes.
  const std::vector<std::pair<std::string, double>>& limits() const { return limits_; }

  // INVALID_ARGUMENT when the assignment leaves a layer out or breaks a tie, a pin or an allowed
  // set.
  absl::StatusOr<Selection> ToSelection(const Assignment& assignment) const;
  // Loss, objective, costs of all metrics and assignment, summed from the problem's own numbers;
  // the lower bounds equal the values.
  FrontierPoint ToPoint(const Selection& selection) const;
  // The (layer, choice), by number, that a variable's choice stands for.
  std::vector<std::pair<int, int>> PlacesOf(int variable, ChoiceIndex choice) const;
  const Problem& problem() const { return *problem_; }
  // What the prices of pairs take as they are listed here.
  size_t pair_bytes() const { return pairs_.capacity() * sizeof(PairPrice); }

 private:
  struct Member {
    int layer = 0;
    std::vector<int> choices;  // the variable's choice -> the layer's choice
  };
  // A choice of a layer, by number.
  struct Place {
    int layer = 0, choice = 0;
  };
  // One entry of an edge or an interaction.
  struct PairPrice {
    Place a, b;
    double loss = 0;
    const Costs* cost = nullptr;  // null: none
  };
  class Tabulator;

  void MergeTies();
  // Leaves a layer, and those tied to it, these choices at most.
  void Restrict(const std::string& layer, const std::vector<std::string>& choices);
  void NumberChoices();
  void FindPairs();
  void AddChanges();
  Place Find(const std::string& layer, absl::string_view choice) const;

  const Problem* problem_ = nullptr;
  absl::flat_hash_map<absl::string_view, int> layer_index_;
  std::vector<std::vector<Member>> variables_;
  std::vector<int> variable_of_layer_;
  // layer, the layer's choice -> the variable's choice, or -1
  std::vector<std::vector<ChoiceIndex>> choice_of_layer_;
  std::vector<PairPrice> pairs_;
  std::vector<Place> columns_;  // of the problem's interaction rows
  std::vector<std::pair<std::string, double>> limits_;
};

// What a limit and its metric are divided by in a CompactProblem: the limit itself, or for a limit
// of 0 the largest cost of one choice.
double ScaleOf(const Problem& problem, const std::string& metric, double limit);

// The sum of costs times their weights in the objective.
double WeightedCost(const Problem& problem, const Costs& costs);

// Loss, objective and all costs of an assignment, from the problem's own numbers. The assignment
// must name a choice of every layer.
absl::StatusOr<FrontierPoint> EvaluateAssignment(const Problem& problem,
                                                 const Assignment& assignment);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_COMPILE_H_
