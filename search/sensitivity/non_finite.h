#ifndef HALFTONE_SEARCH_SENSITIVITY_NON_FINITE_H_
#define HALFTONE_SEARCH_SENSITIVITY_NON_FINITE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "base/cancellation.h"
#include "search/sensitivity/methods.h"

namespace halftone {

// Says where values that are not finite come from, once some were found downstream in the `batch`
// samples from `begin`: runs the float network again and returns an INVALID_ARGUMENT error that
// names the first layer, in topological order, whose weights, input or result is not finite;
// `otherwise` where the float network's are all finite.
absl::Status ExplainNonFinite(const ChoiceRequest& request, int64_t begin, int64_t batch,
                              const absl::Status& otherwise, const Cancellation& cancellation);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_NON_FINITE_H_
