#ifndef HALFTONE_SERVER_CONVERT_WHAT_IF_H_
#define HALFTONE_SERVER_CONVERT_WHAT_IF_H_

#include "absl/status/statusor.h"
#include "halftone/v1/search_service.pb.h"
#include "search/what_if.h"

namespace halftone {

// The parts of a request that are no part of a search's spec. INVALID_ARGUMENT names the field.
absl::StatusOr<WhatIf> WhatIfFromProto(const v1::ReSolveRequest& request);

}  // namespace halftone

#endif  // HALFTONE_SERVER_CONVERT_WHAT_IF_H_
