#ifndef HALFTONE_SERVER_CONVERT_INPUT_BINDING_H_
#define HALFTONE_SERVER_CONVERT_INPUT_BINDING_H_

#include "absl/status/statusor.h"
#include "halftone/v1/types.pb.h"
#include "nn/data/resolve_inputs.h"

namespace halftone {

// INVALID_ARGUMENT names an entry out of its bounds; whether the model has such inputs is
// ResolveInputs' matter.
absl::StatusOr<InputBinding> InputBindingFromProto(const v1::InputBinding& binding);

}  // namespace halftone

#endif  // HALFTONE_SERVER_CONVERT_INPUT_BINDING_H_
