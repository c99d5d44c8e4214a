#ifndef HALFTONE_SEARCH_REFINE_MODEL_CORRECTOR_H_
#define HALFTONE_SEARCH_REFINE_MODEL_CORRECTOR_H_

#include <cstddef>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "search/refine/choice_space.h"
#include "search/refine/correction.h"
#include "search/refine/correction_table.h"
#include "search/refine/responsible_groups.h"
#include "search/solver/compact.h"
#include "search/solver/solution.h"

namespace halftone {

// A measured divergence of more than this many times what was predicted is looked into.
inline constexpr double kMostTimesPredicted = 1.5;
// Less than this more is none.
inline constexpr double kLeastExcess = 1e-6;
// Whether a prediction is worth its name.
bool Holds(double predicted, double measured);

// Finds and keeps what a separable model of divergences leaves out: which groups of layers (the
// variables of a space) do more together than each alone. Not thread-safe.
class ModelCorrector {
 public:
  // The divergence of an assignment that leaves layers out, which stay float.
  using Measure = std::function<absl::StatusOr<double>(const Assignment& assignment)>;

  // Borrows the space.
  ModelCorrector(const ChoiceSpace& space, Measure measure);

  // The loss by the problem's own losses and all corrections.
  double Predict(const Selection& selection) const;

  // Looks for the groups that make a selection measure so much more than predicted
  // (FindResponsibleGroups among those of fewer than 16 bits), measures their pairs, and adds
  // these. False where none were found within so many evaluations.
  absl::StatusOr<bool> Explain(const Selection& selection, double measured, int most_evaluations);
  // Of pairs that are known to interact, measures the selection's choices that no measurement
  // speaks of. Whether that adds to the selection more than a tenth of what is predicted of it.
  absl::StatusOr<bool> MeasureKnownPairs(const Selection& selection, int most_evaluations);

  const std::vector<Correction>& corrections() const { return corrections_; }
  // Stays where it is, and grows.
  const CorrectionTable& table() const { return table_; }
  // The problem's losses of each column, as corrected.
  std::vector<double> Losses() const;
  // Measured so far.
  int evaluations() const { return evaluations_; }
  // What Explain() takes to find one pair.
  int EvaluationsToExplain() const { return EvaluationsOfBisection(space_.variables()); }

 private:
  Assignment Partial(const Selection& selection) const;
  absl::StatusOr<double> MeasurePartial(const Selection& selection);
  absl::StatusOr<Correction> MeasureGroups(const Selection& selection,
                                           const std::vector<size_t>& variables);
  Correction Frame(const Selection& selection, const std::vector<size_t>& variables) const;
  absl::Status AddPairsOf(const Selection& selection, const std::vector<size_t>& variables,
                          double excess);
  void Add(Correction correction);

  const ChoiceSpace& space_;
  const Measure measure_;
  const std::vector<double> losses_;
  std::vector<Correction> corrections_;
  CorrectionTable table_;
  int evaluations_ = 0;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_REFINE_MODEL_CORRECTOR_H_
