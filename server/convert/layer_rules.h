#ifndef HALFTONE_SERVER_CONVERT_LAYER_RULES_H_
#define HALFTONE_SERVER_CONVERT_LAYER_RULES_H_

#include "absl/status/statusor.h"
#include "halftone/v1/types.pb.h"
#include "search/layer_rules.h"

namespace halftone {

// INVALID_ARGUMENT names the field; numbers of rules and lengths of names are bounded.
absl::StatusOr<LayerRules> LayerRulesFromProto(const v1::LayerRules& rules);

}  // namespace halftone

#endif  // HALFTONE_SERVER_CONVERT_LAYER_RULES_H_
