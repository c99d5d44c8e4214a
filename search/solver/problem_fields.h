#ifndef HALFTONE_SEARCH_SOLVER_PROBLEM_FIELDS_H_
#define HALFTONE_SEARCH_SOLVER_PROBLEM_FIELDS_H_

#include "absl/status/status.h"
#include "nlohmann/json_fwd.hpp"

namespace halftone {

// Of a problem that somebody wrote: INVALID_ARGUMENT for the first field that a problem does not
// have, most likely a misspelt one, with its place and the fields that there are: "layers[3]: field
// 'choises' is not known; there are name, choices". What has another type than it should is left
// to ProblemFromJson, which ignores unknown fields, for the sake of stored problems of other
// versions. Thread-safe.
absl::Status CheckProblemFields(const nlohmann::json& document);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_PROBLEM_FIELDS_H_
