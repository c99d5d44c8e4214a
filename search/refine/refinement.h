#ifndef HALFTONE_SEARCH_REFINE_REFINEMENT_H_
#define HALFTONE_SEARCH_REFINE_REFINEMENT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json_fwd.hpp"
#include "search/refine/correction.h"
#include "search/refine/evolution.h"
#include "search/solver/problem.h"
#include "search/solver/solution.h"

namespace halftone {

// What really evaluating assignments found, beside the model's optimum. A plain value.
struct Refinement {
  // One that was evaluated.
  struct Evaluated {
    std::string source;     // where it comes from: "optimum", "neighbour", ...
    double predicted = 0;   // by the model, as it was then
    double divergence = 0;  // of the output, mean over the calibration samples
    // By the model after all evaluations: what the answer is chosen by. Absent where evolution
    // tried it.
    std::optional<double> posterior;
  };

  // The solver's answer to the problem with the losses of all pairs of layers, times a weight.
  struct JointOptimum {
    double weight = 0;
    Solution solution;
  };

  Assignment assignment;  // what is held best after all evaluations: see Refine
  std::string source;
  double divergence = 0;
  double optimum_divergence = 0;  // of the model's optimum; never less than `divergence`
  double loss = 0;                // of the assignment, by the problem's losses as corrected
  Costs cost;
  std::vector<Evaluated> evaluated;        // in that order; the optimum is the first
  std::vector<JointOptimum> joint_optima;  // by falling weight
  std::optional<Evolution> evolution;      // where a part of them were found by evolution
  // What the model had left out, in the order in which it was found; and the optimum by the losses
  // with that, where there is any.
  std::vector<Correction> corrections;
  Assignment optimum;
  // Of all losses: what layers do together over the sum of what they do one by one, where that is
  // spread over many of them, in the median of what was evaluated.
  double factor = 1;
  int partial_evaluations = 0;  // of parts of assignments, for the corrections
  // An optimum or the answer did more than its loss, and no few groups were found that account for
  // it.
  bool is_unexplained = false;
  // No answer may have measured more: the least of the optima and the uniform assignments.
  double most_divergence = 0;
  // No other within the budgets was found to evaluate, though more evaluations were allowed.
  bool is_exhausted = false;

  // The one that was measured to do least, where it does less than the answer: what it has less is
  // held to be luck of the samples. nullptr where there is none.
  const Evaluated* LeastMeasured() const;
  // Whether evaluating found something better than the model's optimum.
  bool Improves() const { return divergence < optimum_divergence; }
  bool CorrectsTheModel() const { return !corrections.empty() || factor != 1; }
  // Corrects a problem of the same layers.
  void ApplyTo(Problem& problem) const;
};

nlohmann::json RefinementToJson(const Refinement& refinement);
// INVALID_ARGUMENT names a field that does not fit.
absl::StatusOr<Refinement> RefinementFromJson(const nlohmann::json& json);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_REFINE_REFINEMENT_H_
