#ifndef HALFTONE_SEARCH_INPUT_BINDING_JSON_H_
#define HALFTONE_SEARCH_INPUT_BINDING_JSON_H_

#include "absl/status/statusor.h"
#include "nlohmann/json_fwd.hpp"
#include "nn/data/resolve_inputs.h"

namespace halftone {

nlohmann::json InputBindingToJson(const InputBinding& binding);
// INVALID_ARGUMENT names a field of another type.
absl::StatusOr<InputBinding> InputBindingFromJson(const nlohmann::json& json);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_INPUT_BINDING_JSON_H_
