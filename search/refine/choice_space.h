#ifndef HALFTONE_SEARCH_REFINE_CHOICE_SPACE_H_
#define HALFTONE_SEARCH_REFINE_CHOICE_SPACE_H_

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "search/solver/compact.h"
#include "search/solver/compile.h"
#include "search/solver/problem.h"
#include "search/solver/solution.h"

namespace halftone {

// The assignments that a problem allows, in numbers: a variable for each group of layers that are
// chosen together, and a column for each choice of a variable. Borrows the problem, which must
// outlive it. Immutable; thread-safe.
class ChoiceSpace {
 public:
  // INVALID_ARGUMENT as CheckProblem.
  static absl::StatusOr<ChoiceSpace> Create(const Problem& problem);

  const Problem& problem() const { return compiled_.problem(); }
  // Costs in units of the limits, one component per budget; component 0 is the problem's loss.
  const CompactProblem& compact() const { return compact_; }
  size_t variables() const { return begins_.size() - 1; }
  size_t columns() const { return begins_.back(); }
  size_t Begin(size_t variable) const { return begins_[variable]; }
  size_t End(size_t variable) const { return begins_[variable + 1]; }
  size_t VariableOf(size_t column) const { return variable_of_[column]; }
  ChoiceIndex ChoiceOf(size_t column) const {
    return static_cast<ChoiceIndex>(column - begins_[variable_of_[column]]);
  }
  size_t ColumnOf(size_t variable, ChoiceIndex choice) const {
    return begins_[variable] + static_cast<size_t>(choice);
  }
  // The problem's (layer, choice), by number, that a column stands for.
  absl::Span<const std::pair<int, int>> PlacesOf(size_t column) const { return places_[column]; }
  // The name that the choice has in each of its layers.
  const std::string& NameOf(size_t column) const;

  // INVALID_ARGUMENT names a layer whose choice the problem does not allow.
  absl::StatusOr<Selection> SelectionOf(const Assignment& assignment) const;
  Assignment AssignmentOf(const Selection& selection) const;
  bool IsFeasible(const Selection& selection) const {
    return compact_.IsFeasible(compact_.Evaluate(selection));
  }

 private:
  explicit ChoiceSpace(CompiledProblem compiled) : compiled_(std::move(compiled)) {}

  CompiledProblem compiled_;
  CompactProblem compact_;
  std::vector<size_t> begins_;  // of the variables' columns, and the end
  std::vector<size_t> variable_of_;
  std::vector<std::vector<std::pair<int, int>>> places_;
};

// The problem's losses of each column, its layers' added up.
std::vector<double> LossesOfColumns(const ChoiceSpace& space);

// What pairs of choices of different layers add to the loss when both are chosen.
class PairLosses {
 public:
  // `gram`: [C x C] over all (layer, choice) of the space's problem, layer by layer; entry a != b
  // is the loss of that pair. Empty: pairs add nothing. INVALID_ARGUMENT for another size.
  static absl::StatusOr<PairLosses> Create(const ChoiceSpace& space, absl::Span<const float> gram);

  bool empty() const { return values_.empty(); }
  // Of two columns of different variables.
  double At(size_t a, size_t b) const { return double{values_[a * columns_ + b]}; }
  // What the layers of one variable's choice add among themselves.
  double Own(size_t column) const { return own_.empty() ? 0 : own_[column]; }
  // The sum over all pairs of a selection.
  double Sum(const ChoiceSpace& space, const Selection& selection) const;

 private:
  size_t columns_ = 0;
  std::vector<float> values_;
  std::vector<double> own_;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_REFINE_CHOICE_SPACE_H_
