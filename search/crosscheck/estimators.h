#ifndef HALFTONE_SEARCH_CROSSCHECK_ESTIMATORS_H_
#define HALFTONE_SEARCH_CROSSCHECK_ESTIMATORS_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/progress.h"
#include "nlohmann/json_fwd.hpp"
#include "nn/data/dataset.h"
#include "nn/quant/precision.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// A way to predict what an assignment does: a method of sensitivity analysis and how the loss of
// a whole assignment is made of its result. A plain value.
struct Estimator {
  std::string name;
  SensitivityMethod method = SensitivityMethod::kFisher;
  bool interactions = false;         // predict with the whole matrix
  bool predicts_divergence = false;  // its number is meant to be the divergence, not only its rank
};

// By name: those of ParseSensitivityMethod, and "fisher-matrix", the Fisher interaction matrix with
// all its cross terms. INVALID_ARGUMENT names the text and what there is.
absl::StatusOr<Estimator> FindEstimator(absl::string_view name);
// What is compared unless something else is asked for.
std::vector<std::string> DefaultEstimators();

// What an estimator said of some assignments.
struct Prediction {
  std::string name;
  std::vector<double> predicted;  // as many as assignments; empty where there is an error
  int64_t samples = 0;            // that it saw
  double seconds = 0;             // of measuring and predicting
  // Why the estimator does not apply to this network or this data.
  std::string error;
};

// Measures with `data` (the calibration samples) and predicts. A method that does not apply
// (UNIMPLEMENTED, INVALID_ARGUMENT or RESOURCE_EXHAUSTED) leaves its error in the prediction; other
// errors are returned, with the estimator's name.
absl::StatusOr<Prediction> Predict(const Estimator& estimator, const PreparedNetwork& network,
                                   const Dataset& data, const Calibration& calibration,
                                   const std::vector<Precision>& precisions,
                                   const SensitivityOptions& options,
                                   absl::Span<const std::map<std::string, Precision>> assignments,
                                   const Progress& progress);

// Which of the estimators would not fit MemoryBudget. RESOURCE_EXHAUSTED where none would, with
// what would make the first one fit.
absl::StatusOr<std::set<std::string>> FindTooLarge(const std::vector<std::string>& estimators,
                                                   const PreparedNetwork& network,
                                                   const Dataset& data,
                                                   const std::vector<Precision>& precisions,
                                                   const SensitivityOptions& options);

nlohmann::json PredictionToJson(const Prediction& prediction);
absl::StatusOr<Prediction> PredictionFromJson(const nlohmann::json& json);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_CROSSCHECK_ESTIMATORS_H_
