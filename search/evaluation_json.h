#ifndef HALFTONE_SEARCH_EVALUATION_JSON_H_
#define HALFTONE_SEARCH_EVALUATION_JSON_H_

#include "absl/status/statusor.h"
#include "nlohmann/json_fwd.hpp"
#include "search/sensitivity/evaluate.h"

namespace halftone {

// What an evaluation found, without its sample_values, and back. FromJson: INVALID_ARGUMENT names
// the field.
nlohmann::json EvaluationToJson(const Evaluation& evaluation);
absl::StatusOr<Evaluation> EvaluationFromJson(const nlohmann::json& json);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_EVALUATION_JSON_H_
