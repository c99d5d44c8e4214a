#ifndef HALFTONE_SEARCH_OFFER_H_
#define HALFTONE_SEARCH_OFFER_H_

#include "absl/status/statusor.h"
#include "profilers/cost_profiler.h"
#include "search/search_spec.h"
#include "search/stage_outputs.h"

namespace halftone {

// What a search chooses from on a target: the precisions of the spec, or those of a default list
// that the target supports. INVALID_ARGUMENT names a precision that it does not run, or that is
// there twice, and a target that runs none of the default ones.
absl::StatusOr<Offer> MakeOffer(const SearchSpec& spec, const CostProfiler& profiler);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_OFFER_H_
