#ifndef HALFTONE_SEARCH_REFINE_REFINE_H_
#define HALFTONE_SEARCH_REFINE_REFINE_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/progress.h"
#include "search/refine/assignment_meter.h"
#include "search/refine/correction.h"
#include "search/refine/refinement.h"
#include "search/sensitivity/sensitivity.h"
#include "search/solver/problem.h"
#include "search/solver/solution.h"

namespace halftone {

// Losses of another estimator for a problem's choices.
struct NamedLosses {
  std::string name;
  std::vector<std::vector<double>> losses;  // [layer][choice], in the order of the problem
};

// The losses of kFisherCorrected as they were before some were measured: those of kFisher.
NamedLosses SecondOrderLosses(const SensitivityResult& sensitivity);

struct RefineRequest {
  const Problem& problem;     // with the losses of the model
  const Assignment& optimum;  // the answer by those losses, within the budgets
  std::vector<NamedLosses> estimates;
  // What pairs of choices add: G of all (layer, choice) of the problem, see PairLosses. May be
  // empty. Borrowed.
  absl::Span<const float> pairs;
  // Limits that the problem does not hold; empty: none.
  std::function<bool(const Assignment&)> is_allowed;
  // Of an assignment that was measured, what to learn from instead of its divergence. Empty: the
  // divergence, without sampling error.
  std::function<absl::StatusOr<Score>(const Assignment&)> score;
  int evaluations = 64;                           // at most; at least 1
  absl::Duration time_limit = absl::Seconds(10);  // of each optimum that is computed
  // Whether the problem's losses are meant to be what is measured: only then are both compared.
  bool is_divergence = false;
  // The answer to the problem with these corrections, within all limits; nothing where the time
  // does not suffice for one. Empty: the solver's.
  std::function<absl::StatusOr<std::optional<Assignment>>(absl::Span<const Correction>)> solve;
};

// Looks for the assignment within the problem's budgets that really does least. Evaluates, first,
// the model's optimum, the uniform assignments (UniformSelections), the optima by the other
// estimates, and the solver's answers with the pairs' losses in full, by a half and by a quarter
// (local optima where the pairs' matrix is not positive semi-definite, or nothing was found in
// time); then, one after the other, what the model predicts to be best near the best so far, where
// the model learns from every evaluation (LossModel). Ends early where every other assignment
// differs from each that was evaluated in more than two groups of layers.
//
// Where losses are divergences and the optimum measures more than kMostTimesPredicted times what is
// predicted of it, that of `pairs` included, the groups responsible are found and measured
// (ModelCorrector), and the problem is solved again with what they add, until the new optimum's
// prediction holds or half of the evaluations are spent; the answer's prediction is treated
// likewise at the end. Evaluations of parts of assignments count as evaluations, and are no
// candidates. What is spread over all layers becomes one factor of all losses (Refinement::factor),
// which changes no optimum.
//
// The answer is, of those whose divergence is not above that of any of the optima and of the
// uniform assignments on the data that `measure` uses, the one that the model, with all that it
// learned, holds best, which need not be the one that was measured to do least; without scores, the
// one of the least divergence.
// Deterministic where `measure` is and no time limit cuts in. Errors of `measure` are passed on.
// INVALID_ARGUMENT for an optimum that is no answer to the problem, or losses of other sizes.
absl::StatusOr<Refinement> Refine(const RefineRequest& request, const DivergenceFunction& measure,
                                  const Progress& progress);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_REFINE_REFINE_H_
