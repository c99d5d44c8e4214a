#ifndef HALFTONE_SEARCH_CROSSCHECK_CROSSCHECK_RESULT_H_
#define HALFTONE_SEARCH_CROSSCHECK_CROSSCHECK_RESULT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "nlohmann/json_fwd.hpp"
#include "nn/quant/precision.h"
#include "search/crosscheck/estimators.h"

namespace halftone {

// A random assignment, really quantized and evaluated on the held-out samples.
struct MeasuredAssignment {
  std::map<std::string, Precision> assignment;
  double divergence = 0;                // KL of the logits, or mean squared error
  double damage = 0;                    // what the range speaks of: see CrosscheckSpec
  std::optional<double> accuracy_loss;  // float accuracy less this one; with labels and logits
  // The same as the target runs it, where one was named.
  std::optional<double> executed_divergence, executed_accuracy_loss;
};

// How well an estimator foresaw what was measured. A correlation is absent where one side has no
// spread.
struct EstimatorScore {
  std::string name;
  bool predicts_divergence = false;
  std::string error;                                          // why it has no scores
  std::optional<double> spearman, kendall;                    // with the measured divergence
  std::optional<double> executed_spearman;                    // with that as the target runs it
  std::optional<double> accuracy_spearman, accuracy_kendall;  // with the accuracy loss
  // Of predicted / measured: the median, and the standard deviation of the natural logarithm; only
  // where the divergence itself is predicted.
  std::optional<double> median_ratio, log_ratio_std;
  // Likewise, of measured / predicted: how many assignments do more than kMostTimesPredicted times
  // what is predicted of them, and the largest ratio, with the number of its assignment.
  int underestimated = 0;
  std::optional<double> worst_ratio;
  int worst_assignment = 0;
  double seconds = 0;
  std::vector<double> predicted;  // in the order of the assignments
};

struct CrosscheckResult {
  std::string model_name;
  std::string output_metric;  // as SensitivityResult has it
  std::vector<Precision> precisions;
  double min_damage = 0, max_damage = 0;
  uint64_t seed = 0;
  int64_t samples = 0;             // that the estimators saw
  int64_t evaluation_samples = 0;  // that the assignments were measured on
  int requested = 0, tried = 0;    // assignments that were asked for, and evaluated in all
  double evaluation_seconds = 0;   // of evaluating them
  std::optional<double> float_accuracy;
  std::vector<MeasuredAssignment> assignments;  // in the range, in the order of their drawing
  std::vector<EstimatorScore> estimators;
  std::vector<OutputHead> heads;  // as what each output counts
  std::vector<std::string> warnings;
  std::map<std::string, std::string> artifacts;  // file name -> sha256
};

// Compares a prediction with what was measured.
EstimatorScore Score(const Estimator& estimator, const Prediction& prediction,
                     absl::Span<const MeasuredAssignment> measured);

// "" or that assignments do so much more than the estimator predicts, how many, and how much at
// most.
std::string UnderestimationWarning(const EstimatorScore& score,
                                   absl::Span<const MeasuredAssignment> measured);

// The document of `halftone crosscheck` (docs/api.md), and back. FromJson: INVALID_ARGUMENT names
// the field.
nlohmann::json CrosscheckResultToJson(const CrosscheckResult& result);
absl::StatusOr<CrosscheckResult> CrosscheckResultFromJson(const nlohmann::json& json);

nlohmann::json MeasuredAssignmentToJson(const MeasuredAssignment& measured);
absl::StatusOr<MeasuredAssignment> MeasuredAssignmentFromJson(const nlohmann::json& json);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_CROSSCHECK_CROSSCHECK_RESULT_H_
