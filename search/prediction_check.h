#ifndef HALFTONE_SEARCH_PREDICTION_CHECK_H_
#define HALFTONE_SEARCH_PREDICTION_CHECK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json_fwd.hpp"
#include "search/refine/correction.h"
#include "search/refine/refinement.h"
#include "search/sensitivity/evaluate.h"
#include "search/sensitivity/sensitivity.h"
#include "search/solver/solution.h"

namespace halftone {

// What the model predicts of a search's answer, beside what the answer was measured to do: how far
// the proof, which is of the model's losses, is to be trusted. A plain value.
struct PredictionCheck {
  double predicted = 0;      // the loss of the answer
  double measured = 0;       // its divergence
  std::string metric;        // of the divergence: "kl" or "mse"
  bool on_held_out = false;  // else on the calibration samples, of which the prediction is
  // Of what evaluations found that the model had left out (Refinement::corrections), what the
  // answer does: counted in the prediction. The largest first.
  std::vector<Correction> responsible;
  // Of the prediction, what layers do together (Refinement::factor).
  double factor = 1;
  // An answer that does more than predicted was looked into, and no few groups account for it.
  bool is_unexplained = false;

  // Measured over predicted; absent where nothing is predicted.
  std::optional<double> Ratio() const;
  bool Holds() const;
};

// Of a feasible answer. Nothing where the losses are no divergences, or nothing was evaluated.
std::optional<PredictionCheck> CheckPrediction(const SensitivityResult& sensitivity,
                                               const Solution& solution,
                                               const std::optional<Refinement>& refined,
                                               const std::optional<Evaluation>& evaluation,
                                               bool on_held_out);

// "" where the prediction holds, or what is measured is next to nothing; else a warning that names
// the groups responsible.
std::string PredictionWarning(const PredictionCheck& check);
// "'a' (w2a4) with 'b' (w2a4): 0.64 together, 0.004 alone".
std::string CorrectionText(const Correction& correction);

nlohmann::json PredictionCheckToJson(const PredictionCheck& check);
absl::StatusOr<PredictionCheck> PredictionCheckFromJson(const nlohmann::json& json);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_PREDICTION_CHECK_H_
